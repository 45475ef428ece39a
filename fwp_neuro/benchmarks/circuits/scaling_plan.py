"""A plan for scaling, on paper: what a node, a GPU and a cluster can hold, from measured
numbers.

Memory and speed are those of the largest size measured here, carried on with the measured
growth:
what lies beyond that size is extrapolated and was not run.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from .circuit_contenders import CONTENDERS, DENSE, FACTORISED, LEAN, NEST, TEXTBOOK
from .circuit_table import per_synapse, speed

GIB = 2.0**30
HOUR = 3600.0
#: share of a memory that weights may fill; the rest is for the system, results and other
#: arrays
FILL = 0.8
#: Brian2 (C++ and CUDA) numbers synapses with 32 bits
LARGEST = 2**31 - 1
#: synapses from which a plan can be carried on
SMALLEST = 1e6
NODES = (64, 256, 1024)  # GiB
GPU = 80e9  # bytes of the largest common card
#: times that brian2cuda was faster than Brian2's C++ on one thread: its authors' files of
#: 2021, GPU not named, networks of 1e5 to 1e7 synapses
PUBLISHED = (20.0, 80.0)
_BRIAN2 = (DENSE, FACTORISED, TEXTBOOK)


def last(values: xr.DataArray) -> tuple[float, float]:
    """Return the value at the largest size that was measured, and that size (NaN: none
    was)."""
    there = values[np.isfinite(values.values)]
    if not there.size:
        return float("nan"), float("nan")
    return float(there.values[-1]), float(there["synapses"].values[-1])


def holds(data: xr.Dataset, name: str, memory: float) -> float:
    """Return how many synapses a memory (bytes) holds in a contender's layout."""
    most = FILL * memory / last(per_synapse(data, name))[0]
    return min(most, LARGEST) if name in _BRIAN2 else most


def rate(data: xr.Dataset) -> float:
    """Return the events a synapse and biological second of the reference network.

    The highest that was measured: a short run has fewer, for the cells start late.
    """
    alike = [
        n for n in data["contender"].values if CONTENDERS[n].kind == "pair" and n != NEST
    ]
    found = (data["events"] / data["duration"] / data["synapses"]).sel(contender=alike)
    return float(found.max())


def cost(data: xr.Dataset, name: str, synapses):
    """Return processor seconds a biological second at `rate`: measured, or carried on
    from there.

    Between sizes the logarithms of an event's cost are interpolated; beyond the largest
    one an event costs what it costs there; below the smallest one nothing is said (NaN).

    Args:
        synapses: a number or an array of them.
    """
    fast = speed(data, name)
    fast = fast[np.isfinite(fast.values)]
    if not fast.size:
        return np.nan * np.asarray(synapses)
    sizes, values = np.log(fast["synapses"].values), np.log(fast.values)
    events = rate(data) * np.asarray(synapses)
    return events / np.exp(np.interp(np.log(synapses), sizes, values, left=np.nan))


def real_time(data: xr.Dataset, name: str) -> float:
    """Return how many synapses run as fast as biology on one core, NaN if that was not
    measured."""
    sizes = np.geomspace(1e2, 1e11, 2000)
    costs = cost(data, name, sizes)
    known = np.flatnonzero(np.isfinite(costs))
    slow = np.flatnonzero(costs > 1)
    return float(sizes[slow[0]]) if slow.size and slow[0] > known[0] else float("nan")


def report(data: xr.Dataset) -> str:
    """Return the plan in words."""
    names = data["contender"].values.tolist()
    shown = [n for n in (DENSE, FACTORISED, TEXTBOOK, LEAN, NEST)
             if n in names and np.isfinite(last(per_synapse(data, n))[0])]  # fmt: skip
    if not shown:
        return "no scaling plan: no contender has numbers"
    largest = max(last(per_synapse(data, n))[1] for n in shown)
    if largest < SMALLEST:
        return (
            f"no scaling plan: it needs at least {SMALLEST:.0e} synapses, and "
            f"{largest:.2g} were measured, where cells and the program itself weigh most "
            "(leave out --quick)"
        )
    parts = [_head(data, shown), _node(data, shown), _gpu(data, names),
             _cluster(data, shown),
             _beyond(data, shown)]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _head(data, shown) -> str:
    size = max(last(per_synapse(data, name))[1] for name in shown)
    return (
        f"scaling plan (measured up to {size:.2g} synapses; {rate(data):.0f} events a "
        "synapse and second, all-to-all; what is larger is carried on from there and "
        "was not run)"
    )


def _node(data, shown) -> str:
    machine = data.attrs["memory"] / GIB
    sizes = [machine, *NODES] if np.isfinite(machine) else list(NODES)
    lines = [
        "one node: synapses that its memory holds, and biological seconds an hour then, "
        "on the one core that a simulation uses"
    ]
    lines.append(f"  {'':26}" + "".join(f"{f'{size:.0f} GiB':>22}" for size in sizes)
                 + f"{'in real time':>16}")  # fmt: skip
    for name in shown:
        cells = []
        for size in sizes:
            many = holds(data, name, size * GIB)
            cells.append(f"{many:.1e}, {HOUR / cost(data, name, many):.2g} s/h")
        lines.append(f"  {name:26}" + "".join(f"{cell:>22}" for cell in cells)
                     + f"{real_time(data, name):>16.1e}")  # fmt: skip
    lines.append(
        f"  {FILL:.0%} of the memory is filled. Brian2 numbers synapses with 32 bits: a "
        f"Synapses object ends at {LARGEST:.2e}. OpenMP does not help (fwp_neuro.devices "
        "leaves it off): use the other cores for other points of a sweep."
    )
    return "\n".join(lines)


