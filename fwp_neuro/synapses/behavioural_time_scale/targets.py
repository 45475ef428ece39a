"""Behavioural time scale plasticity: time constants of both kernels, and signs of the
change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, second

from ... import synapses
from ...targets.rows import Row
from .events import decay_times, overlap

MODEL = "behavioural_time_scale"
_BITTNER = "Bittner et al. 2017, Science 357:1033: exponential fits of the kernel"
_MILSTEIN = "Milstein et al. 2021, eLife 10:e73046: mean of the fits to 22 cells"
_SIGN = "Milstein et al. 2021, eLife 10:e73046 (sign only)"


def rows(quick: bool) -> Iterator[Row]:
    """Fit the time constants that were put in, and compare signs with weight and lag."""
    burst = dict(pre_spikes=10, burst_frequency=20 * Hz)
    lags = np.arange(1.0, 3.6, 0.5 if quick else 0.1)  # both traces only decay
    kernel = synapses.get(MODEL, "bittner_2017")
    # 5 pairings, 15 s apart, of 10 stimuli at 20 Hz with a plateau
    protocol = dict(pairs=5, frequency=1 / (15 * second), **burst)
    sides = [
        synapses.stdp_curve(kernel, lags=sign * lags * second, **protocol) - 1
        for sign in (1, -1)
    ]
    for side, value, target in zip(
        ("before", "after"), decay_times(lags, *sides), (1.31, 0.69), strict=True
    ):
        what = f"kernel, presynaptic spikes {side} the plateau, in s"
        yield Row(
            MODEL, what, value, target, 0.01 * target, _BITTNER, strength="definition"
        )
    model = synapses.get(MODEL, "milstein_2021_mean")
    sides = [overlap(model, sign * lags, **burst) for sign in (1, -1)]
    for trace, value, target in zip(
        ("eligibility", "instructive"),
        decay_times(lags, *sides),
        (0.86, 0.54),
        strict=True,
    ):
        what = f"overlap decays with the {trace} trace, in s"
        yield Row(MODEL, what, value, target, 0.01, _MILSTEIN, strength="definition")
    network = synapses.get(MODEL, "milstein_2021_network")
    for chosen, start, lag, up in (
        (model, 1, 0.0, True), (model, 4, 0.0, False), (network, 1, 0.0, True),
        (network, 3, 0.0, False), (network, 2, 0.0, True), (network, 2, 2.0, False),
    ):  # fmt: skip
        value = synapses.stdp_curve(
            chosen, lags=lag * second, pairs=1, start=start, **burst
        )
        yield Row(
            MODEL, f"ratio, {chosen.parameter_set}, weight {start} of silent, {lag:g} s",
            float(value), 1, 0, _SIGN, "at least" if up else "at most",
            strength="qualitative published",
        )  # fmt: skip
