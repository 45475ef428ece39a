"""`connect` with a fast-weight rule: what it reads of the cells, who teaches it, and its gates.

A rule becomes a `Model` whose text reads the variables of the user's cells by their own names, and
then goes the way of all models. A teacher that is a group gets a relay of its own: one cell to one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
from brian2.core.spikesource import SpikeSource
from brian2.utils.stringtools import get_identifiers

from ..errors import FwpError, shown, unknown
from ..rules import Rule, rules
from ..rules.registry import RULES
from ..symbolic import language
from ..synapses import registry, rule_receptors
from ..synapses.model import Model
from ..synapses.rule_signals import ROLES, Signals
from ..synapses.rule_synapse import RuleSynapse, of_rule
from . import plastic_gates as gates
from .companions import SPIKES, whole
from .plastic_cells import tables, variable
from .plastic_steps import ARRIVES

_WORDS = {*language.BUILT_IN, *language.SUMS, *language.MATHS, "w"}


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


@dataclass
class Prepared:
    """A rule as a model for certain cells, and what `connect` does with it.

    Attributes:
        model: whose text reads the variables of the cells.
        inputs: names of its text -> TimedArray.
        finish: called with the `Plastic`; adds the teacher's relay.
    """

    model: Model
    inputs: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[Any], Any] = lambda made: made


def synapse(given, asked: Asked) -> RuleSynapse | None:
    """Return a rule as a synapse model, or None for what is a synapse model itself.

    A name that both a rule and a synapse model have is the rule if an argument of rules is given.

    Raises:
        FwpError: an unknown name, a text that is no rule, or arguments that do not go together.
    """
    if isinstance(given, RuleSynapse):
        fixed = [name for name in asked.given if name in ("form", "dynamics", "every")]
        if fixed:
            raise FwpError(f"{fixed[0]} is an argument of of_rule, which made {given.name!r}: "
                           "leave it out of connect")  # fmt: skip
        return given
    if isinstance(given, str):
        if "=" in given:
            given = _of_text(given, asked.gate)
        elif given in registry.names():
            if not (asked.given and given in RULES):
                return _no_rule(given, asked)
        elif given not in RULES:
            legal = [*registry.names(), *rules()]
            raise unknown(given, legal, "synapse model or rule", "`fwp-neuro list`")
    elif not isinstance(given, Rule):
        return _no_rule(given, asked)
    return of_rule(given, asked.form or "rate", asked.dynamics, asked.every)


def _no_rule(given, asked: Asked) -> None:
    if asked.given:
        name = given if isinstance(given, str) else getattr(given, "name", given)
        raise FwpError(f"{asked.given[0]} is an argument of fast-weight rules, and "
                       f"{shown(name)} is none: leave it out")  # fmt: skip


def _of_text(text: str, gate) -> Rule:
    """Return a rule whose unknown names are shared gates; one that assigns no w is refused."""
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    names = [n for n in dict.fromkeys(get_identifiers(code)) if n not in _WORDS]
    return Rule("my_rule", text, gates=dict.fromkeys(sorted(names), "shared"))


def check_options(model: RuleSynapse, options: Mapping, delay, dense: bool) -> None:
    """Refuse what the synapses of a rule would not follow.

    Raises:
        FwpError: a delay or an event without spikes, or dense synapses that run statements.
    """
    if "on_event" in options:
        raise FwpError(f"on_event: nothing of rule {model.name!r} waits for events: leave it out")
    if model.form == "rate" and delay:
        raise FwpError(f"delay: rule {model.name!r} in the rate form reads variables and no "
                       "spikes, so that none can arrive later: leave it out")  # fmt: skip
    if dense and model.dynamics == "event":
        raise FwpError("dense synapses run no statements at the end of intervals: leave out dense, "
                       "or use dynamics='continuous'")  # fmt: skip


def prepare(model: RuleSynapse, asked: Asked, names, groups: Mapping) -> Prepared:
    """Return a rule as a model that reads these cells.

    Args:
        model: from `synapse`.
        asked: teacher and gates.
        names: role or name in the text -> variable of the cells.
        groups: side -> cells.

    Raises:
        FwpError: a signal or gate that is neither found nor named, one of another dimension or
            length, an unknown name.
    """
    names = _checked(model, names)
    found = gates.find(model, asked.gate, names, groups)
    own = {n: home for n, home in model.homes.items() if n not in model.gates}
    code, post, relay = dict(found.code), list(found.post), None
    if model.form == "biophysical":
        return _biophysical(model, asked, names, groups, found)
    if asked.teacher is not None:
        if "v" not in own:
            raise FwpError(f"teacher: rule {model.name!r} reads no v, so that none can teach it")
        if isinstance(asked.teacher, str):
            names = {**names, "v": asked.teacher}
        else:
            relay = _relay(model, asked.teacher, names.pop("v", "v"), groups)
            code["v"] = "v_post"
            post.append("v : 1")
            del own["v"]
    for name, home in own.items():
        if name == "q" and "q" not in names and "q" not in groups["pre"].variables and "k" in own:
            continue
        side = "pre" if home == "pre" else "post"
        code[name] = f"{variable(model, name, names.get(name), groups[side], 1)}_{side}"
    code.setdefault("q", code.get("k"))  # as in a Program without query
    readout = _readout(model, names, groups)
    signals = Signals(code, found.pre, tuple(post), found.values, readout)
    inputs = _inputs(code.values(), found, groups)
    return Prepared(model.written(signals), inputs, relay or (lambda made: made))


def _inputs(code, found, groups) -> dict[str, Any]:
    """Return courses of gates, and what the variables of the cells need to be read."""
    every = dict(found.inputs)
    for side, group in groups.items():
        ends = [c.removesuffix(f"_{side}") for c in code if c and c.endswith(f"_{side}")]
        for name, value in tables(ends, group).items():
            if every.setdefault(name, value) is not value:
                raise FwpError(f"the cells {groups['pre'].name!r} and {groups['post'].name!r} "
                               f"both have a {name!r} in their namespace: call one of them "
                               "otherwise")  # fmt: skip
    return every


def _checked(model: RuleSynapse, names) -> dict[str, str | None]:
    """Return names by what the text calls a signal."""
    if names is not None and not isinstance(names, Mapping):
        raise FwpError(f"names must be a mapping such as {{'k': 'rate'}}, got {shown(names)}")
    more = ("membrane", "conductance") if model.form == "biophysical" else ("readout",)
    roles = {role: n for role, n in ROLES.items() if n in model.homes}
    legal = {n for n in model.homes} | set(more)
    found: dict[str, str | None] = {}
    for key, target in (names or {}).items():
        own = roles.get(key, key) if isinstance(key, str) else key
        if own not in legal:
            listing = ", ".join(sorted({*roles, *legal}))
            raise FwpError(f"names: rule {model.name!r} reads no {shown(key)} in this form "
                           f"(legal: {listing})")  # fmt: skip
        if own in found:
            raise FwpError(f"names: {key!r} is given twice for rule {model.name!r}")
        if target is None and own not in ("conductance",):
            raise FwpError(f"names: {key!r} of rule {model.name!r} must be a variable of the cells, "
                           "got None")  # fmt: skip
        found[own] = target
    return found


def _readout(model: RuleSynapse, names, groups) -> str:
    post = groups["post"]
    if "readout" not in names:
        if "readout" in post.variables:  # attached by another projection, or of the user
            variable(model, "readout", "readout", post, 1, settable=True)
        return "readout"
    return variable(model, "readout", names["readout"], post, 1, settable=True)


def _relay(model: RuleSynapse, teacher, name, groups):
    """Return what copies a variable of a teaching group to the postsynaptic cells, one to one."""
    _teaches(teacher, groups)
    theirs = variable(model, "v", name, teacher, 1)
    place = ("end", ARRIVES) if model.dynamics == "event" else ("groups", -3)

    def finish(made):
        target = made.where["v"][0]
        line = b2.Synapses(teacher, target, f"v_post = {theirs}_pre : 1 (summed)",
                           name=f"{made.synapses.name}_teacher")  # fmt: skip
        line.connect(j=f"i + {getattr(groups['post'], 'start', 0)}")
        updater = line.summed_updaters["v_post"]
        updater.when, updater.order = place
        made.objects.append(line)
        return made

    return finish


def _teaches(teacher, groups) -> None:
    post = groups["post"]
    if not isinstance(teacher, SpikeSource):
        raise FwpError("teacher must be a Brian2 group or the name of a variable of the "
                       f"postsynaptic cells, got {shown(teacher)}")  # fmt: skip
    if len(teacher) != len(post):
        raise FwpError(f"teacher: the cells {teacher.name!r} are {len(teacher)} and teach one "
                       f"cell each, but {post.name!r} has {len(post)}")  # fmt: skip


def _biophysical(model: RuleSynapse, asked: Asked, names, groups, found) -> Prepared:
    post, cells = groups["post"], {}
    for name in model.parameters:
        if name in post.variables:
            raise FwpError(f"{name!r} is a parameter of rule {model.name!r} in the biophysical "
                           f"form and a variable of the cells {post.name!r}: give that another "
                           "name")  # fmt: skip
    relay, teacher = None, asked.teacher
    if teacher is None:
        raise FwpError(f"rule {model.name!r} in the biophysical form needs teacher, a group that "
                       "spikes or a voltage of the postsynaptic cells")  # fmt: skip
    if isinstance(teacher, str):
        cells["teacher"] = variable(model, "teacher", teacher, post, b2.volt)
    else:
        relay = _taught_by_spikes(teacher, groups)
    if model.compares:
        cells["membrane"] = variable(model, "membrane", names.get("membrane"), post, b2.volt)
    cells["conductance"] = ""
    if names.get("conductance", "") is not None:
        target = names.get("conductance")
        unit = 1
        if isinstance(target, str) and target in post.variables:
            siemens = post.variables[target].dim == b2.siemens.dim
            unit, cells["in_siemens"] = (b2.siemens if siemens else 1), siemens
        cells["conductance"] = variable(model, "conductance", target, post, unit)
    signals = Signals({**found.code}, found.pre, found.post, found.values, "")
    read = [f"{n}_post" for n in cells.values() if isinstance(n, str)]
    inputs = _inputs([*found.code.values(), *read], found, groups)
    return Prepared(model.written(signals, **cells), inputs, relay or (lambda made: made))


def _taught_by_spikes(teacher, groups):
    _teaches(teacher, groups)
    if SPIKES not in whole(teacher).variables:
        raise FwpError(f"teacher: the cells {teacher.name!r} never spike: give them a threshold")

    def finish(made):
        target = made.where["teacher"][0]
        line = b2.Synapses(
            teacher, target, on_pre=f"teacher_post += {rule_receptors.kick('teacher')}",
            delay=0 * b2.second, namespace=made.synapses.namespace, clock=target.clock,
            name=f"{made.synapses.name}_teacher",
        )  # fmt: skip
        line.connect(j=f"i + {getattr(groups['post'], 'start', 0)}")
        made.objects.append(line)
        return made

    return finish

