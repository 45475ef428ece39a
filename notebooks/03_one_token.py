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
# # One token in spikes
#
# A *fast-weight* rule rewrites a weight matrix, token by token. This notebook follows one token
# through the spiking circuit that runs the delta rule: which cells fire, what the NMDA receptors
# remember, when the gate opens, and how the weights change.
#
# A *token* is one step of the sequence: a key, a value, a query, and the strength `beta` with which
# the value is written. In the circuit it lasts 600 ms.

# %%
from brian2 import ms

import fwp_neuro as fwp

program = fwp.tasks.associative_recall(tokens=4, dim=4, beta=0.8, seed=1)
program.plot()

# %% [markdown]
# The rule is `w += beta*(v - read(k))*k`: the error between the value and what the key recalls is
# written along the key. We run it as it is (artificial), and in spikes with 50 cells for each number.
# `record=` names what is kept over time.

# %%
exact = fwp.run(program, "delta")
spiking = fwp.run(
    program, "delta", "spiking", cells=50, dt=1 * ms, device="numpy",
    record=("w", "g_ampa", "x_nmda", "V_basal", "V_apical", "gate", "unblocked"),
    record_every=2 * ms,
)  # fmt: skip
print(fwp.compare(exact, spiking))

# %% [markdown]
# ## The first token
#
# From top to bottom:
#
# * **Spikes.** Key cells fire at a rate that is the number they stand for. Teacher cells carry the value.
# * **x_nmda.** NMDA receptors remember which keys were active; the trace decays in 50 ms.
# * **gate.** A neuromodulator lets the synapse change for 150 ms (yellow).
# * **V_basal, V_apical.** The two compartments of a value cell. What the weights recall arrives at the
#   basal one, the teacher at the apical one. Their difference is the error.
# * **unblocked.** The share of NMDA receptors that the apical voltage frees from magnesium.
# * **g_ampa.** The AMPA conductance through which the weights are read, in units of the leak.
# * **w.** The fast weights. They change only while the gate is open.
#
# The second burst of key cells is the query. The weights stay as they are, and the conductance gives
# the read-out.

# %%
spiking.plot.token(0)

# %% [markdown]
# ## All tokens
#
# The weights after each token, and their course over time.

# %%
spiking.plot.weights()

# %%
spiking.plot.weights(by="time")

# %% [markdown]
# ## How close is it?
#
# nRMSE is the root mean square error over the standard deviation of the exact read-out. A slope below 1
# would be a loss of gain.

# %%
exact.plot.comparison(spiking)

# %% [markdown]
# ## Look at another token
#
# With `ipywidgets` the slider below redraws. Without it, call `spiking.plot.token(n)` yourself.

# %%
try:
    from ipywidgets import IntSlider, interact

    interact(lambda token: spiking.plot.token(token), token=IntSlider(2, 0, 3))
except ImportError:
    print("pip install ipywidgets gives a slider here")
