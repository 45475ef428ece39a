"""Run a rule in one of its forms."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..rules import Rule
from . import library
from .derivatives import once
from .kernels import run as run_compiled
from .start_states import nothing
from .tensor_forms import run_tensors


def run(
    rule: Rule,
    signals: Mapping[str, torch.Tensor],
    states: Mapping[str, torch.Tensor],
    form: str,
    chunk: int | None = None,
    again: bool = False,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Run one form on signals and states that are known to fit (see `apply`).

    ``again``: whether a second derivative of the compiled form falls back to tensor
    operations.
    """
    if 0 in signals["q"].shape[:3]:
        return nothing(signals, states)
    if form == "compiled":
        return run_compiled(rule, signals, states, again)
    if form == "library":
        return library.run(rule, once(signals), once(states))
    return run_tensors(rule, signals, states, form, chunk)
