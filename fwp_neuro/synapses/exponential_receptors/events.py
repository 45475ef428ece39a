"""Conductances of exponential receptors after given spikes: exact."""

from __future__ import annotations

import numpy as np

from ..synapse_class import Synapse


def conductance(model: Synapse, spikes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return w = 1 conductance (siemens) just after times ``at`` (seconds) of spikes:
    exact."""
    receptor = model.name
    tau, jump, gbar = (
        model.numbers(f"{p}_{receptor}")[0] for p in ("tau", "jump", "gbar")
    )
    since = np.subtract.outer(np.asarray(at, float), np.asarray(spikes, float))
    return (
        jump * gbar * np.where(since >= 0, np.exp(-np.maximum(since, 0) / tau), 0).sum(-1)
    )
