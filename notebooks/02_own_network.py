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
# # Synapses and fast weights in your own Brian2 network
#
# You have cells of your own in Brian2. This notebook puts published synapses and a fast-weight
# rule between them. You keep your equations; `fwp.circuits.connect` makes the synapses.
#
# A *synapse model* says how a weight changes, how much transmitter a spike releases, and which
# receptor opens. A *fast weight* is a weight that a few spikes can rewrite within a second, so
# that a weight matrix works as a short-term memory.

# %%
import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, ms, mV, nS, pF, second

import fwp_neuro as fwp

b2.prefs.codegen.target = "numpy"  # no compiler is needed for networks of this size
b2.defaultclock.dt = 0.5 * ms
b2.seed(1)

# %% [markdown]
# ## 1. Your cell
#
# This is a leaky integrate-and-fire cell with conductances. `g_in` is the excitatory conductance:
# every spike that arrives raises it, and it decays in 5 ms. `E_e` is its reversal potential, the
# voltage to which it pulls the cell. `g_bg` is a constant background:
# the biophysical form of a rule (part 5) teaches a value of 0 at half the largest rate, and needs a cell
# that rests where this holds it, at `value_baseline*conductance*g_leak` = 1.25 nS.

# %%
C, g_L, g_bg = 100 * pF, 10 * nS, 1.25 * nS
E_L, E_e = -70 * mV, 0 * mV


def own_cells(count, more=""):
    equations = f"""
    dv/dt = (g_L*(E_L - v) + (g_bg + g_in)*(E_e - v))/C : volt (unless refractory)
    dg_in/dt = -g_in/(5*ms) : siemens
    {more}
    """
    cells = b2.NeuronGroup(count, equations, threshold="v > -50*mV", reset="v = -65*mV",
                           refractory=2*ms, method="exponential_euler")  # fmt: skip
    cells.v = -62 * mV
    return cells


# %% [markdown]
# ## 2. A synapse that learns: pair STDP through AMPA
#
# *Pair STDP* (spike-timing-dependent plasticity) strengthens a synapse when the presynaptic cell
# fires shortly before the postsynaptic one, and weakens it in the other order. Alone it only has a
# weight. `through="ampa"` lets the weight open AMPA receptors, and `names` says which variable of
# your cells takes that conductance.
#
# Half of the 40 inputs fire in common bursts; the other half fire as often, but each on its own.

# %%
rng = np.random.default_rng(0)
bursts = np.where(rng.random(400) < 0.15, 60.0, 1.2)  # one number for each 20 ms; 10 Hz on average
course = np.concatenate([np.tile(bursts[:, None], 20), np.full((400, 20), 10.0)], axis=1)
input_rate = b2.TimedArray(course * Hz, dt=20 * ms)
inputs = b2.PoissonGroup(40, rates="input_rate(t, i)")
cells = own_cells(4)

pairs = fwp.synapses.get("pair_stdp", "hard_bounds").changed(A_plus=0.01, A_minus=0.0105)
ampa = fwp.synapses.get("ampa").changed(gbar_ampa=1 * nS)
made = fwp.circuits.connect(pairs, inputs, cells, through=ampa, names={"conductance": "g_in"})
print(made)

# %% [markdown]
# A name that is missing is one sentence:

# %%
try:
    fwp.circuits.connect("pair_stdp", inputs, cells, through="ampa")
except fwp.FwpError as problem:
    print(problem)

# %% [markdown]
# `record` watches the weights. `freeze` stops learning, and everything else goes on: spikes,
# traces, conductances. `thaw` lets learning go on.

# %%
weights = made.record("w", 50 * ms)
network = b2.Network(inputs, cells, *made.objects)
network.run(3 * second)
made.freeze()
network.run(2 * second)
made.thaw()
network.run(3 * second)

# %%
together = np.array(made.synapses.i) < 20
with fwp.plotting.style():
    figure, axis = plt.subplots(figsize=(fwp.plotting.COLUMN, 2.2))
    for chosen, label in ((together, "inputs that burst together"), (~together, "inputs alone")):
        axis.plot(weights.t / second, weights.values[chosen].mean(0), label=label)
    axis.axvspan(3, 5, color="0.9", label="frozen")
    axis.set(xlabel="time (s)", ylabel="mean weight (1)", title="Bursts win; frozen weights stay")
    axis.legend()

