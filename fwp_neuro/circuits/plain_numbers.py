"""What counts as numbers where a user may give anything."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..errors import shown
from ..foreign_units import package_of


def is_numbers(value) -> bool:
    """Whether a value is a real number, a Brian2 quantity, or an array or list of such.

    Quantities of other packages are none: NumPy would strip their units.
    """
    if isinstance(value, bool | np.bool_) or value is None:
        return False
    if package_of(value) not in ("", "brian2") or np.ma.is_masked(value):
        return False
    if isinstance(value, list | tuple) and not all(is_numbers(item) for item in value):
        return False
    try:
        return np.asarray(value).dtype.kind in "iuf" and number_of(value) is not None
    except (TypeError, ValueError, OverflowError, b2.DimensionMismatchError):
        return False


def number_of(value) -> np.ndarray:
    """Return a number or numbers in base units."""
    return np.asarray(value, dtype=float)


def stands_for_cells(value) -> bool:
    """Whether a value is a Brian2 object that stands for cells, such as ``group.i``."""
    # a tensor has it too
    return hasattr(value, "_indices") and not hasattr(value, "detach")


def in_words(value) -> str:
    """Return a value in a few words, with its unit if it has one."""
    if np.ndim(value) and isinstance(value, b2.Quantity):
        return f"{np.size(value)} values in {b2.get_unit(value.dim)!r}"
    return shown(value)
