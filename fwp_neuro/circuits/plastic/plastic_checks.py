"""What `fwp_neuro.circuits.plastic.connecting.connect` takes: one sentence for each
mistake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import brian2 as b2
import numpy as np
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS, Function
from brian2.core.spikesource import SpikeSource
from brian2.equations.equations import SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ... import arithmetic
from ...errors import FwpError, pick, shown
from ...quantities import as_brian2, time
from ...synapses import registered_synapses
from ...synapses.factorised.text import lines
from ...synapses.synapse_class import Synapse
from ..plain_numbers import in_words, is_numbers, number_of
from .attached_variables import SPIKES, whole
from .plastic_pairs import pairs

SIDES = ("pre", "post")


def textbook(model) -> Synapse:
    """Return a model in its textbook layout, also if its name in the registry is
    given."""
    if isinstance(model, str):
        model = registered_synapses.get(model)
    if not isinstance(model, Synapse):
        raise FwpError(f"model must be a Synapse or the name of one, got {shown(model)}")
    return getattr(model, "textbook", model)


def cells(model: Synapse, groups: Mapping[str, Any], events: bool = False) -> None:
    """Check the cells of both sides; they need not spike if synapses wait for other
    ``events``."""
    for side, group in groups.items():
        if not isinstance(group, SpikeSource):
            raise FwpError(
                f"{side} must be a Brian2 group with cells, got {shown(group)}"
            )
        text = model.equations
        code = getattr(text, f"on_{side}") + getattr(text, f"{side}_spike")
        if code.strip() and not events and SPIKES not in whole(group).variables:
            raise FwpError(f"the cells {group.name!r} never spike: give them a threshold")


def mapping(value, name: str, example: str) -> dict[str, Any]:
    """Return a mapping as a dictionary, an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FwpError(f"{name} must be a mapping such as {example}, got {shown(value)}")
    return dict(value)


