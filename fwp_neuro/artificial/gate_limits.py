"""Look at the gates of a run in PyTorch: the least and greatest number of each, and no
more."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakSet

import torch

from ..rules import Rule
from ..validation import first_outside, report_gates, within
from .memories.memory_class import Memory
from .tracing import unreadable

_FEW = 64
#: rules looked at on an accelerator: there a look waits for the device, so that one must
#: do
_seen: WeakSet[Rule | Memory] = WeakSet()


def check(rule: Rule | Memory, signals: Mapping[str, torch.Tensor], rows=None) -> None:
    """Warn once if gates [batch, token, ...] lie outside the limits of a rule.

    ``rows`` are the places in [batch token] of each sequence; None for all of them.
    Nothing is looked at while a graph is traced or inside `torch.func`, and on an
    accelerator only the first run of a rule.
    """
    if unreadable() or torch.jit.is_tracing() or not (ranges := rule.limits):
        return
    if rows is not None and not len(rows):
        return
    device, tokens = signals["q"].device.type, signals["q"].shape[1]
    if device == "meta" or (device != "cpu" and rule in _seen):
        return
    if device != "cpu":
        _seen.add(rule)
    found = []
    for gate, ends in ranges.items():
        tensor = signals[gate]
        if rows is not None:
            tensor = tensor.flatten(0, 1)[torch.cat(list(rows))]
        if not _inside(tensor, ends):
            found.append(_first(gate, signals[gate].detach(), rows, tokens, ends))
    if found:
        report_gates(rule, [offence for offence in found if offence is not None])


def _inside(tensor: torch.Tensor, ends) -> bool:
    """Whether all numbers lie within limits; a few are read one by one, which is
    faster."""
    if tensor.numel() > _FEW:
        low, high = torch.aminmax(tensor.detach())
        return within(low.item(), high.item(), ends)
    numbers = tensor.flatten().tolist()
    return not numbers or within(min(numbers), max(numbers), ends)


def _first(gate: str, tensor: torch.Tensor, rows, tokens: int, ends):
    """Return the first offence, by its token in the batch; tokens that no sequence has
    are zero."""
    if rows is not None:
        kept = tensor.new_full(tensor.shape[:2], False, dtype=torch.bool).flatten()
        kept[torch.cat(list(rows))] = True
        kept = kept.view(-1, tokens, *[1] * (tensor.ndim - 2))
        tensor = tensor.where(kept, tensor.new_tensor(max(ends[0], min(ends[1], 0.0))))
    return first_outside(gate, tensor.movedim(1, 0).double().cpu().numpy(), ends)
