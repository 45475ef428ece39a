"""One synapse from parts: who writes the weight, how much is released, which receptor
opens.

    conductance of the postsynaptic cell  <-  amount released x weight, through a receptor

Every part is a published model and keeps its text. At a presynaptic spike the release
comes first, then the receptor opens by the weight as it is, then the plasticity rule
acts. Conductances cannot be negative, so a negative weight transmits nothing.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from brian2 import Equations as Brian2Equations
from brian2 import get_dimensions
from brian2.utils.stringtools import get_identifiers

from ..arguments import inside, optional, takes, text
from ..errors import LIST, FwpError, shown, unknown
from ..quantities import a_time
from .argument_kinds import name_or_model
from .eligibility import with_eligibility
from .factorised.anatomy import Anatomy
from .factorised.text import Line, lines, renamed, row
from .factorised.text import text as code_text
from .readable_equations import check_equations
from .registered_synapses import get, is_name, names
from .renaming import with_names
from .synapse_class import Equations, Synapse

#: which kinds of models play which part
_PARTS = {
    "plasticity": ("plasticity", "short-term plasticity", "circuit"),
    "release": ("short-term plasticity",),
    "receptor": ("receptor",),
}
_ROWS = ("synapse", "pre", "post")
_CODE = ("pre_spike", "post_spike")
_SCALED = ("The gate opens fully at a spike, whatever is released: what the last spike "
           "released scales all that is open")  # fmt: skip
_NOISE = ("euler", "heun", "milstein")


@takes(
    plasticity=name_or_model("pair_stdp"),
    release=optional(
        inside("the name of a model of short-term plasticity, or such a model")
    ),
    receptor=optional(inside("the name of a receptor, or a receptor model")),
    name=optional(text("my_synapse")),
    eligibility=optional(a_time("1*second")),
)
def compose(
    plasticity: str | Synapse,
    release: str | Synapse | None = None,
    receptor: str | Synapse | None = None,
    *,
    name: str | None = None,
    eligibility=None,
) -> Synapse:
    """Return a synapse that transmits: a plasticity rule, its release and its receptor in
    one text.

        synapse = fwp.synapses.compose("pair_stdp", "tsodyks_markram", "ampa")
        made = fwp.circuits.connect(synapse, inputs, cells, names={"conductance": "g_in"})

    Args:
        plasticity: who writes the weight; a model of short-term plasticity alone has a
            fixed one.
        release: Tsodyks-Markram or another model of short-term plasticity: a spike
            releases its amount instead of 1. It takes the place of a release that the
            plasticity rule brings.
        receptor: what opens; its conductance is the port "conductance" of the synapse. It
            takes the place of what the plasticity rule itself does to the postsynaptic
            cell's voltage or current. None: the synapse transmits only what its
            plasticity rule does itself.
        name: of the synapse; made of the names of its parts if None.
        eligibility: time constant of a trace that remembers the changes of a rule; a
            third factor, the port "modulator", turns it into the weight (see
            `eligibility.with_eligibility`).

    Returns:
        a model with the variables and parameters of its parts. A name that two parts have
        ends in _release or _receptor in the later one; ``conventions`` says which.

    Raises:
        FwpError: an unknown name, a model that cannot play its part, two releases.

    Source: the parts' own; that they act in this order is a modelling choice of this
    package.
    """
    first = _part("plasticity", plasticity)
    _once(first, release, receptor)
    if eligibility is not None:
        others = [_part(role, part) for role, part in (("release", release), ("receptor",
            receptor))
                  if part is not None]  # fmt: skip
        clocked = any(_is_clocked(one.equations) for one in others)
        first = with_eligibility(first, eligibility, stepped=not clocked)
    made, amount = first, ""
    if release is not None:
        if first.kind == "short-term plasticity":
            raise FwpError(f"release: {first.name!r} is a release itself; give it as "
                           "plasticity or as release, not both")  # fmt: skip
        second = _apart(made, _without_weight(_part("release", release)), "release")
        made, amount = _joined(made, second), second.sends
    if receptor is not None:
        third = _apart(made, _part("receptor", receptor), "receptor")
        made = _opened(made, first, third, amount)
    parts = {"plasticity": first, "release": release, "receptor": receptor}
    return replace(
        made,
        name=name or made.name,
        sends=f"{_sent(first)}*{amount}" if amount else first.sends,
        parts={**first.parts,
               **{role: _label(part) for role, part in parts.items()
                  if part is not None}},
    )  # fmt: skip


def model_for(role: str, given, called: str = "") -> Synapse:
    """Return a part of a composition, also if its name is given, in its textbook layout.

    Args:
        role: "plasticity", "release" or "receptor".
        given: a `Synapse`, or a name in the registry.
        called: the argument, for errors; the role if empty.

    Raises:
        FwpError: an unknown name, with those that can play the part, another kind, or
            equations that Brian2 cannot read.
    """
    called, kinds = called or role, _PARTS[role]
    if isinstance(given, str) and not is_name(given):
        legal = [name for kind in kinds for name in names(kind)]
        raise unknown(given, legal, f"model for {called}:", LIST)
    model = get(given) if isinstance(given, str) else given
    if not isinstance(model, Synapse):
        raise FwpError(
            f"{called} must be a Synapse or the name of one, got {shown(given)}"
        )
    model = getattr(model, "textbook", model)
    if model.kind not in kinds:
        legal = [name for kind in kinds for name in names(kind)]
        few = f" (legal: {', '.join(legal)})" if role != "plasticity" else ""
        raise FwpError(f"{called} must be a model of the kind {' or '.join(kinds)}, "
                       f"and {model.name!r} is of the kind "
                       f"{model.kind}{few}")  # fmt: skip
    check_equations(model)
    return model


def _once(first: Synapse, release, receptor) -> None:
    """Refuse to add to a composition, of which it is no longer known what a spike
    releases."""
    has = [role for role in ("release", "receptor") if role in first.parts]
    if has and (release is not None or receptor is not None):
        raise FwpError(f"{first.name!r} has a {' and a '.join(has)} already: give its "
                       "plasticity rule, release and receptor to one call of "
                       "compose")  # fmt: skip


def _label(part) -> str:
    part = get(part) if isinstance(part, str) else part
    return f"{part.name} ({part.parameter_set})"


def _part(role: str, given) -> Synapse:
    model = model_for(role, given)
    kind = (
        "plasticity" if role == "plasticity" and model.kind == "circuit" else model.kind
    )
    # a plain one: what a circuit or a rule is besides would not know of the other parts
    return Synapse(**{**{one.name: getattr(model, one.name) for one in fields(Synapse)},
                      "kind": kind})  # fmt: skip


def _without_weight(release: Synapse) -> Synapse:
    """Return a release of which the amount is all that is sent: the weight is another
    part's."""
    equations = Brian2Equations(release.equations.synapse)
    rows = [row(one) for n, one in equations.items() if n != "J"]
    initial = {n: v for n, v in release.initial.items() if n != "J"}
    sends = renamed(release.sends, {"J": "1"}).removeprefix("1*")
    return replace(release, equations=replace(release.equations, synapse="\n".join(rows)),
                   initial=initial, sends=sends)  # fmt: skip


