"""Checks of options, and draws without replacement, that several sequence tasks share."""

from __future__ import annotations

import numpy as np

from fwp_neuro.errors import FwpError


def fraction(value, what: str) -> float:
    """Return ``value`` as a float in [0, 1]; the error names the argument ``what``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise FwpError(f"{what} is {value!r}; it must be a number from 0 to 1")
    return float(value)


def number(value, what: str) -> float:
    """Return ``value`` as a float if it is a finite number; the error names ``what``."""
    numeric = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not numeric or not np.isfinite(value):
        raise FwpError(f"{what} is {value!r}; it must be a number")
    return float(value)


def positive(value, what: str) -> float:
    """Return ``value`` as a finite float above 0; the error names the argument ``what``."""
    if not number(value, what) > 0:
        raise FwpError(f"{what} is {value!r}; it must be a number above 0")
    return float(value)


def flag(value, what: str) -> bool:
    """Return ``value`` if it is True or False; the error names the argument ``what``."""
    if not isinstance(value, bool | np.bool_):
        raise FwpError(f"{what} is {value!r}; it must be True or False")
    return bool(value)


def distinct(rng: np.random.Generator, batch: int, pool: int, count: int) -> np.ndarray:
    """Draw, in each row, ``count`` different numbers below ``pool`` in random order."""
    return race(rng, batch, np.ones(pool), count)


def race(rng: np.random.Generator, batch: int, weights: np.ndarray, count: int) -> np.ndarray:
    """Draw ``count`` different indices per row, one after another with p ~ weights.

    Arrival times exponential with rate ``weights``: the order of arrival is that of successive
    draws without replacement (Efraimidis & Spirakis 2006, doi 10.1016/j.ipl.2005.11.003).
    """
    times = rng.exponential(size=(batch, len(weights))) / weights
    first = np.argpartition(times, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(times, first, axis=1), axis=1)
    return np.take_along_axis(first, order, axis=1)