# %% [markdown]
# ## 3. A parameter that varies, and a second published synapse
#
# *Short-term plasticity* is not learning: a spike uses up transmitter, which comes back in some
# hundred milliseconds (Tsodyks & Markram). `U` is the share that the first spike uses. `compose`
# puts parts together: who writes the weight, how much is released, which receptor opens. Here
# triplet STDP (a rule for groups of three spikes) writes the weight, and its release depresses.
#
# `varying` gives a parameter one value for each synapse, or for each cell of a side.

# %%
release = fwp.synapses.get("tsodyks_markram", "tsodyks_1998_depressing")
depressing = fwp.synapses.compose("triplet_stdp", release, ampa)
one_input = b2.SpikeGeneratorGroup(1, np.zeros(6, int), np.arange(20, 320, 50) * ms)
shares = [0.1, 0.4, 0.8]
three = own_cells(3)
second_synapse = fwp.circuits.connect(
    depressing, one_input, three, names={"conductance": "g_in"}, varying={"U": ("post", shares)}
)
conductance = b2.StateMonitor(three, "g_in", record=True)
b2.Network(one_input, three, conductance, *second_synapse.objects).run(350 * ms)

# %%
with fwp.plotting.style():
    figure, axis = plt.subplots(figsize=(fwp.plotting.COLUMN, 2.2))
    peaks = conductance.g_in.reshape(3, 7, 100)[:, :6].max(2)  # 50 ms for each spike
    for row, share in zip(peaks, shares, strict=True):
        axis.plot(np.arange(6) + 1, row / row[0], "o-", label=f"U = {share}")
    axis.set(xlabel="spike, 50 ms apart", ylabel="peak conductance / first",
             title="Synapses with a larger U depress more", ylim=(0, 1.25))  # fmt: skip
    axis.legend(ncols=3)

# %% [markdown]
# ## 4. A fast-weight rule between rate cells
#
# A fast-weight memory stores pairs. The **key** is the activity of the presynaptic cells, the
# **value** is what the postsynaptic cells are taught, and a **gate** says how strongly to write.
# The rule *delta* writes only the error: the value minus what the key recalls already. In the rate
# form it runs at the end of every interval, here of 10 ms. Your cells need no spikes for it.

# %%
keys = rng.normal(size=(5, 8))
keys /= np.linalg.norm(keys, axis=1, keepdims=True)
values = rng.normal(size=(5, 4))
key_course, value_course = b2.TimedArray(keys, dt=10 * ms), b2.TimedArray(values, dt=10 * ms)
source = b2.NeuronGroup(8, "rate = key_course(t, i) : 1")
target = b2.NeuronGroup(4, "taught = value_course(t, i) : 1\ny : 1")
rule = fwp.circuits.connect(
    "delta", source, target, every=10 * ms, gate=0.8,
    names={"key": "rate", "teacher": "taught", "readout": "y"},
)  # fmt: skip
b2.Network(source, target, *rule.objects).run(50 * ms)

memory = np.zeros((8, 4))
for key, value in zip(keys, values, strict=True):  # the same rule in two lines of NumPy
    memory += 0.8 * np.outer(key, value - key @ memory)
print("largest difference from NumPy:", np.abs(rule.values("w").reshape(8, 4) - memory).max())

# %% [markdown]
# ## 5. The same rule between your spiking cells
#
# In the *biophysical* form key cells spike. Their NMDA receptors write the weight, and their AMPA
# receptors read it. Each value cell has a teacher cell, whose spikes drive an apical dendrite that
# `connect` brings along. *Delta* compares that dendrite with your membrane `v`; *hebb* does not, it
# writes key times value. 100 Hz stands for 1, and the teacher's 50 Hz for the value 0.
#
# Key A gets a value, key B another one, then A gets a new value. What does A recall?

# %%
dim, token = 12, 0.6  # value cells, seconds a token
a, b, new = rng.choice([-0.35, 0.35], (3, dim))
A, B = np.repeat([1.0, 0.0], 10), np.repeat([0.0, 1.0], 10)
shown = [(A, a, 1.0), (B, b, 1.0), (A, new, 1.0), (A, 0 * a, 0.0), (B, 0 * a, 0.0)]
pause = (0 * A, 0 * a, 0.0)
steps = [step for each in shown for step in ([each] * 6 + [pause])]  # 100 ms each
key_rate = b2.TimedArray(np.array([key for key, _, _ in steps]) * 100 * Hz, dt=100 * ms)
teacher_rate = b2.TimedArray((np.array([v for _, v, _ in steps]) + 0.5) * 100 * Hz, dt=100 * ms)
opened = np.array([gate for _, _, gate in steps])  # the gate is open while a value is taught

