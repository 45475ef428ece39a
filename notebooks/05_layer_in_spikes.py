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
# # A layer of fast weights in your own model, then in spikes
#
# `fwp.artificial.Layer` is an ordinary PyTorch module. Its *slow net*, trained by gradients, emits keys,
# values, queries and write strengths; its *fast weights* are rewritten at every token by a rule. Here we put
# one into a small model, train it on few-shot classification, and then let a spiking circuit hold the fast
# weights.

# %%
import torch
from brian2 import ms
from torch import nn

import fwp_neuro as fwp

torch.manual_seed(0)

# %% [markdown]
# ## The task
#
# Each sequence is an episode with classes of its own: an example comes with the label of the one
# *before* it, so that the model must store pairs of example and label, and look up the label of a new
# example. Nothing of an episode can be learned by the slow weights.

# %%
task = fwp.tasks.few_shot_episodes(ways=3, dim=6, spread=0.3, seed=0)
batch = task.sample(2, length=15)
print(batch.inputs.shape, batch.targets[0])

# %% [markdown]
# ## The model: yours, with one layer of ours
#
# The delta rule writes the error between value and recall, as DeltaNet does.


# %%
class Mine(nn.Module):
    def __init__(self, size=24):
        super().__init__()
        self.input = nn.Linear(task.input_size, size)
        self.memory = fwp.artificial.Layer("delta", size, heads=2)
        self.norm = nn.RMSNorm(size)
        self.output = nn.Linear(size, task.output_size)

    def forward(self, x):
        x = self.input(x)
        return self.output(self.norm(x + self.memory(x)))


model = Mine()
print(fwp.artificial.train(model, task, steps=200, batch=32, length=15, learning_rate=0.01))

# %% [markdown]
# ## What the slow net commands
#
# `layer.program(x)` gives the keys, values, queries and gates of a sequence as a `Program`, which any
# realisation runs.

# %%
inputs = torch.as_tensor(task.sample(1, length=15, seed=3).inputs).float()
with torch.no_grad():
    program = model.memory.program(model.input(inputs))
program.plot(head=0)

# %% [markdown]
# ## The fast weights in a circuit
#
# `fwp.swap` runs the whole model, but the layer reads from a circuit. First the rate circuit, which is exact;
# then spikes. Keys of a trained layer may be negative, so each key dimension gets an ON and an OFF population
# (`signed_keys="opponent"`). `value_scale="fit"` and `teacher="tonic"` use the range of the cells well.

# %%
batch = task.sample(8, seed=5, length=15)
print(fwp.swap(model, batch, "rate", dynamics="event"))

# %%
options = {"signed_keys": "opponent", "teacher": "tonic", "value_scale": "fit", "dt": 1 * ms,
           "device": "numpy", "constants": {"weight_baseline": 3.0}}  # fmt: skip
for cells in (10, 100):
    print(f"{cells} cells for each number")
    print(fwp.swap(model, batch, "spiking", cells=cells, **options), end="\n\n")

# %% [markdown]
# The error falls as one over the square root of the number of cells. `found.recordings` holds everything
# that the circuit recorded; `found.outputs` are the outputs of your model.
