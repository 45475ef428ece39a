"""Dopamine comes seconds late and still finds the synapse that earned it.

Paper: Izhikevich 2007, Cereb. Cortex 17:2443, doi:10.1093/cercor/bhl152, Fig. 1: a
synapse from cell A to cell B is rewarded whenever B fires within 20 ms after A; dopamine
rises 1 to 3 s later, while all other cells go on firing. Pairs of spikes do not change a
weight s, they leave an eligibility trace c; where dopamine d meets the trace, the weight
follows:

    dc/dt = -c/(1 s) + STDP(lag) at spikes,   ds/dt = rate d c, 0 <= s <= 4 mV,
    dd/dt = (tonic - d)/(0.2 s) + reward at a reward

The synapse from A to B starts at 0 and ends as one of the strongest, because only its
trace is raised before every reward. Established (the paper): these equations, the task,
the result, 20 ms windows, 1 s and 0.2 s. Recalled, not checked against the paper: 0.1 mV
for potentiation and 1.5 times as much for depression, reward 0.5, tonic 0.002, rate
100/s, weights of 1 mV at the start. Inference of this package: as a fast-weight programme
c holds keys and values, and dopamine is a write gate beta that comes later than what it
gates (rules with a third factor: Fremaux & Gerstner 2016, doi:10.3389/fncir.2015.00085).

Every synapse of the network is made by `fwp_neuro.circuits.connect`: excitatory ones are
``compose("pair_stdp", receptor="ampa", eligibility=1*second)``, inhibitory ones are the
receptor "gaba_a". The experimenter, who watches two cells and pays, is plain Brian2.

Deviations (modelling choices): 40 cells with 8 outputs each instead of 1000 with 100; two
hours at rate 30/s instead of one at 100/s, as in a small network the largest of all
weights is otherwise often one that chance has raised; leaky integrate-and-fire cells with
conductances in white noise instead of Izhikevich's cells, firing at about 1.3 Hz; a
weight of 1 mV is a response of 0.25 mV at rest (with 0.5 mV several unpaid synapses reach
4 mV, too, because they drive their cells); delays of rewards are a shuffled list.
Synapses onto inhibitory cells learn too, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, has_compiler, simulate
from fwp_neuro.model_parameters import parameter
from fwp_neuro.validation import (
    affordable,
    affordable_steps,
    positive,
    real,
    seed_number,
    whole,
)

EXCITATORY = 0.8  # share of the cells
REST, THRESHOLD, E_EXC, E_INH = -65.0, -50.0, 0.0, -80.0  # mV
# ms; LATE: of every spike
TAU, TAU_EXC, TAU_INH, REFRACTORY, LATE = 20.0, 5.0, 10.0, 2.0, 1.0
POTENTIATION, TAU_STDP, MOST, START = 0.1, 20.0, 4.0, 1.0  # mV, ms, mV, mV
EFFECT = 0.25  # mV at rest for a weight of 1 mV
TAU_ELIGIBILITY, TAU_DOPAMINE = 1.0, 0.2  # s
FIGURE = "fig18_distal_reward"
A, B = 0, 1  # the cells whose synapse is rewarded
SLOTS = 20  # delays of a reward
DT, TRACE = 1.0, 20.0  # ms; time step, and between samples of dopamine and eligibility

CELLS = """
dv/dt = (rest - v + I)/tau + noise*xi : volt (unless refractory)
I = one_mV*g_exc*(E_exc - v) + g_inh*(E_inh - v) : volt
dg_exc/dt = -g_exc/tau_exc : 1
dg_inh/dt = -g_inh/tau_inh : 1
ddopamine/dt = (tonic - dopamine)/tau_dopamine : 1
"""


@dataclass
class Parameters:
    """What a user can change."""

    cells: int = parameter(40, "1", "of the network, a fifth of them inhibitory")
    outputs: int = parameter(8, "1", "synapses of a cell")
    duration: float = parameter(7200.0, "s", "simulated time")
    noise: float = parameter(
        6.0, "mV", "standard deviation of the membrane without threshold"
    )
    reward: float = parameter(0.5, "1", "dopamine of a reward")
    tonic: float = parameter(0.002, "1", "dopamine at rest")
    rate: float = parameter(30.0, "1/s", "of the weight at dopamine 1")
    depression: float = parameter(1.5, "1", "relative to potentiation")
    window: float = parameter(20.0, "ms", "in which B must follow A")
    earliest: float = parameter(1.0, "s", "shortest delay of a reward")
    latest: float = parameter(3.0, "s", "longest delay of a reward")
    seed: int = parameter(0, "1", "of wiring, delays and noise")
    device: str = parameter(
        "auto", "1",
        "auto is cpp_standalone where there is a compiler, else numpy, which takes an "
        "hour"
    )  # fmt: skip


#: parameters of a run of some seconds
QUICK = {"cells": 20, "outputs": 4, "duration": 5400.0}


def synapse(p: Parameters):
    """Return the excitatory synapse: pair STDP into an eligibility trace, sent through
    AMPA."""
    from brian2 import Hz, ms, second

    pairs = fwp.synapses.get("pair_stdp", "hard_bounds")  # amplitudes in units of w_max
    pairs = pairs.changed(
        w_max=MOST, A_plus=POTENTIATION / MOST,
        A_minus=p.depression * POTENTIATION / MOST, tau_plus=TAU_STDP * ms,
        tau_minus=TAU_STDP * ms,
    )  # fmt: skip
    made = fwp.synapses.compose(
        pairs, receptor="ampa", eligibility=TAU_ELIGIBILITY * second
    )
    return made.changed(rate_eligibility=p.rate * Hz)


def opening(tau_synapse: float, drive: float) -> float:
    """Return the conductance (of the leak) whose response peaks at 1 mV; drive in mV."""
    speed = TAU / tau_synapse
    peak = speed ** (-1 / (speed - 1)) - speed ** (-speed / (speed - 1))
    return (TAU - tau_synapse) / (tau_synapse * abs(drive) * peak)


def wiring(p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return (source, target) of all synapses; A and B are joined, no cell joins
    itself."""
    rng = np.random.default_rng(p.seed)
    excitatory = round(EXCITATORY * p.cells)
    targets = []
    for cell in range(p.cells):
        legal = np.arange(p.cells if cell < excitatory else excitatory)
        legal = (
            legal[(legal != cell) & (legal != B)] if cell == A else legal[legal != cell]
        )
        chosen = rng.choice(legal, p.outputs, replace=False)
        targets.append(np.sort(np.r_[B, chosen[1:]] if cell == A else chosen))
    return np.repeat(np.arange(p.cells), p.outputs), np.concatenate(targets)


