"""The states that a call of `apply` starts from: what is given, else zeros or a memory's
own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from ..errors import FwpError, pick
from ..rules import Rule
from .precision import dense, mixes

if TYPE_CHECKING:
    from .memories.memory_class import Memory

State = dict[str, torch.Tensor]


def states_of(rule: Rule, given, query: torch.Tensor, shape) -> State:
    """Return every synaptic state of a rule before the first token, in the format of
    ``query``.

    Args:
        rule: the rule.
        given: a tensor (``w``), a dict of tensors, or None.
        query: in the format that is computed in.
        shape: [batch or sequence, head, value_dim, key_dim].

    Raises:
        FwpError: unknown state, wrong shape, dtype or device.
    """
    if (
        type(given) is torch.Tensor
        and rule.states == ("w",)
        and not given.is_nested  # which has no shape
        and given.shape == tuple(shape)
        and given.dtype is query.dtype
        and given.layout is torch.strided
        and given.device == query.device
    ):
        return {"w": given}  # nearly always, and looked at faster
    given = _named(rule, given)
    for name in given:
        pick(name, rule.states, f"state of rule {rule.name!r}:")
    states = {}
    for name in rule.states:
        state = given.get(name)
        if state is None:
            states[name] = query.new_zeros(shape)
            continue
        _fits(
            rule, name, state, tuple(shape), "[batch, head, value_dim, key_dim] = ", query
        )
        states[name] = state if state.dtype is query.dtype else state.to(query.dtype)
    return states


def memory_state(memory: Memory, start: State, given, query: torch.Tensor) -> State:
    """Return the state of a memory before the first token: what is given, ``start`` else.

    Raises:
        FwpError: unknown part, wrong shape, dtype or device.
    """
    found = dict(start)
    for name, part in _named(memory, given).items():
        pick(name, start, f"state of memory {memory.name!r}:")
        legal = list(start[name].shape)
        if name in memory.growing and isinstance(part, torch.Tensor) and part.ndim > 1:
            legal[1] = part.shape[1]  # any number of tokens may have come before
        _fits(memory, name, part, tuple(legal), "a tensor of shape ", query)
        found[name] = part.to(start[name].dtype)
    return found


def _named(rule: Rule | Memory, given) -> Mapping:
    if given is None:
        return {}
    return given if isinstance(given, Mapping) else {"w": given}


def _fits(rule: Rule | Memory, name: str, state, shape, legal: str, query) -> None:
    where = f"apply(rule={rule.name!r}): initial_state {name!r}"
    if not isinstance(state, torch.Tensor):
        a_tensor = "a torch tensor " if legal.startswith("[") else ""
        raise FwpError(
            f"{where} must be {a_tensor}{legal}{shape}, got {type(state).__name__}"
        )
    dense(where, state)
    if tuple(state.shape) != shape:
        raise FwpError(f"{where} must be {legal}{shape}, got {tuple(state.shape)}")
    if not mixes(state.dtype, query.dtype):
        raise FwpError(f"{where} must have dtype {query.dtype}, got {state.dtype}")
    if state.device != query.device:
        raise FwpError(
            f"{where} must be on {query.device}, got a tensor on {state.device}"
        )


def nothing(signals: State, states: State) -> tuple[torch.Tensor, State]:
    """Return the empty read-out of no token (or sequence, or head), and the states as
    they are.

    The read-out hangs on every signal, so that gradients of empty inputs are empty too.
    """
    query, (weights, *_) = signals["q"], states.values()
    value = signals.get("v")
    dim = weights.shape[-2] if value is None else value.shape[-1]
    linked = sum(array[:0].sum() for array in signals.values())
    readout = query.new_zeros((*query.shape[:3], dim)) + linked
    return readout, {name: state.clone() for name, state in states.items()}
