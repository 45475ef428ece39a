"""Weights of `triplet_stdp` after given spikes: exact, for many trains at once."""

from __future__ import annotations

import numpy as np

from ..pairing import curves_of, events
from ..synapse_class import Synapse
from .triplet_texts import NEAREST


def changed_weights(model: Synapse, times: np.ndarray, is_pre: np.ndarray) -> np.ndarray:
    """Return the weight after events [event, lag] (seconds), 1 before them: exact.

    Many parameter sets at once: parameters [set, 1] give [set, lag].
    """
    a2_plus, a3_plus, a2_minus, a3_minus = model.numbers(
        "A2_plus", "A3_plus", "A2_minus", "A3_minus"
    )
    taus = model.numbers("tau_plus", "tau_x", "tau_minus", "tau_y")
    keep = 0.0 if model.equations == NEAREST else 1.0
    w, traces = np.ones(()), [np.zeros(())] * 4  # r1, r2, o1, o2
    for gap, pre in zip(np.diff(times, axis=0, prepend=times[:1]), is_pre, strict=True):
        r1, r2, o1, o2 = (
            one * np.exp(-gap / tau) for one, tau in zip(traces, taus, strict=True)
        )
        w = w + np.where(
            pre, -o1 * (a2_minus + a3_minus * r2), r1 * (a2_plus + a3_plus * o2)
        )
        traces = [np.where(pre, keep * one + 1, one) for one in (r1, r2)]
        traces += [np.where(pre, one, keep * one + 1) for one in (o1, o2)]
    return w


def changed_weight(model: Synapse, pre: np.ndarray, post: np.ndarray) -> float:
    """Return the weight after spikes at given times (seconds), 1 before them: exact."""
    return float(np.squeeze(changed_weights(model, *events([(pre, post)]))))


curve = curves_of(changed_weights)