def _gpu(data, names) -> str:
    lines = ["one GPU: generated, compiled and emulated; not run on a GPU"]
    kept = {layout: float(data.attrs.get(f"cuda_{layout}", np.nan)) for layout in
            ("textbook", "factorised")}  # fmt: skip
    for layout, name in (("textbook", TEXTBOOK), ("factorised", FACTORISED)):
        if np.isfinite(kept[layout]):
            many = min(FILL * GPU / kept[layout], LARGEST)
            words = (
                f"  {layout}: {kept[layout]:.0f} bytes a synapse in the generated "
                f"project, so {many:.1e} synapses in {GPU / 1e9:.0f} GB"
            )
            # the published speed-ups are against the textbook layout
            if name == TEXTBOOK and name in names and np.isfinite(cost(data, name, many)):
                slow, fast = (
                    HOUR * times / cost(data, name, many) for times in PUBLISHED
                )
                words += (
                    f"; at published speed-ups {slow:.2g} to {fast:.2g} biological s/h"
                )
            lines.append(words)
    if len(lines) == 1:
        lines.append(
            "  bytes a synapse were not counted: no brian2cuda here, or a quick benchmark"
        )
    lines.append(
        f"  The speed-ups ({PUBLISHED[0]:.0f} to {PUBLISHED[1]:.0f} over Brian2's C++ on "
        "one thread) are those in brian2cuda's own files of 2021 (Alevi et al. 2022, "
        "doi:10.3389/fninf.2022.883700); 79 is that of STDP at 1e7 synapses, where each "
        "synapse has a Poisson neuron of its own, so that it tells more of random "
        "numbers than of synapses. A range, not a promise."
    )
    return "\n".join(lines)


def _cluster(data, shown) -> str:
    name = next((n for n in shown if n in _BRIAN2), None)
    if name is None:
        return ""
    lines = [f"a cluster: sweeps scale by processes, a point a core ({name})"]
    for synapses in (1e5, 1e6, 1e7):
        memory = synapses * last(per_synapse(data, name))[0]
        spent = float(cost(data, name, synapses))
        if not np.isfinite(spent):  # smaller than anything that was measured
            continue
        lines.append(
            f"  {synapses:.0e} synapses: {memory / 1e6:.3g} MB and {spent:.2g} core "
            "seconds a biological second; 1000 points of 10 s take "
            f"{1e4 * spent / HOUR:.2g} core hours, {1e4 * spent / HOUR / 128 * 60:.2g} "
            "minutes on 128 cores"
        )
    lines.append(
        "  fwp_neuro.sweep does this with any executor, on many nodes with Dask's; a "
        "circuit is compiled once a machine and no number compiles it again. Cores share "
        "their node's memory bandwidth: networks larger than the cache run slower side "
        "by side than alone, by how much was not measured. One simulation never leaves "
        "its node."
    )
    return "\n".join(lines)


def _beyond(data, shown) -> str:
    lines = ["where Brian2 ends"]
    name = next((n for n in shown if n in _BRIAN2), None)
    if name is not None:
        hour = HOUR * last(speed(data, name))[0] / rate(data)
        lines.append(
            f"  {name}: at {min(hour, LARGEST):.1e} synapses"
            + (" an hour gives one biological second" if hour < LARGEST else
               f" (32 bits) an hour still gives {hour / LARGEST:.2g} biological seconds")
            + "; beyond that, or beyond one node's memory, use a simulator with MPI"
        )  # fmt: skip
    if NEST in shown:
        each = last(per_synapse(data, NEST))[0]
        nodes = [f"{many:.0e} synapses: "
                 f"{max(np.ceil(many * each / (FILL * 256 * GIB)), 1):.0f}"
                 for many in (1e9, 1e10, 1e11)]  # fmt: skip
        lines.append(
            f"  NEST: {each:.0f} bytes a synapse measured here; nodes of 256 GiB for "
            + ", ".join(nodes)
            + " (without what MPI adds). Its 1e12 synapses on the K computer are "
            "published (Helias et al. 2012, doi:10.3389/fninf.2012.00026)."
        )
    lines += [
        "  What this package gives you for that today: the equations as text, recordings "
        "as netCDF, and published models checked against NEST in its tests. It exports "
        "no NeuroML, PyNN or NESTML: a model has to be written again there.",
        "  Which one: NEST with NESTML for large networks of point neurons on many nodes "
        "(its pair rule applies postsynaptic spikes at the next presynaptic one; weights "
        "that relax between spikes need a synapse of one's own in NESTML). GeNN for "
        "plastic point neurons on one GPU (brian2genn was not tried here), NEST GPU for "
        "several. Arbor where dendrites matter, on CPUs and GPUs with MPI.",
    ]
    return "\n".join(lines)
