"""Pair-based spike-timing-dependent plasticity: pairing schemes and bounds.

    dx/dt = -x/tau_plus,   dy/dt = -y/tau_minus
    w <- w - A_minus y d(w)  at a presynaptic spike (before x is kicked)
    w <- w + A_plus x p(w)   at a postsynaptic spike (before y is kicked)

in units of the weight before. All pairs: a spike adds 1 to its own trace; nearest neighbours: it
sets its trace to 1. Without bounds d = p = 1 (Song, Miller & Abbott 2000). With bounds weights stay
in [0, w_max] and d = w_max (w/w_max)^mu, p = w_max (1 - w/w_max)^mu (Guetig et al. 2003): hard
bounds are mu = 0, soft ones mu = 1. van Rossum, Bi & Turrigiano 2000: d = w, p = 1.

Amplitudes may have any sign: with both below 0 the rule is anti-Hebbian.
As a fast-weight programme: Hebbian write along the lagged product of the trains, no erase, no
decay; soft bounds add an erase in proportion to the weight.
"""

from __future__ import annotations

import numpy as np
from brian2 import ms

from ..model import Entry, Equations, Synapse, register
from .pairing import check_pairs, curves_of, events

_TRACES = """
w : 1
dx/dt = -x/tau_plus : 1 (event-driven)
dy/dt = -y/tau_minus : 1 (event-driven)
"""
_ADDITIVE = "w -= A_minus*y\n", "w += A_plus*x\n"
_LEFT, _SPACE = "clip(w/w_max, 0, 1)**mu", "clip(1 - w/w_max, 0, 1)**mu"
EQUATIONS = Equations(_TRACES, _ADDITIVE[0] + "x += 1", _ADDITIVE[1] + "y += 1")
NEAREST = Equations(_TRACES, _ADDITIVE[0] + "x = 1", _ADDITIVE[1] + "y = 1")
BOUNDED = Equations(
    _TRACES,
    f"w = clip(w - A_minus*w_max*{_LEFT}*y, 0, w_max)\nx += 1",
    f"w = clip(w + A_plus*w_max*{_SPACE}*x, 0, w_max)\ny += 1",
)
PROPORTIONAL = Equations(_TRACES, "w -= A_minus*w*y\nx += 1", "w += A_plus*x\ny += 1")

_SONG = "song2000competitive"
_MORRISON = "morrison2008phenomenological"
_GUETIG = "guetig2003learning"
_ROSSUM = "vanrossum2000stable"
_RECALLED = "(recalled, not checked against the paper)"
_TWICE = "; w_max: our choice, twice the weight before"
#: set -> equations, A_plus, A_minus, mu or None, bounds and pairing in words, source of the values
_SETS = {
    "song_miller_abbott_2000": (
        EQUATIONS, 0.005, 0.00525, None, "all-to-all pairs, additive, no bounds",
        f"{_SONG}: A_minus = 1.05 A_plus {_RECALLED}",
    ),
    "nearest_neighbour": (
        NEAREST, 0.005, 0.00525, None,
        "nearest neighbours (a spike pairs with the last one of the other side), additive, no "
        "bounds",
        f"{_MORRISON}: the symmetric scheme; values of {_SONG} {_RECALLED}",
    ),
    "hard_bounds": (
        BOUNDED, 0.005, 0.00525, 0, "all-to-all pairs, additive, cut off at 0 and w_max",
        f"{_SONG}: A_minus = 1.05 A_plus, in units of w_max {_RECALLED}{_TWICE}",
    ),
    "soft_bounds": (
        BOUNDED, 0.005, 0.00525, 1, "all-to-all pairs, multiplicative: soft bounds at 0 and w_max",
        f"{_GUETIG}: mu = 1; values as in hard_bounds {_RECALLED}{_TWICE}",
    ),
    "guetig_2003": (
        BOUNDED, 0.005, 0.00525, 0.02,
        "all-to-all pairs, bounds at 0 and w_max with the exponent mu between hard and soft",
        f"{_GUETIG}: lambda .005, alpha 1.05, mu .02 {_RECALLED}{_TWICE}",
    ),
    "van_rossum_2000": (
        PROPORTIONAL, 0.003, 0.003, None,
        "all-to-all pairs, depression in proportion to the weight, potentiation additive, no noise",
        f"{_ROSSUM}: c_d .003 and c_p 1 pS, for a weight before of c_p/c_d, 333 pS {_RECALLED}",
    ),
}  # fmt: skip
SETS = tuple(_SETS)
SUMMARY = "pair-based spike-timing-dependent plasticity"


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    equations, plus, minus, mu, words, source = _SETS[parameters]
    values = {"A_plus": plus, "A_minus": minus, "tau_plus": 20 * ms, "tau_minus": 20 * ms}
    if mu is not None:
        values |= {"w_max": 2.0, "mu": mu}
    return Synapse(
        "pair_stdp",
        parameters,
        "plasticity",
        SUMMARY,
        equations,
        values,
        {"": source},
        "; ".join(dict.fromkeys((_SONG, *(
            paper for paper in (_MORRISON, _GUETIG, _ROSSUM) if source.startswith(paper)
        )))),
        f"{words}; lag = postsynaptic minus presynaptic spike; at lag 0 the presynaptic spike "
        "comes first, so that the pair potentiates",
        signed=("A_plus", "A_minus", "mu"),
        initial={"w": 1},
    )  # fmt: skip


def changed_weights(model: Synapse, times: np.ndarray, is_pre: np.ndarray) -> np.ndarray:
    """Return the weight after events [event, lag] (seconds), 1 before them: exact.

    Many parameter sets at once: parameters [set, 1] give [set, lag].
    """
    plus, minus, tau_plus, tau_minus = model.numbers("A_plus", "A_minus", "tau_plus", "tau_minus")
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
    """Return the weight ratio of additive rules after regular pairs: traces summed beforehand.

    Of each pair the second spike meets the trace of the first one's side with the age of the lag,
    and the first spike that of the other side with the age of the rest of the period.
    """
    plus, minus, tau_plus, tau_minus = model.numbers("A_plus", "A_minus", "tau_plus", "tau_minus")
    age, rest, first = np.abs(lags), period - np.abs(lags), lags >= 0
    change = np.zeros(())
    for tau, at_lag, amplitude in ((tau_plus, first, plus), (tau_minus, ~first, -minus)):
        now, later = _kicks(model, pairs, period, tau)
        with np.errstate(over="ignore"):  # one pair alone may be longer than a period
            met = later * np.exp(-rest / tau) if pairs > 1 else 0.0
        change = change + amplitude * np.where(at_lag, now * np.exp(-age / tau), met)
    return 1 + change


def _kicks(model: Synapse, pairs: int, period: float, tau):
    """Return the sums over ``pairs`` kicks of a trace, and one less, of its values after them."""
    keep = 0.0 if model.equations == NEAREST else 1.0
    left, value, total, before = keep * np.exp(-period / tau), 0.0, 0.0, 0.0
    for _ in range(pairs):
        value, before = value * left + 1, total
        total = total + value
    return total, before


register("pair_stdp", Entry(make, SETS, "plasticity", SUMMARY, stdp=curve, many=True))
