"""Checks of the options that memories take."""

from __future__ import annotations

import math
from numbers import Real

from ...errors import FwpError


def real(value, what: str, least: float = -math.inf) -> float:
    """Return a finite number as a float.

    Raises:
        FwpError: ``value`` is none, or lies below ``least``; the error names ``what``.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise FwpError(f"{what} must be a finite number, got {value!r}")
    if value < least:
        raise FwpError(f"{what} must be at least {least:g}, got {value!r}")
    return float(value)


def real_or_none(value, what: str) -> float | None:
    """Return a finite number, or None, which stands for the paper's choice.

    Raises:
        FwpError: neither.
    """
    return None if value is None else real(value, what)


def flag(value, what: str) -> bool:
    """Return True or False.

    Raises:
        FwpError: anything else.
    """
    if not isinstance(value, bool):
        raise FwpError(f"{what} must be True or False, got {value!r}")
    return value
