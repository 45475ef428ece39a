"""The forms of a rule that are tensor operations, with derivatives of any order."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..rules import Rule
from ..symbolic import arrays
from .engine import fast_form
from .exported import one_token
from .unrolling import recur


def run_tensors(
    rule: Rule,
    signals: Mapping[str, torch.Tensor],
    states: Mapping[str, torch.Tensor],
    form: str,
    chunk: int | None = None,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Run "step", "chunk" or "parallel" over at least one token; shapes as for
    `apply`."""
    if form in ("chunk", "parallel"):
        return fast_form(rule)(signals, states, form, chunk)
    if signals["q"].shape[1] == 1:
        return one_token(rule).alone(states, signals)
    placed = {
        n: arrays.to_home(signals[n], home).unbind(1) for n, home in rule.homes.items()
    }
    queries = signals["q"].unbind(1)
    readouts, _, states = recur(rule, placed, queries, states, "torch", keep_states=False)
    return torch.stack(readouts, 1), states
