"""Which variables of a user's cells a synapse model reads as its own:
`connect(names=...)`.

A rule that reads a membrane voltage must read the one that the user means. So a model's
ports are mapped to variables of the cells by name, and where cells have voltages that
nobody named, nothing is attached silently: the user says which one is the membrane, or
that the model brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import brian2 as b2
from brian2.core.variables import Subexpression
from brian2.equations.equations import PARAMETER

from ...errors import FwpError, shown
from ...synapses.factorised.text import lines
from ...synapses.renaming import with_names
from ...synapses.synapse_class import Synapse
from .plastic_cells import in_unit, listed, own_variables
from .shared_variables import brought, others


def read(model: Synapse, names, groups: Mapping) -> Synapse:
    """Return a model that reads the variables of the cells that ``names`` says.

    Args:
        model: in the textbook layout.
        names: port (such as "membrane") or variable of the model's cells -> variable of
            the user's cells, or None for one of the model's own; or None.
        groups: side -> cells.

    Raises:
        FwpError: unknown port, a variable that the cells have not or that has another
            dimension, or cells with a quantity of a port's dimension that is not named.
    """
    if names is not None and not isinstance(names, Mapping):
        raise FwpError(
            f"names must be a mapping such as {{'membrane': 'v'}}, got {shown(names)}"
        )
    sides = {n: (side, one) for side in groups
             for n, one in b2.Equations(getattr(model.equations,
                                                side)).items()}  # fmt: skip
    given = {}
    for key, target in (names or {}).items():
        own = model.ports.get(key, key) if isinstance(key, str) else key
        if own not in sides:
            legal = ", ".join(sorted({*model.ports, *sides})) or "none"
            raise FwpError(f"names: the cells of {model.name!r} have no port or variable "
                           f"{shown(key)} (legal: {legal})")  # fmt: skip
        if own in given:
            port = next(port for port, one in model.ports.items() if one == own)
            raise FwpError(
                f"names: {port!r} and {own!r} are the same of {model.name!r}: give one"
            )
        side, equation = sides[own]
        if target is not None:
            _check(model, own, target, groups[side], equation)
        elif own in own_variables(groups[side]):
            raise FwpError(f"names: the cells {groups[side].name!r} have a variable "
                           f"{own!r}, which {model.name!r} would read as its own: give "
                           "it another name, or leave out None")  # fmt: skip
        given[own] = target
    apart = {side: others(model, side, group) for side, group in groups.items()}
    had = [own for own, (side, _) in sides.items() if own not in given
           and own in groups[side].variables and own not in apart[side]]  # fmt: skip
    for own in had:
        side, equation = sides[own]
        _fits(model, own, own, groups[side], equation)
    for port, own in model.ports.items():
        if own not in given and port != "conductance":  # see `conductances`
            _named_or_alone(model, port, own, groups["post"], sides[own][1])
    recalled = model.ports.get("membrane")
    if given.get(recalled, "") is None and "receptor" in model.parts and (
        "teacher" in model.ports
    ):
        raise FwpError(
            f"names: {model.name!r} compares its teacher with what its receptor recalls "
            "in your cells: say which variable is their membrane, names={'membrane': "
            "'v'}; one that the model brings itself would recall nothing"
        )
    renames = {own: new for own, new in given.items() if new is not None}
    # what the user's cells have keeps the values that they gave it
    theirs = {n for n in had if n not in brought(groups[sides[n][0]])}
    start = {
        n: one for n, one in model.initial.items() if n not in renames and n not in theirs
    }
    return with_names(replace(model, initial=start), renames)


def _check(model: Synapse, own: str, target, group, equation) -> None:
    if not isinstance(target, str) or target not in group.variables:
        raise FwpError(f"names: the cells {group.name!r} have no variable "
                       f"{shown(target)} for {own!r} of {model.name!r} (legal: "
                       f"{listed(group)})")  # fmt: skip
    taken = {n for part in ("synapse", "pre", "post")
             for n in b2.Equations(getattr(model.equations, part)).names}  # fmt: skip
    if target != own and target in taken | set(model.parameters):
        raise FwpError(f"names: {model.name!r} has a {target!r} of its own, so the "
                       f"variable {target!r} of the cells {group.name!r} needs another "
                       "name")  # fmt: skip
    _fits(model, own, target, group, equation)


def _fits(model: Synapse, own: str, target: str, group, equation) -> None:
    """Refuse a variable of another dimension than the model's, or one that no spike can
    change."""
    found = group.variables[target]
    code = "\n".join(
        (model.equations.on_pre, model.equations.on_post, model.equations.transmit)
    )
    written = any(one.target == f"{own}_post" for one in lines(code))
    if written and (isinstance(found, Subexpression) or found.scalar):
        what = "shared by all of them" if found.scalar else "an expression"
        raise FwpError(f"{own!r} of {model.name!r} is changed by spikes, and the "
                       f"variable {target!r} of the cells {group.name!r} is {what}: name "
                       f"one that every cell has by names={{{own!r}: ...}}")  # fmt: skip
    dim = found.dim
    if dim != equation.dim:
        wanted, got = in_unit(equation.dim), in_unit(dim)
        raise FwpError(f"{own!r} of {model.name!r} is in {wanted}, but the variable "
                       f"{target!r} of the cells {group.name!r} is in {got}: give that "
                       f"another name, or say names={{{own!r}: ...}}")  # fmt: skip


def _named_or_alone(model: Synapse, port: str, own: str, group, equation) -> None:
    """Refuse to attach a port's variable to cells that could mean another one of
    theirs."""
    if own in group.variables:
        return
    like = sorted(n for n, one in own_variables(group).items() if one.dim == equation.dim)
    if like:
        unit = in_unit(equation.dim)
        raise FwpError(
            f"{model.name!r} reads the {port} ({unit}) of its postsynaptic cell as "
            f"{own!r}, and the cells {group.name!r} have {', '.join(like)} in {unit}: "
            f"say which it is by names={{{port!r}: {like[0]!r}}}, or names={{{port!r}: "
            f"None}} for a {port} that the model brings itself and that follows its own "
            "equations"
        )
    if equation.type != PARAMETER and own_variables(group):
        unit = in_unit(equation.dim)
        raise FwpError(
            f"{model.name!r} reads the {port} ({unit}) of its postsynaptic cell, and the "
            f"cells {group.name!r} have none (their variables: {listed(group)}): give "
            f"them one and say which it is by names={{{port!r}: ...}}, or "
            f"names={{{port!r}: None}} for a {port} that the model brings itself and "
            "that follows its own equations"
        )
    if equation.type == PARAMETER:
        raise FwpError(
            f"{model.name!r} reads the {port} ({in_unit(equation.dim)}) of its "
            f"postsynaptic cell, and the cells {group.name!r} have none (their "
            f"variables: {listed(group)}): say which it is by names={{{port!r}: ...}}, "
            f"or names={{{port!r}: None}} for one that is attached as {own!r} and that "
            "you set"
        )
