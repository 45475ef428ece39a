"""Oja's rule: it finds the first principal component, with a length set by alpha."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz

from ...targets.rows import Row
from .. import get
from .events import course

MODEL = "oja"
_SOURCE = "fixed point of Oja 1982, J. Math. Biol. 15:267"


def learned(alpha: float, steps: int, seed: int = 0) -> tuple[float, float]:
    """Return alignment with the first principal component, and alpha times the squared
    length.

    A linear cell hears 8 correlated Gaussian inputs, a new pattern every 20 ms; both
    numbers are of the weights averaged over the second half.
    """
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(8, 8)) * np.linspace(1.5, 0.3, 8) / np.sqrt(8)
    x = rng.normal(size=(steps, 8)) @ mixing.T
    model = get(MODEL, "linear").changed(alpha=alpha, eta=0.03 * Hz)
    weights = course(model, np.full((1, 8), 0.1), x, None, 0.02)
    mean = weights[steps // 2 :, 0].mean(0)
    first = np.linalg.eigh(x.T @ x)[1][:, -1]
    return float(abs(mean @ first) / np.linalg.norm(mean)), float(alpha * mean @ mean)


def rows(quick: bool) -> Iterator[Row]:
    """Compare two scales of the decay with the fixed point."""
    for alpha in (1.0, 0.25):
        aligned, length = learned(alpha, 20000 if quick else 100000)
        what = f"alignment with the first principal component, alpha {alpha:g}"
        yield Row(
            MODEL, what, aligned, 0.999, 0, _SOURCE, "at least", strength="closed form"
        )
        yield Row(
            MODEL,
            f"alpha |w|^2, alpha {alpha:g}",
            length,
            1,
            0.005,
            _SOURCE,
            strength="closed form",
        )
