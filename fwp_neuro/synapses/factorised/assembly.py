"""Put the text of a factorised model together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from brian2.equations.equations import PARAMETER, SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ...errors import Cannot, FwpError
from ..synapse_class import ByEvents, Synapse
from . import cascades, decays, spikes
from .anatomy import SIDES, Anatomy
from .homes import homes
from .layout_report import FactorisedModel, Report
from .relative_variables import around
from .relative_variables import keep as keeping
from .text import renamed, row, text, unit
from .waiting_writes import Variable, find, kicked


def assemble(model: Synapse, keep, uniform, when: str, late) -> Synapse:
    """Return the model in the cheap layout; see `factorise`."""
    anatomy = Anatomy(model, uniform, late)
    keep = set(keep)
    for name in sorted(keep - set(anatomy.variables)):
        legal = ", ".join(anatomy.variables)
        raise FwpError(
            f"keep: {model.name!r} has no synaptic variable {name!r} (legal: {legal})"
        )
    if model.equations.transmit:
        return _as_it_is(model, anatomy)
    form = None
    if model.by_events is not None and when != "presynaptic":
        form = model.by_events(model, set(uniform))
    if form is not None:
        return _by_events(model, anatomy, form)
    moved, stays = homes(anatomy, keep)
    events, stamped = decays.find(anatomy, moved)
    anatomy, sums, parts, waiting, why = _arranged(anatomy, moved, events, when)
    found = [*events, *sums.found.values()]
    names = {one.name for one in waiting}
    variables = [*waiting, *(Variable(d.variable, decay=d) for d in found
                             if d.variable not in names)]  # fmt: skip
    kept = keeping(anatomy, moved, variables)
    post = parts["post"]
    if waiting:  # the cell writes what its synapses did, with its own traces as they were
        if post.before:
            post.before = [*post.before, *kept.at_post]
        else:
            post.after = [*kept.at_post, *post.after]
        post.synapse = []
    suffixed = {name: f"{name}_{side}" for name, side in moved.items()}
    new: dict[str, Any] = {
        "synapse": _synapse(anatomy, suffixed, set(kept.factors), kept.synapse),
        "joint": _joint(anatomy, moved, suffixed, set(kept.factors)),
    }
    exact = [name for name in moved if anatomy.is_event_driven(name)]
    for side in SIDES:
        own = [name for name in anatomy.variables if moved.get(name) == side]
        old = [getattr(anatomy.text, side).strip()]
        rows = [*old, *(_on_cell(anatomy, name, side) for name in own),
                *(kept.post if side == "post" else ())]  # fmt: skip
        new[side] = "\n".join(line for line in rows if line)
        code = parts[side].synapse
        if kept.last and side == "pre":  # what it collects comes later
            new["transmit"] = text(line.renamed(kept.wholes) for line in code)
            code = []
        new[f"on_{side}"] = text(around(anatomy, code, kept, side))
        new[f"before_{side}"] = text(parts[side].before)
        new[f"after_{side}"] = text(parts[side].after)
    renewal = kept.renewal()
    equations = replace(anatomy.text, exact=tuple(exact), renewal=renewal, **new)
    known = {item.name: getattr(model, item.name) for item in fields(Synapse)}
    known |= {
        "equations": equations,
        "initial": {**model.initial, **dict.fromkeys(kept.ones, 1)},
        "parameters": {**model.parameters, **sums.values},
    }
    staged = () if waiting else _staged(anatomy, moved)
    rates, steps = ({d.variable: d.rate for d in some}
                    for some in (events, sums.found.values()))  # fmt: skip
    stepped = {n: one for n, one in sums.why.items() if n not in {*moved, *names}}
    report = Report(moved, stays, rates, stamped, staged, tuple(sorted(names)), why,
                    steps, stepped)  # fmt: skip
    return FactorisedModel(**known, textbook=model, report=report, rests=kept.rests,
                           levels=kept.levels)  # fmt: skip


def _as_it_is(model: Synapse, anatomy: Anatomy) -> Synapse:
    """Return a model of which two things that a presynaptic spike does arrive at other
    times."""
    why = "it transmits at the spike, and the rest of what the spike does waits"
    report = Report({}, dict.fromkeys(anatomy.variables, why), why_not=why)
    known = {item.name: getattr(model, item.name) for item in fields(Synapse)}
    return FactorisedModel(**known, textbook=model, report=report, rests={})


def _arranged(anatomy: Anatomy, moved, events, when: str) -> tuple:
    """Return the text in sums of its cascades, these, what spikes of each side do, the
    variables whose writes wait, and why none do.

    What cells drive in every step is no cascade if its writes cannot wait.
    """
    reasons = []
    for driven in (when != "both sides", False):
        sums = cascades.find(anatomy, moved, driven)
        found = [*events, *sums.found.values()]
        chosen = cascades.written_in_sums(anatomy, sums) if sums.found else anatomy
        parts = {side: spikes.split(chosen, side, moved) for side in SIDES}
        waiting, why = _waiting(chosen, moved, parts, found, when)
        reasons.append(why)
        if waiting or not sums.driven:
            break
    if when == "presynaptic" and not waiting:
        name = anatomy.model.name
        raise FwpError(
            f"writes='presynaptic' is not possible for {name!r}: {reasons[0]}"
        )
    if kicked(waiting, parts["pre"]):  # what has waited follows the trace as it was
        parts["pre"] = spikes.split(chosen, "pre", moved, old=True)
    return chosen, sums, parts, waiting, "" if waiting else reasons[0]


def _by_events(model: Synapse, anatomy: Anatomy, form: ByEvents) -> Synapse:
    """Return a model in the form that its author gave for networks."""
    why = "every synapse has its own"
    stays = dict.fromkeys(anatomy.variables, why)
    why = "what is due is made up for at spikes of both sides"
    report = Report({}, stays, passed=form.passed, why_not=why)
    known = {item.name: getattr(model, item.name) for item in fields(Synapse)}
    known |= {"equations": form.equations, "initial": {**model.initial, **form.initial}}
    return FactorisedModel(**known, textbook=model, report=report,
                           functions=form.functions)  # fmt: skip


def _waiting(
    anatomy: Anatomy, moved, parts, found, when: str
) -> tuple[list[Variable], str]:
    """Return the variables whose writes wait for presynaptic spikes, and why none do."""
    if when == "both sides":
        return [], "it was asked for"
    try:
        return find(anatomy, moved, parts, found), ""
    except Cannot as reason:
        return [], str(reason)


def _synapse(
    anatomy: Anatomy, names: Mapping[str, str], kept: set[str], more: list[str]
) -> str:
    """Return the equations that stay, with those of variables that are kept by
    factors."""
    stay = [row(equation, names) for name, equation in anatomy.equations.items()
            if name not in names and name not in kept]  # fmt: skip
    return "\n".join([*stay, *more])


def _expanded(anatomy: Anatomy, expression: str) -> str:
    """Return an expression with the synapse's subexpressions written out."""
    while True:
        known = {n: f"({anatomy.equations[n].expr})" for n in get_identifiers(expression)
                 if n in anatomy.equations.names
                 and anatomy.equations[n].type == SUBEXPRESSION
                 }  # fmt: skip
        if not known:
            return expression
        expression = renamed(expression, known)


