"""What the idealisations of the spiking circuit cost: each taken away alone, and all.

Claims, for 8 tokens of 8 dimensions, write strength .8: rates of key cells that differ, a
gate with kinetics, and inhibition by conductance (with a balanced background that keeps
the conductance steady, weak synapses and a value scale of 1.5) cost the delta rule
little. Synapses that
fail, value cells that spike and weights of two levels cost as much as the noise of the
circuit or more, and their costs fall with the number of cells; those of membrane noise,
of mismatches and of short tokens do not. A mismatch of inhibition costs the Hebbian rule
four times what it costs the delta rule, whose error takes it in; after trials that show
keys alone (inhibitory plasticity, matched dendrites) no mismatch is left. All at once the
delta rule keeps an error of .26 with 100 and .14 with 400 cells a number; most of it are
value cells that spike, over which the membrane noise averages out.
nRMSE: root mean square error of the read-out over the standard deviation of the rule's
own. Sizes: 12 programmes (quick: 4 of 3 tokens), 100 and 400 cells a number (quick:
50). Established: the coefficient of variation of EPSPs (Seeman et al. 2018,
doi:10.7554/eLife.37349), that inhibition follows excitation (Bhatia, Moza & Bhalla
2019, doi:10.7554/eLife.43415), the inhibitory rule (Vogels et al. 2011,
doi:10.1126/science.1211095). Choices: what `fwp_neuro.circuits.spiking.realism.SOURCES`
calls so.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.circuits import ladder
from fwp_neuro.plotting import GREY, PAGE, rule_look

RULES = ("delta", "hebb")


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run every rung for both rules."""
    heads, cells, dt = (4, [50], 1 * b2.ms) if quick else (12, [100, 400], 0.5 * b2.ms)
    device = "numpy" if quick else "cpp_standalone"  # worth compiling at full size
    program = fwp.tasks.associative_recall(
        tokens=3 if quick else 8, dim=8, beta=0.8, heads=heads, seed=1
    )
    found = []
    for part, rule in enumerate(RULES):

        def told(fraction, note, part=part, rule=rule):
            if progress is not None:
                progress((part + fraction) / len(RULES), f"{rule}, {note}")

        found.append(ladder(program, rule, cells=cells, dt=dt, device=device,
                            progress=told))  # fmt: skip
    return xr.concat(found, xr.DataArray(list(RULES), dims="rule", name="rule"))


def report(data) -> str:
    """Return nRMSE, slope and bias of every rung, for each rule and number of cells."""
    columns = [(rule, n) for rule in RULES for n in data.cells.values]
    heads = "".join(f"{f'{rule}, {int(n)} cells':>24}" for rule, n in columns)
    lines = [f"{'':36}{heads}",
             f"{'':36}" + f"{'nRMSE  slope   bias':>24}" * len(columns)]  # fmt: skip
    for rung in data.rung.values:
        row = f"{rung:36}"
        for rule, n in columns:
            at = data.sel(rung=rung, rule=rule, cells=n)
            row += f"{float(at.nrmse):9.3f}{float(at.slope):7.3f}"
            row += f"{float(at.bias):8.3f}"
        lines.append(row)
    return "\n".join(lines)


def plot(data):
    """Draw the error and the slope of every rung."""
    from matplotlib.figure import Figure

    names = [str(name) for name in data.rung.values]
    figure = Figure(figsize=(PAGE, 1.1 + 0.27 * len(names)))
    error, slope = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    at = np.arange(len(names))
    for shift, rule in zip((-0.15, 0.15), RULES, strict=True):
        of_rule = rule_look(rule)
        for n, cells in enumerate(data.cells.values):
            one = data.sel(rule=rule, cells=cells)
            fill = of_rule["color"] if n == 0 else "white"
            look = {**of_rule, "ls": "", "ms": 4.5, "mfc": fill,
                    "label": f"{rule}, {int(cells)} cells a number"}  # fmt: skip
            error.semilogx(one.nrmse, at + shift, **look)
            slope.plot(one.slope, at + shift, **look)
    slope.axvline(1, color=GREY, lw=0.8, ls=":")
    ticks = [each for each in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
             if data.nrmse.min() / 1.6 < each < 1.6 * data.nrmse.max()]  # fmt: skip
    error.set_xticks(ticks, [f"{each:g}" for each in ticks])
    error.minorticks_off()
    error.set_yticks(at, names)
    error.set(ylim=(len(names) - 0.5, -0.5), xlabel="error of the read-out (nRMSE)")
    slope.set(xlabel="slope on the rule")
    for ax, letter, title in zip((error, slope), "ab", ("Error", "Gain"), strict=True):
        ax.set_title(f"{letter}   {title}", loc="left", fontsize=8, weight="bold")
        ax.grid(axis="y", color="#DDDDDD", lw=0.5)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    figure.legend(*error.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
