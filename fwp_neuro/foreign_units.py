"""Units at the door: arrays and quantities that a user gives, with units of any package.

Brian2's units are those of this package. Quantities of ``quantities`` (and Neo, whose spike trains
are such quantities), ``pint``, ``astropy`` and NumPy's ``timedelta64`` are converted where a
quantity is needed, and refused where a plain number is needed: no unit is ever stripped. The other
packages are recognised by the type of a value; none of them is imported.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from .errors import FwpError, shown

#: symbols of the SI units in the order of Brian2's dimensions
_SI = ("m", "kg", "s", "A", "K", "mol", "cd")
#: package -> how its quantities are converted: (value, SI unit as text) -> plain numbers
_CONVERT = {
    "quantities": lambda value, si: value.rescale(si or "dimensionless").magnitude,
    "neo": lambda value, si: value.rescale(si or "dimensionless").magnitude,
    "pint": lambda value, si: (1 * value).to(si or "dimensionless").magnitude,
    "astropy": lambda value, si: (1 * value).to(si).value,
    "unyt": lambda value, si: value.to(si or "dimensionless").value,
}


def package_of(value) -> str:
    """Return whose units a value carries: "brian2", "pint", ..., or "" for plain values.

    Lists and arrays of objects carry what their first entry with units carries; Brian2 quantities
    without dimensions are plain numbers.
    """
    if isinstance(value, str | bytes | int | float | None):
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        if {*map(type, value)} <= {int, float, np.float64}:
            return ""  # long lists of numbers are not walked twice
        found = (package_of(item) for item in value)
        return next((package for package in found if package), "")
    if isinstance(value, timedelta) or getattr(getattr(value, "dtype", None), "kind", "") == "m":
        return "NumPy timedelta64"
    roots = [kind.__module__.partition(".")[0] for kind in type(value).__mro__]
    if "brian2" in roots:
        dim = getattr(value, "dim", None)
        return "" if dim is None or dim.is_dimensionless else "brian2"
    if isinstance(value, np.ndarray) and value.dtype == object:
        if package := package_of(value.ravel().tolist()):
            return package
    if any(hasattr(value, name) for name in ("unit", "units", "dimensionality", "physical_type")):
        return next((root for root in roots if root in _CONVERT), "")
    return ""


def as_numpy(value):
    """Return a torch tensor as an array, as float64 if NumPy lacks its type; others as given.

    Raises:
        RuntimeError, TypeError, NotImplementedError: a tensor without numbers, or one that is
            not dense.
    """
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    return (value.double() if value.is_floating_point() else value).numpy()


def as_brian2(value, unit, what: str, example: str) -> Any:
    """Return a value whose units are Brian2's: foreign quantities converted, all others as given.

    Args:
        value: anything.
        unit: Brian2 unit or quantity of the dimension that is needed.
        what: names the argument in errors.
        example: of a legal value, for errors.

    Raises:
        FwpError: a foreign quantity of another dimension.
    """
    import brian2 as b2

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
        return _stacked([as_brian2(item, unit, what, example) for item in value], what, example)
    dim = b2.get_dimensions(unit)
    powers = zip(_SI, (float(power) for power in dim._dims), strict=True)
    si = "*".join(f"{name}**{power:g}" for name, power in powers if power)
    try:
        if package.startswith("NumPy"):
            if si != "s**1" or getattr(value, "dtype", 0) == np.dtype("m8"):
                raise ValueError("a time")
            numbers = np.asarray(value, dtype="timedelta64[ns]") / np.timedelta64(1, "s")
        else:
            numbers = _CONVERT[package](value, si)
        return b2.Quantity(np.array(numbers, dtype=float), dim=dim)
    except Exception:  # each package has errors of its own for units that do not convert
        raise FwpError(
            f"{what} must be {example} (Brian2 units, brian2.units), got {shown(value)} of the "
            f"package {package}"
        ) from None


def _stacked(parts: list, what: str, example: str):
    import brian2 as b2

    try:
        return b2.Quantity(parts)
    except Exception:  # ragged lists, or numbers without units among quantities
        raise FwpError(f"{what} must be {example}, got entries of several kinds") from None


def quantity(value, unit, what: str, example: str, finite: bool = True) -> np.ndarray:
    """Return a user's quantity as a float array in ``unit``, for instance times in seconds.

    Args:
        value: Brian2 quantity, list of quantities, or a quantity of another package.
        unit: Brian2 unit, or 1 for plain numbers.
        what: names the argument in errors.
        example: of a legal value, such as "times such as [0, 50]*ms".
        finite: whether NaN and infinity are refused.

    Raises:
        FwpError: no unit, another dimension, or entries that are no (finite) real numbers.

    Example:
        >>> import brian2 as b2
        >>> quantity([10, 20] * b2.ms, b2.second, "lags", "times such as [5, 10]*ms")
        array([0.01, 0.02])
    """
    import brian2 as b2

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


def plain_array(value, what: str, finite: bool = True) -> np.ndarray:
    """Return plain numbers as a float array; refuse units, text, complex and masked values.

    Args:
        value: numbers, nested lists of them, or an array.
        what: names the argument in errors.
        finite: whether NaN and infinity are refused.

    Raises:
        FwpError: anything that carries units (of Brian2 or another package), no real numbers,
            rows of unequal length, masked entries, or NaN and infinity.

    Example:
        >>> plain_array([1, 2], "amplitudes")
        array([1., 2.])
    """
    if package := package_of(value):
        raise FwpError(
            f"{what} must be plain numbers without units, got {shown(value)} with units of "
            f"{package}: divide by the unit"
        )
    try:
        array = np.asarray(as_numpy(value))
        legal = array.dtype.kind in "biuf" or (
            array.dtype == object
            and not any(isinstance(one, str | bytes | None) for one in array.ravel().tolist())
        )
        found = np.array(array, dtype=float) if legal else None
    except Exception:  # ragged lists, empty tensors, objects, numbers that no float can hold
        found = None
    if found is None or np.ma.is_masked(value):
        raise FwpError(f"{what} must be real numbers, got {shown(value)}")
    if finite and not np.isfinite(found).all():
        raise FwpError(f"{what} must be finite, got {shown(value)}")
    return found
