"""Find a rule or a memory by name, also in a trace of `torch.compile`."""

from __future__ import annotations

import torch

from ..errors import LIST, FwpError, pick
from ..rules import Rule
from ..rules import rule as get_rule
from ..rules.registered_rules import RULES
from .memories.memory_class import Memory
from .memories.registered_memories import MEMORIES
from .recurrent.registered_networks import NETWORKS
from .tracing import READY, constant_in_graphs


@constant_in_graphs  # names are looked up outside of the trace
def _place_of(rule: str) -> str:
    """Find a rule or memory by name, and return the name of its place in `READY`."""
    place = f"found_{rule.encode().hex()}"
    if not hasattr(READY, place):
        setattr(READY, place, find(rule))
    return place


def find(rule: str | Rule | Memory) -> Rule | Memory:
    """Return a rule or a memory by name; either passes through.

    Raises:
        FwpError: unknown name, with the nearest legal one.
    """
    if isinstance(rule, str):
        if torch.compiler.is_dynamo_compiling():
            return getattr(READY, _place_of(rule))
        if rule in RULES:
            return RULES.get(rule)
        if rule in NETWORKS:
            raise FwpError(
                f"{rule!r} is a recurrent network with slow weights of its own, not a "
                f"rule or memory: build it with fwp_neuro.artificial.network({rule!r}, "
                "model_dim)"
            )
        pick(rule, [*RULES.all_names(), *MEMORIES.all_names()], "rule", LIST)
        return MEMORIES.make(rule)
    return rule if isinstance(rule, Rule | Memory) else get_rule(rule)


def keeps_tokens(rule: Rule | Memory) -> bool:
    """Whether the shape or the counters of a state tell how many tokens came before."""
    return isinstance(rule, Memory) and bool(rule.growing or rule.counters)