def experimenter(p: Parameters, cells) -> tuple:
    """Return who pays: of a slot for each delay, the next one fires when B has followed
    A."""
    import brian2 as b2

    slots = b2.NeuronGroup(
        SLOTS, "a_fired : second\nseen : 1\npairs : 1\nturn : 1", reset="",
        threshold="seen > 0 and pairs % slots_ == turn", name="slots",
        namespace={"slots_": SLOTS},
    )  # fmt: skip
    slots.a_fired = -1e3 * b2.second
    slots.turn = np.random.default_rng(p.seed + 1).permutation(SLOTS)
    counted = slots.run_regularly("pairs += seen\nseen = 0", when="after_thresholds")
    space = {"window": p.window * b2.ms, "reward": p.reward}
    watch_a = b2.Synapses(
        cells[A : A + 1], slots, on_pre="a_fired_post = t", name="watch_a"
    )
    watch_b = b2.Synapses(
        cells[B : B + 1], slots, name="watch_b", namespace=space,
        on_pre="seen_post += int(t > a_fired_post and t - a_fired_post < window)",
    )  # fmt: skip
    pay = b2.Synapses(
        slots, cells, on_pre="dopamine_post += reward", namespace=space, name="pay"
    )
    for one in (watch_a, watch_b, pay):
        one.connect()
    pay.delay = f"({p.earliest} + i*{(p.latest - p.earliest) / (SLOTS - 1)})*second"
    return slots, watch_a, watch_b, pay, counted


