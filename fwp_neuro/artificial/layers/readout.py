"""From the read-out of the fast weights back to the size of the model."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ...errors import pick
from ...validation import flag


class ReadOut(nn.Module):
    """output = O (norm(y) * swish(G x)), the norm over the value_dim of each head.

    Args:
        where: the layer, for errors.
        model_dim, heads, value_dim: sizes.
        norm: "rms", "layer" or "none"; the gain [value_dim] is one for all heads.
        gated: whether there is swish(G x).

    Raises:
        FwpError: an option is not legal.
    """

    def __init__(
        self,
        where: str,
        model_dim: int,
        heads: int,
        value_dim: int,
        norm: str,
        gated: bool,
    ):
        super().__init__()
        self.norm = pick(norm, ("rms", "layer", "none"), f"output_norm of {where}:")
        self.gain = None if norm == "none" else nn.Parameter(torch.ones(value_dim))
        width = heads * value_dim
        gated = flag(gated, f"{where}: output_gate")
        self.gate = nn.Linear(model_dim, width, bias=False) if gated else None
        self.linear = nn.Linear(width, model_dim, bias=False)

    def extra_repr(self) -> str:
        return f"norm={self.norm!r}"

    def forward(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Map y [batch, token, head, value_dim], given x [batch, token, model_dim], to
        its shape.

        Norm and gate run in the number format of y, the linear map in that of x.
        """
        dim = y.shape[-1:]
        if self.norm == "rms":
            y = functional.rms_norm(y, dim, self.gain.to(y.dtype), 1e-5)
        elif self.norm == "layer":
            y = functional.layer_norm(y, dim, self.gain.to(y.dtype))
        y = y.flatten(-2)
        if self.gate is not None:
            y = y * functional.silu(self.gate(x))
        return self.linear(y.to(x.dtype))
