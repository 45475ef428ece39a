"""Memories in activations alone: the Elman network and the LSTM."""

from __future__ import annotations

import torch
from torch import nn

from ..tracing import unreadable
from .parts import SQUASHES, drive, hidden_and_readout, lstm_cell, squash_name
from .recurrent_class import Recurrent, State
from .registered_networks import register

NO_CIRCUIT = (
    "It has no fast weights: its memory is its activity, and its synapses stay as "
    "trained."
)


class Core(nn.RNNBase):
    """The weights of `torch.nn.RNN` or `torch.nn.LSTM` and its kernel: one layer, batch
    first.

    `torch.compile` refuses those two by their type, whoever takes the weights and for
    what.

    Args:
        mode: "RNN_TANH", "RNN_RELU" or "LSTM".
    """

    def __init__(self, mode: str, input_size: int, hidden_size: int):
        super().__init__(mode, input_size, hidden_size, batch_first=True)
        self.kernel = {
            "LSTM": torch.lstm,
            "RNN_TANH": torch.rnn_tanh,
            "RNN_RELU": torch.rnn_relu,
        }[mode]

    @property
    def weights(self) -> tuple[torch.Tensor, ...]:
        """U, W and their biases."""
        return self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0

    def forward(self, x, start):
        """Return h [batch, token, hidden_size] and the last states [1, batch,
        hidden_size]."""
        options = {
            "has_biases": True,
            "num_layers": 1,
            "dropout": 0.0,
            "bidirectional": False,
        }
        return self.kernel(
            x, start, self.weights, train=self.training, batch_first=True, **options
        )


class Fused(Recurrent):
    """A network that a fused kernel of PyTorch runs: ``core`` over x [batch, token,
    model_dim].

    `torch.compile` and `torch.func` do not take the kernel and run `cell` token by token;
    a program that is exported keeps the kernel.
    """

    core: Core

    def step(self, x, state):
        y, state = self.over(x.unsqueeze(1), state)
        return y.squeeze(1), state

    def over(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        if unreadable() and not torch.compiler.is_exporting():
            outputs = []
            for token in x.unbind(1):
                state = self.cell(token, state)
                outputs.append(state["h"])
            return self.readout(torch.stack(outputs, 1)), state
        y, state = self.fused(x, state)
        return self.readout(y), state

    def fused(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Return h [batch, token, hidden_dim] and the state after the last token, by the
        kernel."""
        raise NotImplementedError

    def cell(self, x: torch.Tensor, state: State) -> State:
        """Return the state after one token x [batch, model_dim]."""
        raise NotImplementedError


@register
class Elman(Fused):
    """The simple recurrent network.

        h_t = f(U x_t + b_U + W h_{t-1} + b_W)          [n], h_0 = 0;  y_t = h_t

    Args:
        hidden_dim: n; model_dim without a read-out if None, else h is mapped back
            linearly.
        activation: f, "tanh" or "relu".

    Raises:
        FwpError: an option is not legal.

    Source: Elman 1990, Cognitive Science 14:179, doi:10.1207/s15516709cog1402_1.
    """

    name = "elman"
    aliases = ("rnn",)
    summary = "simple recurrent network: memory in activations"
    citation = "elman1990finding"
    no_circuit = NO_CIRCUIT

    def __init__(
        self, model_dim: int, hidden_dim: int | None = None, activation: str = "tanh"
    ):
        super().__init__(model_dim)
        self.hidden_dim, self.readout = hidden_and_readout(
            self.name, model_dim, hidden_dim
        )
        self.activation = squash_name(
            self.name, "activation", activation, ("tanh", "relu")
        )
        self.core = Core(f"RNN_{activation.upper()}", model_dim, self.hidden_dim)

    def initial(self, batch):
        return {"h": self.zeros(batch, self.hidden_dim)}

    def fused(self, x, state):
        y, h = self.core(x, state["h"].unsqueeze(0))
        return y, {"h": h.squeeze(0)}

    def cell(self, x, state):
        return {"h": SQUASHES[self.activation](drive(x, state["h"], *self.core.weights))}


@register
class LSTM(Fused):
    """Long short-term memory with a forget gate.

        i, f, o = sigmoid, g = tanh of (U x_t + b_U + W h_{t-1} + b_W), each with its own
        rows
        c_t = f * c_{t-1} + i * g,   h_t = o * tanh(c_t)        [n], h_0 = c_0 = 0;  y_t = h_t

    Args:
        hidden_dim: n; model_dim without a read-out if None, else h is mapped back
            linearly.

    Raises:
        FwpError: an option is not legal.

    Source: Hochreiter & Schmidhuber 1997, Neural Computation 9:1735,
    doi:10.1162/neco.1997.9.8.1735; forget gate of Gers, Schmidhuber & Cummins 2000,
    doi:10.1162/089976600300015015.
    """  # noqa: E501

    name = "lstm"
    summary = "long short-term memory with a forget gate: memory in activations"
    citation = "hochreiter1997long; gers2000learning"
    no_circuit = NO_CIRCUIT

    def __init__(self, model_dim: int, hidden_dim: int | None = None):
        super().__init__(model_dim)
        self.hidden_dim, self.readout = hidden_and_readout(
            self.name, model_dim, hidden_dim
        )
        self.core = Core("LSTM", model_dim, self.hidden_dim)

    def initial(self, batch):
        return {name: self.zeros(batch, self.hidden_dim) for name in "hc"}

    def fused(self, x, state):
        y, h, c = self.core(x, (state["h"].unsqueeze(0), state["c"].unsqueeze(0)))
        return y, {"h": h.squeeze(0), "c": c.squeeze(0)}

    def cell(self, x, state):
        h, c = lstm_cell(x, state["h"], state["c"], *self.core.weights)
        return {"h": h, "c": c}
