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
# # Start here: one rule, three realisations, one drug
#
# A *fast-weight programmer* keeps its short-term memory in a weight matrix that is rewritten token
# by token. A slow net says **what** to write (key, value, strength); a **rule** says how; reading
# is `y = W q`. In this notebook you write a rule as text, run it as an artificial network, as a
# rate circuit and as a spiking circuit, block NMDA receptors, and look.

# %%
import matplotlib.pyplot as plt
import numpy as np

import fwp_neuro as fwp

# %% [markdown]
# ## 1. Write a rule
#
# `w` lives at the synapse, `k` at the presynaptic cell, `v` at the postsynaptic one. `read(k)` is
# the postsynaptic cell's own summed fast input: the part of a write that needs no far-away signal.
# `alpha` and `beta` are gates; their homes say which cells the slow net must reach.

# %%
mine = fwp.Rule(
    "my gated delta",
    """
    w = alpha*w                 # receptors turn over
    w += beta*(v - read(k))*k   # then an error-correcting write
    """,
    gates={"alpha": "shared", "beta": "shared"},
)
print(mine.locality)
print(mine.transition)
print(mine.eigenvalues)

# %% [markdown]
# Everything else follows from that text: the network, the circuits, and the checks. A misspelt
# name is one sentence, not a traceback into somebody's parser.

# %%
try:
    fwp.Rule("typo", "w += bta*v*k", gates={"beta": "shared"})
except fwp.FwpError as problem:
    print(problem)

# %% [markdown]
# ## 2. Run it three ways
#
# A **programme** is what the slow net commands. Here: six random associations, and each token asks
# for one that was stored before. Keys are non-negative because firing rates are.

# %%
program = fwp.tasks.associative_recall(tokens=6, dim=6, beta=0.8, alpha=0.95, seed=3)

artificial = fwp.run(program, mine)
rate = fwp.run(program, mine, realisation="rate")
spiking = fwp.run(program, mine, realisation="spiking", cells=100)

found = {"rate": fwp.compare(artificial, rate), "spiking": fwp.compare(artificial, spiking)}
print(fwp.comparison.table(found))

# %% [markdown]
# The rate circuit is exact: its rates are solved for the integrator that really runs. The spiking
# circuit carries the noise of 100 Poisson cells for each number; `cells=float("inf")` takes the
# noise away and leaves the small bias of receptors and membranes. Correlation alone would hide a
# wrong gain, so the slope and the normalised error stand beside it.

# %%
fwp.compare(artificial, spiking).plot()

# %% [markdown]
# ## 3. Block NMDA, then AMPA
#
# AP5 blocks the NMDA receptors that gate the write. CNQX blocks the AMPA conductances that *are*
# the fast weights. Which of the two empties the memory, and which only silences it?

# %%
no_write = fwp.run(program, mine, realisation="spiking", drugs=[fwp.AP5(1.0)])
no_read = fwp.run(program, mine, realisation="spiking", drugs=[fwp.CNQX(1.0, window="read")])

runs = {"no drug": spiking, "AP5 throughout": no_write, "CNQX at reading": no_read}
for name, run in runs.items():
    size = np.abs(run["weights"].values[-1]).mean(), np.abs(run["readout"].values).mean()
    print(f"{name:16} mean |weight| {size[0]:.3f}   mean |read-out| {size[1]:.3f}")

# %% [markdown]
# ## 4. Look

# %%
with fwp.plotting.style():
    figure, axes = plt.subplots(1, 4, figsize=(fwp.plotting.PAGE, 2.0), sharey=True)
    for axis, (name, run) in zip(axes, {"artificial": artificial, **runs}.items(), strict=True):
        image = axis.imshow(run["weights"].values[-1], vmin=-1, vmax=1, cmap="RdBu_r")
        axis.set(title=name, xlabel="key cell j")
    axes[0].set_ylabel("value cell i")
    figure.colorbar(image, ax=axes, label="fast weight")

# %% [markdown]
# **Your turn.** Change `alpha` to 0.5 and predict the weights before you look. Give AP5 only to
# `tokens=[2]`. Replace the second line of the rule by `w += beta*v*k` and ask for an association
# that was stored twice.
