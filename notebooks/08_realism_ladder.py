# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does each idealisation cost?
#
# The spiking circuit of `fwp.run(program, rule, "spiking")` leaves out much that a brain has: its
# value cells are graded, its synapses never fail, its cells are all equal. Each of these
# *idealisations* is a switch of `fwp.circuits.Realism`. This notebook takes them away one at a
# time, and then together, and measures the error of the memory.
#
# A memory stores pairs. The **key** is the activity of presynaptic cells, the **value** is what the
# postsynaptic cells are taught, and **N** is the number of cells that stand for one number.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, ms, mV

import fwp_neuro as fwp
from fwp_neuro.circuits import Heterogeneity, Homeostasis, Realism

# eight memories ("heads") of three pairs each, side by side in one circuit
program = fwp.tasks.associative_recall(tokens=3, dim=4, beta=0.8, heads=8, seed=1)
# small circuits need no compiler, and 1 ms is fine enough for receptors of 5 ms
quick = {"dt": 1 * ms, "device": "numpy"}

# %% [markdown]
# ## 1. One rung at a time, and the law against N
#
# `ladder` runs the circuit once for each *rung* and compares its read-out with the rule itself.
# The **nRMSE** is the root mean square error over the standard deviation of what the rule reads.
# The **slope** is the gain: 1 means that nothing is read too large or too small.
#
# * *release .3 of 7*: each synapse has seven release sites, and each answers a spike with
#   probability .3. Its responses then vary as those of cortex do.
# * *membrane noise*: the voltage of each compartment fluctuates by 2 mV.
#
# Errors that come from single spikes should fall as 1 over the square root of N. Errors that do
# not come from spikes should not.

# %%
rungs = {
    "release .3 of 7": Realism(release=0.3, sites=7),
    "membrane noise": Realism(membrane_noise=2 * mV),
}
law = fwp.circuits.ladder(program, "delta", rungs=rungs, cells=[25, 100, 400], **quick)
print(law.nrmse.to_pandas().round(3))
for rung in law.rung.values:
    power = np.polyfit(np.log(law.cells), np.log(law.nrmse.sel(rung=rung)), 1)[0]
    print(f"{rung}: the error goes as N to the power {power:.2f}")

# %%
with fwp.plotting.style():
    figure, axis = plt.subplots(figsize=(fwp.plotting.COLUMN, 2.4))
    for rung, mark in zip(law.rung.values, "os^", strict=True):
        axis.loglog(law.cells, law.nrmse.sel(rung=rung), mark + "-", label=rung)
    first = float(law.nrmse.sel(rung="idealised")[0])
    axis.loglog(law.cells, first * (law.cells / 25) ** -0.5, ":", color="0.4", label="$N^{-1/2}$")
    axis.set_xticks(law.cells, [f"{n:.0f}" for n in law.cells.values])
    axis.set_yticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    axis.minorticks_off()
    axis.set(xlabel="cells for each number, N", ylabel="error of the read-out (nRMSE)",
             title="More cells mend the noise of spikes alone", ylim=(0.02, 0.7))  # fmt: skip
    axis.legend(ncols=2, loc="upper right")

# %% [markdown]
# The membrane noise here is that of one graded cell for each value, so that more key cells do not
# help.
#
# ## 2. What the circuit mends by itself
#
# Every cell has an inhibition that should cancel its resting weights. Let its strength differ by
# 10 % from cell to cell.
#
# The rule *delta* writes the error that is left, so that its write takes most of a mismatch of
# inhibition in. The rule *hebb* writes whatever it is taught, and the mismatch stays in every
# read-out. What a brain could do is *settle* before: in trials in which keys are shown alone,
# inhibitory plasticity balances each cell.

# %%
unequal = Heterogeneity(inhibition=0.1)
mismatch = {"inhibition differs": Realism(heterogeneity=unequal)}
settled = {"the same, settled": Realism(heterogeneity=unequal, homeostasis=Homeostasis(trials=10))}
for rule, these in (("delta", mismatch), ("hebb", mismatch | settled)):
    found = fwp.circuits.ladder(program, rule, rungs=these, cells=[100], **quick)
    print(rule, found[["nrmse", "slope"]].isel(cells=0, drop=True).to_pandas().round(3), sep="\n")

# %% [markdown]
# ## 3. An error budget
#
# Independent noise adds in squares. `error_budget` takes a `Realism` apart, measures each part on
# top of a common base, and says what the squares add up to. *residual* is the error without that
# of the gain. If *sum* and *whole* agree, the parts explain the circuit.

# %%
some = Realism(release=0.3, sites=7, background=2 * Hz)
budget = fwp.circuits.error_budget(program, "delta", some, cells=100, **quick)
print(budget.to_dataframe().round(3))

# %% [markdown]
# ## 4. All at once: the physiological preset
#
# `Realism(preset="physiological")` takes nearly everything away at once. Here its value cells are
# leaky integrate-and-fire cells (`"lif"`), and the memory is read by counting their spikes.
# `fwp_neuro.circuits.spiking.realism.SOURCES` says where each of its values comes from, and which
# of them are choices. `dataclasses.replace` changes a part of it. Here mismatches and the trials
# that mend them are left out, because part 2 has shown them and the trials take a while.
#
# Inhibition is a conductance now. It shunts the membrane, and the weights must be larger to make
# up for that: weak synapses and a larger value scale leave them room.

# %%
preset = Realism(preset="physiological", value_cells="lif")
preset = replace(preset, heterogeneity=Heterogeneity(key_rates=0.2), homeostasis=None)
print("taken away:", ", ".join(preset.on))
weak = {"value_scale": 1.5, "teacher": "tonic", "constants": {"conductance": 1 / 16}}
artificial = fwp.run(program, "delta")
real = fwp.run(program, "delta", "spiking", cells=100, realism=preset, **weak, **quick)
print(fwp.compare(artificial, real))

# %% [markdown]
# ## 5. A drug
#
# AP5 blocks NMDA receptors, which write; what is stored stays. It is given while the third pair is
# written. The circuit of the preset should still lose that pair and keep the others. A little of it
# is written after the drug has gone, because the gate of the preset closes slowly.

# %%
drugged = fwp.run(program, "delta", "spiking", cells=100, realism=preset, **weak, **quick,
                  drugs=[fwp.AP5(1.0, window="write", tokens=[2])])  # fmt: skip
written = np.diff(artificial["weights"].values, axis=0, prepend=0)
for name, run in (("no drug", real), ("AP5 at token 2", drugged)):
    change = np.diff(run["weights"].values, axis=0, prepend=0)
    share = (change * written).sum((1, 2, 3)) / (written**2).sum((1, 2, 3))
    print(f"{name:>15}: share of each pair that is written:", share.round(2))

# %% [markdown]
# **Your turn.** Which rung hurts *your* programme most? Give the circuit value cells that spike
# (`value_cells="spiking"`, `"lif"` or `"adex"`), or let the gate of the write open and close slowly
# (`gate="neuromodulator"`). `docs/idealisations.md` has the whole ladder at full size, and
# `fwp-neuro figures fig17_realism` draws it.
