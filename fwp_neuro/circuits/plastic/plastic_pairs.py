"""Which cells `connect` connects: the arguments of Brian2's ``Synapses.connect``,
checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from inspect import signature
from typing import Any

import brian2 as b2
import numpy as np
from brian2.synapses.parse_synaptic_generator_syntax import parse_synapse_generator

from ... import arithmetic
from ...errors import FwpError, pick, shown
from ...quantities import as_brian2
from ...validation import affordable, real, whole
from ..plain_numbers import is_numbers, stands_for_cells

_LEGAL = [
    n for n in signature(b2.Synapses.connect).parameters if n not in ("self", "level")
]


def pairs(value: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of Brian2's ``Synapses.connect``.

    Raises:
        FwpError: unknown arguments, those that do not go together, texts that are no
            arithmetic, numbers of no cells, or a probability outside [0, 1].
    """
    found = {
        pick(name, _LEGAL, "argument of connect"): item
        for name, item in value.items()
        if item is not None
    }
    i, j = found.get("i"), found.get("j")
    if "condition" in found and not (i is None and j is None):
        raise FwpError("connect takes a condition, or i and j, not both")
    for name, checked in (("condition", _condition), ("p", _share), ("n", _number)):
        if name in found:
            found[name] = checked(found[name])
    if "skip_if_invalid" in found:
        if not isinstance(found["skip_if_invalid"], bool | np.bool_):
            raise FwpError("connect: skip_if_invalid must be True or False, got "
                           f"{shown(found['skip_if_invalid'])}")  # fmt: skip
    names = found.setdefault("namespace", {})
    if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
        raise FwpError("connect: namespace must be a mapping of names to values, got "
                       f"{shown(names)}")  # fmt: skip
    texts = [name for name in ("i", "j") if isinstance(found.get(name), str)]
    if len(texts) == 2:
        raise FwpError("connect: only one of i and j may be a text")
    for name in texts:
        _generator(found[name], name, groups)
    arrays = {name: _cells(found[name], name, groups[side])
              for name, side in (("i", "pre"), ("j", "post"))
              if found.get(name) is not None and name not in texts}  # fmt: skip
    if len(arrays) == 1 and not texts:
        raise FwpError(
            "connect takes i and j together: one number of a cell for each synapse"
        )
    if len(arrays) == 2:
        _same_length(arrays, found.get("n", 1))
    return found | arrays


def _condition(value):
    if isinstance(value, bool | np.bool_):
        return bool(value)
    arithmetic.read(value, "connect: condition")
    return value


def _share(value):
    if isinstance(value, str):
        arithmetic.read(value, "connect: p")
        return value
    if not is_numbers(value) or np.ndim(value) or isinstance(value, b2.Quantity):
        raise FwpError(f"connect: p must be a number from 0 to 1, got {shown(value)}")
    return real(value, "connect: p", 0, 1)


def _number(value):
    if isinstance(value, str):
        arithmetic.read(value, "connect: n")
        return value
    if np.ndim(value):
        return _integers(value, "connect: n")
    if not is_numbers(value) or isinstance(value, b2.Quantity):
        raise FwpError(f"connect: n must be a whole number, got {shown(value)}")
    return whole(value, "connect: n", 0)


def _generator(text: str, name: str, groups: Mapping[str, Any]) -> None:
    """Check a text such as "i" or "k for k in range(i) if k != 2"."""
    what = f"connect: {name}"
    if " for " not in text or not text.isascii():
        arithmetic.read(text, what)
        return
    try:
        parsed = parse_synapse_generator(text)
    except Exception as problem:  # Brian2 raises what its own parsers raise
        raise FwpError(
            f"{what} cannot be read: {' '.join(str(problem).split())}"
        ) from None
    parts = [
        parsed["element"],
        parsed["if_expression"],
        *parsed["iterator_kwds"].values(),
    ]
    for part in parts:
        if isinstance(part, str) and part not in ("random", "fixed"):
            arithmetic.read(part, what)
    if parsed["iterator_func"] == "range":
        _range(parsed["iterator_kwds"], what, groups, "pre" if name == "j" else "post")


def _range(
    ends: Mapping[str, Any], what: str, groups: Mapping[str, Any], side: str
) -> None:
    """Refuse a range so long that Brian2 would fill the memory with its numbers."""
    known: dict[str, Any] = {
        f"N_{each}": float(len(group)) for each, group in groups.items()
    }
    known["i" if side == "pre" else "j"] = np.arange(len(groups[side]), dtype=float)
    try:
        low, high, step = (
            arithmetic.evaluate(str(ends.get(name, one)), known)
            for name, one in (("low", 0), ("high", 0), ("step", 1))
        )
        longest = float(np.max(np.abs((np.asarray(high) - low) / step)))
    except (NameError, ArithmeticError, ValueError, TypeError):
        # names that only Brian2 knows
        return
    if math.isfinite(longest):
        affordable(int(longest), f"{what}: a range of {longest:.3g} numbers", 32)


def _integers(value, what: str) -> np.ndarray:
    value = as_brian2(value, 1, what, "whole numbers in a row")
    legal = is_numbers(value) and not isinstance(value, b2.Quantity)
    array = np.asarray(value) if legal else np.asarray(None)
    if array.ndim > 1 or array.dtype.kind not in "iu":
        raise FwpError(f"{what} must be whole numbers in a row, got {shown(value)}")
    return array.astype(np.int64)


def _cells(value, name: str, group) -> Any:
    """Return numbers of cells; Brian2 objects that stand for cells pass through."""
    if stands_for_cells(value):
        return value
    array = _integers(np.asarray([], int) if _empty(value) else value, f"connect: {name}")
    count = len(group)
    if array.size and not (array.min() >= 0 and array.max() < count):
        outside = int(array.min()) if array.min() < 0 else int(array.max())
        raise FwpError(f"connect: {name} holds {outside}, and the cells {group.name!r} "
                       f"are numbered from 0 to {count - 1}")  # fmt: skip
    return array


def _empty(value) -> bool:
    return isinstance(value, list | tuple | range) and len(value) == 0


def _same_length(arrays: Mapping[str, Any], n) -> None:
    sizes = {
        name: np.size(item)
        for name, item in arrays.items()
        if not hasattr(item, "_indices")
    }
    if np.ndim(n):
        sizes["n"] = np.size(n)
    if 0 in sizes.values():
        raise FwpError("connect: i and j hold no cells, so there would be no synapses")
    many = {size for name, size in sizes.items() if size != 1}
    if len(many) > 1:
        raise FwpError("connect: " + " and ".join(f"{name} has {size}" for name, size in
                       sizes.items()) + " values; they must be as many")  # fmt: skip
