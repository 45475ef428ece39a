"""The spike times of pairing protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature

import brian2 as b2
import numpy as np

from ..errors import FwpError, shown
from ..quantities import rate, time
from ..validation import whole

#: pairs of one lag, and time steps, that a protocol may have; more would take minutes and
#: more
_MOST, _STEPS = 1_000_000, 20_000_000


def check_pairs(lags, pairs: int, frequency: float) -> None:
    """Raise `FwpError` for pairs that overlap, or that would take too long."""
    longest = max(lags, key=abs)
    if pairs > 1 and abs(longest) * frequency >= 1:
        raise FwpError(
            f"lags must be shorter than the {1e3 / frequency:g} ms between pairs, got "
            f"{1e3 * longest:g} ms"
        )
    _check_count(pairs, "pairs")


def _check_count(pairs: int, what: str) -> None:
    if pairs > _MOST:
        # 20 us for the two spikes of a pair
        hours = max(min(pairs, 10**18) // 180_000_000, 0.1)
        raise FwpError(
            f"{what} is {shown(pairs)}: that would take about {hours} hours or more for "
            f"each lag; legal are up to {_MOST}"
        )


def steps_of(duration: float, dt: float) -> int:
    """Return how many time steps a simulated protocol takes; both in seconds.

    Raises:
        FwpError: so many that they do not fit into memory.
    """
    if not duration / dt <= _STEPS:
        raise FwpError(
            f"this protocol lasts {duration:.3g} s: {duration / dt:.3g} steps of "
            f"{1e3 * dt:g} ms would take about {duration / dt * 1e-6 / 3600:.2g} hours "
            f"or more; legal are up to {_STEPS * dt:g} s (lag, pairs/frequency, interval)"
        )
    return int(round(duration / dt))


def pairs_of_spikes(
    lag: float, pairs: int, frequency: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return presynaptic and postsynaptic spike times of repeated pairs.

    Args:
        lag: postsynaptic minus presynaptic spike, seconds.
        pairs: how many.
        frequency: of the pairs, Hz.

    Returns:
        two arrays [pair] in seconds, the first spike of all at 0.

    Raises:
        FwpError: a lag of a whole period or more, at which pairs overlap.
    """
    check_pairs([lag], pairs, frequency)
    start = np.arange(pairs) / frequency
    return start + max(0.0, -lag), start + max(0.0, lag)


def grouped_pairs(
    lag: float, pairs: int, frequency: float, groups: int = 1, interval=None
) -> tuple[np.ndarray, np.ndarray]:
    """Return spike times of groups of pairs, such as 5 pairs at 20 Hz, 15 times every 10
    s.

    Args:
        lag, pairs, frequency: of one group, see `pairs_of_spikes`.
        groups: how many.
        interval: from the start of a group to the start of the next, Brian2 time; needed
            if there is more than one group.

    Raises:
        FwpError: groups that overlap, or no interval although there are several.
    """
    groups = whole(groups, "groups")
    check_pairs([lag], pairs, frequency)
    _check_count(groups * pairs, "groups of pairs: the number of pairs")
    pre, post = pairs_of_spikes(lag, pairs, frequency)
    if groups == 1:
        return pre, post
    if interval is None:
        raise FwpError(
            f"{groups} groups of pairs need interval, a time such as 10*second"
        )
    every, last = float(time(interval, "interval") / b2.second), max(pre[-1], post[-1])
    if every <= last:
        raise FwpError(
            f"interval must be longer than the {last:g} s of a group, got {every:g} s"
        )
    start = every * np.arange(groups)[:, None]
    return (start + pre).ravel(), (start + post).ravel()


