"""Second and forward derivatives of functions whose fast kernels have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from ..errors import FwpError
from .tracing import transformed

_REFUSED = (
    "the kernels of flash-linear-attention have no second and no forward derivative: use "
    "form='chunk'"
)


def smooth(fast: Callable, plain: Callable, *given: torch.Tensor) -> torch.Tensor:
    """Return fast(*given), or plain(*given) wherever the kernel of ``fast`` lacks a
    derivative.

    Args:
        fast: has a gradient, but neither a second nor a forward derivative.
        plain: the same numbers by tensor operations.
        given: tensors; every one that may have a gradient, for a closure hides what it
            holds.
    """
    if torch.compiler.is_compiling():
        return fast(*given)
    if transformed():
        return plain(*given)
    if torch.is_grad_enabled() and any(item.requires_grad for item in given):
        return _Smooth.apply(fast, plain, *given)
    return fast(*given)


class _Smooth(torch.autograd.Function):
    """``fast`` with its own gradient, unless that is to be differentiated again."""

    @staticmethod
    def forward(ctx, fast, plain, *given):
        """Run ``fast`` and keep its graph."""
        ctx.plain = plain
        ctx.save_for_backward(*given)
        with torch.enable_grad():
            leaves = [item.detach().requires_grad_(item.requires_grad) for item in given]
            output = fast(*leaves)
        ctx.graph = output, [leaf for leaf in leaves if leaf.requires_grad]
        return output.detach()

    @staticmethod
    def backward(ctx, slope):
        """Differentiate ``fast``, or ``plain`` where the gradient may be differentiated
        again."""
        output, leaves = ctx.graph
        needed = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            given = [item.view_as(item) for item in ctx.saved_tensors]
            output, leaves = (
                ctx.plain(*given),
                [x for x, n in zip(given, needed, strict=True) if n],
            )
        found = iter(torch.autograd.grad(
            output, leaves, slope, retain_graph=True, create_graph=torch.is_grad_enabled()
        ))  # fmt: skip
        return None, None, *(next(found) if n else None for n in needed)


def once(given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors whose gradient must not be differentiated again, nor forward.

    Raises:
        FwpError: (when it is tried) with the forms that can.
    """
    return {
        name: _Once.apply(item) if item.requires_grad or transformed() else item
        for name, item in given.items()
    }


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(item):
        """Change nothing."""
        return item.view_as(item)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep nothing."""

    @staticmethod
    def backward(ctx, slope):
        """Refuse a gradient that may be differentiated again."""
        if torch.is_grad_enabled():
            raise FwpError(_REFUSED)
        return slope

    @staticmethod
    def jvp(ctx, *tangents):
        """Refuse."""
        raise FwpError(_REFUSED)
