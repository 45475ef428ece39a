"""Calcium and weights of `point_spine` on a fine grid, for many trains of spikes at
once."""

from __future__ import annotations

import numpy as np

from .. import spine_calcium
from ..calcium_readouts import READOUTS
from ..pairing import pairs_of_spikes, steps_of
from ..synapse_class import Synapse


def read(model: Synapse, ca: np.ndarray) -> np.ndarray:
    """Return the model's readout R of calcium."""
    p = model.parameters
    return READOUTS[model.parameter_set](ca, p["p_pre"], p["p_pair"], p.get("factor"))


def calcium(model: Synapse, pre: np.ndarray, post: np.ndarray, dt: float) -> np.ndarray:
    """Return calcium [step, ...] under spikes [step, ...] that broadcast; dt in
    seconds."""
    p = model.parameters
    opened, volts = spine_calcium.opening(p, pre, dt), spine_calcium.voltage(p, post, dt)
    return spine_calcium.calcium(p, opened, volts, dt, float(p["nmda"]))


def changed_weight(
    model: Synapse, pre: np.ndarray, post: np.ndarray, dt: float
) -> np.ndarray:
    """Return the weight after spikes [step, ...], 1 before them; dt in seconds."""
    (eta,) = model.numbers("eta")
    return 1 + eta * dt * read(model, calcium(model, pre, post, dt)).sum(0)


def curve(model: Synapse, lags: np.ndarray, pairs: int, frequency: float) -> np.ndarray:
    """Return the weight ratio at each lag (seconds)."""
    dt, tail = 0.05e-3, 0.3
    # at low frequencies a pair leaves nothing to the next, e^(-0.5 s/26 ms) < 1e-8
    apart = 1 / frequency >= 0.5
    found = []
    for lag in lags:
        trains = pairs_of_spikes(lag, pairs, frequency)
        times = [train[:1] if apart else train for train in trains]
        table = np.zeros((steps_of(max(t[-1] for t in times) + tail, dt) + 1, 2))
        for cell, at in enumerate(times):
            table[np.round(at / dt).astype(int), cell] = 1
        change = changed_weight(model, table[:, 0], table[:, 1], dt) - 1
        found.append(1 + change * (pairs if apart else 1))
    return np.array(found)
