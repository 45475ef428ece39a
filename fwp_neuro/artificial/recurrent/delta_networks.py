"""Recurrent fast nets written by the delta rule: the Delta RNN and the Delta LSTM."""

from __future__ import annotations

import torch
from torch import nn

from .parts import (
    FEATURES,
    SQUASHES,
    SlowNet,
    delta_write,
    feature_name,
    head_dim,
    read,
    squash_name,
)
from .recurrent_class import Recurrent, State
from .registered_networks import register

CITATION = "irie2021going"
NO_CIRCUIT = (
    "Its recurrent fast weights read the softmax of its own last output, which no single "
    "local text over one key, value and query says."
)


class FastRecurrent(Recurrent):
    """Fast weights W (from the input) and R (from the last output), ``paths`` times over.

    For each path and head (d = model_dim / heads), all of them from one slow net:

        W_t = W_{t-1} + beta (v - W_{t-1} k) k',    k = phi(k~), beta = sigmoid(b~)
        R_t = R_{t-1} + rho (u - R_{t-1} m) m',     m = softmax(m~), rho = sigmoid(r~)
        a_t = W_t phi(q~) + R_t softmax(y_{t-1})    [path, head, d]

    The recurrent key m is a softmax so that it lives where softmax(y_{t-1}) does; at the
    first token softmax(0) is uniform.
    """

    paths = 1

    def __init__(self, model_dim: int, heads: int, feature: str):
        super().__init__(model_dim)
        self.heads, self.head_dim = heads, head_dim(self.name, model_dim, heads)
        self.feature = feature_name(self.name, "feature", feature)
        self.slow = SlowNet(model_dim, self.paths * heads, (self.head_dim,) * 5 + (1, 1))
        self.output = nn.Linear(model_dim, model_dim, bias=False)

    def initial(self, batch: int) -> State:
        d = self.head_dim
        fast = (batch, self.paths, self.heads, d, d)
        return {
            "w": self.zeros(*fast),
            "r": self.zeros(*fast),
            "y": self.zeros(*self.cells(batch)),
        }

    def cells(self, batch: int) -> tuple[int, ...]:
        """Return the shape of y: [batch, head, head_dim]."""
        return batch, self.heads, self.head_dim

    def activations(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Write both fast nets and read them: a [batch, path, head, head_dim] and the new
        w, r."""
        feature = FEATURES[self.feature]
        query, key, value, again_key, again_value, strength, again_strength = (
            signal.unflatten(1, (self.paths, self.heads)) for signal in self.slow(x)
        )
        w = delta_write(state["w"], feature(key), value, strength.sigmoid())
        r = delta_write(
            state["r"], again_key.softmax(-1), again_value, again_strength.sigmoid()
        )
        a = read(w, feature(query)) + read(r, state["y"].softmax(-1).unsqueeze(1))
        return a, {"w": w, "r": r}


@register
class DeltaRNN(FastRecurrent):
    """The Delta RNN: a recurrent fast net, both of whose matrices the delta rule writes.

        y_t = W_t phi(q_t) + R_t softmax(y_{t-1})

    with W and R as in `FastRecurrent`; the heads are concatenated and mixed by an output
    matrix.

    Args:
        heads: number of heads; divides model_dim.
        feature: phi of key and query of W: "normalised_elu" (ELU + 1 over its sum) in the
            paper, or "softmax", "identity".

    Raises:
        FwpError: an option is not legal.

    Source: Irie, Schlag, Csordas & Schmidhuber 2021, arXiv:2106.06295, eq. 12.
    """

    name = "delta_rnn"
    summary = (
        "recurrent fast net: input and recurrent matrix both written by the delta rule"
    )
    citation = CITATION + ", eq. 12"
    no_circuit = NO_CIRCUIT

    def __init__(self, model_dim: int, heads: int = 1, feature: str = "normalised_elu"):
        super().__init__(model_dim, heads, feature)

    def step(self, x, state):
        a, new = self.activations(x, state)
        y = a.squeeze(1)
        return self.output(y.flatten(-2)), {**new, "y": y}


@register
class DeltaLSTM(FastRecurrent):
    """The Delta LSTM: an LSTM whose six matrices are fast weights written by delta rules.

    Three paths of `FastRecurrent`, each with its own W, R, keys, values, queries and
    write strengths, give the pre-activations a^i, a^u, a^o of input gate, candidate and
    output gate:

        i_t = sigmoid(a^i),  o_t = sigmoid(a^o),  u_t = f(a^u)
        c_t = i_t * u_t + (1 - i_t) * c_{t-1}
        y_t = o_t * c_t                             (softmax(y_{t-1}) enters every R)

    Taken from Irie et al. 2021 (the text names a Delta LSTM, the authors' published
    program spells it out): three gates with an input and a recurrent fast matrix each,
    separate keys, values, queries and strengths for every matrix, the forget gate tied to
    1 - i, ELU + 1 over its sum for the input keys and queries, softmax for the recurrent
    keys and for y_{t-1}. Chosen by this package: among the variants of that program,
    which differ in f and in where the softmax stands, the one with a linear candidate and
    an unsquashed cell is the default; f is an option; the heads are mixed by an output
    matrix as in the Delta RNN.

    Args:
        heads: number of heads; divides model_dim.
        feature: phi, as for the Delta RNN.
        candidate: f, "identity", "tanh" or "sigmoid".

    Raises:
        FwpError: an option is not legal.
    """

    name = "delta_lstm"
    summary = "LSTM whose six matrices are fast weights written by delta rules"
    citation = CITATION
    no_circuit = NO_CIRCUIT
    paths = 3

    def __init__(
        self,
        model_dim: int,
        heads: int = 1,
        feature: str = "normalised_elu",
        candidate: str = "identity",
    ):
        super().__init__(model_dim, heads, feature)
        legal = ("identity", "tanh", "sigmoid")
        self.candidate = squash_name(self.name, "candidate", candidate, legal)

    def initial(self, batch):
        return {**super().initial(batch), "c": self.zeros(*self.cells(batch))}

    def step(self, x, state):
        a, new = self.activations(x, state)
        write, candidate, out = a.unbind(1)
        write = write.sigmoid()
        cell = write * SQUASHES[self.candidate](candidate) + (1 - write) * state["c"]
        y = out.sigmoid() * cell
        return self.output(y.flatten(-2)), {**new, "y": y, "c": cell}
