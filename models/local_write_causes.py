"""Why some local writes miss the delta rule: each cause present, and each taken away.

Three published mechanisms at mean rates (NumPy), each as a delta memory, with one cause
of error at a time. Errors are nRMSE and slope against the artificial delta rule.

* "prediction": dendritic prediction (Urbanczik & Senn 2014,
  doi:10.1016/j.neuron.2013.11.030), cells of `urbanczik_senn_2014_delta_memory`. Causes:
  the threshold of each dendrite's prediction differs; rate and its relative slope h are
  the published ones, on a range of values that is narrow or wide; few somata spike.
* "bursts": Payeur et al. 2021 (doi:10.1038/s41593-021-00857-x), a value is a burst
  probability. Causes: the running mean of that probability follows the values themselves,
  and starts elsewhere; a probability cannot leave 0 to 1; bursts are few.
* "calcium": Graupner & Brunel 2012 (doi:10.1073/pnas.1109359109) with volleys of spikes.
  Causes: a spike of one side alone changes the weight; a change depends on the weight
  itself; a probability cannot leave 0 to 1; volleys are drawn.

Bursts and calcium learn from what the value cells are told to do less what they recall:
that a population shares this recall is an idealisation, which is granted here. Left out:
that a spike within 16 ms of the last is no event of bursts, which the spiking circuit has
and which is a further cause there (docs/local_writes.md). Inference of this package: the
causes, and the numbers. Modelling choices: sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.characterise.memory_agreement import program as small_program
from fwp_neuro.errors import pick
from fwp_neuro.model_parameters import parameter
from fwp_neuro.model_scripts import load_model
from fwp_neuro.synapses.graupner_brunel.events import simulate
from fwp_neuro.validation import seed_number, whole

PREDICTION = load_model("urbanczik_senn_2014_delta_memory")
#: spread of thresholds, as a share of the range of values
SPREAD = 0.1
#: of the events of value cells, Hz, and of a token's window, seconds
EVENTS, WINDOW = 10.0, 4.0
#: volleys of a window, and by how much value cells come later, seconds
VOLLEYS, LAG = 20, 5e-3


#: a small version, for a first look
QUICK = {"mechanism": "calcium", "tokens": 4, "dim": 4, "cells": 20}


@dataclass
class Parameters:
    """What a user can change."""

    mechanism: str = parameter(
        "bursts", "1", "whose causes: bursts, calcium or prediction (minutes)"
    )
    tokens: int = parameter(8, "1", "of the programme")
    dim: int = parameter(8, "1", "of the programme")
    cells: int = parameter(100, "1", "of a number, where spikes are drawn")
    seed: int = parameter(0, "1", "of the programme and of all draws")


# --------------------------------------------------------------- dendritic prediction


@dataclass(frozen=True)
class Prediction:
    """A dendritic prediction, and what is wrong with it.

    Attributes:
        off: whether the dendrites' predictions are off, by `SPREAD` of the range.
        gated: whether weights change only while the teacher is there.
        found: whether each cell has matched its prediction to its soma beforehand.
        own: whether the read-out is the dendrite's prediction, and not the soma.
        width: of the published rate, values (0.3: 3 mV for 10 mV); 0 for a linear rate.
        slope: whether the write has the published factor h (with a width), and not 1.
        somata: of a value, whose spikes are drawn; 0 for rates.
    """

    off: bool = False
    gated: bool = False
    found: bool = False
    own: bool = False
    width: float = 0.0
    slope: bool = False
    somata: int = 0


class Somata(PREDICTION.LinearCells):
    """Cells of which the prediction is off by so many volts [post]."""

    off = 0.0
    gate = 1.0
    kind = Prediction()

    @property
    def V_star(self):
        """The prediction, with what it is off."""
        return super().V_star + self.off

    def _share(self, u):
        """Return the share of the largest rate, half of it at rest."""
        width = self.kind.width * PREDICTION.UNIT
        return 1 / (1 + np.exp(-(u - self.p["E_L"]) / width))

    def phi(self, u):
        """Return the rate, Hz."""
        if not self.kind.width:
            return super().phi(u)
        return 2 * PREDICTION.REST_RATE * self._share(u)

    def h(self, u):
        """Return the gate times 1 in units of `UNIT`, or times the published factor,
        which is 1 at rest."""
        shape = 2 * (1 - self._share(u)) if self.kind.slope else 1.0
        return self.gate * shape * super().h(u)


def predicted(program, kind: Prediction, beta: float, seed: int) -> np.ndarray:
    """Return read-outs [token, post] of a programme without heads.

    Args:
        beta: nominal write strength, see `nominal`.
    """
    rng = np.random.default_rng([seed, 3])
    settings = PREDICTION.Parameters(beta=beta)
    model, dt = PREDICTION.neuron(settings), settings.dt * 1e-3
    values = {name: float(value) for name, value in model.parameters.items()}
    part = program.replace(beta=np.full(program.tokens, beta))
    keys, told, taught, looks = PREDICTION.protocol(part, settings, values["tau_Delta"])
    pulls = PREDICTION.nudging(told, taught, values)
    cells = Somata(model, (part.post, part.pre), dt)
    cells.copies, cells.kind = settings.key_cells, kind
    if kind.off:
        cells.off = SPREAD * 2 * PREDICTION.UNIT * rng.standard_normal(part.post)
    if kind.found:
        _match(cells, program["key"], dt, rng)

    def fired(rate):
        if not kind.somata:
            return rate * dt
        return rng.poisson(np.maximum(rate, 0) * dt * kind.somata) / kind.somata

    seen = np.zeros((len(keys), part.post))
    for step, key in enumerate(keys):
        cells.gate = taught[step] if kind.gated else 1.0
        cells.step(PREDICTION.KEY_RATE * dt * key, fired, *pulls[:, step])
        seen[step] = cells.V_star if kind.own else cells.U
    mean = np.stack([seen[look].mean(0) for look in looks])
    return (mean - values["E_L"]) / PREDICTION.UNIT


def _match(cells: Somata, keys, dt: float, rng) -> None:
    """Let each cell match its prediction to its soma, with the write shut, in 6 s."""
    cells.gate = 0.0
    for step in range(round(6 / dt)):
        if step % round(0.2 / dt) == 0:
            key = PREDICTION.KEY_RATE * dt * keys[rng.integers(len(keys))]
        cells.step(key, lambda rate: rate * dt)
        cells.off = cells.off + dt * (cells.U - cells.V_star)


@cache
def nominal(kind: Prediction, beta: float) -> float:
    """Return the strength to ask for, so that one presentation of 0.5 writes beta of
    it."""
    bare = Prediction(width=kind.width, slope=kind.slope)
    one = fwp.Program(np.ones((1, 1)), np.full((1, 1), 0.5), beta=np.ones(1))
    low, high = 1e-3, 10.0
    for _ in range(11):
        middle = (low + high) / 2
        less = predicted(one, bare, middle, 0)[0, 0] < beta * 0.5
        low, high = (middle, high) if less else (low, middle)
    return (low + high) / 2


OFF = Prediction(off=True)
#: what -> a `Prediction`
PREDICTIONS = {
    "none of the causes": Prediction(),
    "thresholds differ": OFF,
    "thresholds differ, gated": replace(OFF, gated=True),
    "thresholds differ, gated, own read": replace(OFF, gated=True, own=True),
    "thresholds differ, found": replace(OFF, found=True),
    "published rate, width 0.3": Prediction(width=0.3),
    "published rate, width 1": Prediction(width=1.0),
    "published rate, width 3": Prediction(width=3.0),
    "published rate and h, width 0.3": Prediction(width=0.3, slope=True),
    "published rate and h, width 1": Prediction(width=1.0, slope=True),
    "published rate and h, width 3": Prediction(width=3.0, slope=True),
    "1 soma a value": Prediction(somata=1),
    "10 somata a value": Prediction(somata=10),
    "100 somata a value": Prediction(somata=100),
}


# ------------------------------------------------------- bursts, and calcium by volleys


@dataclass(frozen=True)
class Told:
    """A memory whose value cells are told v - (what is recalled), and what is wrong.

    Attributes:
        bounds: whether a probability stays in 0 to 1.
        drawn: whether spikes are drawn.
        wrong: other causes, by the mechanism.
    """

    bounds: bool = False
    drawn: bool = False
    wrong: frozenset = field(default_factory=frozenset)


class _Memory:
    """ON and OFF weights [channel, post, pre] that `write` changes."""

    def __init__(self, kind: Told, post: int, pre: int, cells: int, rng):
        self.kind, self.rng, self.cells = kind, rng, cells
        self.W = np.full((2, post, pre), self.start)

    def fired(self, chance):
        """Return the share of the cells that does what has a chance."""
        if not self.kind.drawn:
            return chance
        return self.rng.binomial(self.cells, np.clip(chance, 0, 1)) / self.cells

    def run(self, program, gain: float):
        """Return read-outs [token, post] where what is written is recalled times
        ``gain``."""
        keys, values, queries = (program[n] for n in ("key", "value", "query"))
        beta = program["beta"] * (keys**2).sum(-1)
        strength = self.STEPS * -np.expm1(np.log1p(-beta) / self.STEPS)
        strength = strength / (keys**2).sum(-1)
        scale = max(1.0, np.abs(strength[:, None] * values).max())
        found = []
        for token, key in enumerate(keys):
            for _ in range(self.STEPS):
                error = values[token] - scale * gain * (self.W[0] - self.W[1]) @ key
                half = strength[token] * error / (2 * scale)
                chance = 0.5 + np.stack([half, -half])
                if self.kind.bounds:
                    chance = np.clip(chance, 0, 1)
                self.write(key, chance)
            found.append(scale * gain * (self.W[0] - self.W[1]) @ queries[token])
        return np.array(found)


class Bursts(_Memory):
    """Payeur et al. 2021; causes "mean follows", "mean starts low"."""

    start, STEPS = 1.0, 400

    def __init__(self, *given):
        super().__init__(*given)
        p = {n: float(v) for n, v in fwp.synapses.get("payeur_2021").parameters.items()}
        low = "mean starts low" in self.kind.wrong
        self.tau = p["tau_avg"]
        self.E = np.full(self.W.shape[:2], p["E_start"])
        self.B = self.E * (p["B_start"] / p["E_start"] if low else 0.5)

    def write(self, key, chance):
        """Write for one step what bursts are beyond their mean."""
        dt = WINDOW / self.STEPS
        events = self.fired(np.full(chance.shape, EVENTS * dt))
        bursts = events * chance if not self.kind.drawn else self.fired(
            EVENTS * dt * chance)  # fmt: skip
        surplus = bursts - self.B / self.E * events
        pre = self.fired(key * EVENTS * dt) / (EVENTS * dt)
        self.W = self.W + surplus[..., None] * pre
        if "mean follows" in self.kind.wrong:
            self.E = self.E + (events - dt * self.E) / self.tau
            self.B = self.B + (bursts - dt * self.B) / self.tau


class Calcium(_Memory):
    """Graupner & Brunel 2012; causes "one side alone", "weight counts"."""

    start, STEPS = 0.3, VOLLEYS

    def write(self, key, chance):
        """Write the mean change of one volley."""
        pre = self.fired(key)[None, None]
        post = self.fired(chance)[..., None]
        both, lone = pre * post, {"pre": pre * (1 - post), "post": (1 - pre) * post}
        change = both * self._change("both")
        if "one side alone" in self.kind.wrong:
            change = change + sum(share * self._change(n) for n, share in lone.items())
        self.W = self.W + change

    def _change(self, who: str):
        keep, add = _map(who)
        counts = "weight counts" in self.kind.wrong
        return (keep - 1) * (self.W if counts else self.start) + add


@cache
def _map(who: str) -> tuple[float, float]:
    """Return (keep, add) of rho <- keep rho + add by spikes of a side, or of both."""
    model = fwp.synapses.get("graupner_brunel").changed(sigma=0)
    pre = np.array([0.1] if who in ("pre", "both") else [])
    post = np.array([0.1 + LAG] if who in ("post", "both") else [])
    rng, start = np.random.default_rng(0), np.array([0.0, 1.0])
    low, high = simulate(model, pre, post, start, rng, bistable=False)
    return float(high - low), float(low)


MEAN, ALONE = ("mean follows", "mean starts low"), ("one side alone", "weight counts")


def _causes(names) -> dict[str, Told]:
    """Return memories with all causes, each alone, and all but each."""
    every = Told(True, True, frozenset(names))
    alone = {"probabilities have bounds": Told(bounds=True), "spikes are drawn":
             Told(drawn=True)}  # fmt: skip
    alone = {n: Told(wrong=frozenset([n])) for n in names} | alone
    less = {n: replace(every, wrong=every.wrong - {n}) for n in names}
    less |= {"probabilities have bounds": replace(every, bounds=False),
             "spikes are drawn": replace(every, drawn=False)}  # fmt: skip
    return {
        "none of the causes": Told(), "all causes": every,
        **{f"only: {n}": one for n, one in alone.items()},
        **{f"all but: {n}": one for n, one in less.items()},
        "only: " + " and ".join(names): Told(wrong=frozenset(names)),
        "all but: " + " and ".join(names): replace(every, wrong=frozenset()),
    }  # fmt: skip


TOLD = {"bursts": (Bursts, _causes(MEAN)), "calcium": (Calcium, _causes(ALONE))}
MECHANISMS = ("prediction", *TOLD)


def told(kind: Told, memory, program, cells: int, seed: int) -> np.ndarray:
    """Return read-outs [token, post], in units of what one token of 0.5 writes."""
    one = fwp.Program(np.ones((1, 1)), np.full((1, 1), 0.5), beta=np.full(1, 0.5))
    rng = np.random.default_rng([seed, 4])
    quiet = replace(kind, drawn=False)
    # the gain without recall: what v = 0.5 writes by itself
    alone = memory(quiet, 1, 1, cells, rng)
    chance = np.array([[0.75], [0.25]])
    for _ in range(memory.STEPS):
        alone.write(one["key"][0], chance)
    gain = 0.5 / float(alone.W[0, 0, 0] - alone.W[1, 0, 0])
    return memory(kind, program.post, program.pre, cells, rng).run(program, gain)


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Run all causes of a mechanism.

    Returns:
        "measures" [cause, measure]: nRMSE and slope against the artificial delta rule.
    """
    p = checked(parameters)
    if p.mechanism == "prediction":
        program = fwp.tasks.associative_recall(tokens=p.tokens, dim=p.dim, beta=0.8,
                                               seed=p.seed)  # fmt: skip
        jobs = PREDICTIONS
    else:
        memory, jobs = TOLD[p.mechanism]
        program = small_program(p.tokens, p.dim, p.dim, seed=p.seed)
    reference, found = fwp.run(program, "delta")["readout"].values, []
    for number, (name, kind) in enumerate(jobs.items()):
        if progress is not None:
            progress(number / len(jobs), name)
        if p.mechanism == "prediction":
            read = predicted(program, kind, nominal(kind, 0.8), p.seed)
        else:
            read = told(kind, memory, program, p.cells, p.seed)
        found.append(agreement(reference, read))
    data = xr.Dataset({"measures": (("cause", "measure"), np.array(found))},
                      {"cause": list(jobs), "measure": ["nRMSE", "slope"]})  # fmt: skip
    data.attrs["settings"] = str(p)
    return data


