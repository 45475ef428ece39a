"""Pair-based spike-timing-dependent plasticity: pairing schemes and bounds.

    dx/dt = -x/tau_plus,   dy/dt = -y/tau_minus
    w <- w - A_minus y d(w)  at a presynaptic spike (before x is kicked)
    w <- w + A_plus x p(w)   at a postsynaptic spike (before y is kicked)

in units of the weight before. All pairs: a spike adds 1 to its own trace; nearest
neighbours: it sets its trace to 1. Without bounds d = p = 1 (Song, Miller & Abbott 2000).
With bounds weights stay in [0, w_max] and d = w_max (w/w_max)^mu, p = w_max (1 -
w/w_max)^mu (Guetig et al. 2003): hard bounds are mu = 0, soft ones mu = 1. van Rossum, Bi
& Turrigiano 2000: d = w, p = 1.

Amplitudes may have any sign: with both below 0 the rule is anti-Hebbian.
As a fast-weight programme: Hebbian write along the lagged product of the trains, no
erase, no decay; soft bounds add an erase in proportion to the weight.
"""

from __future__ import annotations

from brian2 import ms

from ..synapse_class import Entry, Synapse, register
from .events import curve
from .pair_texts import BOUNDED, EQUATIONS, NEAREST, PROPORTIONAL

_SONG = "song2000competitive"
_MORRISON = "morrison2008phenomenological"
_GUETIG = "guetig2003learning"
_ROSSUM = "vanrossum2000stable"
_RECALLED = "(recalled, not checked against the paper)"
_TWICE = "; w_max: our choice, twice the weight before"
#: set -> equations, A_plus, A_minus, mu or None, bounds and pairing in words, source of
#: the values
_SETS = {
    "song_miller_abbott_2000": (
        EQUATIONS,
        0.005,
        0.00525,
        None,
        "all-to-all pairs, additive, no bounds",
        f"{_SONG}: A_minus = 1.05 A_plus {_RECALLED}",
    ),
    "nearest_neighbour": (
        NEAREST,
        0.005,
        0.00525,
        None,
        "nearest neighbours (a spike pairs with the last one of the other side), "
        "additive, no bounds",
        f"{_MORRISON}: the symmetric scheme; values of {_SONG} {_RECALLED}",
    ),
    "hard_bounds": (
        BOUNDED,
        0.005,
        0.00525,
        0,
        "all-to-all pairs, additive, cut off at 0 and w_max",
        f"{_SONG}: A_minus = 1.05 A_plus, in units of w_max {_RECALLED}{_TWICE}",
    ),
    "soft_bounds": (
        BOUNDED,
        0.005,
        0.00525,
        1,
        "all-to-all pairs, multiplicative: soft bounds at 0 and w_max",
        f"{_GUETIG}: mu = 1; values as in hard_bounds {_RECALLED}{_TWICE}",
    ),
    "guetig_2003": (
        BOUNDED,
        0.005,
        0.00525,
        0.02,
        "all-to-all pairs, bounds at 0 and w_max with the exponent mu between hard and "
        "soft",
        f"{_GUETIG}: lambda .005, alpha 1.05, mu .02 {_RECALLED}{_TWICE}",
    ),
    "van_rossum_2000": (
        PROPORTIONAL,
        0.003,
        0.003,
        None,
        "all-to-all pairs, depression in proportion to the weight, potentiation "
        "additive, no noise",
        f"{_ROSSUM}: c_d .003 and c_p 1 pS, for a weight before of c_p/c_d, 333 pS "
        f"{_RECALLED}",
    ),
}
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
        f"{words}; lag = postsynaptic minus presynaptic spike; at lag 0 the presynaptic "
        "spike comes first, so that the pair potentiates",
        signed=("A_plus", "A_minus", "mu"),
        initial={"w": 1},
    )  # fmt: skip


register("pair_stdp", Entry(make, SETS, "plasticity", SUMMARY, stdp=curve, many=True))
