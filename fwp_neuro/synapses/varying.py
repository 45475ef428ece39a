"""A model's text with parameters that have a value of their own on each synapse or cell.

A parameter becomes a constant variable, of the synapse or of the cells of one side. Where
a cell has it, the synapse reads it as Brian2 names variables of cells, with _pre or _post
behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import brian2 as b2
from brian2.utils.stringtools import get_identifiers

from .factorised.text import lines, renamed, row, text, unit
from .synapse_class import Synapse, Varying

PLACES = ("synapse", "pre", "post")
_CODE = {
    "synapse": ("on_pre", "on_post", "transmit"), "pre": ("pre_spike",),
    "post": ("post_spike",),
}  # fmt: skip


def readers(model: Synapse, had: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return place -> names that its equations, code and initial values read.

    Args:
        model: in the textbook layout.
        had: side -> variables that the cells have themselves, of which the model's text
            is not used.
    """
    found = {}
    for place in PLACES:
        rows = b2.Equations(getattr(model.equations, place))
        skipped = had.get(place, set())
        read: set[str] = get_identifiers(model.weight) if place == "synapse" else set()
        for name, equation in rows.items():
            if name not in skipped:
                read |= equation.identifiers | _read(model.initial.get(name))
        for part in _CODE[place]:
            for line in lines(getattr(model.equations, part)):
                read |= line.reads if line.target not in skipped else set()
        found[place] = read
    return found


def _read(value) -> set[str]:
    return set(get_identifiers(value)) if isinstance(value, str) else set()


def variable(parameter: str, place: str, places: Mapping[str, Any]) -> str:
    """Return the name of the variable that holds a parameter's values at one of its
    places.

    That of the parameter if it can be: Brian2 has no variables that end in _pre or _post.
    """
    own = f"{parameter}_value" if parameter.endswith(("_pre", "_post")) else parameter
    return own if len(places) == 1 else f"{place}_{own}"


def names(varying: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return place -> parameter -> what the text of that place calls it now.

    Args:
        varying: parameter -> its places.
    """
    found: dict[str, dict[str, str]] = {place: {} for place in PLACES}
    for parameter, places in varying.items():
        for place in places:
            own = variable(parameter, place, places)
            found[place][parameter] = own
            if place != "synapse" and "synapse" not in places and len(places) == 1:
                found["synapse"][parameter] = f"{own}_{place}"
    return found


def declared(
    model: Synapse, varying: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> Synapse:
    """Return a model whose text declares parameters as constant variables.

    Args:
        model: in the textbook layout.
        varying: parameter -> place ("synapse", "pre" or "post") -> parameters that
            follow.
    """
    now, old = names(varying), model.equations
    new: dict[str, Any] = {}
    for place in PLACES:
        rows = [
            row(one, now[place]) for one in b2.Equations(getattr(old, place)).values()
        ]
        rows += [f"{variable(parameter, place, places)} : "
                 f"{unit(b2.Quantity(model.parameters[parameter]))} (constant)"
                 for parameter, places in varying.items() if place in places]  # fmt: skip
        new[place] = "\n".join(rows)
        for part in _CODE[place]:
            new[part] = text(
                ln.renamed(now[place], {}) for ln in lines(getattr(old, part))
            )
    held = {
        variable(parameter, place, places): Varying(
            parameter, place, model.parameters[parameter], leads
        )
        for parameter, places in varying.items() for place, leads in places.items()
    }  # fmt: skip
    return replace(
        model,
        equations=replace(old, **new),
        parameters={n: one for n, one in model.parameters.items() if n not in varying},
        initial=started(model, model.initial, now),
        weight=renamed(model.weight, now["synapse"]),
        sends=renamed(model.sends, now["synapse"]),
        derived=None,
        varying=held,
    )


def started(
    model: Synapse, initial: Mapping[str, Any], now: Mapping[str, Mapping[str, str]]
):
    """Return initial values with texts that call parameters as their place does, see
    `names`."""
    place = {
        n: each
        for each in PLACES
        for n in b2.Equations(getattr(model.equations, each)).names
    }
    return {name: renamed(value, now[place[name]])
            if isinstance(value, str) and name in place else value
            for name, value in initial.items()}  # fmt: skip
