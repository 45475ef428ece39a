"""Weights of `homeostatic_scaling` by NumPy: exact in a step, and between given
spikes."""

from __future__ import annotations

import numpy as np

from .. import rate_traces as traces
from ..synapse_class import Synapse


def course(model: Synapse, w: np.ndarray, x: np.ndarray, dt: float) -> np.ndarray:
    """Return w [step, post, pre] of the linear cell for signals x [step, pre] (set
    'linear')."""
    target, tau, one = model.numbers("r_0", "tau_h", "r_one")

    def update(w, x, y, dt, state):
        return w * np.exp(dt / tau * (1 - y * one / target))[:, None], state

    return traces.follow(update, w, x, None, dt)[0]


def factor(model: Synapse, post: np.ndarray, duration: float) -> float:
    """Return what weights are multiplied by under postsynaptic spikes (seconds):
    exact."""
    target, tau, window = model.numbers("r_0", "tau_h", "tau_r")
    post = np.asarray(post, dtype=float)
    counted = np.sum(-np.expm1(-(duration - post) / window))
    return float(np.exp((duration - counted / target) / tau))
