"""Weights of `payeur_2021` after given spikes: exact."""

from __future__ import annotations

import numpy as np
from brian2 import ms

from ...quantities import time
from ...validation import whole
from ..pairing import pairs_of_spikes
from ..synapse_class import Synapse


def changed_weight(model: Synapse, pre, post) -> float:
    """Return the weight after spikes at given times (seconds): exact."""
    p = {name: float(value) for name, value in model.parameters.items()}
    w, x, E, B, bursting, before = (
        p["w_start"],
        0.0,
        p["E_start"],
        p["B_start"],
        False,
        0.0,
    )
    last = {True: -1.0, False: -1.0}
    for time, is_pre in sorted([(t, False) for t in post] + [(t, True) for t in pre]):  # noqa: F402
        x *= np.exp(-(time - before) / p["tau_pre"])
        # both fall alike: after long silence their ratio is left, where both would be 0
        fallen = max(np.exp(-(time - before) / p["tau_avg"]), 1e-280)
        E, B = E * fallen, B * fallen
        before = time
        # spikes of a train in steps are a whole number of steps apart, up to rounding
        first = time - last[is_pre] > p["burst_isi"] - 1e-9
        last[is_pre] = time
        if is_pre:
            x += first
            continue
        second = not first and not bursting
        w += p["nmda"] * p["eta"] * x * (second - B / E * first)
        E, B, bursting = E + first / p["tau_avg"], B + second / p["tau_avg"], not first
    return w


def curve(
    model: Synapse, lags, pairs: int, frequency: float, spikes: int = 1, interval=None
):
    """Return the weight ratio at each lag (seconds).

    Args:
        model: the rule.
        lags, pairs, frequency: of the protocol; a lag is to the first postsynaptic spike.
        spikes: in each postsynaptic event; two and more are a burst.
        interval: between them, a Brian2 time; 10 ms if None.

    Raises:
        FwpError: an interval without unit or not positive, or spikes that are no whole
            number.
    """
    apart = float(time(interval, "interval", 10 * ms)) * np.arange(
        whole(spikes, "spikes")
    )
    found = []
    for lag in lags:
        pre, post = pairs_of_spikes(lag, pairs, frequency)
        post = np.sort(np.add.outer(post, apart).ravel())
        found.append(
            changed_weight(model, pre, post) / float(model.parameters["w_start"])
        )
    return np.array(found)
