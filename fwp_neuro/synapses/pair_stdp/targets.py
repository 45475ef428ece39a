"""Pair rule: what one pair and sixty pairs write, in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, ms

from ... import synapses
from ...targets.rows import Row

MODEL = "pair_stdp"
_ONE = (
    "A exp(-|lag|/tau): exponential window of Song, Miller & Abbott 2000, Nat. Neurosci. "
    "3:919"
)
_MANY = (
    "sum of that window over all pairs of spikes of two regular trains (geometric series)"
)
AXES = ("lag (ms)", "change of the weight (%)")


def window(lag, plus: float, minus: float, tau_plus: float, tau_minus: float):
    """Return the change by one pair at lags in seconds; at 0 it potentiates."""
    lag = np.asarray(lag, float)
    size = np.abs(lag)
    return np.where(
        lag >= 0, plus * np.exp(-size / tau_plus), -minus * np.exp(-size / tau_minus)
    )


def trains(lag: float, pairs: int, rate: float, *parameters: float) -> float:
    """Return the change by regular trains: pairs - |n| pairs of spikes lie n periods
    apart."""
    apart = np.arange(1 - pairs, pairs)
    return float(
        ((pairs - np.abs(apart)) * window(lag + apart / rate, *parameters)).sum()
    )


def rows(quick: bool) -> Iterator[Row]:
    """Compare the protocol with the closed form: one pair, and sixty at 1 and 20 Hz."""
    model = synapses.get(MODEL)
    numbers = model.numbers("A_plus", "A_minus", "tau_plus", "tau_minus")
    lags = np.array([-50, -20, -10, -5, 0, 5, 10, 20, 50])
    found = synapses.stdp_curve(model, lags=lags * ms, pairs=1)
    targets = window(lags * 1e-3, *numbers)
    for lag, value, target in zip(lags, found - 1, targets, strict=True):
        yield Row(MODEL, f"change by one pair at {lag:+d} ms (%)", 100 * float(value),
                  100 * float(target), 1e-9, _ONE, curve="pair STDP, one pair",
                  x=float(lag),
                  axes=AXES, strength="closed form")  # fmt: skip
    for rate in (1, 20):
        for lag in (-10, 10):
            ratio = synapses.stdp_curve(
                model, lags=lag * ms, pairs=60, frequency=rate * Hz
            )
            target = 100 * trains(lag * 1e-3, 60, rate, *numbers)
            yield Row(MODEL, f"change by 60 pairs at {lag:+d} ms, {rate} Hz (%)",
                      100 * (float(ratio) - 1), target, 1e-6, _MANY,
                      strength="closed form")  # fmt: skip
