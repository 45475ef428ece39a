"""Where the conductance of a synapse goes: the port "conductance" and the user's cells.

A variable of the cells with a differential equation gets the kicks of the synapses and
decays as the user says. Any other one is a sum of the conductances that projections keep
for themselves, see `projection_sums`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import brian2 as b2
import numpy as np
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from ...errors import FwpError, shown
from ...synapses.renaming import with_names
from ...synapses.synapse_class import Synapse
from .attached_variables import whole
from .plastic_cells import listed

PORT = "conductance"


def directed(model: Synapse, names, group) -> tuple[Synapse, Any]:
    """Return (model, names without the port) for a synapse whose conductance goes
    somewhere.

    Args:
        model: in the textbook layout.
        names: as `connect` takes them, a mapping or None.
        group: postsynaptic cells.

    Raises:
        FwpError: cells without such a variable, a constant, an expression, or another
            dimension.
    """
    own = model.ports.get(PORT)
    if own is None or not isinstance(names, Mapping | None):
        return model, names
    cells = (
        b2.Equations(getattr(model.equations, side)).names for side in ("pre", "post")
    )
    if set(names or ()) - set(model.ports).union(*cells):
        return model, names  # `plastic_ports` refuses the name
    given = {key: value for key, value in (names or {}).items() if key not in (PORT, own)}
    both = [key for key in (PORT, own) if key in (names or {})]
    if len(both) > 1 and own != PORT:
        raise FwpError(
            f"names: {PORT!r} and {own!r} are the same of {model.name!r}: give one"
        )
    # Brian2 lets one object alone set a summed variable, and several populations may add
    # to it
    summed = f"{own}_post" in b2.Equations(model.equations.synapse).names
    alone = not both and not model.parts
    if alone and own not in group.variables and not summed:
        return model, names
    if alone:
        target = own if own in group.variables else None
    else:
        target = (names or {})[both[0]] if both else _found(model, own, group)
    if not both and target == own and _decays(group, own):
        # shared with the projection that attached it, if it is the same
        return model, names
    kept = f"{own}_share"
    if target is None:  # the projection brings the sum itself
        made = _adding(model, own, kept, own)
        unit = "1" if _in_leaks(model, own) else "siemens"
        text = replace(made.equations, post=f"{made.equations.post}\n{own} : {unit}")
        return replace(made, equations=text), given
    equation = _equation(model, target, group)
    model = _in_unit(model, own, group, target)
    unit = "1" if group.variables[target].dim.is_dimensionless else "siemens"
    if equation is not None and equation.type == DIFFERENTIAL_EQUATION:
        if summed:
            raise FwpError(
                f"the receptor of {model.name!r} sets the conductance in every step, and "
                f"{target!r} of the cells {group.name!r} has a differential equation: "
                f"give a plain variable, such as {target} : {unit}"
            )
        return with_names(model, {own: target}), given
    return _adding(model, own, kept, target), given


def _adding(model: Synapse, own: str, kept: str, target: str) -> Synapse:
    """Return a model that adds its conductance, a share of its own, to a variable of the
    cells."""
    made = with_names(model, {own: kept})
    old = made.equations
    adds = {**old.adds, target: kept}
    return replace(made, equations=replace(old, alone=(*old.alone, kept), adds=adds))


def _decays(group, name: str) -> bool:
    """Whether an earlier projection attached a conductance that follows an equation of
    its own."""
    if name in (getattr(whole(group), "equations", None) or {}):
        return False
    owner = getattr(group.variables[name], "owner", None)
    equation = (getattr(owner, "equations", None) or {}).get(name)
    return equation is not None and equation.type == DIFFERENTIAL_EQUATION


def _found(model: Synapse, own: str, group) -> str | None:
    """Return the variable that the cells have, None if they only read it, else refuse."""
    if own in group.variables:
        return own
    cells = whole(group)
    equations = getattr(cells, "equations", None)
    if equations is not None and own in equations.identifiers:
        return None
    raise FwpError(
        f"{model.name!r} opens a conductance {own} (siemens), and nothing in the cells "
        f"{group.name!r} reads it (their variables: {listed(group)}): write it into "
        f"their equations, or name another variable by names={{{PORT!r}: ...}}; "
        f"names={{{PORT!r}: None}} attaches {own} all the same"
    )


def _equation(model: Synapse, target, group):
    """Return the user's equation of a variable that may take a conductance, or None."""
    variable = group.variables.get(target) if isinstance(target, str) else None
    if not isinstance(variable, ArrayVariable | Subexpression):
        raise FwpError(f"names: the cells {group.name!r} have no variable "
                       f"{shown(target)} for the {PORT} of {model.name!r} (legal: "
                       f"{listed(group)})")  # fmt: skip
    equation = (getattr(whole(group), "equations", None) or {}).get(target)
    if isinstance(variable, Subexpression) or variable.constant:
        what = "an expression" if isinstance(variable, Subexpression) else "a constant"
        raise FwpError(f"names: {target!r} of the cells {group.name!r} is {what}, and a "
                       f"{PORT} changes")  # fmt: skip
    if variable.scalar or not np.issubdtype(variable.dtype, np.floating):
        what = "shared by all of them" if variable.scalar else "no real number"
        raise FwpError(f"names: {target!r} of the cells {group.name!r} is {what}, and "
                       f"every cell has a {PORT} of its own: give a plain variable, such "
                       f"as '{target} : siemens'")  # fmt: skip
    return equation if equation is not None and equation.type != PARAMETER else None


def _in_leaks(model: Synapse, own: str) -> bool:
    """Whether a model counts its conductance in units of the leak."""
    mine = b2.Equations(model.equations.post)
    return own in mine and mine[own].dim.is_dimensionless


def _in_unit(model: Synapse, own: str, group, target: str) -> Synapse:
    """Return a model whose conductance has the unit of the cells' variable."""
    dim = group.variables[target].dim
    if _in_leaks(model, own):
        if not dim.is_dimensionless:
            raise FwpError(f"names: the {PORT} of {model.name!r} is in units of the "
                           f"leak, without a unit, and {target!r} of the cells "
                           f"{group.name!r} is in {b2.get_unit(dim)!r}")  # fmt: skip
        return model
    if dim == b2.siemens.dim:
        return model
    if not dim.is_dimensionless:
        raise FwpError(f"names: the {PORT} of {model.name!r} is in siemens, or in units "
                       f"of the receptor's own without a unit, and {target!r} of the "
                       f"cells {group.name!r} is in {b2.get_unit(dim)!r}")  # fmt: skip
    text, unit = model.equations, " : siemens"
    parts: dict[str, Any] = {}
    for part in ("synapse", "post"):
        lines = getattr(text, part).splitlines()
        parts[part] = "\n".join(
            line.replace(unit, " : 1") if _defines(line, own) else line for line in lines
        )
    full = [n for n in model.parameters if n.startswith("gbar_")]
    return replace(model, equations=replace(text, **parts),
                   parameters={**model.parameters, **dict.fromkeys(full,
                       1.0)})  # fmt: skip


def _defines(line: str, own: str) -> bool:
    left = line.split("=")[0].split(":")[0].strip()
    return left in (own, f"{own}_post", f"d{own}/dt")
