"""The differentiable PyTorch form of every rule: batched over batch, token, head and dim."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..errors import FwpError, pick, unknown
from ..rules import Rule
from ..rules import rule as get_rule
from ..symbolic import arrays
from .unrolling import unroll

_ALIASES = {"key": "k", "value": "v", "query": "q"}


def apply(
    rule: str | Rule,
    query: torch.Tensor,
    key: torch.Tensor | None = None,
    value: torch.Tensor | None = None,
    *,
    initial_state: torch.Tensor | Mapping[str, torch.Tensor] | None = None,
    form: str = "auto",
    **gates: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor | dict[str, torch.Tensor]]:
    """Run a fast-weight rule over a batch of sequences.

    Args:
        rule: name or `Rule`.
        query, key, value: [batch, token, head, dim]; value's dim may differ. No scaling of the
            query.
        initial_state: [batch, head, value_dim, key_dim], or a dict by synaptic state for rules with
            more than one; zeros if None. It is not changed in place.
        form: "auto" or "step".
        gates: gates and further signals: shared [batch, token, head]; vectors [batch, token, head,
            dim].

    Returns:
        read-out [batch, token, head, value_dim] (read after write), and the final state in the form
        of ``initial_state`` (a tensor for rules with the single state ``w``, else a dict).

    Raises:
        FwpError: a signal is missing, unknown or of the wrong shape.
    """
    rule = get_rule(rule)
    pick(form, ("auto", "step"), "form")
    signals = {"k": key, "v": value, "q": query, **gates}
    signals = {name: array for name, array in signals.items() if array is not None}
    _check(rule, signals, initial_state)
    batch, tokens, heads, key_dim = query.shape
    value_dim = _value_dim(rule, signals, initial_state, key_dim)
    states = _states(rule, initial_state, query, (batch, heads, value_dim, key_dim))
    unbound = {
        name: arrays.to_home(signals[name], home).unbind(1) for name, home in rule.homes.items()
    }
    readouts, _, states = unroll(rule, unbound, query.unbind(1), states, "torch", keep_states=False)
    final = states["w"] if rule.states == ("w",) else states
    return torch.stack(readouts, 1), final


def _check(rule: Rule, signals: dict[str, torch.Tensor], initial_state) -> None:
    where = f"apply(rule={rule.name!r})"
    legal = {*rule.homes, "k", "v", "q"}
    for name, array in signals.items():
        if name not in legal:
            raise unknown(name, sorted(legal), f"signal for {where}:")
        if not isinstance(array, torch.Tensor):
            raise FwpError(f"{where}: {name} must be a torch tensor, got {type(array).__name__}")
    if "q" not in signals:
        raise FwpError(f"{where} needs query [batch, token, head, dim], got None")
    query = signals["q"]
    if query.ndim != 4 or 0 in query.shape:
        raise FwpError(
            f"{where}: query must be [batch, token, head, dim], got {tuple(query.shape)}"
        )
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


def _value_dim(rule: Rule, signals, initial_state, key_dim: int) -> int:
    """Return d_v: from a postsynaptic signal, else from the initial state, else d_k."""
    for name, home in rule.homes.items():
        if home == "post" and name in signals and signals[name].ndim == 4:
            return signals[name].shape[-1]
    states = initial_state.values() if isinstance(initial_state, Mapping) else [initial_state]
    for state in states:
        if isinstance(state, torch.Tensor) and state.ndim == 4:
            return state.shape[-2]
    return key_dim


def _states(rule: Rule, given, query, shape) -> dict[str, torch.Tensor]:
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
