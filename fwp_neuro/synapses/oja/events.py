"""Weights of `oja` by NumPy, exact in a step."""

from __future__ import annotations

import numpy as np

from .. import rate_traces as traces
from ..synapse_class import Synapse


def course(model: Synapse, w: np.ndarray, x: np.ndarray, y: np.ndarray | None, dt: float):
    """Return w [step, post, pre] for signals x [step, pre] and y [step, post] or None
    (linear)."""
    eta, alpha = model.numbers("eta", "alpha")

    def update(w, x, y, dt, state):
        # the rule is linear in w: exact in a step
        rate = (eta * alpha * dt * y**2)[:, None]
        share = np.where(rate > 0, -np.expm1(-rate) / np.where(rate > 0, rate, 1), 1)
        return w * np.exp(-rate) + eta * dt * np.outer(y, x) * share, state

    return traces.follow(update, w, x, y, dt)[0]
