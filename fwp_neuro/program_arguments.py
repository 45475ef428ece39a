"""Kinds of the arguments of `Program`: arrays of plain numbers, labels, names and
homes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .arguments import Kind, inside, mapping, optional
from .errors import FwpError, nearest, shown
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


def by_sequence(arrays: Mapping[str, np.ndarray | None]) -> list[dict[str, Any]]:
    """Return the arrays of each sequence, of arrays [sequence, ...]; a plain number is
    that of all.

    Raises:
        FwpError: a key without an axis for sequences, or unequal numbers of sequences.
    """
    given = {name: array for name, array in arrays.items() if array is not None}
    first = next((name for name in ("key", "k") if name in given), None)
    if first is None:
        return [given]  # of which a Program says what is missing
    key = given[first]
    if key.ndim not in (3, 4):
        raise FwpError(
            f"Program.sequences argument {first!r} has shape {key.shape}; it must be "
            "[sequence, token, dim] or [sequence, token, head, dim]"
        )
    for name, array in given.items():
        if array.ndim and len(array) != len(key):
            raise FwpError(
                f"Program.sequences argument {name!r} has {len(array)} sequences (shape "
                f"{array.shape}), but the key has {len(key)}"
            )
    return [
        {name: array[n] if array.ndim else array for name, array in given.items()}
        for n in range(len(key))
    ]


def lacking(rule, missing: Mapping[str, str], unused: tuple[str, ...]) -> str:
    """Say what a rule reads, name -> home, and a programme has not; ``unused`` is what
    the rule does not read."""
    gates = getattr(rule, "gates", None) or {}
    kinds = [
        f"{'gate' if name in gates else 'signal'} {name!r} ({home})"
        for name, home in missing.items()
    ]
    give = ", ".join(f"{name}=..." for name in missing)
    guess = nearest(next(iter(missing)), unused) if len(missing) == 1 else None
    hint = f" (it carries {guess!r}, which the rule does not read)" if guess else ""
    return (
        f"rule {rule.name!r} needs {' and '.join(kinds)} and the program does not "
        f"carry {'it' if len(missing) == 1 else 'them'}{hint}: give Program(..., "
        f"{give})"
    )


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
