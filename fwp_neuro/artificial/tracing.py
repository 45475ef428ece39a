"""Where Python cannot read the numbers in a tensor: while a graph is traced, or inside
vmap."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import torch


class _Ready:
    """What a trace needs ready made, each an attribute: a trace finds what lies in a
    module."""


READY = _Ready()


def constant_in_graphs(function: Callable) -> Callable:
    """Mark a function whose result a trace may take for constant, as
    `torch.compiler.assume_constant_result` does.

    That would import the compiler of PyTorch, which takes most of a second, also where
    nothing is compiled. A test holds the mark equal to PyTorch's.
    """
    if "torch._dynamo" in sys.modules:
        return torch.compiler.assume_constant_result(function)
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def transformed() -> bool:
    """Whether a transform of `torch.func` (grad, jvp, vmap, ...) or a forward derivative
    is on."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return True
    return getattr(torch.autograd.forward_ad, "_current_level", -1) >= 0


def unreadable() -> bool:
    """Whether `torch.compile`, `torch.export` or a transform of `torch.func` is at
    work."""
    return torch.compiler.is_compiling() or transformed()


def count_of(state: Mapping[str, torch.Tensor], name: str) -> int | torch.Tensor:
    """Return what a counter of a state says: a whole number where Python may know it.

    Args:
        state: of a memory; a counter left out has counted nothing.
        name: of the counter [batch], which is the same for every sequence.

    Returns:
        an int, or a tensor [] of whole numbers where it is unreadable.
    """
    if name not in state:
        return 0
    return state[name][0].long() if unreadable() else int(state[name][0])
