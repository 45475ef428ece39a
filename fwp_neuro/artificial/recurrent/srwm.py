"""The self-referential weight matrix: a fast net that programs all of itself."""

from __future__ import annotations

import torch
from torch import nn

from ...errors import FwpError
from ...validation import real, whole
from .parts import FEATURES, feature_name, head_dim, outer, read
from .recurrent_class import Recurrent
from .registered_networks import register


@register
class SelfReferential(Recurrent):
    """The modern self-referential weight matrix (SRWM): one matrix that reads and
    rewrites itself.

    For each head (d = model_dim / heads, W [3 d + n, d], n = ``strengths``):

        [y_t, q_t, k_t, b_t] = W_{t-1} phi_x(x_t)       rows d, d, d, n: read before the write
        W_t = W_{t-1} + beta_t * (W_{t-1} phi(q_t) - W_{t-1} phi(k_t)) phi(k_t)'

    beta_t = sigmoid(b_t) has one entry for each block of rows (y, q, k, b) if n = 4, or
    one for the whole matrix if n = 1; then W_t = W_{t-1}(I + beta (phi(q) - phi(k))
    phi(k)') and the rank of W never grows. Only the initial matrix W_0 is trained: there
    is no other parameter and no output matrix. W_0 starts normal with deviation
    1/sqrt(d), its rows b around ``strength_bias``.

    Args:
        heads: number of heads; divides model_dim.
        feature: phi of the key and the query, "softmax" in the paper; or
            "normalised_elu", "identity".
        input_feature: phi_x of the input, as in the paper's equation; the authors'
            program also runs without ("identity").
        strengths: 4 or 1.
        strength_bias: mean of the initial rows b (-1 in the authors' program).

    Raises:
        FwpError: an option is not legal.

    Source: Irie, Schlag, Csordas & Schmidhuber 2022, arXiv:2202.05780, eqs 5-8;
    Schmidhuber 1993, A self-referential weight matrix, ICANN.
    """  # noqa: E501

    name = "srwm"
    aliases = ("self_referential",)
    summary = (
        "self-referential weight matrix: programs all of itself, only W_0 is trained"
    )
    citation = "irie2022modern, eqs 5-8"
    no_circuit = (
        "The matrix makes its own keys, queries and write strengths, so there is no "
        "program that could be computed before the circuit runs."
    )

    def __init__(
        self,
        model_dim: int,
        heads: int = 1,
        feature: str = "softmax",
        input_feature: str = "softmax",
        strengths: int = 4,
        strength_bias: float = -1.0,
    ):
        super().__init__(model_dim)
        self.heads, self.head_dim = heads, head_dim(self.name, model_dim, heads)
        self.feature = feature_name(self.name, "feature", feature)
        self.input_feature = feature_name(self.name, "input_feature", input_feature)
        if whole(strengths, f"{self.name}: strengths") not in (1, 4):
            raise FwpError(f"{self.name}: strengths must be 1 or 4, got {strengths!r}")
        self.strengths = strengths
        d = self.head_dim
        start = torch.randn(heads, 3 * d + strengths, d) / d**0.5
        start[:, 3 * d :] += real(strength_bias, f"{self.name}: strength_bias")
        self.start = nn.Parameter(start)
        # row of W -> its strength
        block = torch.arange(4).repeat_interleave(torch.tensor((d, d, d, strengths)))
        self.register_buffer("block", block % strengths, persistent=False)

    def initial(self, batch):
        return {"w": self.start.expand(batch, *self.start.shape)}

    def step(self, x, state):
        d, weights = self.head_dim, state["w"]
        x = FEATURES[self.input_feature](x.unflatten(-1, (self.heads, d)))
        y, query, key, strength = read(weights, x).split((d, d, d, self.strengths), -1)
        query, key = FEATURES[self.feature](query), FEATURES[self.feature](key)
        strength = strength.sigmoid()[..., self.block]
        weights = weights + outer(strength * read(weights, query - key), key)
        return y.flatten(-2), {"w": weights}
