"""A delta-rule memory by dendritic prediction: the linear limit of Urbanczik & Senn 2014.

Paper: Urbanczik & Senn 2014, Neuron 81:521, doi:10.1016/j.neuron.2013.11.030 (the neuron
and its rule, `fwp_neuro.synapses.urbanczik_senn_2014.synapse`). This is the package's own
experiment, no published figure, and the reading of the rule as a fast delta memory is its
own.

The dendrite hears a key, its potential V* = gamma W k is the recall, conductances nudge
the soma toward the value v, and the synapse learns what the soma does beyond V*. With phi
linear around its operating point and h = 1, a presentation writes beta (v - W k) k^T:
exactly the delta rule. A key without a teacher changes nothing, as then U = V*: reading
does not write.

A token: the key alone until the dendrite has settled, key and teacher, silence until the
change is expressed, then the query alone, whose recall is the read-out. Weights start at
a baseline that fixed feed-forward inhibition cancels, so that they stand for signed
numbers.

"expected" has the mean rates instead of spikes (NumPy); "spiking" has Poisson key cells,
somata that draw their spikes, and the equations of the model in Brian2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.model_parameters import parameter
from fwp_neuro.synapses.urbanczik_senn_2014.events import Cells
from fwp_neuro.tasks.key_vectors import random_keys
from fwp_neuro.validation import affordable, positive, real, seed_number, time_step, whole

RUNS = ("expected", "spiking")
#: one in a value is so many volts; a soma at rest fires at `REST_RATE` and, there, at
#: `SLOPE` more per value; a key cell that stands for one fires at `KEY_RATE`; teaching
#: conductance (siemens)
UNIT, REST_RATE, SLOPE, KEY_RATE, TEACHER = 10e-3, 75.0, 50.0, 100.0, 3000e-9
#: weights live in [0, 2 * this], in units of the fast weight
BASELINE = 2.0
#: nominal; with the default times a second presentation still shrinks the error at 10,
#: not at 30
MOST_BETA = 10.0
# seconds; the read-out is the mean of the last LOOK
SETTLE, QUERY, LOOK = 80e-3, 200e-3, 120e-3


@dataclass
class Parameters:
    """What a user can change."""

    seed: int = parameter(0, "1", "of keys, values and spikes")
    dim: int = parameter(6, "1", "size of a key")
    post: int = parameter(5, "1", "size of a value")
    pairs: int = parameter(4, "1", "stored, the first of which is re-bound")
    beta: float = parameter(
        1.5, "1",
        "write strength for keys of length 1, were nothing expressed during the "
        "presentation (else about 1 - exp(-beta))"
    )  # fmt: skip
    teach: float = parameter(500.0, "ms", "presentation with teacher")
    tau_delta: float = parameter(100.0, "ms", "low-pass of the write")
    spiking: bool = parameter(True, "1", "whether to run the spiking circuit")
    key_cells: int = parameter(20, "1", "cells for each number of a key")
    somata: int = parameter(80, "1", "cells for each number of a value")
    dt: float = parameter(0.5, "ms", "time step")
    device: str = parameter("auto", "1", "of the circuit; see fwp-neuro list devices")


#: parameters of a run of some seconds
QUICK = {"pairs": 2, "key_cells": 5, "somata": 20, "device": "numpy"}


def build(parameters: Parameters):
    """Return the programme: overlapping keys of length 1, the first one written twice,
    then reads.

    Raises:
        FwpError: numbers that make no memory.
    """
    seed_number(parameters.seed)
    for name in ("beta", "teach", "tau_delta"):
        positive(getattr(parameters, name), name)
    real(parameters.beta, "beta", 0, MOST_BETA)
    time_step(
        parameters.dt,
        min(1.0, parameters.tau_delta / 10),
        "for 3 ms currents and tau_delta",
    )
    if parameters.teach < 10:
        raise fwp.FwpError(f"teach is {parameters.teach:g} ms; it must be at least 10")
    for name in ("dim", "post", "key_cells", "somata"):
        whole(getattr(parameters, name), name)
    pairs = whole(parameters.pairs, "pairs", 2)
    affordable(pairs * (parameters.dim + parameters.post), f"{pairs} keys and values", 32)
    rng = np.random.default_rng(parameters.seed)
    keys = random_keys(pairs, parameters.dim, rng)
    values = rng.uniform(-1, 1, (pairs + 1, parameters.post))
    written = [*range(pairs), 0]
    reads = range(pairs)
    write = np.r_[np.ones(pairs + 1), np.zeros(pairs)]
    return fwp.Program(
        key=keys[[*written, *reads]],
        value=np.concatenate([values, np.zeros((pairs, parameters.post))]),
        beta=parameters.beta * write,
        labels=[f"write {n}" for n in range(pairs)]
        + ["re-bind 0"]
        + [f"read {n}" for n in reads],
    )


def neuron(parameters: Parameters):
    """Return the model with a write strength that, for one short presentation, is
    beta."""
    from brian2 import amp, ms

    model = fwp.synapses.get("urbanczik_senn_2014").changed(
        tau_Delta=parameters.tau_delta * ms
    )
    p = {name: float(value) for name, value in model.parameters.items()}
    gamma = p["g_D"] / (p["g_L"] + p["g_D"])
    # the weight per key cell at which a key of 1 predicts a value of 1
    one = UNIT * p["g_Ld"] / (gamma * p["tau_s"] * KEY_RATE * parameters.key_cells)
    share = TEACHER / (p["g_L"] + p["g_D"] + TEACHER)
    psp = KEY_RATE * p["tau_s"] / p["g_Ld"]
    eta = parameters.beta * one / (SLOPE * share / UNIT * psp * parameters.teach * 1e-3)
    return model.changed(
        w_start=BASELINE * one * amp, w_max=2 * BASELINE * one * amp, eta=eta * amp**2
    )


class LinearCells(Cells):
    """The cells with a linear rate, h = 1 (per `UNIT`) and inhibition of the baseline."""

    copies = 1
    """How many key cells each input stands for."""

    def fed(self, pre):
        """Return the currents of all key cells of a step, less those of the fixed
        inhibition."""
        return self.copies * (super().fed(pre) - self.p["w_start"] * np.sum(pre))

    def phi(self, u):
        """Return a rate that is linear in the potential, Hz."""
        return REST_RATE + SLOPE * (u - self.p["E_L"]) / UNIT

    def h(self, u):
        """Return 1 in units of `UNIT`."""
        return np.full_like(u, 1 / UNIT)


def protocol(program, parameters: Parameters, tau_delta: float):
    """Return key rates [step, pre] (1 = key of 1), values, teacher on [step], and each
    read-out."""
    dt = parameters.dt * 1e-3
    lengths = [
        round(t / dt)
        for t in (SETTLE, parameters.teach * 1e-3, 7 * tau_delta, QUERY, 0.15)
    ]
    keys, values, taught, looks, at = [], [], [], [], 0
    for token in range(program.tokens):
        parts = (
            program["key"][token],
            program["key"][token],
            0,
            program["query"][token],
            0,
        )
        for number, (length, part) in enumerate(zip(lengths, parts, strict=True)):
            keys.append(np.broadcast_to(part, (length, program.pre)))
            on = number == 1 and program["beta"][token] > 0
            values.append(
                np.broadcast_to(program["value"][token], (length, program.post))
            )
            taught.append(np.full(length, float(on)))
            at += length
            if number == 3:
                looks.append(slice(at - round(LOOK / dt), at))
    return np.concatenate(keys), np.concatenate(values), np.concatenate(taught), looks


def nudging(values, taught, p) -> np.ndarray:
    """Return the conductances [kind, step, post] that pull the soma toward the values."""
    target = p["E_L"] + UNIT * values
    excitation = TEACHER * (target - p["E_I"]) / (p["E_E"] - p["E_I"])
    return np.stack([excitation, TEACHER - excitation]) * taught[:, None]


def expected(program, model, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return read-outs [token, post] and weights [token, post, pre] with rates for
    spikes."""
    p = {name: float(value) for name, value in model.parameters.items()}
    keys, values, taught, looks = protocol(program, parameters, p["tau_Delta"])
    conductances = nudging(values, taught, p)
    dt, ends = parameters.dt * 1e-3, {look.stop for look in looks}
    cells = LinearCells(model, (program.post, program.pre), dt)
    cells.copies = parameters.key_cells
    U, w = np.zeros((len(keys), program.post)), []
    for step, key in enumerate(keys):
        cells.step(KEY_RATE * dt * key, lambda rate: rate * dt, *conductances[:, step])
        U[step] = cells.U
        if step + 1 in ends:
            w.append(BASELINE * (cells.w / p["w_start"] - 1))
    return np.stack([(U[look].mean(0) - p["E_L"]) / UNIT for look in looks]), np.stack(w)


