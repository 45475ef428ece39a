"""The frequency dependence that Sjoestroem measured, against which several models are compared."""

from __future__ import annotations

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
AXES = ("frequency of the pairs (Hz)", "weight change")


def changes(name, parameters: str, **options) -> dict[tuple[int, float], float]:
    """Return a model's weight change at every (lag in ms, Hz) that was measured."""
    from brian2 import Hz, ms

    from ..synapses import stdp_curve

    return {
        (lag, hertz): float(
            stdp_curve(name, parameters, lags=lag * ms, frequency=hertz * Hz, **options) - 1
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
