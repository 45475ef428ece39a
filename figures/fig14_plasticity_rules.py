"""Plasticity rules as fast-weight rules: what each writes, erases, forgets, and whether it stores.

Claim: published plasticity rules differ in what a fast-weight memory needs. Some store an arbitrary
v k' from rates, some only from volleys of spikes at the right lag, some not at all; of those
measured only dendritic prediction corrects a write by what the cell's other synapses predict.

Every number is measured by running the rule's own Brian2 text (see ``fwp-neuro plasticity``).
Established: the equations and parameters of the rules. Modelling choice: keys and values coded by
Poisson rates up to 40 Hz or by volleys at 10 Hz, forced postsynaptic spikes, the windows. Inference
of this package: reading the rules as fast-weight rules at all.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro.characterise import characterise, dataset
from fwp_neuro.plotting import GREY, PAGE

CODES = {"rates": ("o", "#0072B2"), "volleys": ("^", "#D55E00")}
CAUSES = {"key": "#56B4E9", "value": "#009E73", "key and value": "#CC79A7"}
SNR = 5.0


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
            f"write R2 {float(one.write_r2):6.2f}  stored R2 {float(one.stored_r2):5.2f}  "
            f"decay {_seconds(float(one.decay)):>9}  {one.verdict.values}"
        )
    return "\n".join(lines)


def _seconds(tau: float) -> str:
    return "-" if np.isnan(tau) else "none" if np.isinf(tau) else f"{tau:.3g} s"


def plot(data):
    """Draw one line for each rule: fit and storage, synapses needed, decay, erase, verdict."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(str(name) for name in data.model.values))
    figure = Figure(figsize=(PAGE, 0.9 + 0.27 * len(names)))
    fit, stored, noise, decay, erase = figure.subplots(
        1, 5, sharey=True, width_ratios=[1, 1, 1, 1, 1]
    )
    for name, place in zip(names, range(len(names)), strict=True):
        for row in np.flatnonzero(data.model.values == name):
            one = data.isel(row=int(row))
            coding = str(one.coding.values)
            mark, colour = CODES[coding]
            at = place + (-0.16 if coding == "rates" else 0.16)
            style = {"color": colour, "ms": 4, "clip_on": False}
            fit.plot(max(float(one.write_r2), 0), at, mark, **style)
            stored.plot(float(one.stored_r2), at, mark, **style)
            needed = (SNR * float(one.noise)) ** 2
            if np.isfinite(needed):
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
    fit.set_yticks(range(len(names)), names)
    fit.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, 1), xlabel="$R^2$ of $c\\,v k^T$\n(0: below)")
    stored.set(xlim=(0, 1), xlabel="$R^2$ of reads of\nrandom pairs")
    noise.set(xscale="log", xlim=(0.1, 1e5), xlabel=f"synapses for\nSNR {SNR:g}")
    decay.set(xscale="log", xlim=(0.1, 1e5), xlabel="decay (s)\n(none: no mark)")
    erase.set(xlim=(0, 1), xlabel="lost weight, by\ncause")
    for ax in (fit, stored, noise, decay, erase):
        ax.set_axisbelow(True)
        ax.grid(axis="y", color="#DDDDDD", lw=0.5)
        ax.tick_params(axis="y", length=0)
    stored.axvline(0.5, color=GREY, lw=0.6, ls=":")
    marks = [fit.plot([], [], mark, color=colour)[0] for mark, colour in CODES.values()]
    bars = [erase.barh([-9], [0], color=shade) for shade in (*CAUSES.values(), "black")]
    figure.legend(
        [*marks, *bars], [*CODES, "by k", "by v", "by k and v", "by the cell's error"],
        loc="outside upper center", ncols=6, columnspacing=1.0,
    )  # fmt: skip
    return figure
