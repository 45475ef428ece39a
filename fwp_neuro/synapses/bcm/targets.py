"""BCM: the threshold equals the answer, and cells become selective."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...targets.rows import Row
from .. import get
from .events import course

MODEL = "bcm"
_SOURCE = (
    "fixed point of Bienenstock, Cooper & Munro 1982 with theta = <y^2> (Intrator & "
    "Cooper)"
)


def learned(patterns: int, seconds: float = 1500.0) -> tuple[np.ndarray, float]:
    """Return the answers of a linear cell to orthogonal inputs that take turns, and its
    threshold.

    Inputs last 100 ms; the threshold is averaged over the last third.
    """
    steps, hold = round(seconds / 0.02), 5
    inputs = np.eye(patterns)
    x = inputs[(np.arange(steps) // hold) % patterns]
    start = np.linspace(0.4, 0.3, patterns)[None]
    weights, thresholds = course(get(MODEL, "linear"), start, x, None, 0.02)
    return weights[-1, 0] @ inputs.T, float(thresholds[-steps // 3 :].mean())


def rows(quick: bool) -> Iterator[Row]:
    """Compare answers and thresholds with the fixed points for one and two inputs."""
    for patterns in (1, 2):
        answers, threshold = learned(patterns)
        what = f"{patterns} inputs" if patterns > 1 else "one input"
        yield Row(
            MODEL,
            f"largest answer, {what}",
            answers.max(),
            patterns,
            0.03,
            _SOURCE,
            strength="closed form",
        )
        yield Row(
            MODEL,
            f"threshold, {what}",
            threshold,
            patterns,
            0.03,
            _SOURCE,
            strength="closed form",
        )
        if patterns > 1:
            yield Row(
                MODEL,
                f"other answer, {what}",
                answers.min(),
                0,
                0.03,
                _SOURCE,
                strength="closed form",
            )
