"""A delta memory whose writes use only what is at their own spine, made by `connect`.

Two published mechanisms that write an error, in a plain network of Poisson key cells,
Poisson teachers and value cells with conductances, ON and OFF cells for each value:

* "anti_hebbian": value and recall drive one compartment; a weight falls by (V - theta) x
  trace of the key, as in electrosensory lobes (Bell, Han, Sugawara & Grant 1997,
  doi:10.1038/387278a0).
* "mikulasch_2021": inhibition from key cells balances the value on a dendritic branch; a
  weight grows by V - theta at each key spike (Mikulasch, Rudelt & Priesemann 2021,
  doi:10.1073/pnas.2021925118).

Established: these rules. Inference of this package: to use them as delta memories (closed
forms in the docstrings of the synapses). Modelling choices: all sizes and times below.

A token: key and value settle, the gate opens, silence, the query alone with values at
rest, silence. The read-out is the voltage that OFF cells have beyond their operating
point theta minus that of ON cells. Before the programme each cell finds its theta by
itself, in a set-up of keys with values at rest; seconds stand for hours there. Key cells
and teachers that are "regular" fire at equal intervals in scattered phases (no noise);
with "none" the NumPy form with mean rates runs in place of the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.errors import pick
from fwp_neuro.model_parameters import parameter
from fwp_neuro.synapses import balanced_cells as mean
from fwp_neuro.validation import affordable, positive, real, seed_number, time_step, whole

#: mechanism -> conductance of a value's range, in leaks
MECHANISMS = mean.RANGE
#: how cells fire: condition of a spike, what it resets, equation
SPIKES = {
    "poisson": ("rand() < rate(t, number)*dt", "", ""),
    "regular": ("phase > 1", "phase -= 1", "dphase/dt = rate(t, number) : 1"),
    "none": ("", "", ""),
}
RATE = 100.0  # Hz, for a key of 1 and for both teachers of a value together
#: seconds of a token: settle, write, silence, read (of which the end counts), silence
SETTLE, WRITE, GAP, READ, LOOK = 0.3, 0.4, 0.2, 0.4, 0.3
STEP, SAMPLE = 0.1, 5e-3  # all times are whole multiples of these, seconds
PARTS = ("key", "value", "rate", "setup", "write", "read")


@dataclass
class Parameters:
    """What a user can change."""

    mechanism: Literal["anti_hebbian", "mikulasch_2021"] = parameter(
        "anti_hebbian", "1", "which synapse writes: anti_hebbian or mikulasch_2021"
    )
    tokens: int = parameter(8, "1", "of the programme")
    dim: int = parameter(8, "1", "of keys and values")
    heads: int = parameter(2, "1", "independent programmes, side by side")
    replacement: bool = parameter(False, "1", "whether keys come back with other values")
    beta: float = parameter(0.8, "1", "write strength")
    cells: int = parameter(
        100, "1", "key cells an entry of a key, and teachers a channel of a value"
    )
    spikes: Literal["poisson", "regular", "none"] = parameter(
        "poisson", "1", "how cells fire: poisson, regular, or none for expected values"
    )
    spread: float = parameter(
        0.0, "1",
        "standard deviation of operating points and of thresholds, as a share of the "
        "voltage of a value's range"
    )  # fmt: skip
    setup: float = parameter(
        6.0, "s",
        "time in which cells find their operating point; 0: thresholds stay where they "
        "start"
    )  # fmt: skip
    own: bool = parameter(
        True, "1", "whether the read-out starts at each cell's own threshold"
    )
    release: float = parameter(
        1.0, "1", "probability of release at each of sites; 1: all release"
    )
    sites: int = parameter(3, "1", "release sites of a synapse")
    ap5: float = parameter(
        0.0, "1", "share of NMDA receptors blocked while the gate is open"
    )
    cnqx: float = parameter(
        0.0, "1", "share of the cells' AMPA receptors blocked while the gate is open"
    )
    dt: float = parameter(1.0, "ms", "time step")
    seed: int = parameter(0, "1", "of everything")
    device: str = parameter("auto", "1", "of the circuit; see fwp-neuro list devices")


#: parameters of a run of some seconds
QUICK = {"heads": 1, "cells": 20, "setup": 2.0, "device": "numpy"}


def checked(p: Parameters) -> Parameters:
    """Return the parameters.

    Raises:
        FwpError: one that makes no memory.
    """
    pick(p.mechanism, MECHANISMS, "mechanism")
    pick(p.spikes, SPIKES, "spikes")
    for name in ("tokens", "dim", "heads", "cells", "sites"):
        whole(getattr(p, name), name)
    for name in ("spread", "setup"):
        real(getattr(p, name), name, 0)
    for name in ("ap5", "cnqx", "release"):
        real(getattr(p, name), name, 0, 1)
    positive(p.release, "release")
    real(positive(p.beta, "beta"), "beta", 0, 0.99)
    time_step(p.dt, 1.0, "for receptors of 5 ms")
    seed_number(p.seed)
    affordable(p.heads * p.dim**2 * p.cells * 2, "synapses of all heads", 32)
    return p


def program_of(p: Parameters) -> fwp.Program:
    """Return random associations, [token, head, ...]."""
    return fwp.tasks.associative_recall(
        tokens=p.tokens, dim=p.dim, heads=p.heads, seed=p.seed, beta=p.beta,
        replacement=p.replacement,
    )  # fmt: skip


class Plan:
    """What a run is told: mean state and scatter of the cells, tables over `STEP`s."""

    def __init__(self, p: Parameters, program: fwp.Program):
        self.p, self.program, self.value = p, program, MECHANISMS[p.mechanism]
        self.shape = program.heads, program.post, program.pre
        entries = float(program["key"].sum(-1).mean())
        self.point = mean.point_of(p.mechanism, self.value, entries)
        rng = np.random.default_rng([p.seed, 2])
        shape = (2, program.heads, 2, program.post)
        self.scatter = p.spread * 2 * self.point.one * rng.standard_normal(shape)
        self.table = self._tables(np.random.default_rng([p.seed, 1]))

    def _tables(self, rng) -> dict[str, np.ndarray]:
        program, found = self.program, {name: [] for name in PARTS}
        key, value, query = (program[name] for name in ("key", "value", "query"))
        norm = (key**2).sum(-1)
        beta = np.reshape(program["beta"], (program.tokens, -1))
        rates = mean.rate_for(beta * norm, WRITE, self.point.tau + mean.TAU_M) / norm
        usual = {"key": 0 * key[0], "value": 0 * value[0], "rate": 0 * rates[0]}

        def add(seconds, **told):
            for _ in range(round(seconds / STEP)):
                for name in PARTS:
                    found[name].append(told.get(name, usual.get(name, 0.0)))

        for _ in range(round(self.p.setup / (2 * STEP))):
            drawn = rng.integers(program.tokens, size=program.heads)
            add(2 * STEP, key=key[drawn, np.arange(program.heads)], setup=1.0)
        for token in range(program.tokens):
            both = {"key": key[token], "value": value[token]}
            add(SETTLE, **both)
            add(WRITE, rate=rates[token], write=1.0, **both)
            add(GAP)
            add(READ - LOOK, key=query[token])
            add(LOOK, key=query[token], read=1.0)
            add(GAP)
        return {name: np.array(table) for name, table in found.items()}

    def read(self, recalled: np.ndarray) -> np.ndarray:
        """Return read-outs [token, head, post] of recall [head, post, sample]."""
        every = round(STEP / SAMPLE)
        looks = np.repeat(self.table["read"], every)[: recalled.shape[-1]] > 0
        chosen = recalled[..., looks].reshape(*recalled.shape[:2], self.p.tokens, -1)
        return np.moveaxis(chosen.mean(-1), -1, 0)


def expected(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Return read-outs and fast weights of mean rates, in NumPy."""
    p, dt = plan.p, plan.p.dt * 1e-3
    cells = mean.Cells(p.mechanism, plan.point, plan.value, plan.shape,
                       scatter=plan.scatter, dt=dt)  # fmt: skip
    found = []
    blind = 0.0 if p.mechanism in mean.INHIBITORY else p.cnqx
    for key, value, rate, setup, write, _ in zip(*plan.table.values(), strict=True):
        block = (blind * write, p.cnqx * write)
        for step in range(round(STEP / dt)):
            if step % round(SAMPLE / dt) == 0:
                offset = 0.0 if p.own else (cells.theta - plan.point.voltage)
                found.append(cells.recalled + _off_minus_on(offset, plan))
            cells.step(key, value, rate * (1 - p.ap5), setup, block)
    return plan.read(np.stack(found, -1)), cells.fast_weights


