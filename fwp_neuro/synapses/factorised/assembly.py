"""Put the text of a factorised model together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from brian2.equations.equations import PARAMETER, SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ...errors import FwpError
from ..model import Model
from . import decays, spikes
from .anatomy import SIDES, Anatomy
from .homes import homes
from .report import FactorisedModel, Report
from .text import renamed, row, text, unit


def assemble(model: Model, keep: Iterable[str], uniform: Iterable[str]) -> FactorisedModel:
    """Return the model in the cheap layout; see `factorise`."""
    anatomy = Anatomy(model, uniform)
    keep = set(keep)
    for name in sorted(keep - set(anatomy.variables)):
        legal = ", ".join(anatomy.variables)
        raise FwpError(f"keep: {model.name!r} has no synaptic variable {name!r} (legal: {legal})")
    moved, stays = homes(anatomy, keep)
    found, stamped = decays.find(anatomy, moved)
    parts = {side: spikes.split(anatomy, side, moved) for side in SIDES}
    code, factors = decays.written(anatomy, found, {s: parts[s].synapse for s in SIDES})
    names = {name: f"{name}_{side}" for name, side in moved.items()}
    plain = {decay.variable for decay in found}
    new = {
        "synapse": _synapse(anatomy, names, plain),
        "joint": _joint(anatomy, moved, names),
    }
    exact = []
    for side in SIDES:
        own = [name for name in anatomy.variables if moved.get(name) == side]
        lines = [_on_cell(anatomy, name, side) for name in own]
        lines += [f"d{name}/dt = -({rate})*{name} : 1" for name, rate in factors[side].items()]
        exact += [n for n in own if anatomy.is_event_driven(n)] + list(factors[side])
        resets = [f"{name} = 1" for name in factors[side]]
        old = getattr(anatomy.text, side)
        new[side] = "\n".join([*([old.strip()] if old.strip() else []), *lines])
        new[f"on_{side}"] = text(code[side])
        new[f"before_{side}"] = text(parts[side].before)
        new[f"after_{side}"] = "\n".join([*map(str, parts[side].after), *resets])
    equations = replace(anatomy.text, exact=tuple(dict.fromkeys(exact)), **new)
    known = {item.name: getattr(model, item.name) for item in fields(Model)}
    report = Report(moved, stays, {d.variable: d.rate for d in found}, stamped,
                    _staged(anatomy, moved))  # fmt: skip
    return FactorisedModel(**known | {"equations": equations}, textbook=model, report=report)


def _synapse(anatomy: Anatomy, names: Mapping[str, str], plain: set[str]) -> str:
    """Return the equations that stay; what decays by factors is a plain variable."""
    found = []
    for name, equation in anatomy.equations.items():
        if name in names:
            continue
        plainly = name in plain
        found.append(f"{name} : {unit(equation)}" if plainly else row(equation, names))
    return "\n".join(found)


def _expanded(anatomy: Anatomy, expression: str) -> str:
    """Return an expression with the synapse's subexpressions written out."""
    while True:
        known = {n: f"({anatomy.equations[n].expr})" for n in get_identifiers(expression)
                 if n in anatomy.equations.names and anatomy.equations[n].type == SUBEXPRESSION
                 }  # fmt: skip
        if not known:
            return expression
        expression = renamed(expression, known)


def _on_cell(anatomy: Anatomy, name: str, side: str) -> str:
    """Return the equation of a variable that lives on a cell."""
    equation = anatomy.equations[name]
    if equation.type == PARAMETER:
        return f"{name} : {unit(equation)}"
    return f"d{name}/dt = {_expanded(anatomy, str(equation.expr))} : {unit(equation)}"


def _staged(anatomy: Anatomy, moved: Mapping[str, str]) -> tuple[str, ...]:
    """Return moved variables that clock-driven equations on the synapse need, and what moves them.

    An integrator of several stages sees them at its intermediate times.
    """
    staying = [n for n in anatomy.variables if n not in moved and anatomy.is_clock_driven(n)]
    found: set[str] = set()
    waiting = {m for name in staying for m in anatomy.rates(name) & set(moved)}
    while waiting:
        found |= waiting
        waiting = {m for n in waiting for m in anatomy.rates(n) & set(moved)} - found
    return tuple(n for n in anatomy.variables if n in found and anatomy.is_clock_driven(n))


def _joint(anatomy: Anatomy, moved: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return the equations of moved variables as the synapse's integrator needs them."""
    if anatomy.text.method in ("euler", "exponential_euler"):  # these see the start of a step only
        return ""
    found = []
    for name in _staged(anatomy, moved):
        equation = anatomy.equations[name]
        right = renamed(_expanded(anatomy, str(equation.expr)), names)
        found.append(f"d{names[name]}/dt = {right} : {unit(equation)}")
    return "\n".join(found)
