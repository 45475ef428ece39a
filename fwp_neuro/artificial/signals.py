"""Check the tensors given to `apply`, and build the states that a run starts from."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..errors import FwpError, pick, unknown
from ..rules import Rule
from .memories.base import Memory

_ALIASES = {"key": "k", "value": "v", "query": "q"}


def check(rule: Rule | Memory, signals: dict[str, torch.Tensor], initial_state) -> None:
    """Check names, shapes and dtypes of the signals.

    Raises:
        FwpError: one sentence naming the signal and what is legal.
    """
    where = f"apply(rule={rule.name!r})"
    constants = rule.constants(1, 1) if isinstance(rule, Memory) else {}
    legal = {*rule.homes, "k", "v", "q", *constants}
    for name, array in signals.items():
        if name not in legal:
            raise unknown(name, sorted(legal), f"signal for {where}:")
        if not isinstance(array, torch.Tensor):
            raise FwpError(f"{where}: {name} must be a torch tensor, got {type(array).__name__}")
    if "q" not in signals:
        raise FwpError(f"{where} needs query [batch, token, head, dim], got None")
    query = signals["q"]
    if query.ndim != 4 or 0 in query.shape:
        empty = " (an axis is empty)" if 0 in query.shape else ""
        raise FwpError(
            f"{where}: query must be [batch, token, head, dim], got {tuple(query.shape)}{empty}"
        )
    if not query.is_floating_point():
        raise FwpError(f"{where}: query must hold real numbers of a float dtype, got {query.dtype}")
    lead, key_dim = tuple(query.shape[:3]), query.shape[3]
    value_dim = _value_dim(rule, signals, initial_state, key_dim)
    for name, home in rule.homes.items():
        long = {short: text for text, short in _ALIASES.items()}.get(name, name)
        if name not in signals:
            raise FwpError(f"{where} needs {long} ({home}) and did not get it: pass {long}=...")
        dim = {"shared": (), "pre": (key_dim,), "post": (value_dim,)}[home]
        if tuple(signals[name].shape) != (*lead, *dim):
            raise FwpError(
                f"{where}: {long} is {home} and must have shape {(*lead, *dim)} "
                f"[batch, token, head{', dim' if dim else ''}], got {tuple(signals[name].shape)}"
            )
        if signals[name].dtype != query.dtype:
            raise FwpError(
                f"{where}: {long} has dtype {signals[name].dtype} but query has {query.dtype}; "
                f"use one dtype"
            )


def _value_dim(rule: Rule | Memory, signals, initial_state, key_dim: int) -> int:
    """Return d_v: from a postsynaptic signal, else from the initial state, else d_k."""
    for name, home in rule.homes.items():
        if home == "post" and name in signals and signals[name].ndim == 4:
            return signals[name].shape[-1]
    states = initial_state.values() if isinstance(initial_state, Mapping) else [initial_state]
    for state in states:
        if isinstance(state, torch.Tensor) and state.ndim == 4:
            return state.shape[-2]
    return key_dim


def state_shape(rule: Rule | Memory, signals, initial_state) -> tuple[int, int, int, int]:
    """Return (batch, head, value_dim, key_dim) of the fast weights."""
    batch, _, heads, key_dim = signals["q"].shape
    return batch, heads, _value_dim(rule, signals, initial_state, key_dim), key_dim


def states_of(rule: Rule, given, query: torch.Tensor, shape) -> dict[str, torch.Tensor]:
    """Return every synaptic state before the first token: what is given, zeros else.

    Raises:
        FwpError: unknown state, wrong shape or dtype.
    """
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        given = {"w": given}
    states = {}
    for name in given:
        pick(name, rule.states, f"state of rule {rule.name!r}:")
    for name in rule.states:
        state = given.get(name)
        if state is None:
            state = query.new_zeros(shape)
        elif not isinstance(state, torch.Tensor) or state.dtype != query.dtype:
            got = state.dtype if isinstance(state, torch.Tensor) else type(state).__name__
            raise FwpError(
                f"apply(rule={rule.name!r}): initial_state {name!r} must be a torch tensor of the "
                f"query's dtype {query.dtype}, got {got}"
            )
        elif tuple(state.shape) != shape:
            raise FwpError(
                f"apply(rule={rule.name!r}): initial_state {name!r} must be [batch, head, "
                f"value_dim, key_dim] = {shape}, got {tuple(state.shape)}"
            )
        states[name] = state
    return states


def memory_state(memory: Memory, start: dict[str, torch.Tensor], given) -> dict[str, torch.Tensor]:
    """Return the state of a memory before the first token: what is given, ``start`` else.

    Raises:
        FwpError: unknown part, wrong shape or dtype.
    """
    if given is None:
        return start
    given = dict(given) if isinstance(given, Mapping) else {"w": given}
    for name, part in given.items():
        pick(name, start, f"state of memory {memory.name!r}:")
        legal = list(start[name].shape)
        if name in memory.growing and isinstance(part, torch.Tensor) and part.ndim > 1:
            legal[1] = part.shape[1]  # any number of tokens may have come before
        if not isinstance(part, torch.Tensor) or list(part.shape) != legal:
            got = tuple(part.shape) if isinstance(part, torch.Tensor) else type(part).__name__
            raise FwpError(
                f"apply(rule={memory.name!r}): initial_state {name!r} must be a tensor of shape "
                f"{tuple(legal)}, got {got}"
            )
        if part.dtype != start[name].dtype:
            raise FwpError(
                f"apply(rule={memory.name!r}): initial_state {name!r} must have dtype "
                f"{start[name].dtype}, got {part.dtype}"
            )
    return start | given
