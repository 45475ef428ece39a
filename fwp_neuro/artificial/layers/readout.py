"""From the read-out of the fast weights back to the size of the model."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ...errors import pick
from ...validation import flag
from ..kernels import layer_parts


class ReadOut(nn.Module):
    """output = O (norm(y) * swish(G x)), the norm over the value_dim of each head.

    Args:
        where: the layer, for errors.
        model_dim, heads, value_dim: sizes.
        norm: "rms", "layer" or "none"; the gain [value_dim] is one for all heads.
        gated: whether there is swish(G x).
        compiled: whether norm and gate may run as one compiled part.

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
        compiled: bool = True,
    ):
        super().__init__()
        self.compiled = compiled
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
        gate = None if self.gate is None else self.gate(x)
        return self.linear(self._gated(y, gate).to(x.dtype))

    def _gated(self, y: torch.Tensor, gate: torch.Tensor | None) -> torch.Tensor:
        gain = None if self.gain is None else self.gain.to(y.dtype)
        if self.norm == "rms" and gate is not None and self.compiled:
            if layer_parts.runs(y, gate, gain):
                kernel = layer_parts.GatedNorm(lambda *given: (_rms_gated(*given),))
                return layer_parts.run(kernel, y, gate, gain)[0]
        if self.norm == "rms":
            return _rms_gated(y, gate, gain)
        if self.norm == "layer":
            y = functional.layer_norm(y, y.shape[-1:], gain)
        return _times(y.flatten(-2), gate)


def _rms_gated(y: torch.Tensor, gate: torch.Tensor | None, gain) -> torch.Tensor:
    return _times(functional.rms_norm(y, y.shape[-1:], gain, 1e-5).flatten(-2), gate)


def _times(y: torch.Tensor, gate: torch.Tensor | None) -> torch.Tensor:
    return y if gate is None else y * functional.silu(gate)