def bursts(
    lag: float,
    pairs: int,
    frequency: float,
    pre_spikes: int = 1,
    post_spikes: int = 1,
    burst_frequency=None,
    groups: int = 1,
    interval=None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return spike times of pairs in which either side may be a burst.

    Args:
        lag: last postsynaptic minus last presynaptic spike, seconds.
        pairs, frequency, groups, interval: see `grouped_pairs`.
        pre_spikes, post_spikes: spikes of a burst; 2 and 1 with a small negative lag are
            the triplets pre-post-pre.
        burst_frequency: of the spikes in a burst, Brian2 rate; needed for bursts.

    Raises:
        FwpError: bursts without burst_frequency, or so long that they overlap.
    """
    pre, post = grouped_pairs(lag, pairs, frequency, groups, interval)
    counts = whole(pre_spikes, "pre_spikes"), whole(post_spikes, "post_spikes")
    if max(counts) == 1:
        return pre, post
    if burst_frequency is None:
        raise FwpError("bursts need burst_frequency, a rate such as 100*Hz")
    step = 1 / float(rate(burst_frequency, "burst_frequency"))
    back = [step * np.arange(count)[::-1] for count in counts]
    if pairs > 1 and max(one[0] for one in back) + abs(lag) >= 1 / frequency:
        raise FwpError(
            f"bursts must be shorter than the {1e3 / frequency:g} ms between pairs"
        )
    trains = [
        (last[:, None] - one).ravel() for last, one in zip((pre, post), back, strict=True)
    ]
    first = min(train[0] for train in trains)
    return trains[0] - first, trains[1] - first


def takes_bursts(curve: Callable) -> Callable:
    """Give a protocol that hands its last keywords to `bursts` the signature of both."""
    own = signature(curve)
    mine = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
    more = [
        one.replace(kind=one.KEYWORD_ONLY)
        for name, one in signature(bursts).parameters.items()
        if name not in ("lag", "pairs", "frequency")
    ]
    vars(curve)["__signature__"] = own.replace(parameters=[*mine, *more])
    return curve


def curve_of(changed_weight: Callable) -> Callable:
    """Return the protocol of `stdp_curve` for a function (model, pre, post) -> weight
    ratio.

    Its options are ``groups`` of pairs, ``interval`` (a Brian2 time) apart.
    """

    def curve(
        model,
        lags: np.ndarray,
        pairs: int,
        frequency: float,
        groups: int = 1,
        interval=None,
    ) -> np.ndarray:
        return np.array(
            [
                changed_weight(
                    model, *grouped_pairs(lag, pairs, frequency, groups, interval)
                )
                for lag in lags
            ]
        )

    return curve


def curves_of(changed_weights: Callable) -> Callable:
    """Return the protocol of `stdp_curve` for a function of all lags at once.

    The function takes (model, times [event, lag], whether an event is presynaptic [event,
    lag]) and returns weight ratios [lag], or [set, lag] for parameters that are arrays
    [set, 1]. The protocol's options are ``groups`` of pairs, ``interval`` (a Brian2 time)
    apart.
    """

    def curve(
        model,
        lags: np.ndarray,
        pairs: int,
        frequency: float,
        groups: int = 1,
        interval=None,
    ) -> np.ndarray:
        trains = [grouped_pairs(lag, pairs, frequency, groups, interval) for lag in lags]
        return changed_weights(model, *events(trains))

    return curve


def events(trains: Iterable[tuple]) -> tuple[np.ndarray, np.ndarray]:
    """Return times [event, lag] and whether they are presynaptic, of (pre, post) for each
    lag.

    At the same time presynaptic spikes come first.
    """
    times, sides = [], []
    for pre, post in trains:
        both = np.concatenate([pre, post])
        order = np.argsort(both, kind="stable")  # presynaptic ones are in front
        times.append(both[order])
        sides.append(order < len(pre))
    return np.array(times).T, np.array(sides).T


def merged(pre: np.ndarray, post: np.ndarray) -> list[tuple[float, bool]]:
    """Return all spikes in order as (time, is presynaptic); at the same time pre comes
    first."""
    both = [(time, 0) for time in pre] + [(time, 1) for time in post]
    return [(float(time), side == 0) for time, side in sorted(both)]
