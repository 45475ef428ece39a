"""Where the conductance of a synapse goes: the port "conductance" and the user's cells.

A variable of the cells with a differential equation gets the kicks of the synapses and decays as
the user says. Any other one is a sum: every projection keeps a conductance of its own and adds what
it has become to the sum, once a time step, before the cells advance. So projections add up, also to
what the user put there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import brian2 as b2
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from ..errors import FwpError, shown
from ..synapses.model import Model
from ..synapses.renaming import with_names
from . import companions
from .companions import whole

PORT = "conductance"
#: what a projection has added to the cells' variable, and where the name of that one is kept
ADDED, _TARGET = "added", "adds_to"


@dataclass(frozen=True)
class Sum:
    """A conductance of one projection, and the variable of the cells to which it is added."""

    own: str
    target: str
    unit: str


def directed(model: Model, names, group) -> tuple[Model, Any, Sum | None]:
    """Return (model, names without the port, `Sum` or None) for a synapse with a conductance.

    Args:
        model: in the textbook layout.
        names: as `connect` takes them, a mapping or None.
        group: postsynaptic cells.

    Raises:
        FwpError: cells without such a variable, a constant, an expression, or another dimension.
    """
    own = model.ports.get(PORT)
    if own is None or not isinstance(names, Mapping | None):
        return model, names, None
    given = {key: value for key, value in (names or {}).items() if key not in (PORT, own)}
    both = [key for key in (PORT, own) if key in (names or {})]
    if len(both) > 1 and own != PORT:
        raise FwpError(f"names: {PORT!r} and {own!r} are the same of {model.name!r}: give one")
    if not both and not model.parts:
        return model, names, None
    target = (names or {})[both[0]] if both else _found(model, own, group)
    if not both and target == own and _decays(group, own):
        return model, names, None  # shared with the projection that attached it, if it is the same
    kept = f"{own}_share"
    if target is None:  # the projection brings the sum itself
        made = _alone(model, own, kept)
        text = replace(made.equations, post=f"{made.equations.post}\n{own} : siemens")
        return replace(made, equations=text), given, Sum(kept, own, "siemens")
    equation = _equation(model, target, group)
    model = _in_unit(model, own, group, target)
    unit = "1" if group.variables[target].dim.is_dimensionless else "siemens"
    if equation is not None and equation.type == DIFFERENTIAL_EQUATION:
        if f"{own}_post" in b2.Equations(model.equations.synapse).names:
            raise FwpError(
                f"the receptor of {model.name!r} sets the conductance in every step, and "
                f"{target!r} of the cells {group.name!r} has a differential equation: give a plain "
                f"variable, such as {target} : {unit}"
            )
        return with_names(model, {own: target}), given, None
    return _alone(model, own, kept), given, Sum(kept, target, unit)


def _alone(model: Model, own: str, kept: str) -> Model:
    """Return a model whose conductance no other projection shares."""
    made = with_names(model, {own: kept})
    return replace(made, equations=replace(made.equations, alone=(*made.equations.alone, kept)))


def _decays(group, name: str) -> bool:
    """Whether an earlier projection attached a conductance that follows an equation of its own."""
    if name in (getattr(whole(group), "equations", None) or {}):
        return False
    owner = getattr(group.variables[name], "owner", None)
    equation = (getattr(owner, "equations", None) or {}).get(name)
    return equation is not None and equation.type == DIFFERENTIAL_EQUATION


def _found(model: Model, own: str, group) -> str | None:
    """Return the variable that the cells have, None if they only read it, else refuse."""
    if own in group.variables:
        return own
    cells = whole(group)
    equations = getattr(cells, "equations", None)
    if equations is not None and own in equations.identifiers:
        return None
    raise FwpError(
        f"{model.name!r} opens a conductance {own} (siemens), and nothing in the cells "
        f"{group.name!r} reads it (their variables: {_listed(group)}): write it into their "
        f"equations, or name another variable by names={{{PORT!r}: ...}}; "
        f"names={{{PORT!r}: None}} attaches {own} all the same"
    )


def _listed(group) -> str:
    equations = getattr(whole(group), "equations", None) or {}
    return ", ".join(sorted(equations)) or "none"


def _equation(model: Model, target, group):
    """Return the user's equation of a variable that may take a conductance, or None."""
    variable = group.variables.get(target) if isinstance(target, str) else None
    if not isinstance(variable, ArrayVariable | Subexpression):
        raise FwpError(f"names: the cells {group.name!r} have no variable {shown(target)} for the "
                       f"{PORT} of {model.name!r} (legal: {_listed(group)})")  # fmt: skip
    equation = (getattr(whole(group), "equations", None) or {}).get(target)
    if isinstance(variable, Subexpression) or variable.constant:
        what = "an expression" if isinstance(variable, Subexpression) else "a constant"
        raise FwpError(f"names: {target!r} of the cells {group.name!r} is {what}, and a "
                       f"{PORT} changes")  # fmt: skip
    return equation if equation is not None and equation.type != PARAMETER else None


def _in_unit(model: Model, own: str, group, target: str) -> Model:
    """Return a model whose conductance has the unit of the cells' variable."""
    dim = group.variables[target].dim
    if dim == b2.siemens.dim:
        return model
    if not dim.is_dimensionless:
        raise FwpError(f"names: the {PORT} of {model.name!r} is in siemens, or in units of the "
                       f"receptor's own without a unit, and {target!r} of the cells {group.name!r} "
                       f"is in {b2.get_unit(dim)!r}")  # fmt: skip
    text, unit = model.equations, " : siemens"
    parts: dict[str, Any] = {}
    for part in ("synapse", "post"):
        lines = getattr(text, part).splitlines()
        parts[part] = "\n".join(
            line.replace(unit, " : 1") if _defines(line, own) else line for line in lines
        )
    full = [n for n in model.parameters if n.startswith("gbar_")]
    return replace(model, equations=replace(text, **parts),
                   parameters={**model.parameters, **dict.fromkeys(full, 1.0)})  # fmt: skip


def _defines(line: str, own: str) -> bool:
    left = line.split("=")[0].split(":")[0].strip()
    return left in (own, f"{own}_post", f"d{own}/dt")


def adder(group, made: list, total: Sum, known: Mapping[str, str], namespace, name: str):
    """Return what adds the conductance of a projection to a variable of the cells.

    Args:
        group: postsynaptic cells.
        made: companions that have the projection's variables.
        total: what goes where.
        known: variable of the text -> its name at the cells.
        namespace, name: of the companion that remembers what has been added.
    """
    cells = whole(group)
    one = companions.companion(cells, f"{ADDED} : {total.unit}", {}, "exact", namespace, name,
                               cells.clock)  # fmt: skip
    own, target = known.get(total.own, total.own), known.get(total.target, total.target)
    companions.acquaint(one, [cells], {own, target})
    one.__dict__[_TARGET] = target
    one.run_regularly(f"{target} += {own} - {ADDED}\n{ADDED} = {own}", when="groups", order=-1,
                      clock=cells.clock, name=f"{name}_sum")  # fmt: skip
    return one


def sum_follows(added, values) -> None:
    """Change the cells' variable as what has been added to it is about to change.

    Args:
        added: variable of what `adder` returned.
        values: that it will have, in base units.
    """
    sum_ = total(added.owner)
    sum_.set_value(sum_.get_value() + values - added.get_value())


def total(one):
    """Return the variable to which what `adder` returned adds, None for any other object."""
    target = getattr(one, "__dict__", {}).get(_TARGET)
    return None if target is None else one.variables[target]
