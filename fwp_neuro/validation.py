"""Checks of arguments that many functions take."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from .errors import FwpError


def seed_number(seed) -> int:
    """Return a seed as a plain int.

    Raises:
        FwpError: not a whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise FwpError(f"seed must be a whole number from 0 to 4294967295, got {seed!r}")
    return int(seed)


def generator(seed) -> np.random.Generator:
    """Return a NumPy generator for a seed; a generator passes through."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(seed_number(seed))
