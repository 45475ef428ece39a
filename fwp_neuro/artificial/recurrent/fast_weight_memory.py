"""The fast weight memory: a third-order associative memory beside an LSTM, read several
times."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ...errors import pick
from ...validation import whole
from ..tracing import unreadable
from .parts import hidden_and_readout, lstm_cell
from .recurrent_class import Recurrent
from .registered_networks import register


@register
class FastWeightMemory(Recurrent):
    """The fast weight memory (FWM): a tensor F that binds pairs of keys to values.

    From z_t (the output h_t of an LSTM over x, or x_t itself), with m = memory_dim:

        s, r, v = tanh of slow maps of z [m each],  beta = sigmoid(b + 1)
        F <- F + (1/m) s (x) r (x) beta (v - F.(s (x) r))       F [m, m, m] = [s, r, value], F_0 = 0
        F <- F / max(1, |F|)                                    Frobenius norm
        n^0, e^1 .. e^reads = slow maps of z [m each]
        n^i = LN(F.(n^{i-1} (x) e^i)),  i = 1 .. reads          LN without gain or bias
        y_t = h_t + O n^reads                                   (without the LSTM: y_t = O n^reads)

    Args:
        memory_dim: m, 32 in the authors' program; at least 2, since LN needs a spread.
        reads: number of chained reads, 3 in the paper.
        hidden_dim: size of the LSTM; model_dim without a read-out if None, else h + O n
            is mapped back linearly. Without the LSTM the size that O maps to.
        controller: "lstm" (paper) or "none".

    Raises:
        FwpError: an option is not legal.

    Source: Schlag, Munkhdalai & Schmidhuber 2021, Learning associative inference using
    fast weight memory, arXiv:2011.07831, and the authors' program for the factor 1/m and
    the bias of beta.
    """  # noqa: E501

    name = "fast_weight_memory"
    aliases = ("fwm", "schlag2021")
    summary = (
        "third-order fast tensor beside an LSTM, written by a delta rule, read several "
        "times"
    )
    citation = "schlag2021learning"
    no_circuit = (
        "Its weights have three indices and are divided by their own norm, which no "
        "pairwise synapse can know."
    )

    def __init__(
        self,
        model_dim: int,
        memory_dim: int = 32,
        reads: int = 3,
        hidden_dim: int | None = None,
        controller: str = "lstm",
    ):
        super().__init__(model_dim)
        self.memory_dim = m = whole(memory_dim, f"{self.name}: memory_dim", 2)
        self.reads = whole(reads, f"{self.name}: reads")
        self.hidden_dim, self.readout = hidden_and_readout(
            self.name, model_dim, hidden_dim
        )
        pick(controller, ("lstm", "none"), f"controller of {self.name}:")
        self.lstm = (
            nn.LSTMCell(model_dim, self.hidden_dim) if controller == "lstm" else None
        )
        slow = model_dim if self.lstm is None else self.hidden_dim
        self.write = nn.Linear(slow, 3 * m + 1)
        self.query = nn.Linear(slow, m * (1 + reads))
        self.output = nn.Linear(m, self.hidden_dim)
        bound = (6 / (slow + m)) ** 0.5
        nn.init.uniform_(self.write.weight, -bound, bound)
        nn.init.uniform_(self.query.weight, -bound, bound)

    def initial(self, batch):
        m = self.memory_dim
        state = {"f": self.zeros(batch, m, m, m)}
        if self.lstm is not None:
            state |= {name: self.zeros(batch, self.hidden_dim) for name in "hc"}
        return state

    def step(self, x, state):
        new = {}
        if self.lstm is not None:
            before = state["h"], state["c"]
            if unreadable():  # the kernel has no form inside the transforms of torch.func
                h, c = lstm_cell(x, *before, *self.lstm.parameters())
            else:
                h, c = self.lstm(x, before)
            x, new = h, {"h": h, "c": c}
        fast = self._written(x, state["f"])
        m = self.memory_dim
        query, *partners = self.query(x).split(m, -1)
        for partner in partners:
            query = torch.einsum("bsrv,bs,br->bv", fast, query, partner)
            query = functional.layer_norm(query, (m,))
        y = self.output(query) + new.get("h", 0)
        return self.readout(y), {"f": fast, **new}

    def _written(self, x: torch.Tensor, fast: torch.Tensor) -> torch.Tensor:
        m = self.memory_dim
        signals, strength = self.write(x).split((3 * m, 1), -1)
        s, r, value = signals.tanh().split(m, -1)
        error = (strength + 1).sigmoid() * (
            value - torch.einsum("bsrv,bs,br->bv", fast, s, r)
        )
        fast = fast + torch.einsum("bs,br,bv->bsrv", s, r, error / m)
        norm = fast.flatten(1).norm(dim=-1).clamp(min=1)
        return fast / norm[:, None, None, None]
