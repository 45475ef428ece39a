"""``apply``: any rule or memory, in any of its forms, over a batch of sequences in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..errors import LIST, FwpError, pick
from ..rules import Rule
from ..rules import rule as get_rule
from ..rules.registry import all_names as rule_names
from ..symbolic import arrays
from . import library
from .choice import announce, choose
from .engine import fast_form
from .memories.base import Memory
from .memories.registry import REGISTRY as MEMORIES
from .recurrent.registry import REGISTRY as NETWORKS
from .signals import check, memory_state, state_shape, states_of
from .unrolling import unroll


def find(rule: str | Rule | Memory) -> Rule | Memory:
    """Return a rule or a memory by name; either passes through.

    Raises:
        FwpError: unknown name, with the nearest legal one.
    """
    if isinstance(rule, Memory):
        return rule
    if isinstance(rule, str) and rule not in rule_names():
        if rule in NETWORKS.all_names():
            raise FwpError(
                f"{rule!r} is a recurrent network with slow weights of its own, not a rule or "
                f"memory: build it with fwp_neuro.artificial.network({rule!r}, model_dim)"
            )
        pick(rule, [*rule_names(), *MEMORIES.all_names()], "rule", LIST)
        return MEMORIES.make(rule)
    return get_rule(rule)


def apply(
    rule: str | Rule | Memory,
    query: torch.Tensor,
    key: torch.Tensor | None = None,
    value: torch.Tensor | None = None,
    *,
    initial_state: torch.Tensor | Mapping[str, torch.Tensor] | None = None,
    form: str = "auto",
    chunk: int | None = None,
    **gates: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor | dict[str, torch.Tensor]]:
    """Run a fast-weight rule over a batch of sequences.

    Args:
        rule: name or `Rule`; or name or instance of a `Memory`.
        query, key, value: [batch, token, head, dim]; value's dim may differ. No scaling of the
            query.
        initial_state: [batch, head, value_dim, key_dim], or a dict by synaptic state for rules with
            more than one; zeros if None. It is not changed in place.
        form: "step" (the plain recurrence), "parallel" (all pairs of tokens: memory quadratic in
            them), "chunk" (matrix products chunk by chunk), "compiled" (C++ generated from the
            rule's text, CPU only), "library" (kernels of flash-linear-attention, GPU only, not run
            on a GPU so far) or "auto". All give the same numbers up to rounding.
        chunk: tokens in a chunk of the chunk form, a power of two.
        gates: gates and further signals: shared [batch, token, head]; vectors [batch, token, head,
            dim]; constants of a memory [head, ...].

    Returns:
        read-out [batch, token, head, value_dim] (read after write), and the final state in the form
        of ``initial_state`` (a tensor for rules with the single state ``w``, else a dict).

    Raises:
        FwpError: a signal is missing, unknown or of the wrong shape, or the form cannot run.
    """
    rule = find(rule)
    signals = {"k": key, "v": value, "q": query, **gates}
    signals = {name: array for name, array in signals.items() if array is not None}
    check(rule, signals, initial_state)
    if chunk is not None:
        if (
            isinstance(chunk, bool)
            or not isinstance(chunk, int)
            or chunk < 1
            or chunk & (chunk - 1)
        ):
            raise FwpError(f"chunk must be a power of two (1, 2, 4, ...), got {chunk!r}")
        if form != "chunk":
            raise FwpError(f"chunk={chunk} goes with form='chunk' only, got form={form!r}")
    if isinstance(rule, Memory):
        return _remember(rule, signals, initial_state, form)
    states = states_of(rule, initial_state, query, state_shape(rule, signals, initial_state))
    chosen, reason = choose(form, rule, query.shape[1], query.dtype, query.device)
    announce(rule, form, chosen, reason)
    readout, states = run(rule, signals, states, chosen, chunk)
    return readout, states["w"] if rule.states == ("w",) else states


def run(
    rule: Rule,
    signals: Mapping[str, torch.Tensor],
    states: Mapping[str, torch.Tensor],
    form: str,
    chunk: int | None = None,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Run one form on signals and states that are known to fit (see `apply`)."""
    if form == "compiled":
        from .kernels import run as run_compiled

        return run_compiled(rule, signals, states)
    if form == "library":
        return library.run(rule, signals, states)
    if form in ("chunk", "parallel"):
        return fast_form(rule)(signals, states, form, chunk)
    placed = {n: arrays.to_home(signals[n], home).unbind(1) for n, home in rule.homes.items()}
    queries = signals["q"].unbind(1)
    readouts, _, states = unroll(rule, placed, queries, states, "torch", keep_states=False)
    return torch.stack(readouts, 1), states


def _remember(memory: Memory, signals, given, form: str):
    """Run a memory: "auto" takes the parallel form where it is built."""
    pick(form, ("auto", *memory.forms), f"form of memory {memory.name!r}:")
    query = signals["q"]
    batch, heads, value_dim, key_dim = state_shape(memory, signals, given)
    signals = _constants(memory, value_dim, key_dim, query) | signals
    start = memory.initial(batch, heads, value_dim, key_dim, query)
    state = memory_state(memory, start, given)
    if form == "auto":
        form = memory.forms[-1] if query.shape[1] > 1 else "step"
        announce(memory, "auto", form, f"its forms are {', '.join(memory.forms)}")
    readout, state = memory.run(form, state, signals)
    return readout, state["w"] if set(state) == {"w"} else state


def _constants(memory: Memory, value_dim: int, key_dim: int, query) -> dict[str, torch.Tensor]:
    heads = query.shape[2]
    return {
        name: tensor.to(query).expand(heads, *tensor.shape)
        for name, tensor in memory.constants(value_dim, key_dim).items()
    }
