"""Draws without replacement that several sequence tasks share."""

from __future__ import annotations

import numpy as np


def distinct(rng: np.random.Generator, batch: int, pool: int, count: int) -> np.ndarray:
    """Draw, in each row, ``count`` different numbers below ``pool`` in random order."""
    return race(rng, batch, np.ones(pool), count)


def race(
    rng: np.random.Generator, batch: int, weights: np.ndarray, count: int
) -> np.ndarray:
    """Draw ``count`` different indices per row, one after another with p ~ weights.

    Arrival times exponential with rate ``weights``: the order of arrival is that of
    successive draws without replacement (Efraimidis & Spirakis 2006, doi
    10.1016/j.ipl.2005.11.003).
    """
    times = rng.exponential(size=(batch, len(weights))) / weights
    first = np.argpartition(times, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(times, first, axis=1), axis=1)
    return np.take_along_axis(first, order, axis=1)