def _off_minus_on(volts, plan: Plan):
    if np.ndim(volts) == 0:
        return volts
    return (volts[:, 1] - volts[:, 0]) / 2 / plan.point.one


def synapse_of(plan: Plan):
    """Return the synapse; a gate of 1 writes at 1/s for a key of length 1."""
    from brian2 import Hz, volt

    p, point = plan.p, plan.point
    spikes = p.cells * RATE * point.tau  # conductance of a weight of 1 in all key cells
    start = point.key / spikes
    model = fwp.synapses.get(p.mechanism)
    eta = 1 / (spikes * RATE * abs(point.slope))  # of V - theta at key spikes
    values = {"w_start": start, "w_max": 10 * start, "eta": eta / volt}
    if p.mechanism == "anti_hebbian":
        values["eta"] *= Hz / float(model.parameters["tau_x"])
        values["nmda"] = 1 - p.ap5
    model = model.changed(**values)
    return model if p.release == 1 else unreliable(model, p.release, p.sites)


def unreliable(model, probability: float, sites: int):
    """Return a synapse of which each site releases with a probability, 1 in the mean.

    The trace of NMDA receptors (x) keeps what was released; a spike that releases nothing
    has still been at the terminal.
    """
    text = model.equations
    names = [f"site_{number}" for number in range(sites)]
    share = " + ".join(names)
    drawn = "".join(f"{name} = int(rand() < release)\n" for name in names)
    on_pre = text.on_pre.replace("x += 1", "x += released")
    drawn += f"released = ({share})/({sites}*release)\n"
    return replace(
        model, name=f"unreliable_{model.name}",
        equations=replace(text, synapse=f"{text.synapse}\nreleased : 1",
                          on_pre=drawn + on_pre),
        parameters={**model.parameters, "release": probability},
        sources={**model.sources, "release": "asked for by the user of this model"},
        sends="clip(w, 0, w_max)*released",
    )  # fmt: skip


