"""The value of a parameter as text that is the same whenever the value is: what a key
hashes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import numpy as np

from ..errors import FwpError


def native(value):
    """Return a NumPy number as Python's own, and anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def canonical(value, what: str):
    """Return ``value`` as nested lists of strings, with its type; equal lists mean equal
    values.

    Raises:
        FwpError: the value is of a type whose content cannot be told, or nested without
            an end; the error names ``what``.
    """
    try:
        return _canonical(value, what)
    except (RecursionError, ValueError) as problem:  # e.g. a number of too many digits
        if isinstance(problem, FwpError):
            raise
        raise FwpError(f"{what} cannot be written as text: {problem}") from problem


def _canonical(value, what: str):
    value = native(value)
    if isinstance(value, str):
        value.encode()  # what is no text, no file holds
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return [type(value).__name__, repr(value)]
    if hasattr(value, "dim") and hasattr(value, "in_best_unit"):  # a Brian2 quantity
        return ["quantity", repr(value.dim), _canonical(np.asarray(value)[()], what)]
    masked = isinstance(value, np.ma.MaskedArray)  # a value that is none
    if isinstance(value, np.ndarray) and not masked and value.dtype.kind in "biufcUS":
        data = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return ["array", value.dtype.str, list(value.shape), data]
    if isinstance(value, tuple | list):
        return [type(value).__name__, *(_canonical(item, what) for item in value)]
    if isinstance(value, Mapping):
        pairs = [
            [_canonical(name, what), _canonical(item, what)]
            for name, item in value.items()
        ]
        return ["mapping", *sorted(pairs)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: getattr(value, field.name) for field in dataclasses.fields(value)
        }
        return ["dataclass", type(value).__qualname__, _canonical(fields, what)]
    raise FwpError(
        f"{what} is a {type(value).__name__}; legal are numbers, text, None, Brian2 "
        "quantities, arrays, and tuples, lists, dicts and dataclasses of these"
    )


def key(function: str, settings: Mapping) -> str:
    """Return 20 hexadecimal digits for a function's name and the values it is called
    with."""
    # results of a time when points were not seeded have other keys
    text = json.dumps(["seeded", function, canonical(settings, "a value of the grid")])
    return hashlib.sha256(text.encode()).hexdigest()[:20]
