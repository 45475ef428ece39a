"""Published synapses as fast-weight memories: a circuit of them against the rule itself.

Claim: synapses of published plasticity rules, read out through AMPA receptors, run the
Hebbian rule of a fast-weight programme without a fit to the task; where what the cells
recall is taken off their teacher, the same synapses run the delta rule.

Each circuit is calibrated by one token. Beside error (nRMSE) and slope stands the rule
that the read-outs follow best, W <- decay W + gain (v - erase W k) k'.
nRMSE: root mean square error of the read-out over the standard deviation of the rule's
own.
Papers: Song, Miller & Abbott 2000, doi:10.1038/78829; Vogels et al. 2011,
doi:10.1126/science.1211095; Erickson, Maramara & Lisman 2010,
doi:10.1162/jocn.2009.21375; Irie & Gershman 2025, arXiv:2508.08435.
Established: the equations and parameters of plasticity rules, release and receptors.
Modelling choice: keys and values coded by volleys at 10 Hz, one recall for all cells of a
value. Inference of this package: that such a circuit is a fast-weight programmer at all.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro.characterise import memories
from fwp_neuro.plotting import GREY, PAGE, rule_look
from fwp_neuro.synapses import compose

#: name in the picture -> plasticity, release; all are read out through AMPA
SYNAPSES = {
    "pair STDP": ("pair_stdp", None),
    "triplet STDP": ("triplet_stdp", None),
    "symmetric STDP (Vogels)": ("vogels_2011", None),
    "short-term potentiation": ("short_term_potentiation", None),
    "short-term potentiation,\nTsodyks-Markram release": (
        "short_term_potentiation", "tsodyks_markram_to_zero",
    ),
    "potentiation lost by use": ("use_dependent_potentiation", None),
    "Limbacher": ("limbacher_2022", None),
}  # fmt: skip
RULES = ("hebb", "delta")
MEASURES = ("nrmse", "slope", "gain", "erase", "decay")


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run every synapse as hebb and as delta; quick has two synapses and fewer cells."""
    names = list(SYNAPSES)[:2] if quick else list(SYNAPSES)
    synapses = [compose(p, release, "ampa") for p, release in map(SYNAPSES.get, names)]
    cells = {"cells": 8, "value_cells": 8} if quick else {"cells": 20, "value_cells": 20}
    found = memories(synapses, progress, **cells)
    table = np.array([[getattr(one, name) for name in MEASURES] for one in found])
    return xr.Dataset(
        {"measured": (("synapse", "rule", "measure"), table.reshape(len(names), 2, -1))},
        {"synapse": names, "rule": list(RULES), "measure": list(MEASURES)},
    )


def report(data) -> str:
    """Return the measures of every synapse and rule."""
    lines = [f"{'synapse':50} {'rule':6}" + "".join(f"{name:>8}" for name in MEASURES)]
    for synapse in data.synapse.values:
        for rule in RULES:
            row = data.measured.sel(synapse=synapse, rule=rule).values
            name = str(synapse).replace("\n", " ")
            lines.append(
                f"{name:50} {rule:6}" + "".join(f"{number:8.3f}" for number in row)
            )
    return "\n".join(lines)


def plot(data):
    """Draw a line for each synapse: error, slope, and the rule that fits its
    read-outs."""
    from matplotlib.figure import Figure

    names = [str(name) for name in data.synapse.values]
    figure = Figure(figsize=(PAGE, 1.2 + 0.36 * len(names)))
    panels = figure.subplots(1, 4, sharey=True)
    wanted = {"slope": 1.0, "decay": 1.0}
    for ax, measure in zip(panels, ("nrmse", "slope", "erase", "decay"), strict=True):
        for rule in RULES:
            look = rule_look(rule)
            at = np.arange(len(names)) + (-0.14 if rule == "hebb" else 0.14)
            numbers = data.measured.sel(rule=rule, measure=measure).values
            ax.plot(numbers, at, ls="", ms=4, label=rule, clip_on=False, **look)
            exact = wanted.get(
                measure, float(rule == "delta") if measure == "erase" else None
            )
            if exact is not None:
                colour = look["color"] if measure == "erase" else GREY
                ax.axvline(exact, color=colour, lw=0.8, ls=":")
        ax.grid(axis="y", color="#DDDDDD", lw=0.5)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set(ylim=(len(names) - 0.5, -0.5), xlim=(0, None), xlabel="error (nRMSE)")
    panels[1].set(xlim=(0, 1.3), xlabel="slope on the rule")
    panels[2].set(xlim=(-0.25, 1.25), xlabel="erase of the\nfitted rule")
    panels[3].set(xlim=(0.5, 1.05), xlabel="decay a token of\nthe fitted rule")
    titles = ("Error", "Gain", "Erasure", "Decay")
    for ax, letter, title in zip(panels, "abcd", titles, strict=True):
        ax.set_title(f"{letter}   {title}", loc="left", fontsize=8, weight="bold")
    handles = [panels[0].plot([], [], ls="", **rule_look(rule))[0] for rule in RULES]
    words = [f"run as {rule}" for rule in RULES]
    exact = panels[0].plot([], [], ":", color=GREY)[0]
    figure.legend(
        [*handles, exact], [*words, "exact"], loc="outside upper center", ncols=3
    )
    return figure