def _names(model: Synapse) -> set[str]:
    """Return every name that a model defines."""
    found = set(model.parameters)
    for part in _ROWS:
        found |= Brian2Equations(getattr(model.equations, part)).names
    anatomy = Anatomy(model)
    return found | anatomy.temporaries("pre") | anatomy.temporaries("post")


def _apart(made: Synapse, part: Synapse, role: str) -> Synapse:
    """Return a part with another name for whatever is called as something that is
    there."""
    weight = {"w"} if role == "receptor" else set()
    return with_names(
        part, {n: f"{n}_{role}" for n in (_names(part) - weight) & _names(made)}
    )


def _said(role: str, made: Synapse, part: Synapse) -> str:
    suffix = f"_{role}"
    names = sorted(n for n in _names(part) if n.endswith(suffix))
    end = (
        f" (its {', '.join(n.removesuffix(suffix) for n in names)} end in {suffix} here)"
    )
    return (
        f"{made.conventions}. {role.capitalize()}: "
        f"{part.conventions}{end if names else ''}"
    )


def _merged(made: Synapse, part: Synapse, role: str, text: Equations) -> Synapse:
    """Return both models as one with a given text."""
    derived = [one.derived for one in (made, part) if one.derived is not None]

    def together(values):
        return {n: v for one in derived for n, v in one(values).items()}

    sources = {n: part.source(n) for n in part.parameters}
    return replace(
        made,
        name=f"{made.name}+{part.name}",
        parameter_set=f"{made.parameter_set}+{part.parameter_set}",
        summary=f"{made.summary}; {role}: {part.summary}",
        equations=text,
        parameters={**made.parameters, **part.parameters},
        sources={**made.sources, **sources},
        citation="; ".join(
            dict.fromkeys(f"{made.citation}; {part.citation}".split("; "))
        ),  # noqa: E501
        conventions=_said(role, made, part),
        signed=(*made.signed, *part.signed),
        initial={
            **{n: v for n, v in part.initial.items() if n != "w" or "w" in made.initial},
            **made.initial,
        },
        derived=together if derived else None,
        learned=made.learned,
    )


def _texts(made: Equations, part: Equations) -> dict[str, Any]:
    """Return equations and resets of both; the integrator of each variable stays what it
    was."""
    found = {name: f"{getattr(made, name).strip()}\n{getattr(part, name).strip()}".strip()
             for name in (*_ROWS, *_CODE)}  # fmt: skip
    method = _method(made, part)
    methods: dict[str, str] = {}
    for one in (made, part):
        cells = [
            n
            for side in ("pre", "post")
            for n in Brian2Equations(getattr(one, side)).names
        ]
        own = {n: one.methods.get(n, one.method) for n in cells}
        methods |= {n: m for n, m in own.items() if m != method}
    return found | {"method": method, "methods": methods,
                    "delayed": {**made.delayed, **part.delayed}}  # fmt: skip


