"""Frequency dependence as Sjoestroem and Markram measured it, to compare several models
with."""

from __future__ import annotations

from collections.abc import Iterator

from brian2 import Hz, ms

from ..synapses import stdp_curve
from .rows import Row

SOURCE = "Sjoestroem, Turrigiano & Nelson 2001, Neuron 32:1149 (mean and SEM, digitised)"
#: lag in ms -> [(Hz, weight change, standard error of the mean)]
CHANGES = {
    10: [
        (0.1, -0.04, 0.05),
        (10, 0.14, 0.10),
        (20, 0.29, 0.14),
        (40, 0.53, 0.11),
        (50, 0.56, 0.26),
    ],
    -10: [
        (0.1, -0.29, 0.08),
        (10, -0.41, 0.11),
        (20, -0.34, 0.10),
        (40, 0.56, 0.32),
        (50, 0.75, 0.19),
    ],
}
MARKRAM_SOURCE = "Markram et al. 1997, Science 275:213 (mean and SEM, digitised)"
#: the same of Markram et al.
MARKRAM = {
    5: [
        (2, -0.01, 0.04),
        (5, 0.02, 0.06),
        (10, 0.26, 0.08),
        (20, 0.36, 0.08),
        (30, 0.42, 0.08),
        (40, 0.50, 0.12),
    ],
    -10: [(10, -0.21, 0.03)],
}
#: by how much two digitisations of the same figure differ
DIGITISED = 0.06
AXES = ("frequency of the pairs (Hz)", "weight change")


def changes(name, parameters: str, **options) -> dict[tuple[int, float], float]:
    """Return a model's weight change at every (lag in ms, Hz) that was measured."""
    return {
        (lag, hertz): float(
            stdp_curve(name, parameters, lags=lag * ms, frequency=hertz * Hz, **options)
            - 1
        )
        for lag, points in CHANGES.items()
        for hertz, _, _ in points
    }


def error(found: dict[tuple[int, float], float]) -> float:
    """Return the mean square of (model - mean) / SEM over all points."""
    squares = [
        ((found[lag, hertz] - mean) / sem) ** 2
        for lag, points in CHANGES.items()
        for hertz, mean, sem in points
    ]
    return sum(squares) / len(squares)


def rows(
    model: str,
    found: dict[tuple[int, float], float],
    what: str,
    misses: dict[tuple[int, float], tuple[float, str]] | None = None,
) -> Iterator[Row]:
    """Yield a row a point: within the SEM, or the 0.06 by which two digitisations differ.

    Args:
        model: in the registry.
        found: see `changes`.
        what: the model and parameter set in words, for the curve.
        misses: (lag, Hz) -> how far off it is known to be at most, and why.
    """
    for lag, points in CHANGES.items():
        for hertz, mean, sem in points:
            known, reason = (misses or {}).get((lag, hertz), (0.0, ""))
            yield Row(
                model, f"{what}, {lag:+d} ms, {hertz:g} Hz", found[lag, hertz], mean,
                max(sem, DIGITISED), f"{SOURCE}; within the SEM, at least {DIGITISED:g}",
                reason=reason, curve=f"{what}, {lag:+d} ms", x=hertz, axes=AXES,
                known_miss=known,
            )  # fmt: skip
