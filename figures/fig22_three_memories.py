"""A slow net programs a fast net; and where a sequence may be kept.

Claim: fast weights keep a sequence in d x d numbers whatever its length. A recurrent
network keeps it in d activations, and attention keeps all keys and values, 2 d numbers a
token: from d/2 tokens on fast weights are the smaller memory.

Schematic (a) and exact counts (b, c) for one head of d = 64. Reading costs as many
multiplications as there are numbers to go through. Irie & Schmidhuber 2022,
arXiv:2211.09440; Irie & Gershman 2025, arXiv:2508.08435.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro.plotting import GREY, PAGE

DIM = 64
MEMORIES = {
    "activations (recurrent network)": ("#009E73", "-."),
    "fast weights (synapses)": ("#D55E00", "-"),
    "key-value cache (attention)": ("#0072B2", "--"),
}


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Count the numbers that are kept, and the multiplications of one token."""
    tokens = 2 ** np.arange(0, 15)
    ones = np.ones_like(tokens)
    kept = np.stack([DIM * ones, DIM**2 * ones, 2 * DIM * tokens])
    # a recurrent step is a matrix product; a delta token reads twice and writes once
    work = np.stack([DIM**2 * ones, 3 * DIM**2 * ones, 2 * DIM * tokens])
    return xr.Dataset(
        {
            "kept": (("memory", "tokens"), kept, {"units": "1"}),
            "work": (("memory", "tokens"), work, {"units": "1"}),
        },
        {"memory": list(MEMORIES), "tokens": tokens},
    )


def report(data) -> str:
    """Return what each memory keeps after the last token."""
    last = data.isel(tokens=-1)
    return "\n".join(
        f"{str(name):33} keeps {int(last.kept.sel(memory=name)):8} numbers after "
        f"{int(last.tokens)} tokens, {int(last.work.sel(memory=name))} multiplications "
        "a token"
        for name in data.memory.values
    )


def plot(data):
    """Draw the two nets over three tokens, and both counts against the tokens."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 2.7))
    nets, kept, work = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    _nets(nets)
    for ax, name, label in (
        (kept, "kept", "numbers kept (d = 64)"), (work, "work", "multiplications a token")
    ):  # fmt: skip
        for memory, (colour, line) in MEMORIES.items():
            ax.plot(data.tokens, data[name].sel(memory=memory), line, color=colour,
                    label=memory)  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="tokens so far", ylabel=label)
    kept.axvline(DIM / 2, color=GREY, lw=0.6, ls=":")
    kept.text(DIM / 2 * 1.2, 90, "d/2", color=GREY, fontsize=7)
    handles, labels = kept.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    for ax, letter in ((nets, "a"), (kept, "b"), (work, "c")):
        ax.set_title(letter, loc="left", weight="bold", fontsize=9)
    return figure


def _nets(ax) -> None:
    """Draw the slow net above, the fast weights below, token by token."""
    slow, fast = "#CC79A7", MEMORIES["fast weights (synapses)"][0]
    usual = {"ha": "center", "va": "center", "fontsize": 7}
    arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "lw": 0.9}
    box = {"boxstyle": "round,pad=0.35", "lw": 0.9, "fc": "white"}
    for t in range(3):
        said = "t" if t == 1 else f"t{t - 1:+d}"
        ax.text(t, 3.1, f"$x_{{{said}}}$", **usual)
        ax.text(t, 2.2, "slow net", bbox={**box, "ec": slow}, color=slow, **usual)
        ax.text(t, 0.7, f"$W_{{{said}}}$", bbox={**box, "ec": fast}, color=fast, **usual)
        read = " = W_t q_t" if t == 1 else ""
        ax.text(t, -0.5, f"$y_{{{said}}}{read}$", **usual)
        ax.annotate("", (t, 2.5), (t, 2.95), arrowprops={**arrow, "color": GREY})
        ax.annotate("", (t, 1.0), (t, 1.9), arrowprops={**arrow, "color": slow})
        ax.annotate("", (t, -0.3), (t, 0.4), arrowprops={**arrow, "color": fast})
        ax.text(
            t + 0.06, 1.45, r"$k, v, q, \beta$", color=slow, fontsize=6.5, va="center"
        )
    for t in (-0.62, 0.38, 1.38, 2.38):
        ax.annotate("", (t + 0.28, 0.7), (t, 0.7), arrowprops={**arrow, "color": fast})
    ax.text(-0.75, 2.2, "trained,\nthen fixed", color=slow, fontsize=6, ha="center",
            va="center", rotation=90)  # fmt: skip
    ax.text(-0.85, 0.7, "rewritten", color=fast, fontsize=6, ha="center", va="center",
            rotation=90)  # fmt: skip
    ax.set(xlim=(-1, 2.8), ylim=(-0.8, 3.4))
    ax.set_axis_off()
