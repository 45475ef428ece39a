"""A short causal convolution over tokens, whose last inputs are part of the streamed
state."""

from __future__ import annotations

import torch
from torch import nn


def convolved(
    x: torch.Tensor, tail: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a `ShortConvolution` does with its weight c [n, channel].

    Written as shifted products, so that one code runs in every number format and
    transform.
    """
    joined = torch.cat([tail, x], 1)
    tokens = x.shape[1]
    y = weight[0] * joined[:, :tokens]
    for shift in range(1, len(weight)):
        y = y + weight[shift] * joined[:, shift : shift + tokens]
    return y, joined[:, tokens:].clone()  # a copy, so that the sequence can be freed


class ShortConvolution(nn.Module):
    """y_t = sum_{j=0..n-1} c_j * x_{t-n+1+j} for every channel, c [n, channel].

    Args:
        channels: number of channels.
        size: n.

    Source: as in Yang et al. 2024 (DeltaNet), arXiv:2406.06484, section 3.4.
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(
            torch.empty(size, channels).uniform_(-(size**-0.5), size**-0.5)
        )

    def extra_repr(self) -> str:
        return f"channels={self.weight.shape[1]}, size={self.size}"

    def forward(
        self, x: torch.Tensor, tail: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Run over tokens.

        Args:
            x: [batch, token, channel].
            tail: the n - 1 inputs before x, [batch, n - 1, channel].

        Returns:
            y [batch, token, channel] and the tail after the last token.
        """
        return convolved(x, tail, self.weight.to(x.dtype))

    def tail(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Return the tail after the last token of x, ``before`` being the tail before
        it."""
        more, tokens = self.size - 1, x.shape[1]
        if tokens < more:
            return torch.cat([before[:, tokens:], x], 1)
        return x[:, tokens - more :].clone()