def connection(value, groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of Brian2's ``Synapses.connect``."""
    return pairs(mapping(value, "connect", "{'p': 0.1}"), groups)


def kept(model: Synapse, value) -> set[str]:
    """Return the names of variables that stay on the synapse."""
    legal = isinstance(value, list | tuple | set | frozenset)
    found = list(value) if legal else []
    if not legal or not all(isinstance(name, str) for name in found):
        raise FwpError("keep must be names of variables such as ('x',), got "
                       f"{shown(value)}")  # fmt: skip
    own = [name for name, one in b2.Equations(model.equations.synapse).items()
           if one.type != SUBEXPRESSION and "shared" not in one.flags]  # fmt: skip
    for name in found:
        if name not in own:
            raise FwpError(f"keep: {model.name!r} has no synaptic variable {name!r} "
                           f"(legal: {', '.join(own)})")  # fmt: skip
    return set(found)


def inputs(model: Synapse, value) -> dict[str, Any]:
    """Return names for the equations -> a TimedArray, a function or one finite number."""
    found = mapping(value, "inputs", "{'I': 0.1}")
    own = variables(model)
    read = get_identifiers(str(model.equations)) & set(model.parameters)
    read |= externals(model)
    for name, item in found.items():
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
            raise FwpError(f"inputs: a name of the equations was expected, got {name!r}")
        if name in model.varying:
            raise FwpError(f"inputs: {name!r} is given in varying")
        if name in own:
            raise FwpError(
                f"inputs: {name!r} is a variable of {model.name!r}: give initial"
            )
        if name not in read:
            raise FwpError(f"inputs: the equations of {model.name!r} have no {name!r} "
                           f"(legal: {', '.join(sorted(read))})")  # fmt: skip
        if isinstance(item, b2.TimedArray | Function):
            continue
        if (
            not is_numbers(item)
            or np.size(item) != 1
            or not np.isfinite(number_of(item)).all()
        ):
            raise FwpError(f"inputs: {name!r} must be a TimedArray or one finite number, "
                           f"got {in_words(item)}")  # fmt: skip
        old = model.parameters.get(name)
        if old is not None and not b2.have_same_dimensions(item, old):
            raise FwpError(f"inputs: {name!r} has the wrong unit: legal is a quantity "
                           f"like {old!r}, got {in_words(item)}")  # fmt: skip
        if name.startswith("tau") and not (number_of(item) > 0).all():
            raise FwpError(f"inputs: {name!r} is a time constant and must be above 0, "
                           f"got {in_words(item)}")  # fmt: skip
    return found


def delays(model: Synapse, value, layout: str) -> dict[str, Any]:
    """Return side -> delay for the sides that have one: the model's own, or what is
    given.

    In the textbook layout it may be an array with a delay for each synapse.
    """
    own = {"pre": model.equations.delay, "post": model.equations.delay_post}
    found = {side: model.parameters[name] for side, name in own.items() if name}
    for side, late in mapping(value, "delay", "{'pre': 1*ms}").items():
        pick(side, SIDES, "side of delay")
        if late is None:
            continue
        late = as_brian2(late, b2.second, "delay", "a time such as 0.5*ms")
        found.pop(side, None)
        if np.ndim(late) and np.size(late) > 1:
            found[side] = _each_delay(late, layout)
        elif not _is_no_time(late):
            found[side] = time(late, "delay")
        if side in found and side == "pre":
            _gate_of_synapse(model)
    return found


def _gate_of_synapse(model: Synapse) -> None:
    """Refuse a delay where the conductance follows a gate of the presynaptic cell, which
    has none.

    The delay of the plasticity rule's own does not matter: it is not that of the
    transmission.
    """
    text, own = model.equations, f"{model.ports.get('conductance')}_post"
    gates = {f"{name}_pre" for name in b2.Equations(text.pre).names}
    code = [*lines(text.on_pre), *lines(text.transmit)]
    read = [get_identifiers(line.expression) for line in code if line.target == own]
    read += [one.identifiers for n, one in b2.Equations(text.synapse).items() if n == own]
    late = sorted(gates & set().union(*read)) if read else []
    if late:
        raise FwpError(f"delay: {late[0].removesuffix('_pre')!r} of {model.name!r} is a "
                       "gate of the presynaptic cell, which opens at the spike itself "
                       "for all of its synapses: take a receptor with a gate of the "
                       "synapse, such as nmda_per_synapse or ampa, or delay the cell's "
                       "spikes")  # fmt: skip


def _each_delay(value, layout: str):
    """Return delays that differ between synapses."""
    legal = np.ndim(value) == 1 and is_numbers(value)
    value = b2.Quantity(value) if legal else value
    legal = legal and b2.have_same_dimensions(value, b2.second)
    if not legal or not (np.isfinite(number_of(value)) & (number_of(value) >= 0)).all():
        raise FwpError("delay must be a time such as 0.5*ms, or an array with such a "
                       f"time for each synapse, got {shown(value)}")  # fmt: skip
    if layout != "textbook":
        raise FwpError(f"delay must be a time such as 0.5*ms, got {np.size(value)} of "
                       "them: in the factorised layout all synapses have one, use "
                       "layout='textbook' for a delay of each synapse")  # fmt: skip
    return value


def _is_no_time(value) -> bool:
    """Whether a value is 0 seconds."""
    if not isinstance(value, b2.Quantity) or not b2.have_same_dimensions(
        value, b2.second
    ):
        return False
    return np.size(value) == 1 and float(np.ravel(value)[0]) == 0


def variables(model: Synapse, settable: bool = False) -> dict[str, Any]:
    """Return name -> Brian2 equation of a model's own variables, in its textbook
    layout."""
    text = getattr(model, "textbook", model).equations
    found: dict[str, Any] = {}
    for part in ("synapse", *SIDES):
        found |= dict(b2.Equations(getattr(text, part)).items())
    return {n: found[n] for n in sorted(found)
            if not (settable and found[n].type == SUBEXPRESSION)}  # fmt: skip


def variable(
    model: Synapse, name: str, what: str, where: Collection[str] | None = None,
    settable: bool = False,
):  # fmt: skip
    """Return the Brian2 equation of one of a model's own variables.

    Args:
        where: names that a group holds; synapses that are touched at spikes alone lack
            what the text works out in every time step.
    """
    own = variables(model, settable)
    if name not in own:
        raise FwpError(f"{what}: {model.name!r} has no variable {shown(name)} (legal: "
                       f"{', '.join(own)})")  # fmt: skip
    if where is not None and name not in where:
        raise FwpError(
            f"{what}: {model.name!r} works {name!r} out in every time step, and these "
            "synapses are touched at spikes alone: connect them with layout='textbook'"
        )
    return own[name]


def externals(model: Synapse) -> set[str]:
    """Return names in a model's equations that are neither variables nor parameters."""
    text = model.equations
    parts = [b2.Equations(getattr(text, part)) for part in ("synapse", *SIDES)]
    found = set().union(*(part.identifiers for part in parts))
    for part in ("on_pre", "on_post", "pre_spike", "post_spike"):
        code = lines(getattr(text, part))
        local = {line.target for line in code}
        found |= set().union(*(line.reads for line in code)) - local
    return {name for name in found if name.isidentifier() and name not in variables(model)
            and not name.endswith(("_pre", "_post")) and name not in DEFAULT_FUNCTIONS
            and name not in DEFAULT_CONSTANTS and name not in arithmetic.UNITS
            and name not in ("t", "dt", "i", "j", "N")
            and not name.startswith("xi")}  # fmt: skip


def initial(model: Synapse, value) -> dict[str, Any]:
    """Return values at the start, of variables that the model has and of their
    dimension."""
    found = mapping(value, "initial", "{'w': 0.5}")
    return {name: start(model, name, item) for name, item in found.items()}


def start(model: Synapse, name: str, value, what: str = "initial"):
    """Return a value that a variable of a model may be given.

    Raises:
        FwpError: no such variable, no finite number or numbers, or another dimension.
    """
    equation = variable(model, name, what, settable=True)
    if isinstance(value, str):
        arithmetic.read(value, f"{what}: {name!r}")
        return value
    unit = b2.get_unit(equation.dim)
    own = "" if equation.dim.is_dimensionless else f" in {unit!r}"
    value = as_brian2(
        value, unit, f"{what}: {name!r}", f"a number{own}, or an array of such"
    )
    fits = is_numbers(value)
    if fits:  # numbers without a unit are in base units
        dim = b2.get_dimensions(
            value if isinstance(value, b2.Quantity) else b2.Quantity(value)
        )
        fits = dim.is_dimensionless or dim == equation.dim
        fits = fits and np.isfinite(number_of(value)).all()
    if not fits:
        raise FwpError(f"{what}: {name!r} must be a number{own}, an array of such or an "
                       f"expression, got {in_words(value)}")  # fmt: skip
    if np.ndim(value) > 1:  # rows may be meant to be cells of either side
        raise FwpError(f"{what}: {name!r} must be one value, or a row with one for each, "
                       f"got shape {np.shape(value)}")  # fmt: skip
    return b2.Quantity(value) if isinstance(value, list | tuple) else value


def length(group, own: str, name: str, value, what: str = "initial") -> None:
    """Check that an array has a value for every element of a group."""
    if not np.ndim(value) or np.size(value) == 1:
        return
    try:
        count = 1 if group.variables[own].scalar else len(group)
    except NotImplementedError:  # synapses that a standalone program will make
        return
    if np.size(value) != count:
        raise FwpError(f"{what}: {name!r} has {count} values, got {np.size(value)}")
