"""Homeostatic scaling: the rate comes to r_0 along a logistic curve, and weights keep
ratios."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...targets.rows import Row
from .. import get
from .events import course

MODEL = "homeostatic_scaling"
_SOURCE = "closed form of multiplicative scaling: w(t) logistic, rate to r_0"


def rows(quick: bool) -> Iterator[Row]:
    """Compare a linear cell with the closed form at one and ten time constants."""
    model = get(MODEL, "linear")
    target, tau, one = model.numbers("r_0", "tau_h", "r_one")
    start, x = np.array([[0.2, 0.6]]), np.array([1.0, 2.0])
    dt = tau / 500
    weights = course(model, start, np.tile(x, (5000, 1)), dt)[:, 0]
    rates = one * weights @ x
    before = one * float(start[0] @ x)
    for times in (1, 10):
        what = f"rate in Hz after {times} tau_h, from {before:g} Hz"
        logistic = target / (1 + (target / before - 1) * np.exp(-times))
        yield Row(
            MODEL,
            what,
            float(rates[500 * times - 1]),
            logistic,
            1e-3 * logistic,
            _SOURCE,
            strength="closed form",
        )
    yield Row(
        MODEL,
        "rate in Hz at the end",
        float(rates[-1]),
        target,
        1e-4 * target,
        _SOURCE,
        strength="closed form",
    )
    ratio = float(weights[-1, 1] / weights[-1, 0])
    yield Row(
        MODEL,
        "ratio of two weights, 3 at the start",
        ratio,
        3,
        1e-9,
        _SOURCE,
        strength="closed form",
    )
