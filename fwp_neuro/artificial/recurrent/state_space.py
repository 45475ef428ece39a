"""Diagonal state-space models: constant (S4D) and input-dependent (S6)."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from ...errors import pick
from ...validation import whole
from .elementwise_recurrence import Elementwise
from .registered_networks import register
from .scan import scan

NO_CIRCUIT = (
    "Its decaying states are activities with trained constants; the fast-weight reading "
    "of it is the rule 'gla', from which a circuit is built."
)


class DiagonalSSM(Elementwise):
    """A bank of leaky integrators: N real modes for each of the model_dim channels.

        c_t[d, n] = exp(dt A[d, n]) c_{t-1}[d, n] + g B x_t[d],   A = -exp(log_rate) < 0
        y_t[d] = sum_n C c_t[d, n] + D[d] x_t[d]
        g = (exp(dt A) - 1) / A  (zero-order hold, "zoh")  or  g = dt  ("euler")

    Subclasses give dt, B and C. A starts at -1, -2, .. -N (the real S4D initialisation),
    dt log-uniform in [0.001, 0.1]. `over` takes all tokens at once with `scan`.
    """

    def __init__(self, model_dim: int, modes: int, write: str):
        super().__init__(model_dim)
        self.modes = whole(modes, f"{self.name}: modes")
        self.write = pick(write, ("zoh", "euler"), f"write of {self.name}:")
        rates = torch.arange(1.0, modes + 1).log()
        self.log_rate = nn.Parameter(rates.expand(model_dim, -1).clone())
        self.skip = nn.Parameter(torch.ones(model_dim))

    def initial(self, batch):
        return {"c": self.zeros(batch, self.model_dim, self.modes)}

    def entry(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return dt [..., channel, 1] and B [..., channel or 1, mode] for x [...,
        channel]."""
        raise NotImplementedError

    def exit(self, x: torch.Tensor) -> torch.Tensor:
        """Return C [..., channel or 1, mode] for x [..., channel]."""
        raise NotImplementedError

    def transition(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return decay and write, both [..., channel, mode]."""
        step, weights_in = self.entry(x)
        a = -self.log_rate.exp()
        gain = step if self.write == "euler" else torch.expm1(step * a) / a
        write = gain * weights_in * x.unsqueeze(-1)
        return torch.exp(step * a).expand_as(write), write

    def recur(self, x, c):
        decay, write = self.transition(x)
        return decay * c + write

    def readout(self, x, c):
        return (self.exit(x) * c).sum(-1) + self.skip * x

    def over(self, x, state):
        c = scan(*self.transition(x), state["c"])
        return self.readout(x, c), {"c": c[:, -1]}


def _steps(model_dim: int) -> torch.Tensor:
    """Return the logarithm of step sizes, uniform from log 0.001 to log 0.1."""
    low, high = math.log(0.001), math.log(0.1)
    return low + (high - low) * torch.rand(model_dim)


@register
class S4D(DiagonalSSM):
    """The real diagonal state-space model with constant parameters.

        c_t[d, n] = exp(dt_d A[d, n]) c_{t-1}[d, n] + g B[d, n] x_t[d],  A = -exp(log_rate)
        y_t[d] = sum_n C[d, n] c_t[d, n] + D[d] x_t[d]

    Linear and time-invariant: y is x convolved with sum_n C g B exp(dt A)^lag. B starts
    at 1, C normal, D at 1.

    Args:
        modes: N for each channel, 16.
        write: "zoh" (exact for an input that is held, the paper's) or "euler".

    Raises:
        FwpError: an option is not legal.

    Source: Gu, Gupta, Goel & Re 2022, S4D, arXiv:2206.11893 (its real initialisation);
    the modes are real here, complex in most of the paper.
    """  # noqa: E501

    name = "s4d"
    aliases = ("diagonal_ssm", "ssm")
    summary = "diagonal state-space model with constant real decays"
    citation = "gu2022parameterization"
    no_circuit = NO_CIRCUIT
    own = ("log_rate", "log_step", "weights_in")

    def __init__(self, model_dim: int, modes: int = 16, write: str = "zoh"):
        super().__init__(model_dim, modes, write)
        self.log_step = nn.Parameter(_steps(model_dim))
        self.weights_in = nn.Parameter(torch.ones(model_dim, modes))
        self.weights_out = nn.Parameter(torch.randn(model_dim, modes))

    def entry(self, x):
        return self.log_step.exp().unsqueeze(-1), self.weights_in

    def exit(self, x):
        return self.weights_out


@register
class S6(DiagonalSSM):
    """The selective diagonal state-space model: step, input and output weights see the
    input.

        dt_t = softplus(S x_t + s) [channel],  B_t = B x_t [mode],  C_t = C x_t [mode]
        c_t[d, n] = exp(dt_t[d] A[d, n]) c_{t-1}[d, n] + g B_t[n] x_t[d],  A = -exp(log_rate)
        y_t[d] = sum_n C_t[n] c_t[d, n] + D[d] x_t[d]

    Args:
        modes: N for each channel, 16 in the paper.
        write: "euler" (g = dt, what the paper's program does) or "zoh".

    Raises:
        FwpError: an option is not legal.

    Source: Gu & Dao 2023, Mamba, arXiv:2312.00752, algorithm 2. S has full rank here, the
    paper's a low one; there is no convolution and no gate around it.
    """  # noqa: E501

    name = "s6"
    aliases = ("selective_ssm",)
    summary = (
        "diagonal state-space model whose step, input and output weights see the input"
    )
    citation = "gu2023mamba, algorithm 2"
    no_circuit = NO_CIRCUIT
    own = ("log_rate", "step_size.weight", "step_size.bias")
    shared = ("weights_in.weight",)

    def __init__(self, model_dim: int, modes: int = 16, write: str = "euler"):
        super().__init__(model_dim, modes, write)
        self.step_size = nn.Linear(model_dim, model_dim)
        with torch.no_grad():
            # the inverse of softplus
            self.step_size.bias.copy_(_steps(model_dim).exp().expm1().log())
        self.weights_in = nn.Linear(model_dim, modes, bias=False)
        self.weights_out = nn.Linear(model_dim, modes, bias=False)

    def entry(self, x):
        step = functional.softplus(self.step_size(x)).unsqueeze(-1)
        return step, self.weights_in(x).unsqueeze(-2)

    def exit(self, x):
        return self.weights_out(x).unsqueeze(-2)