def checked(p: Parameters) -> Parameters:
    """Return the parameters.

    Raises:
        FwpError: one that makes no memory.
    """
    pick(p.mechanism, MECHANISMS, "mechanism")
    for name in ("tokens", "dim", "cells"):
        whole(getattr(p, name), name)
    seed_number(p.seed)
    return p


def agreement(reference, read) -> list[float]:
    """Return nRMSE and slope."""
    error = np.sqrt(((read - reference) ** 2).mean()) / reference.std()
    return [float(error), float(np.polyfit(reference.ravel(), read.ravel(), 1)[0])]


def report(data: xr.Dataset) -> str:
    """Return the table of causes."""
    width = max(len(str(name)) for name in data.cause.values)
    lines = [data.attrs["settings"], "against the artificial delta rule",
             f"{'':{width}}{'nRMSE':>9}{'slope':>8}"]  # fmt: skip
    for name, (error, slope) in zip(data.cause.values, data.measures.values, strict=True):
        lines.append(f"{name:{width}}{error:9.4f}{slope:8.3f}")
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw error and slope of every cause."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLOURS, COLUMN, GREY

    causes = [str(name) for name in data.cause.values]
    figure = Figure(figsize=(COLUMN, 0.9 + 0.22 * len(causes)))
    ax = figure.subplots()
    rows = np.arange(len(causes))
    ax.plot(data.measures.sel(measure="nRMSE"), rows, "o", color=COLOURS["spiking"],
            label="nRMSE")  # fmt: skip
    ax.plot(data.measures.sel(measure="slope"), rows, "s", mfc="none", mec=GREY,
            label="slope")  # fmt: skip
    ax.axvline(1, color=GREY, lw=0.6, ls=":")
    ax.set_yticks(rows, causes)
    ax.set(xlabel="nRMSE and slope (1)", ylim=(len(causes) - 0.5, -0.5))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "local_write_causes"]))
