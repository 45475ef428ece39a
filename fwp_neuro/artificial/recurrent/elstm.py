"""The elementwise LSTM: a non-linear recurrence that exact real-time learning can
follow."""

from __future__ import annotations

import torch
from torch import nn

from .elementwise_recurrence import Elementwise
from .parts import hidden_and_readout
from .registered_networks import register


@register
class ELSTM(Elementwise):
    """The elementwise LSTM (e-LSTM, "quasi-LSTM"): recurrent vectors in place of
    matrices.

        f_t = sigmoid(F x_t + w_f * c_{t-1} + b_f)          [n]
        z_t = tanh(Z x_t + w_z * c_{t-1} + b_z)
        c_t = f_t * c_{t-1} + (1 - f_t) * z_t,  c_0 = 0
        o_t = sigmoid(O [x_t; c_t] + b_o)                   (not recurrent: it sees the new c)
        y_t = o_t * c_t

    F, Z, w and b start normal with deviation 0.1.

    Args:
        hidden_dim: n; model_dim without a read-out if None, else y is mapped back
            linearly.
        output_gate: whether o acts; without it y_t = c_t.

    Raises:
        FwpError: an option is not legal.

    Source: Irie, Gopalakrishnan & Schmidhuber 2023, Exploring the promise and limits of
    real-time recurrent learning, arXiv:2305.19044; after the QRNN of Bradbury et al.
    2016, arXiv:1611.01576.
    """  # noqa: E501

    name = "elstm"
    aliases = ("e_lstm", "quasi_lstm")
    summary = (
        "LSTM with elementwise recurrence: exact real-time recurrent learning is cheap"
    )
    citation = "irie2024exploring"
    no_circuit = (
        "It has no fast weights: its memory is its activity, and its synapses stay as "
        "trained."
    )
    own = (
        "candidate.weight",
        "candidate.bias",
        "candidate_again",
        "forget.weight",
        "forget.bias",
        "forget_again",
    )

    def __init__(
        self, model_dim: int, hidden_dim: int | None = None, output_gate: bool = True
    ):
        super().__init__(model_dim)
        self.hidden_dim, self.projection = hidden_and_readout(
            self.name, model_dim, hidden_dim
        )
        n = self.hidden_dim
        self.candidate, self.forget = nn.Linear(model_dim, n), nn.Linear(model_dim, n)
        self.candidate_again = nn.Parameter(torch.empty(n))
        self.forget_again = nn.Parameter(torch.empty(n))
        for name in self.own:
            nn.init.normal_(self.get_parameter(name), std=0.1)
        self.gate = nn.Linear(model_dim + n, n) if output_gate else None

    def initial(self, batch):
        return {"c": self.zeros(batch, self.hidden_dim)}

    def recur(self, x, c):
        forget = torch.sigmoid(self.forget(x) + self.forget_again * c)
        candidate = torch.tanh(self.candidate(x) + self.candidate_again * c)
        return forget * c + (1 - forget) * candidate

    def readout(self, x, c):
        if self.gate is None:
            return self.projection(c)
        return self.projection(self.gate(torch.cat((x, c), -1)).sigmoid() * c)
