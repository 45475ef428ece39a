"""The synaptic states that a run starts from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .errors import FwpError
from .programs import Program
from .recording import Recording
from .rules import Rule


def initial_states(
    rule: Rule, program: Program, weights, recording: Recording | None = None
) -> dict[str, np.ndarray]:
    """Return every synaptic state before the first token as [head, post, pre].

    Args:
        weights: [post, pre], [head, post, pre] or None for zeros.
        recording: a run to carry on from: its states after the last token, where ``weights`` does
            not say otherwise.

    Raises:
        FwpError: wrong shape, a value that is not finite, or a recording without a state of the
            rule.
    """
    shape = (program.heads or 1, program.post, program.pre)
    given = _last(rule, recording) if recording is not None else {}
    if weights is not None:
        given["w"] = weights
    states = {}
    for name in rule.states:
        label = "initial_weights" if name == "w" else f"initial_states[{name!r}]"
        if given.get(name) is None:
            states[name] = np.zeros(shape)
            continue
        try:
            array = np.array(given[name])
        except (ValueError, TypeError, RuntimeError):  # ragged lists, tensors that carry gradients
            array = np.array(None)
        if array.dtype.kind not in "biuf":
            raise FwpError(f"{label} must be numbers [post, pre], got {type(given[name]).__name__}")
        array = array.astype(float)
        if array.shape not in (shape, shape[1:]):
            raise FwpError(
                f"{label} must be [post, pre] = {shape[1:]} or [head, post, pre] = {shape}, got "
                f"{array.shape}"
            )
        if not np.isfinite(array).all():
            raise FwpError(f"{label} holds a value that is not finite; legal are finite numbers")
        states[name] = np.broadcast_to(array, shape).copy()
    return states


def _last(rule: Rule, recording: Recording) -> dict[str, np.ndarray]:
    if not isinstance(recording, Recording):
        got = type(recording).__name__
        raise FwpError(f"initial_states_of must be a Recording, the run to carry on; got {got}")
    found = {}
    for name in rule.states:
        variable = "weights" if name == "w" else name
        last = f"final_{variable}"
        if last in recording:
            found[name] = recording[last].values
            continue
        if name == "w":
            try:
                found[name] = recording.final_weights.values
            except FwpError as why:
                raise FwpError(f"initial_states_of cannot be carried on: {why}") from None
            continue
        if variable not in recording:
            raise FwpError(
                f"initial_states_of has no synaptic state {name!r}, which rule {rule.name!r} "
                f"carries on"
            )
        found[name] = recording[variable].values[-1]
    return found


def further_states(rule: Rule, found: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Return the states beside ``w`` as variables of a recording, from [token, head, post, pre]."""
    dims = ("token", "head", "post", "pre")
    return {
        name: (dims, found[name], {"units": "1", "long_name": f"synaptic state {name}"})
        for name in rule.states
        if name != "w"
    }


def final_states(found: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Return the last states, [head, post, pre] each, as variables of a recording."""
    names = {name: "weights" if name == "w" else name for name in found}
    return {
        f"final_{names[name]}": (
            ("head", "post", "pre"),
            array,
            {"units": "1", "long_name": f"synaptic state {name} after the last token"},
        )
        for name, array in found.items()
    }
