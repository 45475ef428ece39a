"""Weights of `limbacher_2022` after given spikes, and the published steps of its
weight."""

from __future__ import annotations

import numpy as np

from ..pairing import merged, pairs_of_spikes
from ..synapse_class import Synapse


def weight_at(model: Synapse, pre, post, end: float, start: float = 0.0) -> float:
    """Return the weight at ``end`` (seconds) after spikes at given times: exact.

    Between spikes k and v decay alike, so that both terms of the rule fall as exp(-2
    t/tau_trace) and the weight moves towards gamma_plus v w_max/(gamma_plus v +
    gamma_minus k) along a line.
    """
    plus, minus, w_max, tau, step, gate = model.numbers(
        "gamma_plus", "gamma_minus", "w_max", "tau_trace", "step", "gate"
    )
    jump = 1 - np.exp(-step / tau)
    w, k, v, now = start, 0.0, 0.0, 0.0
    for time, is_pre in [*merged(np.asarray(pre), np.asarray(post)), (end, None)]:
        if time > end:
            break
        write, erase = plus * v * k, minus * k * k
        if k > 0:
            share = -np.expm1(-2 * (time - now) / tau) * tau / 2 * gate / step
            target = write * w_max / (write + erase)
            w = target + (w - target) * np.exp(-(write + erase) * share)
        fade = np.exp(-(time - now) / tau)
        k, v, now = (
            k * fade + jump * (is_pre is True),
            v * fade + jump * (is_pre is False),
            time,
        )
    return float(w)


def published_steps(
    model: Synapse, pre: np.ndarray, post: np.ndarray, start=0.0
) -> np.ndarray:
    """Return weights [post, pre] by the published steps for spikes [step, cell]."""
    plus, minus, w_max, tau, step = model.numbers(
        "gamma_plus", "gamma_minus", "w_max", "tau_trace", "step"
    )
    fade = np.exp(-step / tau)
    k, v = np.zeros(pre.shape[1]), np.zeros(post.shape[1])
    w = np.full((len(v), len(k)), float(start))
    for keys, values in zip(pre, post, strict=True):
        k, v = fade * k + (1 - fade) * keys, fade * v + (1 - fade) * values
        w = w + plus * (w_max - w) * np.outer(v, k) - minus * w * k**2
    return w


def curve(
    model: Synapse, lags, pairs: int, frequency: float, start: float = 0.25
) -> np.ndarray:
    """Return the weight after the pairs over ``start``, the weight before, at each
    lag."""
    found = []
    for lag in lags:
        pre, post = pairs_of_spikes(lag, pairs, frequency)
        found.append(
            weight_at(model, pre, post, pairs / frequency + abs(lag), start) / start
        )
    return np.array(found)
