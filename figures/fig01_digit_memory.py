"""Handwritten digits written into fast weights and read back by three realisations of one
rule.

Claim: the rate circuit equals the artificial network, the spiking circuit equals it up to
spike noise; delta overwrites a re-bound key and hebb blends; AP5 prevents a write, CNQX
prevents a read. Simulation: models/digit_memory.py, after Irie & Gershman 2025
(arXiv:2508.08435) and Urbanczik & Senn 2014 (doi:10.1016/j.neuron.2013.11.030).
nRMSE: root mean square error of the read-out over the standard deviation of the rule's
own.
"""

from __future__ import annotations

import numpy as np

from fwp_neuro.model_scripts import load_model
from fwp_neuro.plotting import COLOURS, GREY, PAGE

_SHORT = {
    "artificial": "artificial",
    "rate": "rate circuit",
    "spiking": "spiking circuit",
    "spiking, drugs": "spiking + drugs",
}
_DRUG = {"AP5": "#CC79A7", "CNQX": "#56B4E9"}


def simulate(quick: bool = False, progress=None):
    """Run the digit memory; quick uses fewer cells."""
    model = load_model("digit_memory")
    return model.run(model.Parameters(cells=20 if quick else 100), progress=progress)


def report(data) -> str:
    """Return the table of the model."""
    return load_model("digit_memory").report(data)