def build(p: Parameters) -> Built:
    """Make the Brian2 network (once the device is active)."""
    import brian2 as b2

    from fwp_neuro.circuits import connect

    ms, mV, second = b2.ms, b2.mV, b2.second
    space = {
        "rest": REST * mV, "tau": TAU * ms, "tau_exc": TAU_EXC * ms,
        "tau_inh": TAU_INH * ms, "E_exc": E_EXC * mV, "E_inh": E_INH * mV,
        "tonic": p.tonic, "one_mV": EFFECT * opening(TAU_EXC, E_EXC - REST),
        "tau_dopamine": TAU_DOPAMINE * second,
        "noise": p.noise * np.sqrt(2 / TAU) * mV / ms**0.5,
    }  # fmt: skip
    cells = b2.NeuronGroup(
        p.cells, CELLS, threshold=f"v > {THRESHOLD}*mV",
        reset=f"v = {REST}*mV", refractory=REFRACTORY * ms, method="euler",
        namespace=space, name="cells",
    )  # fmt: skip
    cells.v, cells.dopamine = REST * mV, p.tonic
    source, target = wiring(p)
    count = round(EXCITATORY * p.cells)
    exc, inh = cells[:count], cells[count:]
    own = source < count
    start = np.where((source[own] == A) & (target[own] == B), 0.0, START)
    learning = connect(
        synapse(p), exc, cells, connect={"i": source[own], "j": target[own]},
        initial={"w": start},
        names={"conductance": "g_exc", "modulator": "dopamine"}, delay={"pre": LATE * ms},
        name="learning",
    )  # fmt: skip
    fixed = connect(
        "gaba_a", inh, exc, connect={"i": source[~own] - count, "j": target[~own]},
        initial={"w": opening(TAU_INH, E_INH - REST)}, names={"conductance": "g_inh"},
        delay={"pre": LATE * ms}, name="fixed",
    )  # fmt: skip
    rewarded = int(np.flatnonzero(start == 0)[0])
    weights = learning.record("w", p.duration / 300 * second)
    trace = learning.record("eligibility", TRACE * ms, which=[rewarded])
    dopamine = b2.StateMonitor(
        cells, "dopamine", record=[B], dt=TRACE * ms, name="dopamine"
    )
    spikes = b2.SpikeMonitor(cells, name="spikes")
    objects = [cells, dopamine, spikes, learning.objects, fixed.objects]
    slots, *others, counted = experimenter(p, cells)
    paid = b2.SpikeMonitor(slots, name="paid")

    def collect() -> dict[str, np.ndarray]:
        return {
            "weight": np.array(weights.values), "sample": np.array(weights.t / second),
            "eligibility": np.array(trace.values)[0], "at": np.array(trace.t / second),
            "dopamine": np.array(dopamine.dopamine)[0],
            "time": np.array(spikes.t / second),
            "cell": np.array(spikes.i[:]), "pair": np.array(paid.t / second),
            "slot": np.array(paid.i[:]),
        }  # fmt: skip

    network = b2.Network(objects, slots, others, paid)
    return Built(network, collect, p.duration * second, (learning, fixed, counted))


