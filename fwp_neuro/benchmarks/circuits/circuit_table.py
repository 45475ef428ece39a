"""The benchmark of circuits as a table, and the targets it is held against."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .circuit_contenders import (
    CONTENDERS,
    DENSE,
    FACTORISED,
    LEAN,
    PRESYNAPTIC,
    STATIC,
    TEXTBOOK,
)
from .measured import DOUBLE, OTHER_CELLS, SINGLE

#: bytes that an event moves at least: one float read and written
EVENT_BYTES = 8


def seconds(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return processor seconds a biological second [synapses] (median of rounds)."""
    return data["cpu"].sel(contender=name).median("round") / data["duration"].sel(
        contender=name
    )


def speed(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return synaptic events a processor second [synapses] (median of rounds)."""
    return data["events"].sel(contender=name) / data["cpu"].sel(contender=name).median(
        "round"
    )


def per_synapse(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return bytes a synapse [synapses], the process's own apart."""
    return data["bytes"].sel(contender=name) / data["synapses"]


def ratio(data: xr.Dataset, name: str, other: str, synapses: int) -> float:
    """Return one contender's time as a multiple of another's (median of paired
    rounds)."""
    spent = data["cpu"].sel(synapses=synapses) / data["duration"].sel(synapses=synapses)
    return float((spent.sel(contender=name) / spent.sel(contender=other)).median("round"))


def growth(data: xr.Dataset, name: str) -> float:
    """Return by which power of the synapses the time grows (slope on log-log axes).

    At as many events a synapse: runs of different length differ in that, for cells start
    late.
    """
    spent = data["synapses"] / speed(data, name)
    spent = spent[np.isfinite(spent.values)]
    if spent.size < 2:
        return float("nan")
    return float(np.polyfit(np.log(spent["synapses"].values), np.log(spent.values), 1)[0])


def report(data: xr.Dataset) -> str:
    """Return every number as a table."""
    load = data["load"].values
    low, high = (
        (np.nanmin(load), np.nanmax(load)) if np.isfinite(load).any() else (np.nan,) * 2
    )
    lines = [
        f"{data.attrs['machine']}, {data.attrs['memory'] / 2**30:.0f} GiB; one thread; "
        f"medians of {data.sizes['round']} interleaved rounds, a process each; load "
        f"{low:.1f} to {high:.1f}",
        "an event is one spike of one side at one synapse; bytes are the growth of the "
        "process at its peak",
        "every number is of runs that equal the oracle on the same spikes: weights to "
        f"{DOUBLE.weight:g}, in float32 {SINGLE.weight:g}, NEST's (of its own rule) "
        f"{OTHER_CELLS.weight:g}",
    ]
    lines += _block(data, "synaptic events a processor second", speed, "{:.2e}", growth)
    lines += _block(data, "processor seconds a biological second", seconds, "{:.3g}")
    lines += _block(data, "bytes a synapse", per_synapse, "{:.1f}")
    limit = [f"{value / 1e9:.1f}" for value in data["bandwidth"].values]
    lines += ["", _row("read and write a float each, GB/s", limit)]
    lines += [
        "  (an array of as many floats: memory, or the caches while it fits into them)"
    ]
    lines += _build_lines(data) + targets(data) + ["", "what the contenders are"]
    lines += [f"  {name}: {CONTENDERS[name].note}" for name in data["contender"].values]
    lines += [f"note: {note}" for note in data.attrs["notes"].splitlines()]
    return "\n".join(lines)


def _row(name: str, cells: list[str]) -> str:
    return f"  {name:34}" + "".join(f"{cell:>12}" for cell in cells)


def _block(data, title: str, of, form: str, extra=None) -> list[str]:
    head = [f"{count:.2g}" for count in data["synapses"].values]
    lines = ["", _row(title, head + (["time grows"] if extra else []))]
    for name in data["contender"].values:
        cells = [form.format(v) if np.isfinite(v) else "-" for v in of(data, name).values]
        if extra:
            power = extra(data, name)
            cells.append(f"n^{power:.2f}" if np.isfinite(power) else "-")
        lines.append(_row(name, cells))
    return lines


def builds(data: xr.Dataset, which: str, cost: str) -> float:
    """Return a cost of a build in seconds, NaN if it was not measured."""
    if "builds" not in data or which not in data["build_of"].values:
        return float("nan")
    return float(data["builds"].sel(build_of=which, cost=cost))


def _build_lines(data) -> list[str]:
    if "builds" not in data:
        return []
    first, again = builds(data, "ours", "cpu"), builds(data, "ours", "again")
    return [
        "",
        f"  build of the textbook network: Brian2 {builds(data, 'stock', 'cpu'):.1f} s "
        f"of processor time; this package {first:.1f} s the first time on a machine, "
        f"then {again:.1f} s",
        "  a further run with other numbers (1e4 synapses, 0.1 s): "
        f"{1e3 * builds(data, 'ours', 'marginal'):.0f} ms of processor time, "
        f"{1e3 * builds(data, 'ours', 'marginal_wall'):.0f} ms on the wall, of which "
        f"{1e3 * builds(data, 'ours', 'overhead'):.1f} ms are not the program's",
    ]


def targets(data: xr.Dataset) -> list[str]:
    """Return what is aimed at, what was measured, and whether it is reached."""
    found: list[str] = []

    def aim(words: str, value: float, most: float) -> None:
        if np.isfinite(value):
            verdict = "reached" if value <= most else "NOT reached"
            found.append(f"  {words}: {value:.3g}, aim <= {most:g}: {verdict}")

    names = set(data["contender"].values.tolist())
    for count in data["synapses"].values.tolist():
        if count >= 50_000 and {TEXTBOOK, FACTORISED} <= names:
            at = f"at {count:.2g} synapses"
            aim(
                f"factorised, x textbook's time, {at}",
                ratio(data, FACTORISED, TEXTBOOK, count),
                0.5,
            )
            sizes = [
                float(per_synapse(data, n).sel(synapses=count))
                for n in (FACTORISED, TEXTBOOK)
            ]
            aim(f"factorised, x textbook's memory, {at}", sizes[0] / sizes[1], 0.7)
        if count >= 50_000 and {PRESYNAPTIC, STATIC} <= names:
            words = (
                f"plastic without on_post, x static network's time, at {count:.2g} "
                "synapses"
            )
            aim(words, ratio(data, PRESYNAPTIC, STATIC, count), 1.3)
        if 500_000 < count < 2_000_000 and {DENSE, LEAN} <= names:
            aim(f"dense engine, x hand-written C++'s time, at {count:.2g} synapses",
                ratio(data, DENSE, LEAN, count), 4)  # fmt: skip
    stock, first = builds(data, "stock", "cpu"), builds(data, "ours", "cpu")
    aim("first build, x Brian2's processor time", first / stock, 0.65)
    aim("marginal run, x first build", builds(data, "ours", "marginal") / first, 0.01)
    aim(
        "marginal run, ms above its simulation",
        1e3 * builds(data, "ours", "overhead"),
        50,
    )
    return ["", "aims", *found] if found else []
