"""Plasticity rules as fast-weight rules: what each writes, erases, forgets, and whether
it stores.

Claim: published plasticity rules differ in what a fast-weight memory needs. Some store an
arbitrary v k' from rates, some only from volleys of spikes at the right lag, some not at
all; of those measured only dendritic prediction corrects a write by what the cell's other
synapses predict.

Every number is measured by running the rule's own Brian2 text (see ``fwp-neuro
plasticity``). Established: the equations and parameters of the rules. Modelling choice:
keys and values coded by Poisson rates up to 40 Hz or by volleys at 10 Hz, forced
postsynaptic spikes, the windows. Inference of this package: reading the rules as
fast-weight rules at all.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro.characterise import characterise, dataset
from fwp_neuro.plotting import GREY, PAGE

CODES = {"rates": ("o", "#0072B2"), "volleys": ("^", "#D55E00")}
CAUSES = {"key": "#56B4E9", "value": "#009E73", "key and value": "#CC79A7"}
SNR = 5.0
STORES = 0.5  # explained variance of reads from which a rule stores, as in the table


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Measure every registered rule; quick has fewer synapses."""
    names = ["pair_stdp", "tsodyks_markram", "triplet_stdp"] if quick else None
    return dataset(characterise(names, repeats=4 if quick else 16, progress=progress))


def report(data) -> str:
    """Return the verdict of every rule and coding, with the numbers behind it."""
    width = max(len(str(name)) for name in data.model.values)
    lines = []
    for row in range(data.sizes["row"]):
        one = data.isel(row=row)
        lines.append(
            f"{str(one.model.values):{width}}  {str(one.coding.values):8}"
            f"write R2 {float(one.write_r2):6.2f}  stored R2 {float(one.stored_r2):5.2f} "
            f" decay {_seconds(float(one.decay)):>9}  {one.verdict.values}"
        )
    return "\n".join(lines)


def _seconds(tau: float) -> str:
    return "-" if np.isnan(tau) else "none" if np.isinf(tau) else f"{tau:.3g} s"


def plot(data):
    """Draw one line for each rule: fit and storage, synapses needed, decay, erase."""
    from matplotlib.figure import Figure

    # those that store best above
    best = data.stored_r2.fillna(-1).groupby(data.model).max()
    names = [str(name) for name in best.sortby(best, ascending=False).model.values]
    figure = Figure(figsize=(PAGE, 1.1 + 0.27 * len(names)))
    panels = figure.subplots(1, 5, sharey=True)
    for place, name in enumerate(names):
        for row in np.flatnonzero(data.model.values == name):
            _plot_row(panels, place, data.isel(row=int(row)))
    _label(panels, names)
    marks = [
        panels[0].plot([], [], mark, color=colour)[0] for mark, colour in CODES.values()
    ]
    bars = [
        panels[4].barh([-9], [0], color=shade) for shade in (*CAUSES.values(), "black")
    ]
    words = ["lost by key", "by value", "by both", "by the cell's error"]
    figure.legend([*marks, *bars], [*CODES, *words], loc="outside upper center", ncols=6,
                  columnspacing=1.0)  # fmt: skip
    return figure


def _plot_row(panels, place: int, one) -> None:
    """Draw what was measured of one rule with one coding."""
    fit, stored, noise, decay, erase = panels
    mark, colour = CODES[str(one.coding.values)]
    at = place + (-0.16 if str(one.coding.values) == "rates" else 0.16)
    style = {"color": colour, "ms": 4, "clip_on": False, "zorder": 3}
    fit.plot(max(float(one.write_r2), 0), at, mark, **style)
    stored.plot(float(one.stored_r2), at, mark, **style)
    # the noise of a write means something only where its mean is a v k'
    needed = (SNR * float(one.noise)) ** 2
    if np.isfinite(needed) and float(one.stored_r2) >= STORES and float(one.write_r2) > 0:
        noise.plot(np.clip(needed, 0.1, 1e5), at, mark, **style)
    tau = float(one.decay)
    if np.isfinite(tau) and tau > 0:
        decay.plot(min(tau, 1e5), at, mark, **style)
    left = 0.0
    for cause, shade in CAUSES.items():
        lost = float(one.erase.sel(cause=cause))
        if np.isfinite(lost) and lost > 0.005:
            erase.barh(at, lost, 0.28, left, color=shade)
            left += lost
    if float(one.cross) < -0.005:
        erase.barh(at, -float(one.cross), 0.28, left, color="black")


def _label(panels, names: list[str]) -> None:
    """Write titles, axes and names of rules."""
    fit, stored, noise, decay, erase = panels
    fit.set_yticks(range(len(names)), names)
    fit.set(
        ylim=(len(names) - 0.4, -0.6),
        xlim=(0, 1),
        xlabel="$R^2$ of the write\non $c\\,v k^T$",
    )
    stored.set(xlim=(0, 1), xlabel="$R^2$ of reads of\nrandom pairs")
    noise.set(
        xscale="log",
        xlim=(0.1, 1e5),
        xlabel=f"synapses for SNR {SNR:g}\n(rules that store)",
    )
    decay.set(xscale="log", xlim=(0.1, 1e5), xlabel="time constant (s)\n(no mark: none)")
    erase.set(xlim=(0, 1), xlabel="share of the\nold weight lost")
    titles = ("Form", "Storage", "Noise", "Decay", "Erasure")
    for ax, letter, title in zip(panels, "abcde", titles, strict=True):
        ax.set_title(f"{letter}   {title}", loc="left", fontsize=8, weight="bold")
        ax.set_axisbelow(True)
        ax.grid(axis="y", color="#DDDDDD", lw=0.5)
        ax.tick_params(axis="y", length=0)
    for ax in (noise, decay):
        ax.set_xticks([0.1, 10, 1000, 1e5])
        ax.minorticks_off()
    for ax in (fit, stored, erase):
        ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    stored.axvline(STORES, color=GREY, lw=0.6, ls=":")
