"""What `match_and_control` writes, and the gain that it lets through, on a fine grid."""

from __future__ import annotations

import numpy as np

from .. import spine_calcium
from ..pairing import pairs_of_spikes, steps_of
from ..point_spine import events as point_spine
from ..synapse_class import Synapse


def written(model: Synapse, pre: np.ndarray, post: np.ndarray, dt: float) -> np.ndarray:
    """Return g [step, ...], in pairs, under spikes [step, ...] that broadcast; dt in
    seconds."""
    p = model.parameters
    drive = (point_spine.calcium(model, pre, post, dt) / p["p_pair"]) ** 4 / float(
        p["pair_write"]
    )
    tau = float(p["tau_plasticity"])
    return spine_calcium.filtered(drive, tau, dt, tau * -np.expm1(-dt / tau))


def gain(model: Synapse, pre: np.ndarray, post: np.ndarray, dt: float) -> np.ndarray:
    """Return the AMPA gain [step, ...] under spikes [step, ...]; dt in seconds."""
    p = model.parameters
    tau = float(p["tau_delay"])
    delayed = spine_calcium.filtered(
        written(model, pre, post, dt), tau, dt, -np.expm1(-dt / tau)
    )
    alpha = 1 / (1 + np.exp(-p["sharpness"] * (delayed / p["theta"] - 1)))
    return 1 + (p["strongest"] - 1) * alpha


def curve(model: Synapse, lags: np.ndarray, pairs: int, frequency: float) -> np.ndarray:
    """Return the AMPA gain 1 s after the last pair, at each lag (seconds), over that
    before."""
    dt, found = 0.1e-3, []
    for lag in lags:
        trains = pairs_of_spikes(lag, pairs, frequency)
        steps = steps_of(max(t[-1] for t in trains) + 1, dt) + 2
        table = np.zeros((steps, 2))
        for cell, at in enumerate(trains):
            table[np.round(at / dt).astype(int), cell] = 1
        course = gain(model, table[:, 0], table[:, 1], dt)
        found.append(course[-1] / course[0])
    return np.array(found)
