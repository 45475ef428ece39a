"""Limbacher et al. 2022: a spiking key-value memory, written in one shot and read by its
keys.

Limbacher, Oezdenizci & Legenstein, IEEE TNNLS 36:2551 (2025), arXiv:2205.11276 (first
posted 2022):
key and value cells with plastic synapses from keys to values (rule `limbacher_2022`:
bounded Hebbian write, decay of a column by its own key). Each association lasts 100 ms
and is seen once; later a key alone drives the value cells through the fast weights.

As a fast-weight programme: w += write (1 - w) v k - erase w k^2. The spiking memory is
compared with the package's `hebb` and `delta` on the same keys and values, and with the
rule itself on rates (constant key and value for one token, exact).

Deviations: the published network learns its embeddings by gradients and reads with
feedback from values to keys; here keys and values are random sparse patterns and reading
is one pass. Keys fire Poisson spikes, an association is followed by 40 ms of silence, so
that traces do not bind a key to the next value. Value cells are the published ones (20
ms, threshold 0.1, 3 ms refractory, reset by subtraction); while writing, fast weights
drive them at a fifth, as published. Accuracy here is not the published task's accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.model_parameters import parameter
from fwp_neuro.validation import (
    affordable,
    affordable_steps,
    positive,
    real,
    seed_number,
    time_step,
    whole,
)  # fmt: skip

MEMORIES = ("spiking", "rule on rates", "hebb", "delta")
WHILE_WRITING = 0.2  # of the fast weights, published code (layers/writing.py)
TAU_MEMBRANE, REFRACTORY = 20.0, 3.0  # ms, of value cells, published code
THRESHOLD, TEACHER = 0.1, 0.25  # the teacher makes a value cell fire near 100 Hz


@dataclass
class Parameters:
    """What a user can change."""

    items: tuple[int, ...] = parameter(
        (2, 4, 8, 16, 32), "1", "numbers of associations, one network each"
    )
    cells: int = parameter(40, "1", "key cells, and as many value cells")
    active: float = parameter(0.25, "1", "share of the cells in a pattern")
    rate: float = parameter(100.0, "Hz", "of an active key cell")
    token: float = parameter(100.0, "ms", "how long a pattern lasts")
    gap: float = parameter(40.0, "ms", "silence after a pattern")
    beta: float = parameter(
        1.0, "1", "write strength of hebb and delta (keys have length 1)"
    )
    dt: float = parameter(1.0, "ms", "time step")
    device: str = parameter("auto", "1", "of the circuit; see fwp-neuro list devices")
    seed: int = parameter(0, "1", "of patterns and spikes")


#: parameters of a run of some seconds
QUICK = {"items": (2, 8), "device": "numpy"}


_VALUE = """
drive = teacher(t, i)*TEACHER : 1
dV/dt = (drive - V)/tau_membrane : 1
"""


def patterns(p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return keys and values [item, cell] of ones and zeros, each with as many ones."""
    rng = np.random.default_rng(p.seed)
    ones, most = round(p.active * p.cells), max(p.items)
    keys, values = (
        np.array([rng.permutation(p.cells) < ones for _ in range(most)], dtype=float)
        for _ in range(2)
    )
    return keys, values


def _tables(p: Parameters):
    """Return key spikes, teacher [step, network x cell], 1 where writing [step], start of
    reads."""
    keys, values = patterns(p)
    rng = np.random.default_rng(p.seed + 1)
    slot, token = round((p.token + p.gap) / p.dt), round(p.token / p.dt)
    most, nets = max(p.items), len(p.items)
    probability, teacher = np.zeros((2, 2 * most * slot, nets, p.cells))
    for net, count in enumerate(p.items):
        for n in range(count):
            for phase in (0, most):
                probability[(phase + n) * slot : (phase + n) * slot + token, net] = keys[
                    n
                ]
            teacher[n * slot : n * slot + token, net] = values[n]
    spikes = rng.random(probability.shape) < probability * p.rate * p.dt * 1e-3
    writing = (np.arange(2 * most * slot) < most * slot) * 1.0
    flat = 2 * most * slot, nets * p.cells
    return spikes.astype(float).reshape(flat), teacher.reshape(flat), writing, slot


