"""Options of Brian2's ``Synapses`` that `connect` passes on, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any

import brian2 as b2
import numpy as np

from ...errors import FwpError, pick, shown

_SYNAPSES = [n for n in signature(b2.Synapses.__init__).parameters if n != "self"]
#: what the model decides
_DECIDED = ("source", "target", "on_pre", "on_post", "method", "namespace", "order")


def check(given: Mapping[str, Any], own: Iterable[str]) -> dict[str, Any]:
    """Return options of Brian2's ``Synapses``, beside the ``own`` arguments of the
    caller.

    Raises:
        FwpError: unknown ones, those that the model decides, values of the wrong kind.
    """
    legal = dict.fromkeys([*own, *(n for n in _SYNAPSES if n not in _DECIDED)])
    for name in given:
        if name in _DECIDED:
            raise FwpError(
                f"the model and its cells decide {name!r} of the synapses: leave it out"
            )
        pick(name, legal, "argument of connect")
    found = {name: value for name, value in given.items() if value is not None}
    for name, (fits, what) in _KINDS.items():
        if name in found and not fits(found[name]):
            raise FwpError(f"{name} must be {what}, got {shown(found[name])}")
    if isinstance(found.get("dtype"), Mapping):
        found["dtype"] = dict(found["dtype"])  # Brian2 adds to it
    return found


def events(model, layout: str, given: Mapping[str, Any]) -> None:
    """Refuse events that only a part of the model would follow.

    Raises:
        FwpError: events other than spikes, where cells hold what spikes do to them.
    """
    event = given.get("on_event", "spike")
    asked = {event} if isinstance(event, str) else set(event.values())
    text = model.equations
    if asked - {"spike"} and (layout != "textbook" or text.pre_spike or text.post_spike):
        raise FwpError(
            f"on_event={shown(event)}: traces of {model.name!r} on the cells follow "
            "spikes; use layout='textbook' with a model whose traces are on the synapse"
        )


def _is_dtype(value) -> bool:
    values = value.values() if isinstance(value, Mapping) else [value]
    try:
        values = [one for one in values if one is not None]
        legal = all(isinstance(one, type | np.dtype | str) for one in values)
        return legal and all(np.dtype(one).kind in "fiub" for one in values)
    except (TypeError, ValueError):
        return False


def _are_events(value) -> bool:
    if isinstance(value, str):
        return True
    return (
        isinstance(value, Mapping)
        and set(value) <= {"pre", "post"}
        and all(isinstance(one, str) for one in value.values())
    )


_KINDS = {
    "codeobj_class": (lambda value: isinstance(value, type) and hasattr(value,
        "templater"),
                      "a class of Brian2's code objects"),
    "on_event": (_are_events, "the name of an event, or {'pre': ..., 'post': ...} of "
                              "such"),
    "dtype": (_is_dtype, "a NumPy type of numbers, or variable -> type"),
    "multisynaptic_index": (lambda value: isinstance(value, str) and value.isidentifier(),
                            "a name for the number of a synapse"),
    "method_options": (lambda value: isinstance(value, Mapping), "a mapping"),
}  # fmt: skip
