"""The synaptic states that a run starts from."""

from __future__ import annotations

import numpy as np

from .errors import FwpError, pick
from .programs import Program
from .rules import Rule


def initial_states(rule: Rule, program: Program, weights, others=None) -> dict[str, np.ndarray]:
    """Return every synaptic state before the first token as [head, post, pre].

    Args:
        weights: [post, pre], [head, post, pre] or None for zeros.
        others: further states by name, same shapes.

    Raises:
        FwpError: wrong shape, a value that is not finite, or a state the rule does not have.
    """
    shape = (program.heads or 1, program.post, program.pre)
    given = {"w": weights, **(others or {})}
    for name in given:
        pick(name, rule.states, f"synaptic state of rule {rule.name!r}:")
    states = {}
    for name in rule.states:
        label = "initial_weights" if name == "w" else f"initial_states[{name!r}]"
        array = given.get(name)
        try:
            array = np.zeros(shape) if array is None else np.array(array)
        except ValueError:
            array = np.array(None)
        if array.dtype.kind not in "biuf":
            raise FwpError(f"{label} must be numbers [post, pre], got {type(given[name]).__name__}")
        array = array.astype(float)
        if array.shape not in (shape, shape[1:]):
            raise FwpError(
                f"{label} must be [post, pre] = {shape[1:]} or [head, post, pre] = {shape}, got {array.shape}"
            )
        if not np.isfinite(array).all():
            raise FwpError(f"{label} holds a value that is not finite; legal are finite numbers")
        states[name] = np.broadcast_to(array, shape).copy()
    return states
