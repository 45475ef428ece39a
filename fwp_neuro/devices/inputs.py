"""What a run of a compiled program can change, and the numbers that a user gives for
it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
import numpy as np

from ..errors import FwpError, shown, unknown
from ..foreign_units import plain_array
from ..quantities import quantity

#: what files of values at the start are called, before "group.variable"
START = "start_of_"


@dataclass
class Given:
    """The numbers of one run.

    Attributes:
        values: in the order of the program's `Numbers`.
        arguments: of the program, "variable=value".
        files: name in static_arrays -> array.
        changed: Brian2's variables that get another value at the start.
    """

    values: list[float]
    arguments: list[str] = field(default_factory=list)
    files: dict[str, np.ndarray] = field(default_factory=dict)
    changed: list[Any] = field(default_factory=list)

    def explained(self, said: str) -> str:
        """Return what a program says, or what it means if an array has a wrong length."""
        sizes = r"file size (\d+) does not match expected size (\d+)"
        found = re.search(rf"{START}(.+)': {sizes}", said)
        if not found or f"{START}{found[1]}" not in self.files:
            return said
        each = self.files[f"{START}{found[1]}"].itemsize
        return (
            f"{found[1]!r} has {int(found[3]) // each} values, got "
            f"{int(found[2]) // each}"
        )


class Inputs:
    """Constants, tables and variables of a program, by "name" or "group.name".

    Args:
        device: Brian2's device that wrote the program.
    """

    def __init__(self, device):
        self.slots = device.numbers.slots
        self.constants = _constants(device)
        self.tables = _tables(device)
        named = {
            f"{owner_name(variable.owner)}.{variable.name}": variable
            for variable in device.arrays
            if not variable.read_only and owner_name(variable.owner)
        }
        # what Brian2 keeps for itself is no number of the circuit
        self.variables = {
            name: each for name, each in named.items() if not _internal(name)
        }

    def read(self, numbers: Mapping[str, Any] | None) -> Given:
        """Return the numbers of a run with some changed.

        Raises:
            FwpError: no mapping, an unknown name, a wrong unit, shape or kind of number.
        """
        given = Given([slot.value for slot in self.slots])
        if not isinstance(numbers, Mapping | None):
            raise FwpError(
                "numbers must be a dict from name to number, such as {'tau': 5*ms}, got "
                f"{shown(numbers)}"
            )
        for name, value in (numbers or {}).items():
            if name in self.constants:
                self._constant(name, value, given)
            elif name in self.tables:
                for table in self.tables[name]:
                    self._table(name, table, value, given)
            elif name in self.variables:
                self._variable(name, value, given)
            else:
                legal = [*self.constants, *self.tables, *self.variables]
                legal = [each for each in legal if not _internal(each)]
                raise unknown(name, legal, "number of the circuit")
        return given

    def set(self, given: Given, kind: str, value: float) -> None:
        """Set the one number of a kind, "seed" or "duration".

        Raises:
            FwpError: there are none or several.
        """
        places = [n for n, slot in enumerate(self.slots) if slot.kind == kind]
        if len(places) != 1:
            raise FwpError(
                f"the circuit sets {kind} {len(places)} times, so a run cannot set it"
            )
        given.values[places[0]] = value

    def _constant(self, name: str, value, given: Given) -> None:
        for place, _, constant in self.constants[name]:
            array = _array(value, constant, name)
            if array.size != 1:
                raise FwpError(
                    f"constant {name!r} is one number, got an array of {array.size}"
                )
            given.values[place] = array.item()

    def _variable(self, name: str, value, given: Given) -> None:
        variable = self.variables[name]
        array = _array(value, variable, name)
        # how many synapses there are, only the program may know: it says if that is wrong
        size = None if variable.dynamic else int(np.prod(variable.size))
        if array.ndim > 1 or array.size == 0 or array.size not in (1, size or array.size):
            said = (
                array.size if array.ndim < 2 else f"an array of the shape {array.shape}"
            )
            raise FwpError(f"{name!r} has {size or 'one axis of'} values, got {said}")
        given.changed.append(variable)
        if array.size == 1 and np.isfinite(array).all():
            text = repr(array.astype(variable.dtype).item())
        else:
            text = f"static_arrays/{START}{name}"
            given.files[f"{START}{name}"] = array.astype(variable.dtype)
        given.arguments.append(f"{name}={text}")

    def _table(self, name: str, table, value, given: Given) -> None:
        array = _array(value, table, name)
        shape = table.values.shape
        if array.ndim != len(shape) or array.shape[1:] != shape[1:] or not array.size:
            raise FwpError(
                f"table {name!r} has the shape {shape}, got {array.shape}; only the "
                "number of rows may differ, and there must be one"
            )
        file = f"{table.name}_values"
        given.files[file] = array
        for place, slot in enumerate(self.slots):
            if slot.kind == "rows" and slot.owner == table.name:
                given.values[place] = len(array)
            elif slot.kind == "size" and slot.owner == file:
                given.values[place] = array.size


def owner_name(owner) -> str:
    """Return the name of what a variable belongs to, "" if it has none or is gone."""
    try:
        return getattr(owner, "name", "")
    except ReferenceError:
        return ""


def _internal(name: str) -> bool:
    """Whether "name" or "group.name" is one of Brian2's own."""
    return any(part.startswith("_") for part in name.split("."))


