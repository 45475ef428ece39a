"""What plastic circuits cost from 1e4 to 1e7 synapses, and what a machine can hold.

Claims: the factorised layout of a plastic synapse takes at most half the time and 0.7 of
the memory of the textbook one; a synapse that writes at presynaptic spikes costs little
more than one that never writes; memory bandwidth, drawn as a line, is what remains
between the best loop and the machine. Every point is a result that equals the oracle's
(`fwp_neuro.benchmarks.circuits`). Simulator: Brian2 (Stimberg, Brette & Goodman 2019,
doi:10.7554/eLife.47314). Sizes: all-to-all, 1 s (0.3 s at 1e7) of biological time, one
thread, processor time, medians of 3 interleaved rounds, a process for each measurement.
Times differ from machine to machine.
"""

from __future__ import annotations

import numpy as np

from fwp_neuro.benchmarks.circuits import circuit_contenders as c
from fwp_neuro.benchmarks.circuits import circuit_table, scaling_plan
from fwp_neuro.benchmarks.circuits.rounds import benchmark
from fwp_neuro.plotting import GREY, PAGE

#: contender -> colour, marker, line style
LOOK = {
    c.LEAN: ("black", "o", "-"),
    c.GENERIC: ("black", "s", ":"),
    c.DENSE: ("#009E73", "D", "-"),
    c.FACTORISED: ("#0072B2", "o", "-"),
    c.TEXTBOOK: ("#D55E00", "s", "-"),
    c.PRESYNAPTIC: ("#56B4E9", "^", "--"),
    c.STATIC: (GREY, "v", "--"),
    c.NEST: ("#E69F00", "P", "-"),
    c.ROWS: ("#CC79A7", "o", "-"),
    c.EVERY_STEP: ("#CC79A7", "s", ":"),
}
QUICK = (c.TEXTBOOK, c.FACTORISED, c.GENERIC, c.LEAN, c.ROWS, c.NEST)
#: GiB of the node in the last panel
NODE = 256


def simulate(quick: bool = False, progress=None):
    """Run the benchmark; quick takes two small sizes, few contenders and no builds."""
    options = {"rounds": 3}
    if quick:
        options = {"sizes": (2_500, 10_000), "contenders": QUICK, "rounds": 1,
                   "duration": 0.2, "builds": False}  # fmt: skip
    return benchmark(**options, progress=progress)


def plot(data):
    """Draw speed, memory, builds and the plan."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.92 * PAGE))
    axes = figure.subplots(2, 2)
    _speed(axes[0, 0], data)
    _memory(axes[0, 1], data)
    _builds(axes[1, 0], data)
    _plan(axes[1, 1], data)
    titles = (
        "speed",
        "memory",
        "compiling and running again",
        f"one core, {NODE} GiB: the plan",
    )
    for ax, letter, title in zip(axes.flat, "abcd", titles, strict=True):
        ax.set_title(f"({letter}) {title}", loc="left")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=2.4)
    return figure


def _points(ax, data, of) -> None:
    for name in data["contender"].values:
        colour, marker, line = LOOK[str(name)]
        values = of(data, name).values
        if np.isfinite(values).any():
            ax.loglog(data["synapses"].values, values, line, marker=marker, color=colour,
                      ms=3.5, lw=1.0, label=str(name))  # fmt: skip
    ax.set_xlabel("synapses")


def _speed(ax, data) -> None:
    limit = data["bandwidth"].values / circuit_table.EVENT_BYTES
    ax.loglog(data["synapses"].values, limit, color="black", lw=3.5, alpha=0.25,
              label="memory bandwidth: a float read and written")  # fmt: skip
    _points(ax, data, circuit_table.speed)
    ax.set_ylabel("synaptic events / processor second")


def _memory(ax, data) -> None:
    _points(ax, data, circuit_table.per_synapse)
    ax.set_ylabel("bytes / synapse (peak)")


def _builds(ax, data):
    if "builds" not in data:
        ax.set_axis_off()
        return ax.text(0.5, 0.5, "full size only", ha="center", transform=ax.transAxes)
    bars = {
        "Brian2, build": ("stock", "cpu"),
        "package, first": ("ours", "cpu"),
        "package, later": ("ours", "again"),
        "further run": ("ours", "marginal"),
    }
    values = [circuit_table.builds(data, *where) for where in bars.values()]
    colours = ["#D55E00", "#0072B2", "#0072B2", "#009E73"]
    ax.bar(range(len(bars)), values, 0.6, color=colours)
    ax.set_yscale("log")
    for place, value in enumerate(values):
        text = f"{value:.1f} s" if value > 0.5 else f"{1e3 * value:.0f} ms"
        ax.text(place, 1.15 * value, text, ha="center", fontsize=7)
    ax.set_xticks(
        range(len(bars)), list(bars), rotation=20, ha="right", rotation_mode="anchor"
    )
    return ax.set(ylabel="processor seconds", ylim=(1e-3, 5 * np.nanmax(values)))


def _plan(ax, data) -> None:
    """Draw biological seconds an hour: measured (solid), and on to what the memory
    holds."""
    for name in (c.LEAN, c.DENSE, c.FACTORISED, c.TEXTBOOK, c.NEST):
        if name not in data["contender"].values:
            continue
        sizes = data["synapses"].values[
            np.isfinite(circuit_table.speed(data, name).values)
        ]
        if not sizes.size:
            continue
        colour, marker, _ = LOOK[name]
        end = scaling_plan.holds(data, name, NODE * scaling_plan.GIB)
        beyond = np.geomspace(sizes[-1], end, 20)
        measured, there = (
            scaling_plan.HOUR / scaling_plan.cost(data, name, x) for x in (sizes, beyond)
        )
        ax.loglog(sizes, measured, color=colour, marker=marker, ms=3.5, lw=1.2)
        ax.loglog(beyond, there, "--", color=colour, lw=1.0)
        ax.loglog(end, there[-1], "x", color=colour, ms=5)
    ax.axhline(scaling_plan.HOUR, color=GREY, lw=0.7, ls=":")
    ax.text(1.0, scaling_plan.HOUR * 1.2, "real time", color=GREY, fontsize=7, ha="right",
            transform=ax.get_yaxis_transform())  # fmt: skip
    ax.plot([], [], "k-", label="measured")
    ax.plot([], [], "k--", label="carried on, not run")
    ax.plot([], [], "kx", ls="", label="memory (or 32 bits) full")
    ax.set(xlabel="synapses", ylabel="biological seconds / hour")
    ax.legend(loc="lower left")


def report(data) -> str:
    """Return the benchmark's table and the plan."""
    return f"{circuit_table.report(data)}\n\n{scaling_plan.report(data)}"
