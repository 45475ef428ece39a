"""Parts that several recurrent networks share: slow nets, feature maps, reads, delta
writes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from ...errors import FwpError, pick
from ...validation import whole
from ..memories.features import feature_map, key_norm


def head_dim(network: str, model_dim: int, heads) -> int:
    """Return the size of one head.

    Raises:
        FwpError: ``heads`` does not divide ``model_dim``.
    """
    if model_dim % whole(heads, f"{network}: heads"):
        raise FwpError(f"{network}: heads must divide model_dim={model_dim}, got {heads}")
    return model_dim // heads


class SlowNet(nn.Linear):
    """Slow weights that program heads: x [batch, model_dim] -> [batch, head, size] for
    each size.

    No bias, as in the released code of the recurrent fast-weight programmers.
    """

    def __init__(self, model_dim: int, heads: int, sizes: tuple[int, ...]):
        super().__init__(model_dim, heads * sum(sizes), bias=False)
        self.heads, self.sizes = heads, tuple(sizes)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return super().forward(x).unflatten(-1, (self.heads, -1)).split(self.sizes, -1)


_ELU, _SUM_NORM = feature_map("elu"), key_norm("sum")  # found once, not in every trace


def _normalised_elu(x: torch.Tensor) -> torch.Tensor:
    return _SUM_NORM(_ELU(x))


#: feature maps of keys and queries that keep their size; "normalised_elu" is (ELU + 1) /
#: its sum
FEATURES: dict[str, Callable] = {
    "softmax": feature_map("softmax"),
    "normalised_elu": _normalised_elu,
    "identity": feature_map("identity"),
}

#: pointwise functions
SQUASHES: dict[str, Callable] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "identity": feature_map("identity"),
}


def feature_name(network: str, argument: str, name: str) -> str:
    """Return a legal name of a feature map, else raise `FwpError`."""
    return pick(name, FEATURES, f"{argument} of {network}:")


def squash_name(network: str, argument: str, name: str, legal=tuple(SQUASHES)) -> str:
    """Return a legal name of a pointwise function, else raise `FwpError`."""
    return pick(name, legal, f"{argument} of {network}:")


def read(weights: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Return W k: weights [..., value, key], key [..., key] -> [..., value]."""
    return (weights @ key.unsqueeze(-1)).squeeze(-1)


def outer(post: torch.Tensor, pre: torch.Tensor) -> torch.Tensor:
    """Return the outer product: [..., post] and [..., pre] -> [..., post, pre]."""
    return post.unsqueeze(-1) * pre.unsqueeze(-2)


def delta_write(weights, key, value, strength) -> torch.Tensor:
    """Return W + beta (v - W k) k': strength [..., 1]."""
    return weights + outer(strength * (value - read(weights, key)), key)


def drive(x, h, u, w, u_bias, w_bias) -> torch.Tensor:
    """Return U x + b_U + W h + b_W: x [batch, in], h [batch, hidden]."""
    return functional.linear(x, u, u_bias) + functional.linear(h, w, w_bias)


def lstm_cell(x, h, c, *weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return h and c [batch, hidden] of an LSTM after one token, in plain tensor code."""
    i, f, g, o = drive(x, h, *weights).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def hidden_and_readout(network: str, model_dim: int, hidden_dim) -> tuple[int, nn.Module]:
    """Return the hidden size and the map back to ``model_dim``: none if ``hidden_dim`` is
    None."""
    if hidden_dim is None:
        return model_dim, nn.Identity()
    whole(hidden_dim, f"{network}: hidden_dim")
    return hidden_dim, nn.Linear(hidden_dim, model_dim)
