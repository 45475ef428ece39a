"""Weights and transmitted amounts of both potentiation models at given spikes: exact."""

from __future__ import annotations

import numpy as np

from ..pairing import merged, pairs_of_spikes
from ..synapse_class import Synapse
from .potentiation_texts import USED


def respond(
    model: Synapse, pre: np.ndarray, post: np.ndarray, potentiation: float = 0.0
) -> tuple[float, np.ndarray, np.ndarray]:
    """Run the synapse on spikes at given times (seconds): exact.

    Args:
        pre, post: spike times.
        potentiation: P at time 0; in the fast part where there are two.

    Returns:
        weight at the last spike; for each presynaptic spike what it releases, and
        transmits.
    """
    nmda, share, tau_nmda, U, tau_F, tau_D = model.numbers(
        "nmda", "presynaptic", "tau_nmda", "U", "tau_F", "tau_D"
    )
    if model.equations == USED:
        (gain, loss), taus = model.numbers("A", "loss"), np.array([np.inf])
        gains = np.array([gain])
    else:
        loss, gains = 0.0, np.array(model.numbers("A_fast", "A_slow"))
        taus = np.array(model.numbers("tau_fast", "tau_slow"))
    parts = np.zeros(len(gains))
    parts[0] = potentiation
    s, u, x, before, released, transmitted = 0.0, 0.0, 1.0, 0.0, [], []
    for time, is_pre in merged(pre, post):
        gap, before = time - before, time
        s, u = s * np.exp(-gap / tau_nmda), u * np.exp(-gap / tau_F)
        x, parts = 1 - (1 - x) * np.exp(-gap / tau_D), parts * np.exp(-gap / taus)
        if not is_pre:
            parts = parts + nmda * gains * s
            continue
        raised = 1 + parts.sum()
        u += min(max(U * raised**share, 0.0), 1.0) * (1 - u)
        released.append(u * x)
        transmitted.append(raised ** (1 - share) * u * x)
        x, s, parts = x - u * x, s + 1, parts * (1 - loss)
    return 1 + float(parts.sum()), np.array(released), np.array(transmitted)


def curve(model: Synapse, lags: np.ndarray, pairs: int, frequency: float) -> np.ndarray:
    """Return the weight ratio at each lag (seconds), at the last spike."""
    return np.array(
        [respond(model, *pairs_of_spikes(lag, pairs, frequency))[0] for lag in lags]
    )


def release(model: Synapse, times: np.ndarray, potentiation: float = 0.0) -> np.ndarray:
    """Return what each spike releases of a synapse that is potentiated by a share at time
    0."""
    return respond(model, times, np.array([]), potentiation)[1]


def transmitted(
    model: Synapse, times: np.ndarray, potentiation: float = 0.0
) -> np.ndarray:
    """Return what each spike transmits (release x AMPA gain), likewise."""
    return respond(model, times, np.array([]), potentiation)[2]
