"""Variables of a user's cells that a rule reads, checked."""

from __future__ import annotations

import brian2 as b2
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.equations.equations import PARAMETER

from ...errors import FwpError, shown
from .attached_variables import whole


def own_variables(group) -> dict:
    """Return the variables that the equations of the cells define."""
    cells = whole(group)
    defined = (
        getattr(cells, "user_equations", None) or getattr(cells, "equations", None) or {}
    )
    return {
        n: one
        for n, one in cells.variables.items()
        if n in defined and isinstance(one, ArrayVariable | Subexpression)
    }


def listed(group) -> str:
    """Return the names of the cells' variables."""
    return ", ".join(sorted(own_variables(group))) or "none"


def variable(model, name: str, target, group, unit, settable: bool = False) -> str:
    """Return the variable of the cells that plays a part of a rule.

    Args:
        model: of the rule, for errors.
        name: what the rule calls it, which is looked for if ``target`` is None.
        target: what the user calls it, or None.
        group: cells.
        unit: of the part.
        settable: whether something is written to it.

    Raises:
        FwpError: the cells have none, it has another dimension, or it cannot be set.
    """
    asked = name if target is None else target
    if not isinstance(asked, str) or asked not in group.variables:
        hint = (
            f"say which one it is by names={{{name!r}: ...}}"
            if target is None
            else "pick one"
        )
        raise FwpError(
            f"rule {model.name!r} reads {name!r}, and the cells {group.name!r} have no "
            f"variable {shown(asked)}: {hint} (their variables: {listed(group)})"
        )
    dim = group.variables[asked].dim
    if dim != b2.get_dimensions(unit):
        wanted, got = in_unit(b2.get_dimensions(unit)), in_unit(dim)
        raise FwpError(
            f"{name!r} of rule {model.name!r} is in {wanted}, but the variable "
            f"{asked!r} of the cells {group.name!r} is in {got}: name another one by "
            f"names={{{name!r}: ...}}"
        )
    if settable:
        equations = getattr(whole(group), "equations", {})
        if asked in equations and equations[asked].type != PARAMETER:
            raise FwpError(
                f"{name!r} of rule {model.name!r} is set in every step, so that "
                f"{asked!r} of the cells {group.name!r} must be a plain variable such "
                f"as '{asked} : 1'"
            )
    return asked


def in_unit(dim) -> str:
    """Return a dimension as a unit."""
    return "1" if dim.is_dimensionless else repr(b2.get_unit(dim))


def tables(names, group) -> dict:
    """Return what expressions of the cells need from the namespace of their group.

    Brian2 looks for these names where the expressions are read, which is at the synapse.
    """
    cells, found = whole(group), {}
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        one = cells.variables.get(name)
        if name in seen:
            continue
        seen.add(name)
        if isinstance(one, Subexpression):
            waiting += one.identifiers
        elif one is None and name in cells.namespace:
            found[name] = cells.namespace[name]
    return found
