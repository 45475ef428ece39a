"""From the write strength beta of a token to the learning rate of the spiking synapse.

"closed": the textbook integral. With the NMDA trace rising as 1 - exp(-t/tau) since key
onset, its area over the write window A, and the slope s0 of the voltage factor, dw/dt =
eta x_j s0 (v - y) gives
    delta:  eta = -ln(1 - beta |k|^2) / (|k|^2 A s0),    Hebb:  eta = beta / (A s0).
"propagator": the same linearised circuit stepped as it really runs, with the lags of
AMPA, membrane and teacher; eta is the root for which one token learns exactly beta |k|^2.
Neither has a free number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import brian2 as b2
import numpy as np
from scipy.optimize.elementwise import find_root

from ...errors import FwpError, pick
from ...synapses.circuit_models import CircuitSynapse
from ..rate.window_rates import NEVER_PAST
from ..token_schedule import Schedule

CALIBRATIONS = ("propagator", "closed")


def decay(model: CircuitSynapse, name: str, dt: float) -> float:
    """Return the factor by which a trace of time constant ``name`` decays in one step."""
    return float(np.exp(-dt / float(model.parameters[name])))


def area(model: CircuitSynapse, schedule: Schedule) -> float:
    """Return the integral of the NMDA trace of a key of 1 over the write window, in
    seconds."""
    start, stop = schedule.spans["write"]
    since_onset = np.arange(start, stop)
    return schedule.dt * float(
        np.sum(1 - decay(model, "tau_nmda", schedule.dt) ** since_onset)
    )


@dataclass(frozen=True)
class _Course:
    """All numbers on which one token of the linearised circuit depends.

    Attributes:
        dt: time step in s; start, stop: steps of the write window.
        lag, ampa, nmda, teacher: what is left after a step of a membrane or a trace.
        events: True where a spike transmits the weight of its own step (per-synapse
            layout).
    """

    dt: float
    start: int
    stop: int
    lag: float
    ampa: float
    nmda: float
    teacher: float
    events: bool

    @classmethod
    def of(cls, model: CircuitSynapse, schedule: Schedule, events: bool) -> _Course:
        dt = schedule.dt
        start, stop = schedule.spans["write"]
        traces = {n: decay(model, f"tau_{n}", dt) for n in ("ampa", "nmda", "teacher")}
        lag = float(model.membrane_lag(dt * b2.second))
        return cls(dt, start, stop, lag, events=bool(events), **traces)

    def learned(self, h, feedback: bool, onset: int = 0) -> np.ndarray:
        """See `learned`; the teacher starts at the step ``onset``."""
        learnt = np.zeros_like(np.asarray(h, float))
        basal, v_basal = np.zeros_like(learnt), np.zeros_like(learnt)
        v_apical = teacher = x_ampa = x_nmda = 0.0
        for step in range(self.stop):
            gate = float(step >= self.start)
            error = v_apical - v_basal if feedback else v_apical
            new = learnt + self.dt * gate * h * x_nmda * error
            drive = basal if self.events else x_ampa * learnt
            v_basal = v_basal * self.lag + (1 - self.lag) * drive
            v_apical = v_apical * self.lag + (1 - self.lag) * teacher
            teacher = teacher * self.teacher
            if step >= onset:
                teacher = teacher + 1 - self.teacher
            x_ampa, x_nmda = (
                x_ampa * self.ampa + 1 - self.ampa,
                x_nmda * self.nmda + 1 - self.nmda,
            )
            basal, learnt = basal * self.ampa + (1 - self.ampa) * new, new
        return learnt


@lru_cache(maxsize=64)
def _table(course: _Course, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return values of h from 0 up and what they make learn, as far as that rises."""
    grid = np.linspace(0, highest, 2001)
    table = course.learned(grid, True)
    falls = np.flatnonzero(np.diff(table) <= 0)
    top = int(falls[0]) if len(falls) else len(grid) - 1
    return grid[: top + 1], table[: top + 1]


@lru_cache(maxsize=64)
def _roots(course: _Course, highest: float) -> dict[float, float]:
    """Return the part that is learned -> h, as far as it was asked for."""
    return {0.0: 0.0}


def _root(course: _Course, highest: float, wanted: np.ndarray) -> np.ndarray:
    """Return h with which the parts ``wanted`` are learned; they lie in the table."""
    known = _roots(course, highest)
    if len(known) > 100_000:
        known.clear()
    new = np.array([each for each in np.unique(wanted) if each not in known])
    if new.size:
        grid, table = _table(course, highest)
        at = np.clip(np.searchsorted(table, new), 1, len(table) - 1)
        found = find_root(
            lambda h, part: course.learned(h, True) - part,
            (grid[at - 1], grid[at]),
            args=(new,),
        )
        known.update(zip(new.tolist(), found.x.tolist(), strict=True))
    return np.array([known[each] for each in wanted.ravel().tolist()]).reshape(
        wanted.shape
    )


def learned(
    h, model: CircuitSynapse, schedule: Schedule, feedback: bool, events: bool
) -> np.ndarray:
    """Return the part of the error that one write removes in the linearised circuit
    without noise.

    Args:
        h: eta s0 |k|^2 in 1/s, any shape.
        feedback: True for delta, False for Hebb (then it is the gain, linear in h).
        events: True where a spike transmits the weight of its own step (per-synapse
            layout).
    """
    return _Course.of(model, schedule, events).learned(h, feedback)


@lru_cache(maxsize=64)
def _gain(course: _Course) -> float:
    return float(course.learned(np.ones(1), False)[0])


def learning_rate(
    beta: np.ndarray, norm: np.ndarray, feedback: bool, model: CircuitSynapse,
    schedule: Schedule, calibration: str, events: bool,
) -> np.ndarray:  # fmt: skip
    """Return eta (1/s) of every token and head.

    Args:
        beta: write strength, [token, head].
        norm: |k|^2, [token, head].
        feedback: delta (True) or Hebb (False).

    Raises:
        FwpError: beta < 0, beta |k|^2 >= 1, or more than the lagging circuit can learn in
            one window.
    """
    pick(calibration, CALIBRATIONS, "calibration of the spiking realisation:")
    if (beta < 0).any():
        token = np.argwhere(beta < 0)[0][0]
        raise FwpError(
            f"write strength beta is {beta.min():.4g} at token {token}; the circuit "
            "needs beta >= 0"
        )
    slope, wanted = model.slope, beta * norm
    if feedback and (wanted >= 1).any():
        token = np.argwhere(wanted >= 1)[0][0]
        raise FwpError(
            f"beta*|k|^2 is {wanted[token].max():.4g} at token {token}: beta*|k|^2 >= 1 "
            f"{NEVER_PAST}; lower the write strength or the key norm, or use "
            "write='held_target'"
        )
    safe = np.maximum(norm, 1e-12)
    if calibration == "closed":
        rate = -np.log1p(-wanted) / safe if feedback else beta
        return rate / (area(model, schedule) * slope)
    course = _Course.of(model, schedule, events)
    if not feedback:
        gain = _gain(course)
        if not gain > 0:
            raise FwpError(
                "timeline settle and write are too short: no teacher reaches the synapse "
                "while its gate is open"
            )
        return beta / (gain * slope)
    highest = 20 / area(model, schedule)
    most = _table(course, highest)[1][-1]
    if (wanted > most).any():
        raise FwpError(
            f"beta*|k|^2 = {wanted.max():.4g} is more than the lagging circuit can learn "
            f"in one write window ({most:.4g}): lower beta, lengthen timeline write, or "
            "use calibration='closed'"
        )
    return _root(course, highest, wanted) / (safe * slope)