def _method(made: Equations, part: Equations) -> str:
    """Return the integrator of the synapse's own equations, one for all parts."""
    clocked = [one for one in (made, part) if _is_clocked(one)]
    methods = list(dict.fromkeys(one.method for one in clocked))
    if not methods:
        return made.method
    noisy = [m for m in methods if m in _NOISE]  # the others cannot take noise
    return methods[0] if len(methods) == 1 else noisy[0] if noisy else "rk4"


def _is_clocked(text: Equations) -> bool:
    found = Brian2Equations(text.synapse)
    return any("event-driven" not in found[n].flags for n in found.diff_eq_names)


def _joined(made: Synapse, part: Synapse) -> Synapse:
    """Return a plasticity rule with the state of a release beside it."""
    old = made.equations
    # a release acts at the spike itself, also where the rule waits
    place = "transmit" if old.delay else "on_pre"
    target = {n for name in made.transmits for n in (name, f"{name}_post")}
    rule = code_text(
        replace(ln, expression=f"({ln.expression})*{part.sends}")
        if ln.target in target
        else ln
        for ln in lines(getattr(old, place))
    )
    more: dict[str, Any] = {place: f"{part.equations.on_pre.strip()}\n{rule}".strip()}
    text = replace(old, **_texts(old, part.equations), **more)
    return replace(_merged(made, part, "release", text), sends="")


def _opened(made: Synapse, rule: Synapse, receptor: Synapse, amount: str) -> Synapse:
    """Return a synapse whose spikes open a receptor by what they send."""
    old, new = made.equations, receptor.equations
    own = [line for line in lines(old.on_pre) if line.target not in
           {n for name in made.transmits for n in (name, f"{name}_post")}]  # fmt: skip
    sent = _sent(made)
    of_weight = not (made.sends and not amount)
    rows = Brian2Equations(new.synapse)
    summed = any("summed" in one.flags for one in rows.values())
    opening, held = lines(new.on_pre), ""
    gated = [line for line in opening if "w" not in line.reads]
    # a gate of the synapse opens by what is released, and the fixed weight scales it
    fixed = (
        not of_weight and summed and bool(gated) and "J" in get_identifiers(made.sends)
    )
    if fixed:
        amount, sent = (
            renamed(made.sends, {"J": "1"}).removeprefix("1*"),
            "clip(J, 0, inf)",
        )
    factors = [sent] if of_weight else []
    if amount and not gated:
        factors.append(amount)
    factor = "*".join(factors) or sent
    if summed:
        live = (
            fixed or of_weight and not _event_driven(made) and (not amount or bool(gated))
        )
        if gated and amount:
            opening = [Line(ln.target, ln.op, amount) for ln in opening]
        if live:
            inline = sent
        elif of_weight and not _event_driven(made):
            inline, held = f"{sent}*sent", amount
        else:
            inline, held = "sent", factor
    else:
        inline, held = "sent", factor
    more = [row(one, {"w": f"({inline})"}) for n, one in rows.items() if n != "w"]
    if summed and held:
        more.append("sent : 1")
    code = [Line("sent", "=", held)] if held else []
    code += [line.renamed({"w": "sent"}) for line in opening]
    if old.delay:
        released = lines(old.transmit)
        sends = code_text([*released, *code])
        places: dict[str, Any] = {"transmit": sends, "on_pre": code_text(own)}
    elif of_weight:
        # statements of a release come first, then the receptor, then the rule
        at = len(lines(old.on_pre)) - len(lines(rule.equations.on_pre))
        places = {"on_pre": code_text([*own[:at], *code, *own[at:]])}
    else:
        places = {"on_pre": code_text([*own, *code])}
    bare = replace(new, synapse="\n".join(more), on_pre="")
    text = replace(old, **_texts(old, bare), **places)
    conductance = receptor.ports["conductance"]
    joined = _merged(made, receptor, "receptor", text)
    if summed and (not gated and amount or made.sends and not fixed):
        joined = replace(joined, conventions=f"{joined.conventions}. {_SCALED}")
    return replace(joined, ports={**made.ports, "conductance": conductance}, sends="",
                   transmits=(conductance,))  # fmt: skip


def _sent(made: Synapse) -> str:
    """Return what a spike sends, without a unit and never negative."""
    if made.sends:
        return f"clip({made.sends}, 0, inf)"
    names = Brian2Equations(made.equations.synapse)
    weight = made.weight
    if weight in names and not names[weight].dim.is_dimensionless:
        start = made.initial.get(weight)
        if (
            not isinstance(start, str)
            or get_dimensions(made.parameters.get(start)) is None
        ):
            raise FwpError(f"the weight of {made.name!r} has a unit and no value at the "
                           "start that it could be compared with")  # fmt: skip
        weight = f"{weight}/{start}"
    return f"clip({weight}, 0, inf)"


def _event_driven(made: Synapse) -> bool:
    """Whether the weight is brought up to date at spikes only."""
    anatomy = Anatomy(made)
    names = anatomy.sources(get_identifiers(made.sends or made.weight))
    return any(n in anatomy.variables and anatomy.is_event_driven(n) for n in names)