CELLS = """
dv/dt = (E_leak + offset - v + open_key*g_key*(E_key - v)
         + open_value*g_value*(E_exc - v))/tau_m : volt
dg_key/dt = -g_key/tau_key : 1
dg_value/dt = -g_value/tau_ampa : 1
open_key = 1 - blocked_key*writing(t) : 1 (constant over dt)
open_value = 1 - blocked_value*writing(t) : 1 (constant over dt)
write = gates(t, head) : 1 (constant over dt)
find = setting_up(t) : 1 (constant over dt)
offset : volt
head : integer (constant)
"""


def source(plan: Plan, name: str, numbers: np.ndarray):
    """Return cells that fire for numbers [step, ...], as many for each of them."""
    import brian2 as b2

    p = plan.p
    threshold, reset, text = SPIKES[p.spikes]
    rate = b2.TimedArray(
        numbers.reshape(len(numbers), -1) * RATE * b2.Hz, dt=STEP * b2.second
    )
    count = numbers[0].size
    made = b2.NeuronGroup(
        count * p.cells, f"{text}\nnumber : integer (constant)", threshold=threshold,
        reset=reset, namespace={"rate": rate}, method="euler", name=name,
    )  # fmt: skip
    made.number = np.repeat(np.arange(count), p.cells)
    if text:
        made.phase = np.tile((np.arange(p.cells) + 0.5) / p.cells, count)
    return made


def value_cells(plan: Plan):
    """Return ON and OFF cells, one of each for every number of a value."""
    import brian2 as b2

    p, point, step = plan.p, plan.point, STEP * b2.second
    inhibits = p.mechanism in mean.INHIBITORY
    space = {
        "tau_m": mean.TAU_M * b2.second, "tau_ampa": mean.TAU_AMPA * b2.second,
        "tau_key": point.tau * b2.second, "E_leak": mean.E_LEAK * b2.volt,
        "E_exc": mean.E_EXC * b2.volt, "E_key": point.reverse * b2.volt,
        "blocked_key": 0.0 if inhibits else p.cnqx, "blocked_value": p.cnqx,
        "kick": plan.value / (p.cells * RATE * mean.TAU_AMPA),
    }  # fmt: skip
    for name, part in (("gates", "rate"), ("setting_up", "setup"), ("writing", "write")):
        space[name] = b2.TimedArray(plan.table[part], dt=step)
    heads, post, _ = plan.shape
    cells = b2.NeuronGroup(
        heads * 2 * post, CELLS, threshold="v > 1*volt", reset="", namespace=space,
        method="rk2", name="values",
    )  # fmt: skip
    cells.v, cells.head = point.voltage * b2.volt, np.repeat(np.arange(heads), 2 * post)
    cells.offset = plan.scatter[0].ravel() * point.total * b2.volt
    return cells, space


