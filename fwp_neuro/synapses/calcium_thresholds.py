"""Calcium that jumps at spikes and decays: how long, and when, it is above thresholds.
Exact."""

from __future__ import annotations

import numpy as np


def calcium_events(
    pre: np.ndarray, post: np.ndarray, delay: float, jump_pre: float, jump_post: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return times [event] and jumps [event] of calcium; presynaptic ones come ``delay``
    later."""
    times = np.concatenate([np.asarray(pre) + delay, np.asarray(post)])
    jumps = np.concatenate([np.full(len(pre), jump_pre), np.full(len(post), jump_post)])
    order = np.argsort(times, kind="stable")
    return times[order], jumps[order]


def peaks(times: np.ndarray, jumps: np.ndarray, tau: float) -> np.ndarray:
    """Return the calcium just after each event, 0 before the first one."""
    level, before, found = 0.0, 0.0, np.empty(len(times))
    for number, (time, jump) in enumerate(zip(times, jumps, strict=True)):
        level = level * np.exp(-(time - before) / tau) + jump
        before, found[number] = time, level
    return found


def segments(
    times: np.ndarray,
    jumps: np.ndarray,
    tau: float,
    thresholds: tuple[float, ...],
    end: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the time from the first event on wherever calcium crosses a threshold.

    Args:
        times, jumps: of the events, in order.
        tau: decay time constant of calcium.
        thresholds: levels.
        end: how long to go on after the last event.

    Returns:
        lengths [segment] in seconds, and whether calcium is above each threshold in it
        [segment, threshold].
    """
    high = peaks(times, jumps, tau)
    until = np.append(times[1:], times[-1] + end) - times
    levels = np.asarray(thresholds, dtype=float)
    with np.errstate(divide="ignore"):  # calcium 0: at no time above
        stay = tau * np.log(high[:, None] / levels)
    stay = np.clip(stay, 0, until[:, None])  # [event, threshold]
    cuts = np.sort(np.column_stack([stay, np.zeros(len(times)), until]), axis=1)
    lengths = np.diff(cuts, axis=1)
    above = stay[:, None, :] > cuts[:, :-1, None]  # [event, piece, threshold]
    kept = lengths.ravel() > 0
    return lengths.ravel()[kept], above.reshape(-1, len(levels))[kept]