def _checked(p: Parameters) -> None:
    if whole(p.cells, "cells") < 10 or p.cells % 5:
        raise fwp.FwpError(f"cells is {p.cells}; it must be a multiple of 5, 10 or more")
    whole(p.outputs, "outputs", 1, round(EXCITATORY * p.cells) - 2)
    for name in ("duration", "noise", "reward", "rate", "window", "earliest"):
        positive(getattr(p, name), name)
    for name in ("tonic", "depression"):
        real(getattr(p, name), name, 0)
    if real(p.latest, "latest") < p.earliest:
        raise fwp.FwpError(
            f"latest is {p.latest:g} s and less than earliest, {p.earliest:g}"
        )
    if p.duration < 2 * p.latest:
        raise fwp.FwpError(
            f"duration is {p.duration:g} s; it must be at least twice latest"
        )
    affordable_steps(p.duration * 1e3 / DT, "the simulation")
    affordable(300 * p.cells * p.outputs, "the weights over time")
    seed_number(p.seed)


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Simulate; return weights over time, the rewarded synapse's trace, dopamine and
    spikes.

    Dims: sample (300), synapse (those that learn), at (20 ms), spike, reward.

    Raises:
        FwpError: numbers that make no network or no task.
    """
    import brian2 as b2

    p = parameters
    _checked(p)
    device = p.device
    if device == "auto":
        device = "cpp_standalone" if has_compiler() else "numpy"
    size = Size(round(p.duration * 1e3 / DT), 20, 2 * p.cells * p.outputs)
    found, info = simulate(
        lambda: build(p), size, device=device, dt=DT * b2.ms, seed=p.seed,
        progress=progress, label="network",
    )  # fmt: skip
    source, target = wiring(p)
    own = source < round(EXCITATORY * p.cells)
    delays = np.linspace(p.earliest, p.latest, SLOTS)
    data = xr.Dataset(
        {
            "weight": (("synapse", "sample"), found["weight"], {"units": "mV"}),
            "eligibility": (("at",), found["eligibility"], {"units": "mV"}),
            "dopamine": (("at",), found["dopamine"], {"units": "1"}),
            "spike_time": (("spike",), found["time"], {"units": "s"}),
            "spike_cell": (("spike",), found["cell"], {"units": "1"}),
            "pair_time": (("reward",), found["pair"], {"units": "s"}),
            "reward_time": (("reward",), found["pair"] + delays[found["slot"]],
                            {"units": "s"}),
        },
        coords={
            "sample": found["sample"], "at": found["at"],
            "source": ("synapse", source[own]), "target": ("synapse", target[own]),
        },
    )  # fmt: skip
    data.attrs |= {
        "settings": f"{p.cells} cells, {p.outputs} outputs each, {p.duration:g} s, seed "
                    f"{p.seed}",
        "duration": p.duration, "cells": p.cells,
        "device": f"{info['device']} ({info['device_reason']})",
    }  # fmt: skip
    return data


def measures(data: xr.Dataset) -> dict[str, float]:
    """Return how the rewarded synapse ends, beside the others, and how often it was
    paid."""
    mine = ((data.source == A) & (data.target == B)).values
    last = data.weight.values[:, -1]
    others, own = last[~mine], float(last[mine][0])
    half = data.attrs["duration"] / 2
    pairs = data.pair_time.values
    ahead = data.weight.values[mine][0] > np.quantile(
        data.weight.values[~mine], 0.99, axis=0
    )
    behind = np.flatnonzero(~ahead)
    first = int(behind[-1]) + 1 if behind.size else 0
    return {
        "rewarded weight at the end (mV)": own,
        "mean of the others (mV)": float(others.mean()),
        "largest of the others (mV)": float(others.max()),
        "share of the others that are weaker": float((others < own).mean()),
        "ahead of 99 % of the others from (s)": float(data.sample.values[first])
        if first < ahead.size else np.nan,
        "rewards": float(pairs.size),
        "rewards, first half (1/min)": float((pairs < half).sum() / half * 60),
        "rewards, second half (1/min)": float((pairs >= half).sum() / half * 60),
        "delay of a reward, mean (s)": float((data.reward_time - data.pair_time).mean()),
        "rate of a cell (Hz)": data.sizes["spike"] / data.attrs["duration"] / data.attrs["cells"],  # noqa: E501
    }  # fmt: skip


def report(data: xr.Dataset) -> str:
    """Return what the late reward did to the synapse that earned it and to all others."""
    found = measures(data)
    lines = [
        data.attrs["settings"],
        *(f"{n:40}{value:10.3f}" for n, value in found.items()),
    ]
    won = found["share of the others that are weaker"] == 1
    lines.append(f"the rewarded synapse ends as the strongest: {'yes' if won else 'no'}")
    lines.append(f"code generation: {data.attrs['device']}")
    return "\n".join(lines)


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "izhikevich_2007_distal_reward"]))
