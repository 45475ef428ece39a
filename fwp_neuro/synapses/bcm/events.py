"""Weights of `bcm` by NumPy, for signals on a time grid."""

from __future__ import annotations

import numpy as np

from .. import rate_traces as traces
from ..synapse_class import Synapse


def course(model: Synapse, w: np.ndarray, x: np.ndarray, y: np.ndarray | None, dt: float):
    """Return w [step, post, pre] and theta [step, post] for x [step, pre], y [step, post]
    or None.

    The threshold starts at 0. A given y is filtered spikes, which the threshold sees
    decay.
    """
    eta, tau, scale, tau_x = model.numbers("eta", "tau_theta", "y_0", "tau_x")
    left = np.exp(-dt / tau)
    middle = 1 if y is None else np.exp(-dt / tau_x)  # of y^2 in the middle of a step

    def update(w, x, y, dt, theta):
        changed = w + dt * eta * np.outer(y * (y - theta), x)
        return changed, theta * left + (1 - left) * middle * y**2 / scale

    return traces.follow(update, w, x, y, dt, np.zeros(len(w)))
