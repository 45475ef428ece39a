"""The fast-weights recurrent network that attends to its recent past with a decaying Hebb
trace."""

from __future__ import annotations

from torch import nn

from ...validation import real, whole
from .parts import SQUASHES, hidden_and_readout, outer, read, squash_name
from .recurrent_class import Recurrent
from .registered_networks import register


@register
class Ba2016(Recurrent):
    """Fast weights to attend to the recent past: an inner loop over decaying Hebbian
    weights.

    With n = hidden size, A_0 = 0 and h_0 = 0:

        A_t = decay A_{t-1} + rate h_{t-1} h_{t-1}'             [n, n]
        z_t = W h_{t-1} + C x_t + b
        g^0 = f(z_t),   g^{s+1} = f(LN(z_t + A_t g^s)),  s = 0 .. steps - 1
        h_t = g^steps

    so A_t g = rate sum_{s<t} decay^{t-1-s} h_s (h_s . g): unnormalised attention to past
    states.

    Args:
        hidden_dim: n; model_dim without a read-out if None, else h is mapped back
            linearly.
        decay: lambda, 0.95 in the paper.
        rate: eta, 0.5 in the paper.
        steps: S of the inner loop, 1 in most of the paper's experiments.
        activation: f, "relu" in the paper, or "tanh".
        layer_norm: whether LN acts (the paper needs it; it has a gain and a bias).

    Raises:
        FwpError: an option is not legal.

    Source: Ba, Hinton, Mnih, Leibo & Ionescu 2016, arXiv:1610.06258, eqs 1-2. The initial
    slow weights are PyTorch's, not the paper's.
    """

    name = "fast_weights_rnn"
    aliases = ("ba2016",)
    summary = "recurrent net with an inner loop over decaying Hebbian fast weights"
    citation = "ba2016using, eqs 1-2"
    no_circuit = (
        "The inner loop and its layer normalisation run several times for one token, and "
        "the written pattern is the network's own state."
    )

    def __init__(
        self,
        model_dim: int,
        hidden_dim: int | None = None,
        decay: float = 0.95,
        rate: float = 0.5,
        steps: int = 1,
        activation: str = "relu",
        layer_norm: bool = True,
    ):
        super().__init__(model_dim)
        self.hidden_dim, self.readout = hidden_and_readout(
            self.name, model_dim, hidden_dim
        )
        self.decay = real(decay, f"{self.name}: decay", 0, 1)
        self.rate = real(rate, f"{self.name}: rate", 0)
        self.steps = whole(steps, f"{self.name}: steps", most=10_000)
        self.activation = squash_name(
            self.name, "activation", activation, ("relu", "tanh")
        )
        self.input = nn.Linear(model_dim, self.hidden_dim)
        self.recurrent = nn.Linear(self.hidden_dim, self.hidden_dim, bias=False)
        self.norm = nn.LayerNorm(self.hidden_dim) if layer_norm else nn.Identity()

    def initial(self, batch):
        n = self.hidden_dim
        return {"a": self.zeros(batch, n, n), "h": self.zeros(batch, n)}

    def step(self, x, state):
        f = SQUASHES[self.activation]
        fast = self.decay * state["a"] + self.rate * outer(state["h"], state["h"])
        slow = self.recurrent(state["h"]) + self.input(x)
        h = f(slow)
        for _ in range(self.steps):
            h = f(self.norm(slow + read(fast, h)))
        return self.readout(h), {"a": fast, "h": h}
