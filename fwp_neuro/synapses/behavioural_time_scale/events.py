"""Behavioural time scale plasticity on given spikes and plateaus, on a fine grid."""

from __future__ import annotations

import numpy as np

from ..pairing import bursts, merged, steps_of, takes_bursts
from ..synapse_class import Synapse

#: time step, seconds; all slopes are taken in the middle of a step
_DT = 1e-3


def q(model: Synapse, sign: str, x: np.ndarray) -> np.ndarray:
    """Return q_plus (``sign`` "plus") or q_minus of the overlap of both traces."""
    alpha, beta = model.numbers(f"alpha_{sign}", f"beta_{sign}")
    at = [
        0.5 * (1 + np.tanh(beta * (np.asarray(one) - alpha) / 2)) for one in (x, 0.0, 1.0)
    ]
    return (at[0] - at[1]) / (at[2] - at[1])


def _trace(events: np.ndarray, tau: float, grid: np.ndarray) -> np.ndarray:
    """Return the sum of exp(-(t - event)/tau) over the events before each time of the
    grid."""
    level, before, levels = 0.0, 0.0, np.empty(len(events))
    for number, time in enumerate(events):
        level = level * np.exp(-(time - before) / tau) + 1
        before, levels[number] = time, level
    last = np.searchsorted(events, grid, side="right") - 1
    found = np.zeros_like(grid)
    seen = last >= 0
    found[seen] = levels[last[seen]] * np.exp(-(grid[seen] - events[last[seen]]) / tau)
    return found


def traces(
    model: Synapse, pre: np.ndarray, post: np.ndarray, until: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the middle of the steps, ET and IS at them.

    Args:
        model: a weight-dependent set.
        pre: spike times in increasing order, seconds.
        post: onsets of plateaus likewise; one that begins during another prolongs it.
        until: end of the grid, seconds.
    """
    tau_et, tau_is, step, gain, plateau = model.numbers(
        "tau_ET", "tau_IS", "et_step", "is_gain", "plateau"
    )
    grid = (np.arange(steps_of(until, _DT)) + 0.5) * _DT
    ends = post + plateau
    if len(post) > 1:
        ends = np.minimum(ends, np.append(post[1:], np.inf))
    # a plateau is the difference of two steps, each of which relaxes to 1 with tau_IS
    on = sum(
        np.where(
            grid > time, sign * -np.expm1(-np.clip(grid - time, 0, None) / tau_is), 0
        )
        for sign, times in ((1, post), (-1, ends))
        for time in times
    )
    return (
        grid,
        step * _trace(np.asarray(pre), tau_et, grid),
        gain * (on + np.zeros_like(grid)),
    )


def changed_weight(
    model: Synapse,
    pre: np.ndarray,
    post: np.ndarray,
    start=1.0,
    until: float | None = None,
) -> np.ndarray:
    """Return the weight after spikes and plateaus at given times, in the shape of
    ``start``."""
    pre, post, start = np.asarray(pre), np.asarray(post), np.asarray(start, dtype=float)
    if "tau_before" in model.parameters:
        return start + _kernel(model, pre, post)
    slowest = max(model.numbers("tau_ET", "tau_IS"))
    last = max([0.0, *pre[-1:], *post[-1:]])
    _, et, instructive = traces(model, pre, post, until or last + 1 + 12 * slowest)
    k_plus, k_minus, most, nmda = model.numbers("k_plus", "k_minus", "W_max", "nmda")
    x = np.clip(nmda * et * instructive, 0, 1)
    up, down = k_plus * q(model, "plus", x) * _DT, k_minus * q(model, "minus", x) * _DT
    rate = up + down
    later = np.cumsum(rate[::-1])[::-1] - rate
    share = np.where(rate > 0, up / np.where(rate > 0, rate, 1), 0)
    # the rule is affine in w, so it is followed exactly where both rates are constant in
    # a step
    target = most * np.sum(share * -np.expm1(-rate) * np.exp(-later))
    return start * np.exp(-rate.sum()) + target


def _kernel(model: Synapse, pre: np.ndarray, post: np.ndarray) -> float:
    tau_before, tau_after, a, nmda = model.numbers("tau_before", "tau_after", "A", "nmda")
    change, before, after, last = 0.0, 0.0, 0.0, 0.0
    for time, is_pre in merged(pre, post):
        before *= np.exp(-(time - last) / tau_before)
        after *= np.exp(-(time - last) / tau_after)
        last = time
        if is_pre:
            change, before = change + nmda * a * after, before + 1
        else:
            change, after = change + nmda * a * before, after + 1
    return change


@takes_bursts
def curve(
    model: Synapse,
    lags: np.ndarray,
    pairs: int,
    frequency: float,
    start: float = 1.0,
    **protocol,
) -> np.ndarray:
    """Return the weight ratio at each lag (seconds).

    Options: ``start``, the weight before; the others, such as pre_spikes=10,
    burst_frequency=20*Hz, are those of `pairing.bursts`.
    """
    found = [
        changed_weight(model, *bursts(lag, pairs, frequency, **protocol), start) / start
        for lag in lags
    ]
    return np.array(found)


def overlap(model: Synapse, lags: np.ndarray, **protocol) -> np.ndarray:
    """Return the integral of ET IS, seconds, for one pairing at each lag (seconds)."""
    slowest = max(model.numbers("tau_ET", "tau_IS"))
    found = []
    for lag in lags:
        pre, post = bursts(lag, 1, 1.0, **protocol)
        _, et, instructive = traces(model, pre, post, abs(lag) + 2 + 12 * slowest)
        found.append(float(np.sum(et * instructive) * _DT))
    return np.array(found)


def decay_times(
    lags: np.ndarray, before: np.ndarray, after: np.ndarray
) -> tuple[float, float]:
    """Return the time constants of a kernel with the presynaptic spikes before and after.

    Args:
        lags: positive, seconds.
        before, after: kernel at the lags and at minus the lags, all of one sign.
    """
    sides = (np.polyfit(lags, np.log(np.abs(one)), 1)[0] for one in (before, after))
    first, second = (float(-1 / slope) for slope in sides)
    return first, second
