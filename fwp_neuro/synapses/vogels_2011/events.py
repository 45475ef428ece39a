"""Weights of `vogels_2011` after given spikes: exact; and a cell that it brings to its
target rate."""

from __future__ import annotations

import numpy as np

from ..pairing import curve_of, merged
from ..synapse_class import Synapse


def changed_weight(model: Synapse, pre: np.ndarray, post: np.ndarray) -> float:
    """Return the weight after spikes at given times (seconds), 1 before them: exact."""
    tau, rho, eta = model.numbers("tau", "rho_0", "eta")
    w, x, y, before = 1.0, 0.0, 0.0, 0.0
    for time, is_pre in merged(pre, post):
        left = np.exp(-(time - before) / tau)
        x, y, before = x * left, y * left, time
        if is_pre:
            w, x = max(0.0, w + eta * (y - 2 * rho * tau)), x + 1
        else:
            w, y = max(0.0, w + eta * x), y + 1
    return w


curve = curve_of(changed_weight)


def balanced_spikes(
    model: Synapse,
    excitation: float,
    pre_rate: float,
    cells: int,
    duration: float,
    seed: int = 0,
) -> np.ndarray:
    """Return the spike times, seconds, of a cell that plastic inhibition brings to its
    target.

    The cell fires as a Poisson process at ``excitation`` minus inhibition: the mean over
    ``cells`` inhibitory inputs of w times their spikes, which fire at ``pre_rate``,
    filtered with tau. All rates are in Hz, the duration in seconds; steps of 1 ms.
    """
    tau, rho, eta = model.numbers("tau", "rho_0", "eta")
    dt, rng = 1e-3, np.random.default_rng(seed)
    left = np.exp(-dt / tau)
    w, x, y, inhibition = np.ones(cells), np.zeros(cells), 0.0, 0.0
    chances = rng.random(round(duration / dt))
    found = []
    for step, chance in enumerate(chances):
        fired = chance < (excitation - inhibition) * dt
        x, y, inhibition = x * left, y * left, inhibition * left
        spikes = rng.random(cells) < pre_rate * dt
        w[spikes] = np.maximum(0, w[spikes] + eta * (y - 2 * rho * tau))
        x[spikes] += 1
        inhibition += w[spikes].sum() / (cells * tau)
        if fired:
            found.append(step * dt)
            w, y = w + eta * x, y + 1
    return np.array(found)
