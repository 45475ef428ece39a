"""The learning rate of a circuit whose inhibition shunts, or whose gate has kinetics.

It is the propagator of `calibration`, one token of the linearised circuit stepped as it
runs, with the leak of the basal compartment that each key opens and the gate as it rises
and falls. With g = conductance and a pool of key activity P(t) = w0 sum_j x_j(t), which
excites and inhibits the basal compartment alike,

    tau du/dt = -[1 + g v0 + g (1 + a) P] u + (1 + g v0) y x_ampa,
    a = (E_exc - V0)/(V0 - E_inh):

a memory y is recalled as y/(1 + g (1 + a) P/(1 + g v0)). P is that of the key, or the
largest one at all times where a balanced background makes up for the rest. The learning
rate is the one by which the recalled number, not the weight, changes by the write
strength.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...errors import FwpError
from ...synapses.circuit_models import CircuitSynapse
from ..rate.window_rates import NEVER_PAST
from ..token_schedule import Schedule
from .calibration import decay
from .realism import Realism, at_baseline, most_active

#: bisections of the learning rate
_TRIES = 60


def check(realism: Realism, options, model: CircuitSynapse, signed: bool) -> None:
    """Refuse what cannot be combined.

    Raises:
        FwpError: in one sentence.
    """
    infinite = np.isinf(options["cells"])
    if options["layout"] == "synapse":
        raise FwpError("realism needs layout='population', in which a synapse stands for "
                       "those of all key cells of a dimension")  # fmt: skip
    if realism.needs_cells and infinite:
        raise FwpError(f"realism {realism.needs_cells} acts on single spikes, and cells="
                       "inf has none: give a number of cells")  # fmt: skip
    if realism.drawn_amounts and infinite:
        raise FwpError("realism release acts on single spikes, and cells=inf has none: "
                       "give a number of cells")  # fmt: skip
    if realism.drawn_amounts and options["key_cells"] != "poisson":
        raise FwpError("realism release draws from the number of cells that fire, which "
                       "only key_cells='poisson' has")  # fmt: skip
    if realism.short_term is not None and realism.drawn_amounts:
        raise FwpError("realism takes release= or short_term=, not both: a release model "
                       "says itself how much of a spike is released")  # fmt: skip
    if realism.background is not None and infinite and signed:
        raise FwpError("realism background with signed keys acts on ON and OFF cells, "
                       "and cells=inf has none: give a number of cells")  # fmt: skip
    if realism.inhibition is not None and model.block is None:
        raise FwpError(
            f"realism inhibition is a conductance, which needs a membrane, and synapse "
            f"{model.name!r} is linear: leave out synapse="
        )
    _check_times(realism, options["dt"])
    if realism.inhibition is not None:
        rest, _ = at_baseline(model)
        if not realism.inhibition.reversal < rest:
            raise FwpError(
                f"ConductanceInhibition reversal must lie below {rest}, the voltage at "
                f"the value baseline, got {realism.inhibition.reversal}"
            )
    if options["calibration"] != "propagator":
        raise FwpError("realism is calibrated by the propagator: leave out calibration=")


def _check_times(realism: Realism, dt) -> None:
    """Refuse delays that are no whole number of time steps."""
    delays = {"realism delay": realism.delay,
              "ConductanceInhibition delay": getattr(realism.inhibition, "delay", None)}
    for name, delay in delays.items():
        steps = 0 if delay is None else float(delay / dt)
        if abs(steps - round(steps)) > 1e-6:
            raise FwpError(f"{name} must be a whole number of time steps dt={dt}, got "
                           f"{delay}")  # fmt: skip


@dataclass(frozen=True)
class _Token:
    """One token of the linearised circuit, as courses over its steps.

    Attributes:
        dt: time step in s; open: (1 + g v0) dt/tau of the membrane.
        shown: whether the key is shown, [step]; gate: how far the gate is open, [step].
        ampa, nmda, teacher: what is left of a trace after a step.
        shunt: g (1 + a)/(1 + g v0); steady: the pool that a balanced background keeps, or
            0 for that of the key itself.
    """

    dt: float
    open: float
    shown: tuple[float, ...]
    gate: tuple[float, ...]
    ampa: float
    nmda: float
    teacher: float
    shunt: float
    steady: float = 0.0

    @classmethod
    def of(cls, model: CircuitSynapse, schedule: Schedule, realism: Realism,
           most: float) -> _Token:  # fmt: skip
        p, dt, steps = model.parameters, schedule.dt, schedule.spans["query"][0]
        window, gate = schedule.active("write")[:steps], realism.gate
        if gate is not None:
            left, m, course = np.exp(-dt / float(gate.tau)), 0.0, []
            for on in window:
                course.append(gate.leak + (1 - gate.leak) * m)
                m = on + (m - on) * left
            window = np.array(course)
        traces = {n: decay(model, f"tau_{n}", dt) for n in ("ampa", "nmda", "teacher")}
        at_rest, shunt = 1 + p["conductance"] * p["value_baseline"], 0.0
        if realism.inhibition is not None:
            rest, _ = at_baseline(model)
            against = float((p["E_exc"] - rest) / (rest - realism.inhibition.reversal))
            shunt = p["conductance"] * (1 + against) / at_rest
        speed = 1.0 if model.block is None else at_rest
        steady = realism.inhibition is not None and realism.inhibition.steady
        return cls(
            dt, float(speed * dt / float(p["tau_membrane"])),
            tuple(schedule.active("shown")[:steps].astype(float)),
            tuple(np.asarray(window, float)), shunt=float(shunt), **traces,
            steady=most if steady else 0.0,
        )  # fmt: skip

    def recalled(self, pool: np.ndarray) -> np.ndarray:
        """Return how much of a memory a key with this summed activity recalls."""
        return np.asarray(1 / (1 + self.shunt * (self.steady or pool)))

    def learned(self, h: np.ndarray, pool: np.ndarray, feedback: bool) -> np.ndarray:
        """Return by how much a token changes what its key recalls, in units of the error.

        Args:
            h: eta s0 |k|^2 in 1/s; pool: w0 sum of the key; both of one shape.
        """
        y, basal = np.zeros_like(h), np.zeros_like(h)
        apical = taught = x_ampa = x_nmda = 0.0
        lag = np.exp(-self.open)
        for shown, gate in zip(self.shown, self.gate, strict=True):
            error = apical - basal if feedback else apical
            new = y + self.dt * gate * h * x_nmda * error
            shunt = 1 + self.shunt * (self.steady or pool * x_ampa)
            left = np.exp(-self.open * shunt)
            basal = basal * left + (1 - left) * x_ampa * y / shunt
            apical = apical * lag + (1 - lag) * taught
            taught = taught * self.teacher + (1 - self.teacher) * shown
            x_ampa = x_ampa * self.ampa + (1 - self.ampa) * shown
            x_nmda = x_nmda * self.nmda + (1 - self.nmda) * shown
            y = new
        return y * self.recalled(pool)


def learning_rate(
    beta: np.ndarray, norm: np.ndarray, feedback: bool, model: CircuitSynapse,
    schedule: Schedule, realism: Realism, key: np.ndarray,
    query: np.ndarray, signed: bool,
) -> np.ndarray:  # fmt: skip
    """Return eta (1/s) of every token and head, see `calibration.learning_rate`.

    Args:
        key, query: [token, head, pre]; signed: whether ON and OFF cells code them.

    Raises:
        FwpError: beta < 0, beta |k|^2 >= 1, or more than the circuit can learn in one
            token.
    """
    wanted = beta * norm
    if (beta < 0).any() or feedback and (wanted >= 1).any():
        worst = float(wanted.max() if (beta >= 0).all() else beta.min())
        raise FwpError(
            "the circuit needs 0 <= beta and, for rules that compare, beta*|k|^2 < 1, "
            f"got {worst:.4g}: beta*|k|^2 >= 1 {NEVER_PAST}; lower the write strength or "
            "the key norm, or use write='held_target' without realism="
        )
    most = most_active(realism, key, query, signed, model.parameters)
    token = _Token.of(model, schedule, realism, most)
    pool = np.abs(key).sum(-1) * model.parameters["weight_baseline"]
    safe = np.maximum(norm, 1e-12)
    found = _rates(token, tuple(wanted.ravel()), tuple(safe.ravel()),
                   tuple(pool.ravel()), feedback)  # fmt: skip
    return np.reshape(found, wanted.shape) / model.slope


def recall_gain(
    model: CircuitSynapse, schedule: Schedule, realism: Realism, key: np.ndarray,
    query: np.ndarray, signed: bool,
) -> float:  # fmt: skip
    """Return what the circuit recalls of weights, as a share of W q: 1 without a shunt.

    Without a balanced background it depends on the query; then it is the mean over those
    of the programme.
    """
    most = most_active(realism, key, query, signed, model.parameters)
    pool = np.abs(query).sum(-1) * model.parameters["weight_baseline"]
    return float(_Token.of(model, schedule, realism, most).recalled(pool).mean())


@lru_cache(maxsize=16)
def _rates(token: _Token, wanted, norm, pool, feedback: bool) -> np.ndarray:
    wanted, norm, pool = np.array(wanted), np.array(norm), np.array(pool)
    if not feedback:
        gain = token.learned(np.ones_like(pool), pool, False)
        if not (gain > 0).all():
            raise FwpError("timeline settle and write are too short: no teacher reaches "
                           "the synapse while its gate is open")  # fmt: skip
        return wanted / gain / norm
    grid = np.linspace(0, 20 / (token.dt * sum(token.gate)), 65)[:, None]
    grid = grid * (1 + token.shunt * pool)
    table = token.learned(grid, np.broadcast_to(pool, grid.shape), True)
    top = np.argmax(table, axis=0)
    most = table[top, np.arange(len(pool))]
    if (wanted > most).any():
        at = int(np.argmax(wanted - most))
        raise FwpError(
            f"beta*|k|^2 = {wanted[at]:.4g} is more than the circuit can learn in one "
            f"token ({most[at]:.4g}): lower beta, or lengthen timeline write"
        )
    low, high = np.zeros_like(wanted), grid[top, np.arange(len(pool))]
    for _ in range(_TRIES):
        middle = (low + high) / 2
        less = token.learned(middle, pool, True) < wanted
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return (low + high) / 2 / norm