def plot(data):
    """Draw recalled digits, spikes, fast weights and agreement."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.92))
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.2, 1])
    _digits(top, data)
    raster, course, agreement = bottom.subplots(1, 3, width_ratios=[1.3, 1, 0.95])
    _raster(raster, data)
    _course(course, data)
    _agreement(agreement, data)
    settings = data.attrs["settings"]
    figure.text(0.04, 0.9645, settings, ha="left", va="center", fontsize=6, color=GREY)
    return figure


def _reads(data) -> np.ndarray:
    return np.flatnonzero(data.read_only.values == 1)


def _digits(figure, data) -> None:
    """One column a key, one row a realisation; delta left and hebb right, a grey scale
    each."""
    figure.suptitle("a   Digits read back from the fast weights, key by key", x=0.01,
                    ha="left", fontsize=9,
                    weight="bold")  # fmt: skip
    left, right = figure.subplots(1, 2)
    _montage(left, data, "delta", "delta: overwrites the re-bound key")
    _montage(right, data, "hebb", "hebb: blends old and new, and other keys")
    rows = ["stored", *_SHORT.values()]
    left.set_yticks(np.arange(len(rows)) * 1.15 + 0.5, rows, fontsize=7.5)
    for label in left.get_yticklabels():
        label.set_color(COLOURS.get(label.get_text().split()[0], "black"))


def _montage(ax, data, rule: str, title: str) -> None:
    from matplotlib.patches import Rectangle

    tokens, size = _reads(data), int(np.sqrt(data.sizes["post"]))
    scale = float(
        np.abs(data.readout.sel(rule=rule, run="artificial").values[tokens]).max()
    )

    def show(row, column, image, largest, edge=GREY, width=0.4):
        x, y = column * 1.1, row * 1.15
        ax.imshow(
            image.reshape(size, size),
            cmap="gray_r",
            vmin=-largest,
            vmax=largest,
            extent=(x, x + 1, y + 1, y),
        )
        ax.add_patch(Rectangle((x, y), 1, 1, fill=False, lw=width, ec=edge))

    for column, token in enumerate(tokens):
        stored, former = (int(data[name].values[token]) for name in ("answer", "former"))
        show(0, column, data["value"].values[stored], 1)
        if former >= 0:
            show(0, -1.25, data["value"].values[former], 1)
            ax.text(-0.11, 0.5, "\u2192", ha="center", va="center", fontsize=8)
        for row, run in enumerate(_SHORT, start=1):
            drug = ""
            if "drugs" in run:
                drug = "AP5" if stored == data.attrs["ap5_token"] else ""
                drug = "CNQX" if token == data.attrs["cnqx_token"] else drug
            image = data.readout.sel(rule=rule, run=run).values[token]
            show(row, column, image, scale, _DRUG.get(drug, GREY), 1.8 if drug else 0.4)
            if drug:
                words = {"AP5": "AP5 at its\nwrite", "CNQX": "CNQX at\nits read"}[drug]
                ax.text(column * 1.1 + 0.5, row * 1.15 + 1.1, words, ha="center",
                        va="top", fontsize=7,
                        color=_DRUG[drug])  # fmt: skip
    rows, right = len(_SHORT) + 1, len(tokens) * 1.1 - 0.1
    ax.text(right / 2, -0.72, title, ha="center", fontsize=8.5)
    for column in range(len(tokens)):
        ax.text(column * 1.1 + 0.5, -0.14, f"key {column + 1}", ha="center", fontsize=7)
    ax.set(
        xlim=(-1.42, right + 0.02), ylim=(rows * 1.15 + 0.95, -1.0), yticks=[], xticks=[]
    )
    ax.set_aspect("equal")
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.text(
        -1.35,
        rows * 1.15 + 0.9,
        f"grey scale: stored \u00b11, read-outs \u00b1{scale:.1f}",
        fontsize=6.5,
        color=GREY,
    )


def _letter(ax, letter: str, title: str) -> None:
    ax.set_title(f"{letter}   {title}", loc="left", fontsize=9, weight="bold")


def _raster(ax, data) -> None:
    """Spikes of the key cells in the delta run: a few cells of every key dimension."""
    cells, shown = int(data.attrs["cells"]), 12
    time, cell = data.spike_time.values, data.spike_cell.values.astype(int)
    keep = cell % cells < shown
    row = cell[keep] // cells * (shown + 3) + cell[keep] % cells
    ax.plot(time[keep], row, ",", color="black", alpha=0.8, rasterized=True)
    length, tokens = data.attrs["token_seconds"], data.sizes["token"]
    writes = tokens - len(_reads(data))
    for token in range(tokens):
        start = token * length
        if token < writes:
            ax.axvspan(start + 0.06, start + 0.21, color="#F0E442", alpha=0.45, lw=0)
    ax.axvline(writes * length, color=GREY, lw=0.8, ls="--")
    dims = data.sizes["pre"]
    top = dims * (shown + 3)
    ax.text(writes * length / 2, top + 1, "write, then read", ha="center", fontsize=7)
    ax.text((writes + tokens) * length / 2, top + 1, "read only", ha="center", fontsize=7)
    ax.set(
        xlim=(0, tokens * length),
        ylim=(-2, top + 8),
        xlabel="time (s)",
        ylabel="key dimension",
    )
    ax.set_yticks(
        np.arange(dims) * (shown + 3) + shown / 2, [str(n + 1) for n in range(dims)]
    )
    _letter(ax, "b", "Key cell spikes")


def _course(ax, data) -> None:
    """Fast weights of one pixel over time, with the artificial weights at the token
    ends."""
    if "course_delta" not in data:
        ax.set_axis_off()
        return
    length, pixel = data.attrs["token_seconds"], int(data.attrs["pixel"])
    first = data["key"].values[0]
    order = np.argsort(-first, kind="stable")
    ends = (np.arange(data.sizes["token"]) + 1) * length
    weights = data.weights.sel(rule="delta", run="artificial").values[:, pixel]
    colours = ("#D55E00", "#E69F00", "#CC79A7")
    for colour, pre in zip(colours, order[: int((first > 0).sum())], strict=False):
        label = f"key dimension {pre + 1}"
        ax.plot(
            data.time, data.course_delta.values[:, pre], color=colour, lw=1, label=label
        )
        ax.plot(ends, weights[:, pre], "o", ms=3, color=colour, mec="black", mew=0.5)
    ax.plot([], [], "o", ms=3, color="white", mec="black", mew=0.5, label="artificial")
    again = (
        int(np.flatnonzero(data.former.values[: -len(_reads(data))] >= 0)[0])
        if "former" in data
        else 5
    )
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.55 * (high - low))
    ax.plot([again * length] * 2, [low, high], color=GREY, lw=0.7, ls=":")
    ax.text(
        again * length, high, "re-bound", fontsize=7, color=GREY, ha="center", va="bottom"
    )
    ax.set(xlabel="time (s)", ylabel="fast weight")
    ax.legend(loc="upper right", fontsize=6.5, borderaxespad=0.0)
    _letter(ax, "c", f"Delta weights of pixel {pixel}")


def _agreement(ax, data) -> None:
    """Normalised error of the read-out against the artificial run of the same rule."""
    runs = [("rate", "rate circuit"), ("spiking, no noise",
                                       "spiking circuit,\nno spike noise"),
            ("spiking", "spiking circuit"), ("spiking, drugs",
                                             "spiking + drugs")]  # fmt: skip
    for shift, (rule, mark) in zip(
        (-0.14, 0.14), (("hebb", "s"), ("delta", "o")), strict=True
    ):
        for row, (run, _) in enumerate(runs):
            error = float(data.measures.sel(rule=rule, run=run, measure="nRMSE"))
            colour = COLOURS["rate" if run == "rate" else "spiking"]
            ax.plot(max(error, 1e-17), row + shift, mark, ms=4.5, color=colour,
                    label=None, mfc=colour if rule == "delta" else "white")  # fmt: skip
        ax.plot(
            [],
            [],
            mark,
            ms=4.5,
            color="black",
            mfc="black" if rule == "delta" else "white",
            label=rule,
        )
    ax.set_xscale("log")
    ax.set(
        xlim=(1e-17, 8), ylim=(len(runs) - 0.4, -0.6), xlabel="nRMSE against artificial"
    )
    ax.set_xticks([1e-16, 1e-11, 1e-6, 1e-1])
    ax.set_yticks(range(len(runs)), [name for _, name in runs], fontsize=7)
    ax.legend(loc="lower left")
    _letter(ax, "d", "Agreement")
