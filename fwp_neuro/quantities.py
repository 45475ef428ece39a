"""Quantities that a user gives: checked, and converted to Brian2's units.

Times, rates and any other quantity; units of other packages (see
`fwp_neuro.foreign_units`) are converted.
"""

from __future__ import annotations

import math
from typing import Any

import brian2 as b2
import numpy as np

from .arguments import Kind
from .errors import FwpError, shown
from .foreign_units import CONVERT, as_numpy, package_of

#: symbols of the SI units in the order of Brian2's dimensions
_SI = ("m", "kg", "s", "A", "K", "mol", "cd")


def as_brian2(value, unit, what: str, example: str) -> Any:
    """Return a value whose units are Brian2's: foreign quantities converted, all others
    as given.

    Args:
        value: anything.
        unit: Brian2 unit or quantity of the dimension that is needed.
        what: names the argument in errors.
        example: of a legal value, for errors.

    Raises:
        FwpError: a foreign quantity of another dimension.
    """
    if isinstance(value, b2.Quantity):
        return value
    if hasattr(value, "detach"):
        try:
            return as_numpy(value)
        except Exception:  # torch raises many types
            raise FwpError(f"{what} must be {example}, got {shown(value)}") from None
    package = package_of(value)
    if package in ("", "brian2"):
        return value
    if type(value) is np.ndarray and value.dtype == object:
        value = value.tolist()
    if isinstance(value, list | tuple):
        return _stacked(
            [as_brian2(item, unit, what, example) for item in value], what, example
        )
    dim = b2.get_dimensions(unit)
    powers = zip(_SI, (float(power) for power in dim._dims), strict=True)
    si = "*".join(f"{name}**{power:g}" for name, power in powers if power)
    try:
        if package.startswith("NumPy"):
            if si != "s**1" or getattr(value, "dtype", 0) == np.dtype("m8"):
                raise ValueError("a time")
            numbers = np.asarray(value, dtype="timedelta64[ns]") / np.timedelta64(1, "s")
        else:
            numbers = CONVERT[package](value, si)
        return b2.Quantity(np.array(numbers, dtype=float), dim=dim)
    except Exception:  # each package has errors of its own for units that do not convert
        raise FwpError(
            f"{what} must be {example} (Brian2 units, brian2.units), got {shown(value)} "
            f"of the package {package}"
        ) from None


def _stacked(parts: list, what: str, example: str):
    try:
        return b2.Quantity(parts)
    except Exception:  # ragged lists, or numbers without units among quantities
        raise FwpError(
            f"{what} must be {example}, got entries of several kinds"
        ) from None


def quantity(value, unit, what: str, example: str, finite: bool = True) -> np.ndarray:
    """Return a user's quantity as a float array in ``unit``, for instance times in
    seconds.

    Args:
        value: Brian2 quantity, list of quantities, or a quantity of another package.
        unit: Brian2 unit, or 1 for plain numbers.
        what: names the argument in errors.
        example: of a legal value, such as "times such as [0, 50]*ms".
        finite: whether NaN and infinity are refused.

    Raises:
        FwpError: no unit, another dimension, or entries that are no (finite) real
            numbers.

    Example:
        >>> import brian2 as b2
        >>> quantity([10, 20] * b2.ms, b2.second, "lags", "times such as [5, 10]*ms")
        array([0.01, 0.02])
    """
    value = as_brian2(value, unit, what, example)
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()  # an array of objects hides the units of its entries
    try:
        fits = b2.have_same_dimensions(value, unit)
        if fits and not isinstance(value, np.ndarray):
            value = b2.Quantity(value)  # a list keeps the units of its entries
    except Exception:  # Brian2 raises several types for things that are no quantity
        fits = False
    if not fits:
        raise FwpError(f"{what} must be {example}, got {shown(value)}")
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or np.ma.is_masked(value):
        raise FwpError(f"{what} must be {example}, got {shown(value)}")
    array = array.astype(float) / float(unit)
    if finite and not np.isfinite(array).all():
        raise FwpError(f"{what} must be finite, got {shown(value)}")
    return array


def time(value, name: str, default=None):
    """Return a positive Brian2 time.

    Raises:
        FwpError: no unit, another dimension, not one number, or not positive and finite.
    """
    return _quantity(value, name, b2.second, "a time such as 0.5*ms", default)


def rate(value, name: str, default=None):
    """Return a positive Brian2 rate; raises `FwpError` like `time`."""
    return _quantity(value, name, b2.Hz, "a rate such as 20*Hz", default)


def _quantity(value, name: str, unit, what: str, default):
    if value is None:
        return default
    value = as_brian2(value, unit, name, what)
    try:
        fits = np.size(value) == 1 and b2.have_same_dimensions(value, unit)
    except Exception as problem:
        # Brian2 raises several types for things that are no quantity
        raise FwpError(f"{name} must be {what}, got {shown(value)}") from problem
    if not fits:
        raise FwpError(f"{name} must be {what}, got {shown(value)}")
    number = np.asarray(value, dtype=float).item()
    if not (number > 0 and math.isfinite(number)):
        raise FwpError(f"{name} must be positive and finite, got {value}")
    return value


def a_time(example: str = "0.5*ms") -> Kind:
    """A positive, finite time as a Brian2 quantity; other packages' times are
    converted."""
    legal = f"a time such as {example}"

    def read(value, name: str):
        found = quantity(value, b2.second, name, legal, finite=False)
        if found.size != 1 or not 0 < found.item() < math.inf:
            raise FwpError(
                f"{name} must be {legal}, positive and finite, got {shown(value)}"
            )
        return found.item() * b2.second

    return Kind(legal, read, lambda: 0.5 * b2.ms)
