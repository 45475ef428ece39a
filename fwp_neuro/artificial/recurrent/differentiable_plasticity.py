"""Differentiable plasticity: recurrent weights with a trained Hebbian part, plain or
modulated."""

from __future__ import annotations

import torch
from torch import nn

from ...errors import pick
from ...validation import real
from .parts import hidden_and_readout, outer, read
from .recurrent_class import Recurrent, State
from .registered_networks import register


class PlasticNetwork(Recurrent):
    """A recurrent net whose weights are w + alpha * H: baseline, plasticity and Hebbian
    trace.

        h_t = tanh(U x_t + b + (w + alpha * H_{t-1}) h_{t-1})       [n]; w, alpha, H [post, pre]

    Subclasses say how H changes. w and alpha start normal with deviation 0.01.
    """  # noqa: E501

    def __init__(self, model_dim: int, hidden_dim: int | None):
        super().__init__(model_dim)
        self.hidden_dim, self.readout = hidden_and_readout(
            self.name, model_dim, hidden_dim
        )
        n = self.hidden_dim
        self.input = nn.Linear(model_dim, n)
        self.w = nn.Parameter(0.01 * torch.randn(n, n))
        self.alpha = nn.Parameter(0.01 * torch.randn(n, n))

    def initial(self, batch: int) -> State:
        n = self.hidden_dim
        return {"h": self.zeros(batch, n), "hebb": self.zeros(batch, n, n)}

    def active(self, x: torch.Tensor, state: State) -> torch.Tensor:
        """Return h_t [batch, n]."""
        weights = self.w + self.alpha * state["hebb"]
        return torch.tanh(self.input(x) + read(weights, state["h"]))


@register
class DifferentiablePlasticity(PlasticNetwork):
    """Differentiable plasticity: every recurrent weight has a trained Hebbian part.

        h_t = tanh(U x_t + b + (w + alpha * H_{t-1}) h_{t-1})
        decay:  H_t = (1 - eta) H_{t-1} + eta h_t h_{t-1}'
        oja:    H_t = H_{t-1} + eta h_t (h_{t-1}' - h_t H_{t-1})    (for each synapse)

    w, alpha [n, n], the scalar eta (from 0.01) and U, b are trained.

    Args:
        hidden_dim: n; model_dim without a read-out if None, else h is mapped back
            linearly.
        trace: "decay" or "oja".

    Raises:
        FwpError: an option is not legal.

    Source: Miconi, Clune & Stanley 2018, arXiv:1804.02464.
    """

    name = "differentiable_plasticity"
    aliases = ("miconi2018",)
    summary = "recurrent net whose weights have a trained Hebbian part"
    citation = "miconi2018differentiable"
    no_circuit = (
        "It writes the product of its own successive states, so there is no program that "
        "could be computed before the circuit runs."
    )

    def __init__(
        self, model_dim: int, hidden_dim: int | None = None, trace: str = "decay"
    ):
        super().__init__(model_dim, hidden_dim)
        self.trace = pick(trace, ("decay", "oja"), f"trace of {self.name}:")
        self.eta = nn.Parameter(torch.tensor(0.01))

    def step(self, x, state):
        h, hebb = self.active(x, state), state["hebb"]
        product = outer(h, state["h"])
        forget = hebb if self.trace == "decay" else h.square().unsqueeze(-1) * hebb
        hebb = hebb + self.eta * (product - forget)
        return self.readout(h), {"h": h, "hebb": hebb}


@register
class Backpropamine(PlasticNetwork):
    """Backpropamine: the network itself releases the modulator that gates its plasticity.

        h_t = tanh(U x_t + b + (w + alpha * H_{t-1}) h_{t-1})
        M_t = tanh(m . h_t + m_0)                                       scalar
        g_t = f M_t + f_0 [post]  (fan-out), or M_t for all synapses
        simple:       H_t = clip(H_{t-1} + g_t * h_t h_{t-1}')
        retroactive:  H_t = clip(H_{t-1} + g_t * E_{t-1}),
                      E_t = (1 - eta) E_{t-1} + eta h_t h_{t-1}'        eligibility trace

    Args:
        hidden_dim: n; model_dim without a read-out if None, else h is mapped back
            linearly.
        retroactive: whether the modulator gates the eligibility trace (eta is trained,
            from 0.1) rather than the present product.
        fan_out: whether each cell weighs the modulator (f, f_0 trained), as in the
            authors' program.
        clip: bound of H; 1 in the paper (2 in the authors' maze program).

    Raises:
        FwpError: an option is not legal.

    Source: Miconi, Rawal, Clune & Stanley 2019, Backpropamine, ICLR, arXiv:2002.10585.
    """

    name = "backpropamine"
    aliases = ("miconi2019",)
    summary = (
        "plastic recurrent net that releases its own modulator, simple or retroactive"
    )
    citation = "miconi2019backpropamine"
    no_circuit = (
        "Its modulator depends on its own state and its trace is clipped, so there is no "
        "program that could be computed before the circuit runs."
    )

    def __init__(
        self,
        model_dim: int,
        hidden_dim: int | None = None,
        retroactive: bool = False,
        fan_out: bool = True,
        clip: float = 1.0,
    ):
        super().__init__(model_dim, hidden_dim)
        self.clip = real(clip, f"{self.name}: clip", 0)
        self.modulator = nn.Linear(self.hidden_dim, 1)
        self.fan_out = nn.Linear(1, self.hidden_dim) if fan_out else nn.Identity()
        self.retroactive = bool(retroactive)
        if self.retroactive:
            self.eta = nn.Parameter(torch.tensor(0.1))

    def initial(self, batch):
        state = super().initial(batch)
        if self.retroactive:
            state["trace"] = torch.zeros_like(state["hebb"])
        return state

    def step(self, x, state):
        h = self.active(x, state)
        gate = self.fan_out(self.modulator(h).tanh()).unsqueeze(-1)
        product, new = outer(h, state["h"]), {"h": h}
        gated = product
        if self.retroactive:
            gated = state["trace"]
            new["trace"] = (1 - self.eta) * gated + self.eta * product
        new["hebb"] = (state["hebb"] + gate * gated).clamp(-self.clip, self.clip)
        return self.readout(h), new
