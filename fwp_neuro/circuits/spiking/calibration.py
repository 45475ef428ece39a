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

import brian2 as b2
import numpy as np

from ...errors import FwpError, pick
from ...synapses.circuit_models import CircuitSynapse
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
    dt = schedule.dt

    lag = model.membrane_lag(dt * b2.second)
    e_ampa, e_nmda, e_teach = (
        decay(model, f"tau_{name}", dt) for name in ("ampa", "nmda", "teacher")
    )
    start, stop = schedule.spans["write"]
    learnt = np.zeros_like(np.asarray(h, float))
    basal, v_basal = np.zeros_like(learnt), np.zeros_like(learnt)
    v_apical = teacher = x_ampa = x_nmda = 0.0
    for step in range(stop):
        gate = float(step >= start)
        error = v_apical - v_basal if feedback else v_apical
        new = learnt + dt * gate * h * x_nmda * error
        drive = basal if events else x_ampa * learnt
        v_basal = v_basal * lag + (1 - lag) * drive
        v_apical = v_apical * lag + (1 - lag) * teacher
        teacher = teacher * e_teach + 1 - e_teach
        x_ampa, x_nmda = x_ampa * e_ampa + 1 - e_ampa, x_nmda * e_nmda + 1 - e_nmda
        basal, learnt = basal * e_ampa + (1 - e_ampa) * new, new
    return learnt


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
            "has no first-order continuous counterpart; lower the write strength or the "
            "key norm"
        )
    safe = np.maximum(norm, 1e-12)
    if calibration == "closed":
        rate = -np.log1p(-wanted) / safe if feedback else beta
        return rate / (area(model, schedule) * slope)
    if not feedback:
        gain = float(learned(np.ones(1), model, schedule, False, events)[0])
        if not gain > 0:
            raise FwpError(
                "timeline settle and write are too short: no teacher reaches the synapse "
                "while its gate is open"
            )
        return beta / (gain * slope)
    high = np.full(wanted.shape, 20 / area(model, schedule))
    grid = np.linspace(0, float(high.max()), 2001)
    table = learned(grid, model, schedule, True, events)
    falls = np.flatnonzero(np.diff(table) <= 0)
    top = int(falls[0]) if len(falls) else len(grid) - 1
    if (wanted > table[top]).any():
        raise FwpError(
            f"beta*|k|^2 = {wanted.max():.4g} is more than the lagging circuit can learn "
            f"in one write window ({table[top]:.4g}): lower beta, lengthen timeline "
            "write, or use calibration='closed'"
        )
    low, high = np.zeros_like(wanted), np.full_like(wanted, grid[top])
    for _ in range(50):
        middle = (low + high) / 2
        less = learned(middle, model, schedule, True, events) < wanted
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.where(wanted > 0, (low + high) / 2, 0) / (safe * slope)
