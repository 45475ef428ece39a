"""Weights of `pair_stdp` after given spikes: exact, for many trains at once."""

from __future__ import annotations

import numpy as np

from ..pairing import check_pairs, curves_of, events
from ..synapse_class import Synapse
from .pair_texts import BOUNDED, EQUATIONS, NEAREST, PROPORTIONAL


def changed_weights(model: Synapse, times: np.ndarray, is_pre: np.ndarray) -> np.ndarray:
    """Return the weight after events [event, lag] (seconds), 1 before them: exact.

    Many parameter sets at once: parameters [set, 1] give [set, lag].
    """
    plus, minus, tau_plus, tau_minus = model.numbers(
        "A_plus", "A_minus", "tau_plus", "tau_minus"
    )
    bounded, proportional = model.equations == BOUNDED, model.equations == PROPORTIONAL
    top, mu = model.numbers("w_max", "mu") if bounded else (1.0, 0.0)
    keep = 0.0 if model.equations == NEAREST else 1.0
    w, x, y = np.ones(()), np.zeros(()), np.zeros(())
    for gap, pre in zip(np.diff(times, axis=0, prepend=times[:1]), is_pre, strict=True):
        x, y = x * np.exp(-gap / tau_plus), y * np.exp(-gap / tau_minus)
        down, up = minus * y, plus * x
        if bounded:
            share = w / top
            down = top * np.clip(share, 0, 1) ** mu * down
            up = top * np.clip(1 - share, 0, 1) ** mu * up
        elif proportional:
            down = down * w
        w = w + np.where(pre, -down, up)
        if bounded:
            w = np.clip(w, 0, top)
        x, y = np.where(pre, keep * x + 1, x), np.where(pre, y, keep * y + 1)
    return w


def changed_weight(model: Synapse, pre: np.ndarray, post: np.ndarray) -> float:
    """Return the weight after spikes at given times (seconds), 1 before them: exact."""
    return float(np.squeeze(changed_weights(model, *events([(pre, post)]))))


def curve(model: Synapse, lags: np.ndarray, pairs: int, frequency: float) -> np.ndarray:
    """Return the weight ratio at each lag (seconds)."""
    if model.equations not in (EQUATIONS, NEAREST):
        return curves_of(changed_weights)(model, lags, pairs, frequency)
    check_pairs(lags, pairs, frequency)
    return _regular(model, np.asarray(lags, dtype=float), pairs, 1 / frequency)


def _regular(model: Synapse, lags: np.ndarray, pairs: int, period: float) -> np.ndarray:
    """Return the weight ratio of additive rules after regular pairs: traces summed
    beforehand.

    Of each pair the second spike meets the trace of the first one's side with the age of
    the lag, and the first spike that of the other side with the age of the rest of the
    period.
    """
    plus, minus, tau_plus, tau_minus = model.numbers(
        "A_plus", "A_minus", "tau_plus", "tau_minus"
    )
    age, rest, first = np.abs(lags), period - np.abs(lags), lags >= 0
    change = np.zeros(())
    for tau, at_lag, amplitude in ((tau_plus, first, plus), (tau_minus, ~first, -minus)):
        now, later = _kicks(model, pairs, period, tau)
        with np.errstate(over="ignore"):  # one pair alone may be longer than a period
            met = later * np.exp(-rest / tau) if pairs > 1 else 0.0
        change = change + amplitude * np.where(at_lag, now * np.exp(-age / tau), met)
    return 1 + change


def _kicks(model: Synapse, pairs: int, period: float, tau):
    """Return the sums over ``pairs`` kicks of a trace, and one less, of its values after
    them."""
    keep = 0.0 if model.equations == NEAREST else 1.0
    left, value, total, before = keep * np.exp(-period / tau), 0.0, 0.0, 0.0
    for _ in range(pairs):
        value, before = value * left + 1, total
        total = total + value
    return total, before
