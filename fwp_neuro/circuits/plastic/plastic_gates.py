"""Gates of a rule in `connect`: constants, courses over time, or variables of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
import numpy as np

from ...errors import FwpError, shown
from ...quantities import as_brian2
from ...validation import first_outside, report_gates
from ..plain_numbers import in_words, is_numbers, number_of
from .attached_variables import free_name, whole
from .plastic_cells import in_unit, variable


@dataclass
class Gates:
    """Where the gates of a rule come from; see `synapses.rule_signals.Signals`."""

    code: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=lambda: {"pre": [], "post": []})
    values: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def pre(self) -> tuple[str, ...]:
        """Rows of the presynaptic cells."""
        return tuple(self.rows["pre"])

    @property
    def post(self) -> tuple[str, ...]:
        """Rows of the postsynaptic cells."""
        return tuple(self.rows["post"])


def find(model, given, names: dict, groups: Mapping) -> Gates:
    """Return where each gate of a rule comes from.

    Args:
        model: the rule's synapse.
        given: gate -> value, or the value of the only gate; or None.
        names: gate -> variable of the cells, as another way to say so; gates are taken
            out.
        groups: side -> cells.

    Raises:
        FwpError: an unknown gate, one that is neither given nor a variable of the cells,
            or a value of another dimension or number of cells.
    """
    values = _by_name(model, given)
    for name in model.gates:
        if name in names:
            if name in values:
                raise FwpError(
                    f"gate {name!r} is given by gate and by names: give it once"
                )
            values[name] = names.pop(name)
    found = Gates()
    unit = b2.Hz if model.in_hertz else 1
    for name in model.gates:
        home = model.homes[name]
        value = values.get(name)
        if value is None or isinstance(value, str):
            found.code[name] = _variable(model, name, value, home, groups, unit)
        elif isinstance(value, b2.TimedArray):
            _course(model, name, value, home, groups, unit, found)
        else:
            constant = _constant(model, name, value, unit)
            parameter = free_name(groups["post"], name)
            found.values[parameter], found.code[name] = constant, parameter
        if model.dynamics == "event":
            _warn(model.rule, name, value)
    return found


def check_varying(model, varying, made) -> None:
    """Refuse gates in ``varying``, but constant ones that equations of the synapses read.

    Args:
        model: the rule's synapse.
        varying: as `connect` takes it.
        made: the model that reads the cells, with constant gates as parameters.

    Raises:
        FwpError: with what to give instead.
    """
    for name in model.gates if isinstance(varying, Mapping) else ():
        if name in varying and (model.dynamics == "event" or name not in made.parameters):
            home = model.homes[name]
            side = f"{home}synaptic cells" if home in ("pre", "post") else "cells"
            raise FwpError(
                f"varying: {name!r} is a gate of rule {model.name!r} and no parameter: "
                f"give gate={{{name!r}: ...}} the name of a variable of the {side}, or a "
                "TimedArray [time, cell]"
            )


def _warn(rule, name: str, value) -> None:
    """Warn of numbers outside the limits that the rule declares."""
    if value is None or isinstance(value, str) or name not in rule.limits:
        return
    numbers = value.values if isinstance(value, b2.TimedArray) else value
    found = first_outside(
        name, np.atleast_1d(np.asarray(numbers, float)), rule.limits[name]
    )
    report_gates(rule, [found] if found else [])


def _by_name(model, given) -> dict[str, Any]:
    gates = list(model.gates)
    if given is None:
        return {}
    if isinstance(given, Mapping):
        for name in given:
            if name not in gates:
                raise FwpError(
                    f"gate: rule {model.name!r} has no gate {shown(name)} (legal: "
                    f"{', '.join(gates) or 'none'})"
                )
        return dict(given)
    if len(gates) != 1:
        example = ", ".join(f"{name!r}: ..." for name in gates)
        raise FwpError(
            f"gate: rule {model.name!r} has {len(gates) or 'no'} gates"
            + (f", so give gate={{{example}}}" if gates else ": leave gate out")
        )
    return {gates[0]: given}


def _variable(model, name: str, target, home: str, groups, unit) -> str:
    """Return code of a gate that the cells have; shared ones may live on either side."""
    sides = {"pre": ["pre"], "post": ["post"]}.get(home, ["post", "pre"])
    asked = name if target is None else target
    for side in sides:
        if asked in groups[side].variables:
            return f"{variable(model, name, asked, groups[side], unit)}_{side}"
    if target is None:
        word = " in 1/s" if model.in_hertz else ""
        raise FwpError(
            f"rule {model.name!r} needs its gate {name!r}{word}: give gate={{{name!r}: "
            "...}, a constant, a TimedArray or the name of a variable of the "
            f"{' or '.join(sides)}synaptic cells"
        )
    return variable(model, name, asked, groups[sides[0]], unit)


def _course(model, name: str, table, home: str, groups, unit, found: Gates) -> None:
    side = "pre" if home == "pre" else "post"
    group = groups[side]
    if table.dim != b2.get_dimensions(unit):
        wanted, got = in_unit(b2.get_dimensions(unit)), in_unit(table.dim)
        raise FwpError(
            f"gate {name!r} of rule {model.name!r} must be in {wanted}, and its "
            f"TimedArray is in {got}"
        )
    index = ", 0" if np.ndim(table.values) == 2 else ""
    if index and table.values.shape[1] != 1:
        if table.values.shape[1] != len(group):
            raise FwpError(
                f"gate {name!r}: its TimedArray has {table.values.shape[1]} columns, "
                f"but {group.name!r} has {len(group)} cells"
            )
        table, index = _for_all(table, group), ", i"
    course = free_name(groups["post"], f"{name}_course")
    found.inputs[course] = table
    suffix = "Hz" if model.in_hertz else "1"
    own = free_name(group, name)
    found.rows[side].append(f"{own} = {course}(t{index}) : {suffix} (constant over dt)")
    found.code[name] = f"{own}_{side}"


def _for_all(table, group):
    """Return a course for the whole group of which these cells are a part."""
    cells = whole(group)
    if cells is group:
        return table
    values = np.zeros((len(table.values), len(cells)))
    values[:, group.start : group.stop] = table.values
    return b2.TimedArray(b2.Quantity(values, dim=table.dim), dt=table.dt * b2.second)


def _constant(model, name: str, value, unit):
    example = "a rate such as 5*Hz" if model.in_hertz else "a number"
    where = f"gate {name!r} of rule {model.name!r}"
    value = as_brian2(value, b2.Quantity(1, dim=b2.get_dimensions(unit)), where, example)
    legal = (
        is_numbers(value) and np.size(value) == 1 and np.isfinite(number_of(value)).all()
    )
    if not legal or not b2.have_same_dimensions(value, unit):
        raise FwpError(
            f"{where} must be {example}, a TimedArray or the name of a variable, got "
            f"{in_words(value)}"
        )
    return b2.Quantity(float(number_of(value).item()), dim=b2.get_dimensions(unit))
