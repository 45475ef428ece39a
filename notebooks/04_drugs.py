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
# # Drugs and dose response
#
# Two drugs take the two halves of a fast-weight synapse apart. **AP5** blocks NMDA receptors, which
# gate the *write*. **CNQX** blocks AMPA receptors, through which the weights are *read*. This notebook gives
# them at chosen moments and doses, and compares with what the rule predicts.

# %%
import matplotlib.pyplot as plt
import numpy as np
from brian2 import ms

import fwp_neuro as fwp

program = fwp.tasks.associative_recall(tokens=4, dim=4, beta=0.8, seed=1)
usual = {"cells": 50, "dt": 1 * ms, "device": "numpy", "record_spikes": False}


def spiking(*drugs):
    return fwp.run(program, "delta", "spiking", drugs=list(drugs), **usual)


control = spiking()

# %% [markdown]
# ## AP5 while one token is written
#
# With all NMDA receptors blocked, token 1 writes nothing: the weights after it are those before it.

# %%
blocked = spiking(fwp.AP5(1.0, window="write", tokens=[1]))
for name, run in (("control", control), ("AP5 at token 1", blocked)):
    change = np.abs(np.diff(run["weights"], axis=0)).max(axis=(1, 2))
    print(f"{name:15s} largest change of a weight at tokens 1, 2, 3: {change.round(3)}")

# %% [markdown]
# ## CNQX while one token is read
#
# The read-out of token 1 is silenced. The weights are untouched, so every later read-out is as before.

# %%
silent = spiking(fwp.CNQX(1.0, window="read", tokens=[1]))
size = {n: np.abs(r["readout"]).mean("post").values for n, r in
        (("control", control), ("CNQX at token 1", silent))}  # fmt: skip
for name, each in size.items():
    print(f"{name:15s} mean size of the read-out: {each.round(3)}")

# %% [markdown]
# ## Dose response
#
# AP5 scales the rate of the write. A Hebbian write grows in proportion, so a dose leaves `1 - dose` of it. A
# delta write approaches the value: without drug it covers `beta` of the way, and with a slower rate
# `1 - (1 - beta)**(1 - dose)`. The lines are these predictions, the dots are the circuit: the weights after
# one token, projected on those without drug.

# %%
doses, beta = np.array([0.0, 0.25, 0.5, 0.75, 1.0]), 0.8


def weights(rule, dose):
    drug = fwp.AP5(dose, window="write")
    run = fwp.run(program[:1], rule, "spiking", drugs=[drug], **usual)
    return run.final_weights.values


without = {rule: weights(rule, 0.0) for rule in ("hebb", "delta")}


def written(rule, dose):
    return float((weights(rule, dose) * without[rule]).sum() / (without[rule] ** 2).sum())


predicted = {"hebb": 1 - doses, "delta": (1 - (1 - beta) ** (1 - doses)) / beta}
with fwp.plotting.style():
    figure, ax = plt.subplots(figsize=(fwp.plotting.COLUMN, 2.4))
    for rule, mark, line in (("delta", "o", "-"), ("hebb", "s", "--")):
        ax.plot(doses, predicted[rule], line, color=fwp.plotting.GREY, label=f"{rule}, predicted")
        found = [written(rule, dose) for dose in doses]
        ax.plot(doses, found, mark, color=fwp.plotting.COLOURS["spiking"], label=f"{rule}, spikes",
                mfc=None if rule == "delta" else "white")  # fmt: skip
        print(rule, np.round(found, 3), "predicted", predicted[rule].round(3))
    ax.set(xlabel="blocked share of NMDA receptors", ylabel="written share")
    ax.legend()
plt.show()

# %% [markdown]
# ## What is known, and what is inferred
#
# *Established*: AP5 blocks the induction of potentiation, CNQX blocks AMPA currents. *Choice*: here a drug acts
# at once and on one receptor only. *Inference of this package*: CNQX **during the write** makes the delta rule
# write too much, because the recall that is taken off the value is silenced; the Hebbian rule does not
# read, and writes as before. `fwp-neuro figures fig13` measures that.

# %%
for rule in ("delta", "hebb"):
    with_drug = fwp.run(program, rule, "spiking", drugs=[fwp.CNQX(1.0, window="write")], **usual)
    plain = control if rule == "delta" else fwp.run(program, rule, "spiking", **usual)
    ratio = float(np.abs(with_drug.final_weights).sum() / np.abs(plain.final_weights).sum())
    print(f"{rule:6s} size of the weights with CNQX at every write, over control: {ratio:.2f}")

# %% [markdown]
# ## Try a dose
#
# The slider needs `ipywidgets`; without it, call `written("delta", 0.4)`.

# %%
try:
    from ipywidgets import FloatSlider, interact

    interact(lambda dose: print(f"written share: {written('delta', dose):.2f}"),
             dose=FloatSlider(0.4, min=0, max=1, step=0.1, continuous_update=False))  # fmt: skip
except ImportError:
    print("pip install ipywidgets gives a slider here")