key_cells = b2.PoissonGroup(20, rates="key_rate(t, i)")
teachers = b2.PoissonGroup(dim, rates="teacher_rate(t, i)")
kinds, readers = {}, {}
for name, strength, names in (
    ("delta", 0.6, {"membrane": "v", "conductance": "g_in"}),
    ("hebb", 1 / (10 * token), {"conductance": "g_in"}),
):
    value_cells = own_cells(dim)
    gate = b2.TimedArray(opened * strength * Hz, dt=100 * ms)
    kinds[name] = fwp.circuits.connect(
        name, key_cells, value_cells, form="biophysical", teacher=teachers, gate=gate, names=names
    )
    readers[name] = value_cells, b2.StateMonitor(value_cells, "g_in", record=True, dt=5 * ms)

network = b2.Network(key_cells, teachers, *readers.values(), *(m.objects for m in kinds.values()))
network.run(3 * 700 * ms)  # three writes
for one in kinds.values():
    one.freeze()  # reading must not write
network.run(2 * 700 * ms)  # two reads

# %%
recalled = {}
for name, (_, monitor) in readers.items():
    in_values = np.array(monitor.g_in / (0.25 * g_L))  # a quarter of the leak stands for 1
    recalled[name] = in_values[:, (monitor.t > 2.15 * second) & (monitor.t < 2.7 * second)].mean(1)
    error = {"new": recalled[name] - new, "old + new": recalled[name] - a - new}
    print(name, {what: f"{np.sqrt((each**2).mean()):.2f}" for what, each in error.items()})

with fwp.plotting.style():
    figure, axis = plt.subplots(figsize=(fwp.plotting.COLUMN, 2.4))
    for (name, each), mark in zip(recalled.items(), "os", strict=True):
        axis.plot(new - 0.01 + 0.02 * (name == "hebb"), each, mark, label=name, alpha=0.7)
    axis.plot([-0.4, 0.4], [-0.4, 0.4], "--", color="0.5", label="the new value")
    axis.set(xlabel="new value (1)", ylabel="recalled (1)",
             title="Delta recalls the new value, hebb old + new")  # fmt: skip
    axis.legend()

# %% [markdown]
# ## 6. A third factor
#
# In the brain reward comes late. With `eligibility=` a pair of spikes does not change the weight;
# it leaves a trace that decays in a second. A *modulator*, such as dopamine, turns what is left of
# the trace into weight. It is a variable of your cells. Two cells hear the same spikes here, and
# only one gets dopamine.
#
# (`paid.save("weights.npz")` would keep weights and all states in a file; `paid.load` reads it.)

# %%
late = fwp.synapses.compose(pairs, receptor=ampa, eligibility=1 * second)
late = late.changed(rate_eligibility=20 * Hz)
before = b2.SpikeGeneratorGroup(1, [0], [100] * ms)
push = b2.SpikeGeneratorGroup(1, [0], [110] * ms)
two = own_cells(2, "dopamine : 1")
strong = b2.Synapses(push, two, on_pre="g_in_post += 40*nS")
strong.connect()
paid = fwp.circuits.connect(
    late, before, two, names={"conductance": "g_in", "modulator": "dopamine"}
)
course = {name: paid.record(name, 5 * ms) for name in ("w", "eligibility")}
network = b2.Network(before, push, two, strong, *paid.objects)
network.run(800 * ms)
two.dopamine = [1, 0]
network.run(200 * ms)
two.dopamine = 0
network.run(300 * ms)

# %%
with fwp.plotting.style():
    figure, axes = plt.subplots(2, 1, figsize=(fwp.plotting.COLUMN, 3), sharex=True)
    for axis, one in zip(axes, course.values(), strict=True):
        for row, who, line in zip(one.values, ("with dopamine", "without"), "-:", strict=True):
            axis.plot(one.t / second, row, line, lw=2, label=who)
        axis.axvspan(0.8, 1.0, color="0.9")
    axes[0].set(ylabel="weight (1)", title="Only the cell that gets dopamine (grey) learns")
    axes[1].set(ylabel="trace (1)", xlabel="time (s)")
    axes[0].legend()

# %% [markdown]
# **Your turn.** Give the dopamine at 2 s instead of 0.8 s and predict the weight. Swap the times of
# `before` and `push`. Put the AMPA receptor's parameter `gbar_ampa` at 2 nS in part 2: do the
# bursts still win? `fwp-neuro list synapses` shows what else `connect` takes, and
# `models/izhikevich_2007_distal_reward.py` is a whole network made this way.
