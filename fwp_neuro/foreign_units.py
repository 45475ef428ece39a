"""Units at the door: arrays and quantities that a user gives, with units of any package.

Brian2's units are those of this package. Quantities of ``quantities`` (and Neo, whose
spike trains are such quantities), ``pint``, ``astropy`` and NumPy's ``timedelta64`` are
converted where a quantity is needed, and refused where a plain number is needed: no unit
is ever stripped. The other packages are recognised by the type of a value; none of them
is imported.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from .errors import FwpError, shown

#: package -> how its quantities are converted: (value, SI unit as text) -> plain numbers
CONVERT = {
    "quantities": lambda value, si: value.rescale(si or "dimensionless").magnitude,
    "neo": lambda value, si: value.rescale(si or "dimensionless").magnitude,
    "pint": lambda value, si: (1 * value).to(si or "dimensionless").magnitude,
    "astropy": lambda value, si: (1 * value).to(si).value,
    "unyt": lambda value, si: value.to(si or "dimensionless").value,
}


def package_of(value) -> str:
    """Return whose units a value carries: "brian2", "pint", ..., or "" for plain values.

    Lists and arrays of objects carry what their first entry with units carries; Brian2
    quantities without dimensions are plain numbers.
    """
    if isinstance(value, str | bytes | int | float | None):
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        if {*map(type, value)} <= {int, float, np.float64}:
            return ""  # long lists of numbers are not walked twice
        found = (package_of(item) for item in value)
        return next((package for package in found if package), "")
    if (
        isinstance(value, timedelta)
        or getattr(getattr(value, "dtype", None), "kind", "") == "m"
    ):
        return "NumPy timedelta64"
    roots = [kind.__module__.partition(".")[0] for kind in type(value).__mro__]
    if "brian2" in roots:
        dim = getattr(value, "dim", None)
        return "" if dim is None or dim.is_dimensionless else "brian2"
    if isinstance(value, np.ndarray) and value.dtype == object:
        if package := package_of(value.ravel().tolist()):
            return package
    if any(
        hasattr(value, name)
        for name in ("unit", "units", "dimensionality", "physical_type")
    ):
        return next((root for root in roots if root in CONVERT), "")
    return ""


def as_numpy(value):
    """Return a torch tensor as an array, as float64 if NumPy lacks its type; others as
    given.

    Raises:
        RuntimeError, TypeError, NotImplementedError: a tensor without numbers, or one
            that is not dense.
    """
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    return (value.double() if value.is_floating_point() else value).numpy()


def plain_array(value, what: str, finite: bool = True) -> np.ndarray:
    """Return plain numbers as a float array; refuse units, text, complex and masked
    values.

    Args:
        value: numbers, nested lists of them, or an array.
        what: names the argument in errors.
        finite: whether NaN and infinity are refused.

    Raises:
        FwpError: anything that carries units (of Brian2 or another package), no real
            numbers, rows of unequal length, masked entries, or NaN and infinity.

    Example:
        >>> plain_array([1, 2], "amplitudes")
        array([1., 2.])
    """
    if package := package_of(value):
        raise FwpError(
            f"{what} must be plain numbers without units, got {shown(value)} with units "
            f"of {package}: divide by the unit"
        )
    try:
        array = np.asarray(as_numpy(value))
        legal = array.dtype.kind in "biuf" or (
            array.dtype == object
            and not any(
                isinstance(one, str | bytes | None) for one in array.ravel().tolist()
            )
        )
        found = np.array(array, dtype=float) if legal else None
    except Exception:
        # ragged lists, empty tensors, objects, numbers that no float can hold
        found = None
    if found is None or np.ma.is_masked(value):
        raise FwpError(f"{what} must be real numbers, got {shown(value)}")
    if finite and not np.isfinite(found).all():
        raise FwpError(f"{what} must be finite, got {shown(value)}")
    return found