def build(plan: Plan) -> Built:
    """Make the network: key cells, teachers, value cells, and `connect`."""
    import brian2 as b2

    p, (heads, post, pre) = plan.p, plan.shape
    cells, space = value_cells(plan)
    keys = source(plan, "keys", plan.table["key"])
    sign = np.array([1.0, -1.0])[:, None]
    teachers = source(plan, "teachers", (1 + sign * plan.table["value"][:, :, None]) / 2)
    teach = b2.Synapses(teachers, cells, on_pre="g_value_post += kick", namespace=space,
                        name="teach")  # fmt: skip
    teach.connect(i=np.arange(len(teachers)), j=np.arange(len(teachers)) // p.cells)
    head, key, value = np.indices((heads, pre * p.cells, 2 * post)).reshape(3, -1)
    memory = fwp.circuits.connect(
        synapse_of(plan), keys, cells,
        through="gaba_a" if p.mechanism in mean.INHIBITORY else "ampa",
        connect={"i": head * pre * p.cells + key, "j": head * 2 * post + value},
        names={"membrane": "v", "conductance": "g_key", "gate": "write",
               "homeostasis": "find"},
        initial={"theta": (plan.point.voltage + plan.scatter[1].ravel()) * b2.volt},
        name="memory",
    )  # fmt: skip
    seen = b2.StateMonitor(cells, ["v", "theta"], record=True, dt=SAMPLE * b2.second,
                           name="seen")  # fmt: skip

    def collect():
        return {"v": np.array(seen.v_), "theta": np.array(seen.theta_),
                "w": memory.values("w")}  # fmt: skip

    network = b2.Network(keys, teachers, cells, teach, *memory.objects, seen)
    duration = len(plan.table["key"]) * STEP * b2.second
    return Built(network, collect, duration, (space, memory))


def spiking(plan: Plan, progress=None) -> tuple[np.ndarray, np.ndarray, str]:
    """Return read-outs, fast weights and the device of the network."""
    import brian2 as b2

    p, point, (heads, post, pre) = plan.p, plan.point, plan.shape
    steps = round(len(plan.table["key"]) * STEP / (p.dt * 1e-3))
    found, how = simulate(
        lambda: build(plan), Size(steps, 20, heads * pre * p.cells * 2 * post),
        device=p.device, dt=p.dt * b2.ms, seed=p.seed, progress=progress,
        label=p.mechanism,
    )  # fmt: skip
    beyond = found["v"] - (found["theta"] if p.own else point.voltage)
    recalled = _off_minus_on(beyond.reshape(heads, 2, post, -1), plan)
    w = found["w"].reshape(heads, pre, p.cells, 2, post).mean(2)
    unit = point.key / (p.cells * RATE * point.tau) / mean.BASELINE
    weights = -np.sign(point.slope) * (w[:, :, 0] - w[:, :, 1]) / 2 / unit
    return plan.read(recalled), np.moveaxis(weights, 1, 2), how["device"]


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Run the memory and the rules delta and hebb on the same programme.

    Returns:
        "readout" [run, token, head, post] of "delta", "hebb" and "circuit"; "measures"
        [run, measure] against delta: nRMSE, slope, nRMSE of the last weights.
    """
    p = checked(parameters)
    program = program_of(p)
    plan = Plan(p, program)
    found = {}
    for rule in ("delta", "hebb"):
        made = fwp.run(program, rule)
        found[rule] = made["readout"].values, made["weights"].values[-1]
    if p.spikes == "none":
        found["circuit"], device = expected(plan), "none"
    else:
        *found["circuit"], device = spiking(plan, progress)
    measures = [agreement(found["delta"], one) for one in found.values()]
    data = xr.Dataset(
        {"readout": (("run", "token", "head", "post"),
                     np.stack([one[0] for one in found.values()])),
         "measures": (("run", "measure"), np.array(measures))},
        {"run": list(found), "measure": ["nRMSE", "slope", "weights nRMSE"]},
    )  # fmt: skip
    data.attrs["settings"] = f"{p}, ran on {device}"
    return data


def agreement(reference, other) -> list[float]:
    """Return nRMSE and slope of the read-outs and nRMSE of the weights."""
    (y, w), (found, weights) = reference, other
    slope = np.polyfit(y.ravel(), found.ravel(), 1)[0]
    errors = [np.sqrt(((a - b) ** 2).mean()) / b.std() for a, b in
              ((found, y), (weights, w))]  # fmt: skip
    return [errors[0], float(slope), errors[1]]


def report(data: xr.Dataset) -> str:
    """Return the measures against the delta rule."""
    lines = [data.attrs["settings"], "against the artificial delta rule"]
    lines.append(f"{'run':10}{'nRMSE':>9}{'slope':>8}{'W nRMSE':>9}")
    for name in data.run.values:
        m = data.measures.sel(run=name).values
        lines.append(f"{name:10}{m[0]:9.3f}{m[1]:8.3f}{m[2]:9.3f}")
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw the read-outs of the circuit and of hebb against those of the delta rule."""
    from fwp_neuro.dataset_picture import against

    return against(data, "delta", ("circuit", "hebb"), "local writes against delta")


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "local_delta_memory"]))