def spiking(program, model, parameters: Parameters) -> tuple[np.ndarray, np.ndarray, str]:
    """Return read-outs, weights and the device: Poisson keys and somata, averaged over
    copies."""
    import brian2 as b2

    p = {name: float(value) for name, value in model.parameters.items()}
    keys, values, taught, looks = protocol(program, parameters, p["tau_Delta"])
    copies, somata = parameters.key_cells, parameters.somata
    dt, every = parameters.dt * b2.ms, 5  # steps between samples of the soma
    text = model.equations
    linear = {
        "phi_star": "rest_rate + slope*(V_star - E_L)",
        "h_star": "1/unit",
        "g_E": "nudge_E(t, i)",
        "g_I": "nudge_I(t, i)",
    }
    post = "\n".join(_replaced(line, linear) for line in text.post.strip().splitlines())
    E, I = nudging(values, taught, p)  # noqa: E741  as the conductances

    def build() -> Built:
        namespace = {
            **model.parameters,
            "rest_rate": REST_RATE * b2.Hz, "slope": SLOPE * b2.Hz / (UNIT * b2.volt),
            "unit": UNIT * b2.volt,
            "rate": b2.TimedArray(np.repeat(keys * KEY_RATE, copies, 1) * b2.Hz, dt=dt),
            "nudge_E": b2.TimedArray(np.repeat(E, somata, 1) * b2.siemens, dt=dt),
            "nudge_I": b2.TimedArray(np.repeat(I, somata, 1) * b2.siemens, dt=dt),
        }  # fmt: skip
        before = b2.NeuronGroup(
            program.pre * copies, text.pre, threshold="rand() < rate(t, i)*dt",
            reset=text.pre_spike, namespace=namespace, method="exponential_euler",
            name="keys",
        )  # fmt: skip
        after = b2.NeuronGroup(
            program.post * somata, post, namespace=namespace, method="exponential_euler",
            threshold="rand() < (rest_rate + slope*(U - E_L))*dt", name="somata",
        )  # fmt: skip
        synapses = b2.Synapses(
            before, after, text.synapse, on_pre=text.on_pre + " - w_start",
            on_post=text.on_post, namespace=namespace, method=text.method, name="plastic",
        )  # fmt: skip
        pre, cells = (np.ravel(one) for one in np.indices((len(before), len(after))))
        synapses.connect(i=pre, j=cells)
        for group, names in ((synapses, ["w"]), (after, ["V", "U"])):
            for name in names:
                setattr(group, name, model.initial[name])
        soma = b2.StateMonitor(after, "U", record=True, dt=every * dt)
        # just before the end of a query: the weights that the token leaves behind
        length = len(keys) // program.tokens
        weights = b2.StateMonitor(
            synapses, "w", record=np.arange(pre.size), dt=length * dt
        )

        def collect():
            return {
                "U": np.array(soma.U_),
                "w": np.array(weights.w_),
                "last": np.array(synapses.w_),
            }

        network = b2.Network(before, after, synapses, soma, weights)
        return Built(network, collect, len(keys) * dt, (namespace,))

    count = program.pre * copies * program.post * somata
    found, how = simulate(
        build, Size(len(keys), 12, 3 * count), device=parameters.device, dt=dt,
        seed=parameters.seed,
    )  # fmt: skip
    U = (found["U"].reshape(program.post, somata, -1).mean(1) - p["E_L"]) / UNIT
    readout = [U[:, look.start // every : look.stop // every].mean(1) for look in looks]
    w = np.concatenate([found["w"][:, 1:], found["last"][:, None]], 1)  # [synapse, token]
    w = w.reshape(program.pre, copies, program.post, somata, -1).mean((1, 3))
    w = BASELINE * (np.moveaxis(w, (0, 1, 2), (2, 1, 0)) / p["w_start"] - 1)
    return np.stack(readout), w, how["device"]


def _replaced(line: str, by: dict[str, str]) -> str:
    """Return an equation with another right-hand side, if its left-hand side is among
    ``by``."""
    left, _, unit = line.rpartition(" : ")
    name = left.partition(" = ")[0]
    return f"{name} = {by[name]} : {unit}" if name in by else line


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Run the memory and the package's rules on the same programme.

    Dims: run, token, post, pre; measures are against the artificial delta rule.
    """
    program, model = build(parameters), neuron(parameters)
    strength = written(parameters)
    given = program.replace(beta=program["beta"] / parameters.beta * strength)
    runs = {rule: fwp.run(given, rule) for rule in ("delta", "hebb")}
    found = {name: (r["readout"].values, r["weights"].values) for name, r in runs.items()}
    device = "none"
    for number, name in enumerate(RUNS):
        if progress is not None:
            progress(number / len(RUNS), name)
        if name == "expected":
            found[name] = expected(program, model, parameters)
        elif parameters.spiking:
            *found[name], device = spiking(program, model, parameters)
    return _gather(given, found, parameters, device)


def _gather(program, found, parameters: Parameters, device: str) -> xr.Dataset:
    from fwp_neuro.recording import make_recording

    delta = fwp.rule("delta")
    recordings = {
        name: make_recording(program, delta, name, readout[:, None], weights[:, None])
        for name, (readout, weights) in found.items()
    }
    measures = []
    for name in found:
        comparison = fwp.compare(recordings["delta"], recordings[name])
        one = [
            (comparison[what].nrmse, comparison[what].slope)
            for what in ("readout", "weights")
        ]
        measures.append([*one[0], *one[1]])
    data = program.dataset().assign_coords(
        run=list(found), measure=["nRMSE", "slope", "weights nRMSE", "weights slope"]
    )
    for name, dims in (
        ("readout", ("token", "post")),
        ("weights", ("token", "post", "pre")),
    ):
        stacked = np.stack([recordings[run][name].values for run in found])
        data[name] = (("run", *dims), stacked, {"units": "1"})
    data["measures"] = (("run", "measure"), np.array(measures), {"units": "1"})
    data.attrs["settings"] = (
        f"seed {parameters.seed}, beta {parameters.beta:g} (nominal) = "
        f"{float(program['beta'].max()):.4f} (measured for one key), "
        f"{parameters.key_cells} key cells and {parameters.somata} somata a number, dt "
        f"{parameters.dt:g} ms, device {device}"
    )
    return data


def written(parameters: Parameters, squared: float = 1.0) -> float:
    """Return beta as one presentation of one key to an empty memory shows it: dw = beta v
    k.

    Args:
        parameters: of the memory.
        squared: squared length of the key.
    """
    return contraction(parameters, squared)[0]


def contraction(parameters: Parameters, squared: float) -> tuple[float, float]:
    """Return beta of a first presentation, and by what a second one multiplies the error.

    Args:
        parameters: of the memory.
        squared: squared length of the key, which is written twice with the same value.
    """
    program = fwp.Program(
        key=np.full((2, 1), np.sqrt(squared)), value=np.ones((2, 1)), beta=np.ones(2)
    )
    _, w = expected(program, neuron(parameters), parameters)
    first, second = w[:, 0, 0]
    length = np.sqrt(squared)
    return float(first / length), float((1 - second * length) / (1 - first * length))


def report(data: xr.Dataset) -> str:
    """Return the comparison with the delta rule, and what the re-bound key gives back."""
    lines = [data.attrs["settings"], "against the artificial delta rule"]
    lines.append(f"{'run':10}{'nRMSE':>9}{'slope':>8}{'W nRMSE':>9}{'W slope':>9}")
    for name in data.run.values:
        m = data.measures.sel(run=name).values
        lines.append(f"{name:10}{m[0]:9.2g}{m[1]:8.3f}{m[2]:9.2g}{m[3]:9.3f}")
    lines.append("re-bound key: share of the new and of the old value in the read-out")
    for name in data.run.values:
        new, old = shares(data, name)
        lines.append(f"{name:10} new {new:+.2f}   old {old:+.2f}")
    return "\n".join(lines)


def shares(data: xr.Dataset, name: str) -> np.ndarray:
    """Return the least-squares shares of new and old value in the last read-out of the
    key."""
    again = int(np.flatnonzero(data.beta.values > 0)[-1])
    both = np.stack([data["value"].values[token] for token in (again, 0)], 1)
    read = data.readout.sel(run=name).values[again + 1]
    return np.linalg.lstsq(both, read, rcond=None)[0]


def plot(data: xr.Dataset):
    """Draw the read-outs of the neuron, of its expectation and of hebb against delta."""
    from fwp_neuro.dataset_picture import against

    runs = [name for name in data.run.values if name != "delta"]
    return against(data, "delta", runs, "dendritic prediction against delta")


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "urbanczik_senn_2014_delta_memory"]))
