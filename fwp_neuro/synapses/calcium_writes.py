"""What calcium readouts write between many trains of spikes, all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from . import spine_calcium
from .calcium_readouts import READOUTS


def cumulative(
    p: Mapping[str, Any], opened: np.ndarray, volts: np.ndarray, dt: float, every: int,
    scales: Mapping[str, tuple[np.ndarray, np.ndarray]],
    readouts: Sequence[str] = tuple(READOUTS),
    progress=None,
) -> np.ndarray:  # fmt: skip
    """Return what readouts have written so far, all presynaptic with all postsynaptic
    cells.

    Args:
        p: parameters of a `point_spine` model.
        opened: NMDA opening [step, pre].
        volts: potential [step, post].
        dt: seconds.
        every: steps between samples.
        scales: name -> (p_pre [post], p_pair [post]), calibrations to use side by side.
        readouts: names of readouts.
        progress: called with (fraction, note).

    Returns:
        seconds of R = 1 as [scale, readout, sample, post, pre].
    """
    steps, tau = len(opened), float(p["tau_ca"])
    force = spine_calcium.unblocked(p, volts) * (
        float(p["influx"]) * tau * -np.expm1(-dt / tau)
    )
    left = np.exp(-dt / tau)
    ca = np.zeros((volts.shape[1], opened.shape[1]))
    pairs = [
        tuple(np.reshape(peak, (-1, 1)) for peak in both) for both in scales.values()
    ]
    chosen = [READOUTS[name] for name in readouts]
    total = np.zeros((len(pairs), len(chosen), *ca.shape))
    found = []
    for step in range(steps):
        for row, (p_pre, p_pair) in zip(total, pairs, strict=True):
            for written, readout in zip(row, chosen, strict=True):
                written += readout(ca, p_pre, p_pair)
        ca *= left
        ca += np.multiply.outer(force[step], opened[step])
        if (step + 1) % every == 0:
            found.append(total * dt)
            if progress is not None:
                progress((step + 1) / steps, "calcium")
    return np.stack(found, 2)


def told_apart(high: np.ndarray, low: np.ndarray) -> float:
    """Return how often a draw of ``high`` exceeds one of ``low`` (area under the ROC
    curve)."""
    high, low = high.ravel(), low.ravel()
    return float(mannwhitneyu(high, low).statistic / (high.size * low.size))
