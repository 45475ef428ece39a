"""Pair-based spike-timing-dependent plasticity, all pairs of spikes, additive.

    dx/dt = -x/tau_plus,   x <- x + 1 at a presynaptic spike
    dy/dt = -y/tau_minus,  y <- y + 1 at a postsynaptic spike
    w <- w - A_minus y  at a presynaptic spike (before x is kicked)
    w <- w + A_plus x   at a postsynaptic spike (before y is kicked)

in units of the weight before. Source: Song, Miller & Abbott 2000, Nat. Neurosci. 3:919.
As a fast-weight programme: Hebbian write along the lagged product of the trains, no erase, no
decay.
"""

from __future__ import annotations

import numpy as np

from ..model import Entry, Equations, Model, register
from .pairing import merged, pairs_of_spikes

EQUATIONS = Equations(
    synapse="""
w : 1
dx/dt = -x/tau_plus : 1 (event-driven)
dy/dt = -y/tau_minus : 1 (event-driven)
""",
    on_pre="w -= A_minus*y\nx += 1",
    on_post="w += A_plus*x\ny += 1",
)


def _sets():
    from brian2 import ms

    return {
        "song_miller_abbott_2000": (
            {"A_plus": 0.005, "A_minus": 0.00525, "tau_plus": 20 * ms, "tau_minus": 20 * ms},
            "Song, Miller & Abbott 2000, Nat. Neurosci. 3:919, doi:10.1038/78829: A_minus = 1.05 "
            "A_plus (recalled, not checked against the paper)",
        ),
    }


SETS = ("song_miller_abbott_2000",)


def make(parameters: str) -> Model:
    """Return the model with a parameter set."""
    values, source = _sets()[parameters]
    return Model(
        "pair_stdp",
        parameters,
        "plasticity",
        "pair-based spike-timing-dependent plasticity",
        EQUATIONS,
        values,
        {"": source},
        "Song, Miller & Abbott 2000, Nat. Neurosci. 3:919, doi:10.1038/78829",
        "all-to-all pairs, additive, no bounds; lag = postsynaptic minus presynaptic spike; at lag "
        "0 the presynaptic spike comes first, so that the pair potentiates",
        initial={"w": 1},
    )


def changed_weight(model: Model, pre: np.ndarray, post: np.ndarray) -> float:
    """Return the weight after spikes at given times (seconds), 1 before them: exact."""
    plus, minus, tau_plus, tau_minus = model.numbers("A_plus", "A_minus", "tau_plus", "tau_minus")
    w, x, y, before = 1.0, 0.0, 0.0, 0.0
    for time, is_pre in merged(pre, post):
        x *= np.exp(-(time - before) / tau_plus)
        y *= np.exp(-(time - before) / tau_minus)
        before = time
        if is_pre:
            w, x = w - minus * y, x + 1
        else:
            w, y = w + plus * x, y + 1
    return w


def curve(model: Model, lags: np.ndarray, pairs: int, frequency: float) -> np.ndarray:
    """Return the weight ratio at each lag (seconds)."""
    return np.array(
        [changed_weight(model, *pairs_of_spikes(lag, pairs, frequency)) for lag in lags]
    )


register(
    "pair_stdp",
    Entry(make, SETS, "plasticity", "pair-based spike-timing-dependent plasticity", stdp=curve),
)
