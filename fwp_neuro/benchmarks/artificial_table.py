"""The benchmark of the artificial side as a table, and the targets it is held against."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .artificial_contenders import ATTENTION

MIB = 2.0**20


def median(
    data: xr.Dataset, name: str, tokens: int, direction: int, threads: int
) -> float:
    """Return the median CPU seconds of one contender."""
    spent = data["cpu"].sel(contender=name, tokens=tokens, threads=threads)
    return float(np.median(spent.isel(direction=direction)))


def ratio(
    data: xr.Dataset, name: str, tokens: int, direction: int, threads: int = 1
) -> float:
    """Return how many times faster than attention a contender is (median of paired
    rounds)."""
    pick = data["cpu"].sel(tokens=tokens, threads=threads).isel(direction=direction)
    return float(np.median(pick.sel(contender=ATTENTION) / pick.sel(contender=name)))


def share(data: xr.Dataset, name: str, tokens: int, threads: int = 1) -> float:
    """Return the forward FLOP/s as a fraction of the machine's own sgemm."""
    flop = float(data["flop"].sel(contender=name, tokens=tokens))
    return (
        flop
        / median(data, name, tokens, 0, threads)
        / float(data["peak"].sel(threads=threads, tokens=tokens))
    )


def report(data: xr.Dataset) -> str:
    """Return every number as a table."""
    lengths, names = data["tokens"].values, data["contender"].values
    lines = [
        f"{data.attrs['machine']}; torch {data.attrs['torch']}; batch 1, 4 heads, d = "
        "64, float32",
        "CPU ms (median), times faster than softmax attention, share of sgemm's FLOP/s",
    ]
    for threads in data["threads"].values:
        gflops = float(data["peak"].sel(threads=threads).median()) / 1e9
        lines.append(f"\n{threads} thread(s), sgemm {gflops:.0f} GFLOP/s")
        for d, direction in enumerate(data["direction"].values):
            head = "".join(f"{f'T={tokens}':>24}" for tokens in lengths)
            lines.append(f"{direction:22}{head}")
            for name in names:
                cells = [_cell(data, name, tokens, d, threads) for tokens in lengths]
                lines.append(f"  {name:20}" + "".join(f"{cell:>24}" for cell in cells))
    lines += _memory_lines(data) + targets(data)
    lines += [f"note: {note}" for note in data.attrs["notes"].splitlines()]
    return "\n".join(lines)


def targets(data: xr.Dataset) -> list[str]:
    """Return what is aimed at on one CPU thread, what was measured, and whether it is
    reached."""
    if 1 not in data["threads"].values:
        return []
    lengths, names = (
        set(data["tokens"].values.tolist()),
        set(data["contender"].values.tolist()),
    )
    found = []

    def aim(words: str, value: float, least: float, most: float = np.inf) -> None:
        verdict = "reached" if least <= value <= most else "NOT reached"
        legal = f">= {least:g}" if most == np.inf else f"<= {most:g}"
        found.append(f"  {words}: {value:.2f}, aim {legal}: {verdict}")

    for rule in ("delta", "gated_delta"):
        compiled, chunk = f"{rule} compiled", f"{rule} chunk"
        if compiled in names and 4096 in lengths:
            aim(
                f"{compiled}, T=4096, forward, x attention",
                ratio(data, compiled, 4096, 0),
                15,
            )
            aim(
                f"{compiled}, T=4096, both, x attention",
                ratio(data, compiled, 4096, 1),
                6,
            )
            aim(f"{compiled}, T=4096, share of sgemm", share(data, compiled, 4096), 0.4)
        if compiled in names and 256 in lengths:
            aim(
                f"{compiled}, T=256, forward, x attention",
                ratio(data, compiled, 256, 0),
                1,
            )
        if chunk in names and 4096 in lengths:
            aim(f"{chunk}, T=4096, both, x attention", ratio(data, chunk, 4096, 1), 3)
        if chunk in names and {4096, 16384} <= lengths:
            growth = median(data, chunk, 16384, 1, 1) / median(data, chunk, 4096, 1, 1)
            aim(f"{chunk}, both, time(16384) / time(4096)", growth, 0, 5)
    if "hebb compiled" in names:
        worst = min(ratio(data, "hebb compiled", t, 0) for t in lengths)
        aim("hebb compiled, any length, forward, x attention", worst, 1)
    if "memory" in data and 16384 in data["memory_tokens"].values:
        size = data["memory"].sel(memory_tokens=16384).isel(direction=0)
        if "delta compiled" in names:
            times = float(
                size.sel(contender="delta compiled") / size.sel(contender=ATTENTION)
            )
            aim("delta compiled, T=16384, forward, memory x attention", times, 0, 2)
    return ["\naims, one thread", *found] if found else []


def _cell(data, name, tokens, direction, threads) -> str:
    spent = 1e3 * median(data, name, tokens, direction, threads)
    if not np.isfinite(spent):
        return "-"
    times = ratio(data, name, tokens, direction, threads)
    part = f"{share(data, name, tokens, threads):4.0%}" if direction == 0 else ""
    return f"{spent:9.2f} {times:6.2f}x {part}".rstrip()


def _memory_lines(data) -> list[str]:
    if "memory" not in data:
        return []
    lines = ["\npeak extra memory, MiB"]
    for d, direction in enumerate(data["direction"].values):
        head = "".join(f"{f'T={tokens}':>12}" for tokens in data["memory_tokens"].values)
        lines.append(f"{direction:22}{head}")
        for name in data["contender"].values:
            cells = data["memory"].sel(contender=name).isel(direction=d).values / MIB
            if not np.isfinite(cells).any():
                continue
            lines.append(f"  {name:20}" + "".join(f"{cell:12.1f}" for cell in cells))
    return lines
