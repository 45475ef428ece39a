"""Kinds of the arguments of `Program`: arrays of plain numbers, labels, names and
homes."""

from __future__ import annotations

import numpy as np

from .arguments import Kind, inside, mapping, optional
from .errors import FwpError, shown
from .foreign_units import as_numpy, package_of
from .rules import rule
from .validation import affordable


def signal(value, name: str) -> np.ndarray:
    """Return a read-only float64 copy, or raise FwpError saying why there is none."""
    name = name.rpartition(": ")[2]
    where = f"Program argument {name!r}"
    if package_of(value):
        raise FwpError(
            f"{where} has units; a program is dimensionless, so divide by a unit first"
        )
    try:
        value = as_numpy(value)
        if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in "biuf":
            # a masked number is a missing one
            value = np.ma.filled(value.astype(np.float64), np.nan)
        array = np.asarray(value)
    except Exception as problem:
        # a ragged list, tensors without numbers or of another layout, ...
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise FwpError(f"{where} cannot be made an array of numbers: {reason}") from None
    if array.dtype.kind not in "biuf":
        raise FwpError(f"{where} must hold real numbers, and got {array.dtype} entries")
    if array.size == 0:
        raise FwpError(f"{where} is empty (shape {array.shape})")
    affordable(array.size, f"{where} of shape {array.shape}")
    array = np.array(array, dtype=np.float64)
    array.setflags(write=False)
    return array


def labels_of(value, name: str) -> list[str]:
    """Return labels as a list, or raise FwpError."""
    try:
        labels = [None] if isinstance(value, str | bytes) else list(value)
    except Exception:  # not iterable; each package says so in another way
        labels = [None]
    if not all(isinstance(label, str) for label in labels):
        raise FwpError(
            "Program argument 'labels' must be a list of strings, one per token"
        )
    return [str(label) for label in labels]


def _change(value, name: str):
    """Read an argument of `Program.replace`."""
    if value is None:
        return None
    return (labels_of if name.endswith(": labels") else signal)(value, name)


def _names(value, name: str) -> tuple[str, ...]:
    listed = isinstance(value, list | tuple)
    if not listed or not all(isinstance(item, str) for item in value):
        raise FwpError(f"{name} must be a list of names of arrays, got {shown(value)}")
    return tuple(value)


SIGNAL = Kind(
    "numbers [token, dim] or [token, head, dim]", signal, lambda: np.ones((2, 3))
)
LABELS = optional(Kind("one string per token", labels_of))
BOUND = inside("a Rule", lambda: rule("hebb"))
CHANGE = Kind("numbers, or None to remove an array", _change)
NAMES = Kind("names of arrays", _names, lambda: ("key",))
HOMES = optional(mapping("name to home"))
