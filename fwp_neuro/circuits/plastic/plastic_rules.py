"""`connect` with a fast-weight rule: its signals, its teacher and its gates.

A rule becomes a `Synapse` whose text reads the variables of the user's cells by their own
names, and then goes the way of all models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import brian2 as b2
from brian2.equations.equations import DIFFERENTIAL_EQUATION
from brian2.utils.stringtools import get_identifiers

from ...errors import FwpError, shown, unknown
from ...rules import Rule, rules
from ...rules.registered_rules import RULES
from ...symbolic import language
from ...synapses import registered_synapses
from ...synapses.circuit_models import CircuitSynapse
from ...synapses.rule_signals import ROLES, Signals
from ...synapses.rule_synapse import RuleSynapse, of_circuit, of_rule
from ...synapses.synapse_class import Synapse
from . import plastic_gates as gates
from . import plastic_teachers as teachers
from .attached_variables import free_name, whole
from .plastic_cells import own_variables, tables, variable

_WORDS = {*language.BUILT_IN, *language.SUMS, *language.MATHS, "w"}
#: what the cells offer besides the signals of a rule
_MORE = {"rate": ("readout",), "biophysical": ("membrane", "conductance")}


@dataclass(frozen=True)
class Asked:
    """The arguments of `connect` that only a rule takes."""

    form: str | None = None
    dynamics: str | None = None
    every: Any = None
    gate: Any = None
    teacher: Any = None

    @property
    def given(self) -> list[str]:
        """Names of those that are not None."""
        return [name for name, value in vars(self).items() if value is not None]


def as_it_is(made):
    """Return what `connect` has made."""
    return made


@dataclass
class PreparedRule:
    """A rule as a model for certain cells, and what `connect` does with it.

    Attributes:
        model: whose text reads the variables of the cells.
        inputs: names of its text -> TimedArray.
        finish: called with the `Plastic`, which it returns; adds the teacher's objects.
    """

    model: Synapse
    inputs: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[Any], Any] = as_it_is


def synapse(given, asked: Asked) -> RuleSynapse | None:
    """Return a rule as a synapse model, or None for what is a synapse model itself.

    A name that both a rule and a synapse model have is the rule if an argument of rules
    is given.

    Raises:
        FwpError: an unknown name, a text that is no rule, or arguments that do not go
            together.
    """
    if isinstance(given, RuleSynapse):
        fixed = [name for name in asked.given if name in ("form", "dynamics", "every")]
        if fixed:
            raise FwpError(
                f"{fixed[0]} is an argument of of_rule, which made {given.name!r}: "
                "leave it out of connect"
            )
        return given
    circuit = given
    if registered_synapses.is_name(given):
        named = registered_synapses.get(given)
        circuit = named if isinstance(named, CircuitSynapse) else given
    if isinstance(circuit, CircuitSynapse) and {"teacher", "gate"} & set(asked.given):
        wrong = [name for name in asked.given if name not in ("teacher", "gate")]
        if wrong:
            raise FwpError(
                f"{wrong[0]} is an argument of fast-weight rules, and {circuit.name!r} "
                "takes teacher and gate only: leave it out"
            )
        return of_circuit(circuit)
    chosen = _chosen(given, asked)
    if chosen is not None:
        return of_rule(chosen, asked.form or "rate", asked.dynamics, asked.every)
    if asked.given:
        name = given if isinstance(given, str) else getattr(given, "name", given)
        raise FwpError(
            f"{asked.given[0]} is an argument of fast-weight rules, and "
            f"{shown(name)} is none: leave it out"
        )
    return None


def by_ports(given, asked: Asked, names) -> tuple[Asked, Any]:
    """Take a gate or teacher that is a variable of the cells for the port of that name.

    Args:
        given: what `connect` was given; rules and circuit synapses have their own way.
        asked: teacher and gates; names: as `connect` takes them.

    Returns:
        both, with what was taken moved to names.
    """
    if registered_synapses.is_name(given):
        given = registered_synapses.get(given)
    if not isinstance(given, Synapse) or not isinstance(names, Mapping | None):
        return asked, names
    if isinstance(given, CircuitSynapse):  # its gate was once called as that of the rule
        gate, named = (
            {given.ports["gate"] if n == "beta" else n: one for n, one in each.items()}
            if isinstance(each, Mapping) else each
            for each in (asked.gate, names)
        )  # fmt: skip
        return replace(asked, gate=gate), named
    if isinstance(given, RuleSynapse):
        return asked, names
    taken = {
        role: getattr(asked, role) for role in ("gate", "teacher")
        if role in given.ports and getattr(asked, role) is not None
    }  # fmt: skip
    for role, value in taken.items():
        if not isinstance(value, str):
            raise FwpError(
                f"{role} of {given.name!r} is a variable of the postsynaptic cells, in "
                f"the unit of its text: give the name of one, got {shown(value)}"
            )
        if role in (names or {}):
            raise FwpError(f"{role} is given by {role} and by names: give it once")
    return replace(asked, **dict.fromkeys(taken)), {**(names or {}), **taken}


def _chosen(given, asked: Asked) -> Rule | str | None:
    """Return the rule that is meant, by a name, an object or a text."""
    if not isinstance(given, str):
        return given if isinstance(given, Rule) else None
    if "=" in given:  # a text, whose unknown names are its gates
        code = "\n".join(line.partition("#")[0] for line in given.splitlines())
        names = sorted(set(get_identifiers(code)) - _WORDS)
        return Rule("my_rule", given, gates=dict.fromkeys(names, "shared"))
    known = registered_synapses.is_name(given)
    if given in RULES and (asked.given or not known):
        return given
    if not known:
        legal = [*registered_synapses.names(), *rules()]
        raise unknown(given, legal, "synapse model or rule", "`fwp-neuro list`")
    return None


def check_options(model: RuleSynapse, options: Mapping, delay, dense: bool) -> None:
    """Refuse what the synapses of a rule would not follow.

    Raises:
        FwpError: a delay or an event without spikes, or dense synapses that run
            statements.
    """
    if "on_event" in options:
        raise FwpError(
            f"on_event: nothing of rule {model.name!r} waits for events: leave it out"
        )
    if model.form == "rate" and delay:
        raise FwpError(
            f"delay: rule {model.name!r} in the rate form reads variables and no "
            "spikes, so that none can arrive later: leave it out"
        )
    if dense and model.dynamics == "event":
        raise FwpError(
            "dense synapses run no statements at the end of intervals: leave out "
            "dense, or use dynamics='continuous'"
        )


def prepare(model: RuleSynapse, asked: Asked, names, groups: Mapping) -> PreparedRule:
    """Return a rule as a model that reads these cells.

    Args:
        model: from `synapse`.
        asked: teacher and gates.
        names: role or name in the text -> variable of the cells.
        groups: side -> cells.

    Raises:
        FwpError: a signal or gate that is neither found nor named, one of another
            dimension or length, an unknown name.
    """
    names = _by_text(model, names)
    found = gates.find(model, asked.gate, names, groups)
    make = _biophysical if model.form == "biophysical" else _rate
    return make(model, asked.teacher, names, groups, found)


def _by_text(model: RuleSynapse, names) -> dict[str, Any]:
    """Return names by what the text calls a signal."""
    if names is not None and not isinstance(names, Mapping):
        raise FwpError(
            f"names must be a mapping such as {{'k': 'rate'}}, got {shown(names)}"
        )
    roles = {role: n for role, n in ROLES.items() if n in model.homes}
    legal = {*model.homes, *_MORE[model.form]}
    found: dict[str, Any] = {}
    for key, target in (names or {}).items():
        own = roles.get(key, key) if isinstance(key, str) else key
        if own not in legal:
            listing = ", ".join(sorted({*roles, *legal}))
            raise FwpError(
                f"names: rule {model.name!r} reads no {shown(key)} in this form "
                f"(legal: {listing})"
            )
        if own in found:
            raise FwpError(f"names: {own!r} of rule {model.name!r} is given twice")
        if target is None and own != "conductance":
            raise FwpError(
                f"names: {key!r} of rule {model.name!r} must be a variable of the "
                "cells, got None"
            )
        found[own] = target
    return found


def _rate(
    model: RuleSynapse, teacher, names: dict, groups: Mapping, found
) -> PreparedRule:
    """Return a rule between rate cells."""
    own = {n: home for n, home in model.homes.items() if n not in model.gates}
    code, post, finish = dict(found.code), list(found.post), as_it_is
    if teacher is not None and "v" not in own:
        raise FwpError(
            f"teacher: rule {model.name!r} reads no v, so that none can teach it"
        )
    if isinstance(teacher, str):
        names["v"] = teacher
    elif teacher is not None:
        copy = free_name(groups["post"], "v")
        finish = teachers.by_variable(model, teacher, names.pop("v", "v"), groups, copy)
        code["v"] = f"{copy}_post"
        post.append(f"{copy} : 1")
    if "q" not in {*names, *groups["pre"].variables} and "k" in own:
        del own["q"]  # as in a Program without queries, the key is read
    for name, home in own.items():
        if name not in code:
            found_as = variable(model, name, names.get(name), groups[_side(home)], 1)
            code[name] = f"{found_as}_{_side(home)}"
    code.setdefault("q", code.get("k"))
    readout = names.get("readout", "readout")
    if "readout" in names or readout in groups["post"].variables:
        variable(model, "readout", readout, groups["post"], 1, settable=True)
    signals = Signals(code, found.pre, tuple(post), found.values, readout)
    made = model.written(signals)
    _apart(made, [*code.values(), f"{readout}_post"], (*found.pre, *post))
    return PreparedRule(made, _inputs(code.values(), found, groups), finish)


def _side(home: str) -> str:
    return "pre" if home == "pre" else "post"


def _inputs(code: Iterable[str], found, groups: Mapping) -> dict[str, Any]:
    """Return courses of gates, and what the variables of the cells need to be read."""
    every = dict(found.inputs)
    for side, group in groups.items():
        ends = [c.removesuffix(f"_{side}") for c in code if c.endswith(f"_{side}")]
        for name, value in tables(ends, group).items():
            if every.setdefault(name, value) is not value:
                raise FwpError(
                    f"the cells {groups['pre'].name!r} and {groups['post'].name!r} "
                    f"both have a {name!r} in their namespace: call one of them "
                    "otherwise"
                )
    return every


def _biophysical(
    model: RuleSynapse, teacher, names: dict, groups: Mapping, found
) -> PreparedRule:
    """Return a rule that writes through NMDA and is read through AMPA."""
    post, cells, finish = groups["post"], {}, as_it_is
    for name in model.parameters:
        if name in post.variables:
            raise FwpError(
                f"{name!r} is a parameter of rule {model.name!r} in the biophysical "
                f"form and a variable of the cells {post.name!r}: give that another "
                "name"
            )
    if teacher is None:
        raise FwpError(
            f"rule {model.name!r} in the biophysical form needs teacher, a group that "
            "spikes or a voltage of the postsynaptic cells"
        )
    if isinstance(teacher, str):
        cells["teacher"] = variable(model, "teacher", teacher, post, b2.volt)
    else:
        finish = teachers.by_spikes(teacher, groups)
    if model.write.compare:
        cells["membrane"] = variable(
            model, "membrane", names.get("membrane"), post, b2.volt
        )
    cells |= _conductance(model, names, post)
    signals = Signals(found.code, found.pre, found.post, found.values, "")
    made = model.written(signals, **cells)
    read = [f"{n}_post" for n in cells.values() if isinstance(n, str)]
    code = [*found.code.values(), *read]
    _apart(made, code, (*found.pre, *found.post))
    return PreparedRule(made, _inputs(code, found, groups), finish)


def _apart(made: Synapse, code: Iterable[str], rows: Iterable[str]) -> None:
    """Refuse variables of the cells that are called as what the synapses attach."""
    given = {row.split(" ")[0] for row in rows}  # whose names nobody has
    own = {f"{name}_{side}": name for name in set(made.equations.alone) - given
           for side in ("pre", "post")}  # fmt: skip
    for name in sorted(own[one] for one in code if one in own):
        raise FwpError(
            f"rule {made.name!r} has a {name!r} of its own, so the variable {name!r} of "
            "the cells needs another name"
        )


def _conductance(model: RuleSynapse, names: dict, post) -> dict[str, Any]:
    """Return which conductance spikes raise, and whether it is in siemens."""
    target = names.get("conductance")
    if "conductance" in names and target is None:
        return {"conductance": ""}
    in_siemens = (
        isinstance(target, str)
        and target in post.variables
        and post.variables[target].dim == b2.siemens.dim
    )
    unit = b2.siemens if in_siemens else 1
    found = variable(model, "conductance", target, post, unit)
    own = own_variables(post).get(found)
    if own is not None and whole(post).equations[found].type != DIFFERENTIAL_EQUATION:
        raise FwpError(
            f"the conductance {found!r} of the cells {post.name!r} is raised by spikes, "
            f"so it needs an equation by which it falls, such as d{found}/dt = "
            f"-{found}/(5*ms)"
        )
    return {"conductance": found, "in_siemens": in_siemens}