def build(parameters: Parameters) -> Built:
    """Return the networks of all numbers of items, side by side in one Brian2 network."""
    import brian2 as b2

    p, ms = parameters, b2.ms
    model = fwp.synapses.get("limbacher_2022")
    spikes, teacher, writing, _ = _tables(p)
    count = spikes.shape[1]
    namespace = {
        **model.parameters, "tau_membrane": TAU_MEMBRANE * ms, "TEACHER": TEACHER,
        "theta": THRESHOLD,
        "key": b2.TimedArray(spikes, dt=p.dt * ms),
        "teacher": b2.TimedArray(teacher, dt=p.dt * ms),
        "writing": b2.TimedArray(writing, dt=p.dt * ms), "weak": WHILE_WRITING,
        "unit": 1 - np.exp(-1 / TAU_MEMBRANE),
    }  # fmt: skip
    keys = b2.NeuronGroup(count, "", threshold="key(t, i) > 0.5", reset="",
                          namespace=namespace, name="keys")  # fmt: skip
    values = b2.NeuronGroup(
        count, _VALUE, threshold="V > theta", reset="V -= "
                                                    "theta", refractory=REFRACTORY * ms,
        method="euler", namespace=namespace, name="values",
    )  # fmt: skip
    values.V = np.random.default_rng(p.seed + 2).uniform(0, THRESHOLD, count)
    text = model.equations
    fast = b2.Synapses(
        keys, values, text.synapse.replace("gate*", "gate*writing(t)*"),
        on_pre=text.on_pre + "\nV_post += unit*w*(weak*writing(t) + 1 - writing(t))",
        on_post=text.on_post, method=text.method, namespace=namespace, name="fast",
    )  # fmt: skip
    j, i = np.meshgrid(np.arange(count), np.arange(count))
    same = j // p.cells == i // p.cells
    fast.connect(i=j[same], j=i[same])
    monitor = b2.SpikeMonitor(values, name="value_spikes")

    def collect():
        return {"time": np.array(monitor.t_) * 1e3, "cell": np.array(monitor.i),
                "w": np.array(fast.w_[:]).reshape(len(p.items), p.cells,
                                                  p.cells)}  # fmt: skip

    objects = (keys, values, fast, monitor)
    return Built(
        b2.Network(*objects), collect, len(spikes) * p.dt * ms, (*objects, namespace)
    )


