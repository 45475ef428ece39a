"""The recurrent DeltaNet: a fast net whose own output helps to program it."""

from __future__ import annotations

import torch
from torch import nn

from .parts import FEATURES, SlowNet, delta_write, feature_name, head_dim, read
from .recurrent_class import Recurrent
from .registered_networks import register


@register
class RecurrentDelta(Recurrent):
    """The recurrent DeltaNet (RDN): keys, values, queries and write strength see the last
    output.

    With z = tanh(y_{t-1}), for each head (d = model_dim / heads):

        k_t = phi(K x_t + R_k z),  q_t = phi(Q x_t + R_q z)         [d]
        v_t = V x_t + R_v z                                         [d]
        beta_t = sigmoid(B x_t + r_b . z)                           [1]
        W_t = W_{t-1} + beta_t (v_t - W_{t-1} k_t) k_t',  y_t = W_t q_t

    The heads are concatenated and mixed by an output matrix [model_dim, model_dim]; the
    recurrence takes y before it. R_k, R_q, R_v [d, d] and r_b [d] join a head to itself
    only and start normal with deviation 1/sqrt(d).

    Args:
        heads: number of heads (the paper's tasks use 8 or 16); divides model_dim.
        feature: phi, "softmax" in the paper; or "normalised_elu" (ELU + 1 over its sum)
            or "identity".

    Raises:
        FwpError: an option is not legal.

    Source: Irie, Schlag, Csordas & Schmidhuber 2021, arXiv:2106.06295, eqs 15-18.
    """

    name = "recurrent_delta"
    aliases = ("rdn", "recurrent_deltanet")
    summary = "DeltaNet whose slow net also sees the last output of its fast net"
    citation = "irie2021going, eqs 15-18"
    no_circuit = (
        "Its keys, values and write strengths depend on its own last output, so there is "
        "no program that could be computed before the circuit runs."
    )

    def __init__(self, model_dim: int, heads: int = 1, feature: str = "softmax"):
        super().__init__(model_dim)
        self.heads, self.head_dim = heads, head_dim(self.name, model_dim, heads)
        self.feature = feature_name(self.name, "feature", feature)
        d = self.head_dim
        self.slow = SlowNet(model_dim, heads, (d, d, d, 1))
        # rows: query, key, value [d each], write strength [1]
        self.recurrent = nn.Parameter(torch.randn(heads, 3 * d + 1, d) / d**0.5)
        self.output = nn.Linear(model_dim, model_dim, bias=False)

    def initial(self, batch):
        d = self.head_dim
        return {
            "w": self.zeros(batch, self.heads, d, d),
            "y": self.zeros(batch, self.heads, d),
        }

    def step(self, x, state):
        feature = FEATURES[self.feature]
        feedback = read(self.recurrent, state["y"].tanh()).split(self.slow.sizes, -1)
        query, key, value, strength = (
            a + b for a, b in zip(self.slow(x), feedback, strict=True)
        )
        weights = delta_write(state["w"], feature(key), value, strength.sigmoid())
        y = read(weights, feature(query))
        return self.output(y.flatten(-2)), {"w": weights, "y": y}