def _on_cell(anatomy: Anatomy, name: str, side: str) -> str:
    """Return the equation of a variable that lives on a cell."""
    equation = anatomy.equations[name]
    if equation.type == PARAMETER:
        return f"{name} : {unit(equation)}"
    right = renamed(_expanded(anatomy, str(equation.expr)), anatomy.constants[side])
    return f"d{name}/dt = {right} : {unit(equation)}"


def _staged(anatomy: Anatomy, moved: Mapping[str, str]) -> tuple[str, ...]:
    """Return moved variables that clock-driven equations on the synapse need, and what
    moves them.

    An integrator of several stages sees them at its intermediate times.
    """
    staying = [
        n for n in anatomy.variables if n not in moved and anatomy.is_clock_driven(n)
    ]
    found: set[str] = set()
    waiting = {m for name in staying for m in anatomy.rates(name) & set(moved)}
    while waiting:
        found |= waiting
        waiting = {m for n in waiting for m in anatomy.rates(n) & set(moved)} - found
    return tuple(
        n for n in anatomy.variables if n in found and anatomy.is_clock_driven(n)
    )


def _joint(anatomy: Anatomy, moved, names: Mapping[str, str], kept: set[str]) -> str:
    """Return the equations of moved variables as the synapse's integrator needs them."""
    if all(
        n in kept
        for n in anatomy.variables
        if n not in moved and anatomy.is_clock_driven(n)
    ):
        return ""
    # these see the start of a step only
    if anatomy.text.method in ("euler", "exponential_euler"):
        return ""
    found = []
    for name in _staged(anatomy, moved):
        equation = anatomy.equations[name]
        right = renamed(_expanded(anatomy, str(equation.expr)), names)
        found.append(f"d{names[name]}/dt = {right} : {unit(equation)}")
    return "\n".join(found)