def _constants(device) -> dict[str, list]:
    """Return the constants by name and by group.name: [(place, slot, Brian2's
    constant)]."""
    constants = {
        (owner_name(code.owner), name): item
        for code in device.code_objects.values()
        for name, item in code.variables.items()
    }
    found: dict[str, list] = {}
    for place, slot in enumerate(device.numbers.slots):
        if slot.kind == "constant":
            each = (place, slot, constants[slot.owner, slot.name])
            for name in (slot.name, f"{slot.owner}.{slot.name}"):
                found.setdefault(name, []).append(each)
    return found


def _tables(device) -> dict[str, list]:
    """Return the TimedArrays by name and by group.name."""
    found: dict[str, list] = {}
    for code in device.code_objects.values():
        for name, item in code.variables.items():
            if item in device.timed_arrays:
                for each in (name, f"{owner_name(code.owner)}.{name}"):
                    if item not in found.setdefault(each, []):
                        found[each].append(item)
    return found


def _array(value, variable, name: str) -> np.ndarray:
    """Return numbers in base units as an array that a variable or constant can hold.

    Raises:
        FwpError: another dimension, no numbers, or numbers that its type cannot hold.
    """
    dim, what = variable.dim, repr(name)
    kind = np.dtype(getattr(variable, "dtype", None) or float)
    if dim is None or dim.is_dimensionless:
        if kind.kind != "b" and _holds_flags(value):
            raise FwpError(f"{what} must be a plain number, got {shown(value)}")
        array = plain_array(value, what, finite=False)
    else:
        unit = b2.get_unit(dim)
        array = quantity(value, unit, what, f"a quantity in {unit!r}", finite=False)
        array = array * float(unit)
    legal, words = True, ""
    if kind.kind == "b":
        legal, words = np.isin(array, (0, 1)).all(), "True or False"
    elif kind.kind in "iu":
        limits = np.iinfo(kind)
        most = min(limits.max, 2**53)  # numbers travel as floats
        legal = (
            (array == np.floor(array))
            & (array >= max(limits.min, -most))
            & (array <= most)
        )
        words = f"a whole number from {max(limits.min, -most)} to {most}"
    if not np.all(legal):
        raise FwpError(f"{what} must be {words}, got {shown(value)}")
    return array


def _holds_flags(value) -> bool:
    try:
        return np.asarray(value).dtype.kind == "b"
    except Exception:  # no array: whoever reads it says so
        return False
