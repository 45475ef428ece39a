"""Check Brian2 quantities that a user gives."""

from __future__ import annotations

import math

from ..errors import FwpError, shown
from ..foreign_units import as_brian2


def time(value, name: str, default=None):
    """Return a positive Brian2 time.

    Raises:
        FwpError: no unit, another dimension, not one number, or not positive and finite.
    """
    import brian2 as b2

    return _quantity(value, name, b2.second, "a time such as 0.5*ms", default)


def rate(value, name: str, default=None):
    """Return a positive Brian2 rate; raises `FwpError` like `time`."""
    import brian2 as b2

    return _quantity(value, name, b2.Hz, "a rate such as 20*Hz", default)


def _quantity(value, name: str, unit, what: str, default):
    import brian2 as b2
    import numpy as np

    if value is None:
        return default
    value = as_brian2(value, unit, name, what)
    try:
        fits = np.size(value) == 1 and b2.have_same_dimensions(value, unit)
    except Exception as problem:  # Brian2 raises several types for things that are no quantity
        raise FwpError(f"{name} must be {what}, got {shown(value)}") from problem
    if not fits:
        raise FwpError(f"{name} must be {what}, got {shown(value)}")
    number = np.asarray(value, dtype=float).item()
    if not (number > 0 and math.isfinite(number)):
        raise FwpError(f"{name} must be positive and finite, got {value}")
    return value
