"""Check Brian2 quantities that a user gives."""

from __future__ import annotations

from ..errors import FwpError


def time(value, name: str, default=None):
    """Return a positive Brian2 time.

    Raises:
        FwpError: no unit, another dimension, or not positive.
    """
    import brian2 as b2

    if value is None:
        return default
    try:
        fits = b2.have_same_dimensions(value, b2.second)
    except Exception as problem:  # Brian2 raises several types for things that are no quantity
        raise FwpError(f"{name} must be a time such as 0.5*ms, got {value!r}") from problem
    if not fits:
        raise FwpError(f"{name} must be a time such as 0.5*ms, got {value!r}")
    if not float(value) > 0:
        raise FwpError(f"{name} must be positive, got {value}")
    return value