def rule_on_rates(p: Parameters) -> fwp.Rule:
    """Return the rule for one token of constant rates, exact, as a text over local names.

    v and k are 0 or 1; an active key approaches its target at the rate of both its terms.
    """
    plus, minus, w_max, step = fwp.synapses.get("limbacher_2022").numbers(
        "gamma_plus", "gamma_minus", "w_max", "step"
    )
    fired = p.rate * step  # k = v of an active cell, spikes a step
    per_token = fired**2 * p.token * 1e-3 / step
    target = plus * w_max / (plus + minus)
    both, alone = (float(-np.expm1(-rate * per_token)) for rate in (plus + minus, minus))
    text = f"w += k*({both}*v*({target} - w) - {alone}*(1 - v)*w)"
    return fwp.Rule(
        "limbacher_on_rates", text, summary="bounded Hebbian write, column decay"
    )


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Write, then read every key; return read-outs, accuracy and comparisons.

    Dims: items (networks), memory (spiking, rule on rates, hebb, delta), item, cell.
    Read-outs are spikes per second for the spiking memory. ``accuracy``: share of keys
    whose read-out correlates best with its own value; ``nrmse`` and ``slope``: of the
    spiking read-out, fitted by one scale to each memory's, against it.
    """
    import brian2 as b2

    p = parameters
    _checked(p)
    keys, values = patterns(p)
    most, nets = max(p.items), len(p.items)
    slot = _tables(p)[3]
    size = Size(2 * most * slot, 10, nets * p.cells**2)
    found, info = simulate(
        lambda: build(p), size, device=p.device, dt=p.dt * b2.ms, seed=p.seed,
        progress=progress, label=f"{nets} networks",
    )  # fmt: skip
    # negative: still writing
    token = ((found["time"] / p.dt + 1e-6).astype(int)) // slot - most
    counts = np.zeros((nets, most, p.cells))
    reading = token >= 0
    np.add.at(counts, (found["cell"][reading] // p.cells, token[reading],
                       found["cell"][reading] % p.cells), 1)  # fmt: skip
    readout = np.full((nets, len(MEMORIES), most, p.cells), np.nan)
    measures = np.full((3, nets, len(MEMORIES)), np.nan)
    for net, n in enumerate(p.items):
        readout[net, 0, :n] = counts[net, :n] / p.token * 1e3
        for place, rule in enumerate((rule_on_rates(p), "hebb", "delta"), 1):
            readout[net, place, :n] = _artificial(rule, keys[:n], values[:n], p)
        for place in range(len(MEMORIES)):
            mine = readout[net, place, :n]
            measures[0, net, place] = _accuracy(mine, values[:n])
            measures[1:, net, place] = _agreement(mine, readout[net, 0, :n])
    return xr.Dataset(
        {"readout": (("items", "memory", "item", "cell"), readout, {"units": "1"}),
         "weights": (("items", "post", "pre"), found["w"], {"units": "1"}),
         "key": (("item", "cell"), keys, {"units": "1"}),
         "value": (("item", "cell"), values, {"units": "1"}),
         **{name: (("items", "memory"), measures[n], {"units": "1"})
            for n, name in enumerate(("accuracy", "nrmse", "slope"))}},
        {"items": list(p.items), "memory": list(MEMORIES)},
        {"settings": f"{p.cells} key and {p.cells} value cells, {p.active:g} of them "
         f"active, {p.token:g} ms an association, seed {p.seed}",
         "device": f"{info['device']} ({info['device_reason']})"},
    )  # fmt: skip


def _artificial(rule, keys: np.ndarray, values: np.ndarray, p: Parameters) -> np.ndarray:
    """Return the read-outs [item, cell] of a rule that wrote all items, then reads
    each."""
    gates = {}
    if isinstance(rule, str):  # hebb and delta: keys of length 1
        keys = keys / np.sqrt(keys.sum(1, keepdims=True))
        gates["beta"] = np.repeat([p.beta, 0.0], len(keys))
    write, read = np.concatenate([keys, 0 * keys]), np.concatenate([keys, keys])
    program = fwp.Program(write, np.concatenate([values, 0 * values]), read, **gates)
    return fwp.run(program, rule)["readout"].values[len(keys) :]


def _accuracy(readout: np.ndarray, values: np.ndarray) -> float:
    """Return the share of items whose read-out correlates best with their own value."""
    right = 0.0
    for n, y in enumerate(readout):
        if y.std() > 0:
            match = (values - values.mean(1, keepdims=True)) @ (y - y.mean())
            best = np.flatnonzero(match > match.max() - 1e-9)
            right += (n in best) / len(best)
    return right / len(readout)


def _agreement(reference: np.ndarray, spiking: np.ndarray) -> tuple[float, float]:
    """Return nRMSE of the spiking read-out scaled to the reference, and its slope without
    scale."""
    x, y = reference.ravel(), spiking.ravel()
    if not (x.std() > 0 and y.any()):
        return np.nan, np.nan
    scale = (x @ y) / (y @ y)
    slope = np.cov(x, scale * y)[0, 1] / x.var(ddof=1)
    return float(np.sqrt(np.mean((scale * y - x) ** 2)) / x.std()), float(slope)


def _checked(p: Parameters) -> None:
    if not p.items:
        raise fwp.FwpError("items is empty; give one or more numbers such as 2,4,8")
    for n in p.items:
        whole(n, "items")
    whole(p.cells, "cells", 4)
    real(p.active, "active", 1 / p.cells, 1 - 1 / p.cells)
    seed_number(p.seed)
    for name in ("rate", "token", "gap", "beta"):
        positive(getattr(p, name), name)
    real(p.beta, "beta", 0, 2)  # beyond, the delta rule overshoots ever further
    time_step(p.dt, 2.0, "a tenth of the membrane's 20 ms")
    steps = affordable_steps(
        2 * max(p.items) * (p.token + p.gap) / p.dt, f"items={p.items}"
    )
    affordable(
        steps * len(p.items) * p.cells, f"spikes of {p.cells} cells, {steps} steps", 32
    )
    for name in ("token", "gap"):
        if getattr(p, name) < p.dt:
            raise fwp.FwpError(f"{name} is {getattr(p, name):g} ms; it must be at least "
                               f"the step of {p.dt:g} ms")  # fmt: skip
    if p.rate * p.dt >= 1000:
        raise fwp.FwpError(f"rate is {p.rate:g} Hz; with dt {p.dt:g} ms it must be below "
                           f"{1000 / p.dt:g}")  # fmt: skip


def report(data: xr.Dataset) -> str:
    """Return accuracy by number of items, and the spiking read-out against each
    memory."""
    lines = [
        data.attrs["settings"],
        "accuracy: share of keys that give back their own value rather than another "
        "stored one",
        f"{'items':8}" + "".join(f"{name:>15}" for name in data.memory.values)
        + f"{'chance':>10}",
    ]  # fmt: skip
    for n, row in zip(data["items"].values, data.accuracy.values, strict=True):
        lines.append(f"{n:<8}" + "".join(f"{a:15.3f}" for a in row) + f"{1 / n:10.3f}")
    lines.append("spiking read-out, scaled, against each: nRMSE (slope)")
    for n, errors, slopes in zip(
        data["items"].values, data.nrmse.values, data.slope.values, strict=True
    ):
        cells = [
            f"{e:.3f} ({s:.2f})" for e, s in zip(errors[1:], slopes[1:], strict=True)
        ]
        lines.append(f"{n:<8}{'':15}" + "".join(f"{cell:>15}" for cell in cells))
    lines.append(f"code generation: {data.attrs['device']}")
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw the accuracy of each memory against the number of associations."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLOURS, COLUMN, rule_look

    figure = Figure(figsize=(COLUMN, COLUMN * 0.75))
    ax = figure.subplots()
    circuits = {"color": COLOURS["spiking"], "marker": "d"}, {
        "color": COLOURS["rate"], "marker": "h"}  # fmt: skip
    for place, name in enumerate(data.memory.values):
        look = circuits[place] if place < 2 else rule_look(str(name))
        ax.plot(data["items"], data.accuracy.sel(memory=name),
                ("-", "--", ":", "-.")[place], label=str(name), **look)  # fmt: skip
    ax.plot(data["items"], 1 / data["items"], color="black", lw=0.7, label="chance")
    ax.set_xscale("log", base=2)
    ax.set_xticks(data["items"].values, [str(n) for n in data["items"].values])
    ax.set(ylim=(0, 1.05), xlabel="associations (1)", ylabel="share recalled (1)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "limbacher_2022_key_value_memory"]))
