"""What plastic circuits cost from 1e4 to 1e7 synapses, and what a machine can hold.

Claims: the factorised layout of a plastic synapse takes at most half the time and 0.7 of
the memory of the textbook one; a synapse that writes at presynaptic spikes took at most
1.35 times as long as one that never writes (see the supplement); memory bandwidth, drawn
as a line, is what remains between the best loop and the machine (a float read and written
for an event). Pale bands are not measured: they carry the largest sizes on, with the cost
of an event there, and with its growth over the last two sizes. The supplement
(fig16_circuits_at_scale_supplement) has all contenders. Every point is a result that
equals the oracle's (`fwp_neuro.benchmarks.circuits`). Simulator: Brian2 (Stimberg, Brette
& Goodman 2019, doi:10.7554/eLife.47314). Sizes: all-to-all, 1 s (0.3 s at 1e7) of
biological time, one thread, processor time, medians of 3 interleaved rounds, a process
for each measurement. Times differ from machine to machine.
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
#: in the figure; the others are in its supplement
SHOWN = (c.LEAN, c.DENSE, c.FACTORISED, c.TEXTBOOK)
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
    """Draw speed, memory, builds and the plan of four contenders."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.8 * PAGE))
    axes = figure.subplots(2, 2)
    _speed(axes[0, 0], data, SHOWN)
    _memory(axes[0, 1], data, SHOWN)
    _builds(axes[1, 0], data)
    _plan(axes[1, 1], data)
    titles = ("speed", "memory", "building a circuit, and running it again",
              f"one core, {NODE} GiB: the plan")  # fmt: skip
    for ax, letter, title in zip(axes.flat, "abcd", titles, strict=True):
        ax.set_title(f"({letter}) {title}", loc="left")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=2)
    return figure


def supplement(data):
    """Draw speed and memory of all contenders."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.6 * PAGE))
    axes = figure.subplots(1, 2)
    _speed(axes[0], data, LOOK)
    _memory(axes[1], data, LOOK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=2.4)
    return figure


def _points(ax, data, of, names) -> None:
    for name in data["contender"].values:
        if name not in names:
            continue
        colour, marker, line = LOOK[str(name)]
        values = of(data, name).values
        if np.isfinite(values).any():
            ax.loglog(data["synapses"].values, values, line, marker=marker, color=colour,
                      ms=3.5, lw=1.0, label=str(name))  # fmt: skip
    ax.set_xlabel("synapses")


def _speed(ax, data, names) -> None:
    limit = data["bandwidth"].values / circuit_table.EVENT_BYTES
    ax.loglog(data["synapses"].values, limit, color="black", lw=3.5, alpha=0.25,
              label="memory bandwidth")  # fmt: skip
    _points(ax, data, circuit_table.speed, names)
    ax.set_ylabel("synaptic events / processor second")


def _memory(ax, data, names) -> None:
    _points(ax, data, circuit_table.per_synapse, names)
    ax.set_ylabel("bytes / synapse (peak)")


def _builds(ax, data):
    """Write a table of processor seconds."""
    ax.set_axis_off()
    if "builds" not in data:
        return ax.text(0.5, 0.5, "full size only", ha="center", transform=ax.transAxes)
    rows = {
        "Brian2 compiles the circuit": ("stock", "cpu"),
        "this package, first time": ("ours", "cpu"),
        "this package, another process": ("ours", "again"),
        "a further run, other numbers": ("ours", "marginal"),
    }
    cells = []
    for words, where in rows.items():
        value = circuit_table.builds(data, *where)
        cells.append([words, f"{value:.1f}" if value > 0.5 else f"{value:.3f}"])
    table = ax.table(cells, colLabels=["", "processor seconds"], colWidths=(0.66, 0.34),
                     edges="horizontal", loc="center", cellLoc="right")  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    table.scale(1, 1.5)
    for (_, column), cell in table.get_celld().items():
        cell.set_linewidth(0.5)
        if column == 0:
            cell.get_text().set_ha("left")
    return table


def _plan(ax, data) -> None:
    """Draw biological seconds an hour: lines that were measured, and pale bands on to
    what the memory holds, between the cost of an event at the largest size and its growth
    over the last two."""
    for name in SHOWN:
        if name not in data["contender"].values:
            continue
        sizes = data["synapses"].values[
            np.isfinite(circuit_table.speed(data, name).values)
        ]
        if not sizes.size:
            continue
        colour, marker, _ = LOOK[name]
        end = scaling_plan.holds(data, name, NODE * scaling_plan.GIB)
        beyond = np.geomspace(sizes[-1], max(end, sizes[-1]), 20)
        measured, there = (
            scaling_plan.HOUR / scaling_plan.cost(data, name, x) for x in (sizes, beyond)
        )
        ax.loglog(sizes, measured, color=colour, marker=marker, ms=3.5, lw=1.2)
        power = np.log(measured[-1] / measured[-2]) / np.log(sizes[-1] / sizes[-2]) if (
            sizes.size > 1) else -1.0
        grown = measured[-1] * (beyond / sizes[-1]) ** power
        ax.fill_between(beyond, np.minimum(there, grown), np.maximum(there, grown),
                        color=colour, alpha=0.25, lw=2)  # fmt: skip
    ax.axhline(scaling_plan.HOUR, color=GREY, lw=0.7, ls=":")
    ax.text(1.0, scaling_plan.HOUR * 1.2, "real time", color=GREY, fontsize=7, ha="right",
            transform=ax.get_yaxis_transform())  # fmt: skip
    ax.plot([], [], "k-", label="measured")
    ax.fill_between([], [], color="black", alpha=0.25, lw=0, label="not run: carried on\n"
                    "until memory or\n32-bit numbers end")  # fmt: skip
    ax.set(xlabel="synapses", ylabel="biological seconds / hour")
    ax.legend(loc="lower left")


def report(data) -> str:
    """Return the benchmark's table and the plan."""
    return f"{circuit_table.report(data)}\n\n{scaling_plan.report(data)}"
