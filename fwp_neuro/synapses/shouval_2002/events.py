"""The calcium control model on given spikes: traces exact, calcium and weight on a fine
grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..linear_filter import filtered
from ..magnesium import BLOCKS
from ..pairing import curve_of, steps_of
from ..synapse_class import Synapse

#: time step of calcium and weight, seconds; both take the middle of a step
_DT = 0.25e-3
#: how long the weight is followed after the last spike, seconds
_TAIL = 1.5


def omega(model: Synapse, ca: np.ndarray) -> np.ndarray:
    """Return the weight that calcium (uM) leads to."""
    a1, a2, b1, b2 = model.numbers("alpha_1", "alpha_2", "beta_1", "beta_2")
    ca = np.asarray(ca, dtype=float)
    return 0.25 + _sigmoid(b2 * (ca - a2)) - 0.25 * _sigmoid(b1 * (ca - a1))


def eta(model: Synapse, ca: np.ndarray) -> np.ndarray:
    """Return how fast it leads there, 1/s."""
    p1, p2, p3, p4 = model.numbers("P1", "P2", "P3", "P4")
    return 1 / (p1 / (p2 + np.asarray(ca, dtype=float) ** p3) + p4)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


def _after(
    times: np.ndarray, levels: np.ndarray, tau: float, grid: np.ndarray
) -> np.ndarray:
    """Return a trace on the grid that has ``levels`` just after its spikes and decays
    between."""
    last = np.searchsorted(times, grid, side="right") - 1
    found = np.zeros_like(grid)
    seen = last >= 0
    found[seen] = levels[last[seen]] * np.exp(-(grid[seen] - times[last[seen]]) / tau)
    return found


def _peaks(times: np.ndarray, taus: np.ndarray, kick) -> np.ndarray:
    """Return two traces just after each spike [spike, 2]; ``kick`` adds to what is
    left."""
    traces, before, found = np.zeros(2), 0.0, np.empty((len(times), 2))
    for number, time in enumerate(times):
        traces = kick(traces * np.exp(-(time - before) / taus))
        before, found[number] = time, traces
    return found


def _calcium(
    p: Mapping[str, float],
    pre: np.ndarray,
    post: np.ndarray,
    grid: np.ndarray,
    clamp: float | None,
) -> np.ndarray:
    """Return calcium [grid] in uM; ``grid`` is the middle of the steps, ``clamp`` in
    volts."""
    parts = np.array([p["I_f"], 1 - p["I_f"]])
    taus = np.array([p["tau_f"], p["tau_s"]])
    opened = _peaks(pre, taus, lambda left: left + parts * p["P0"] * (1 - left.sum()))
    opening = sum(_after(pre, opened[:, n], taus[n], grid) for n in range(2))
    volts = np.full_like(grid, p["V_rest"] if clamp is None else clamp)
    if clamp is None:
        taus = np.array([p["tau_1"], p["tau_2"]])
        both = _peaks(pre, taus, lambda left: left + p["epsp"] / p["epsp_norm"])
        volts += _after(pre, both[:, 0], taus[0], grid) - _after(
            pre, both[:, 1], taus[1], grid
        )
        for share, tau in ((p["I_bf"], p["tau_bf"]), (1 - p["I_bf"], p["tau_bs"])):
            level = np.full(len(post), share * p["V_bap"])
            volts += _after(post + p["delay_bap"], level, tau, grid)
    block = BLOCKS["jahr_stevens_1990"]
    unblocked = 1 / (1 + block.factor * np.exp(-block.slope * 1e3 * volts))
    drive = p["nmda"] * p["G_NMDA"] * opening * unblocked * (p["V_Ca"] - volts)
    step = grid[1] - grid[0]
    left, half = np.exp(-step / p["tau_Ca"]), np.exp(-step / 2 / p["tau_Ca"])
    starts = filtered(drive, p["tau_Ca"], step, p["tau_Ca"] * (1 - left))
    return starts * half + drive * p["tau_Ca"] * (1 - half)


def changed_weight(
    model: Synapse, pre: np.ndarray, post: np.ndarray, clamp: float | None = None,
    until: float | None = None,
) -> float:  # fmt: skip
    """Return the weight after spikes at given times (seconds), divided by the one before.

    Args:
        model: with its parameters.
        pre, post: spike times in increasing order.
        clamp: hold the spine at this potential (volts), whatever spikes do.
        until: end of the time that is followed; by default until calcium is gone.
    """
    p = {name: float(value) for name, value in model.parameters.items()}
    before = float(model.initial["w"])
    end = max([_TAIL, *(one[-1] + _TAIL for one in (pre, post) if len(one))])
    grid = (np.arange(steps_of(until or end, _DT)) + 0.5) * _DT
    ca = _calcium(p, np.asarray(pre), np.asarray(post), grid, clamp)
    rate = eta(model, ca) * _DT
    gone = np.cumsum(rate[::-1])[::-1]  # from the start of each step to the end
    target = omega(model, ca)
    # written as change from the weight before, so that nothing changes where nothing
    # drives it
    change = np.sum((target - before) * -np.expm1(-rate) * np.exp(-(gone - rate)))
    return float(1 + change / before)


def clamped(model: Synapse, volts, pulses: int = 100, frequency: float = 1.0) -> float:
    """Return the weight ratio after presynaptic pulses with the spine held at a Brian2
    voltage."""
    pre = np.arange(pulses) / frequency
    return changed_weight(model, pre, np.zeros(0), clamp=float(volts))


curve = curve_of(changed_weight)
