"""Linear attention divided by the sum of its weights, with any feature map."""

from __future__ import annotations

import torch

from ...validation import flag, real
from . import features
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first
from .registered_memories import register


@register
class NormalisedLinearAttention(Memory):
    """Linear transformer: W_t = W_{t-1} + v phi(k)', z_t = z_{t-1} + phi(k).

    Read y_t = W_t phi(q) / (z_t.phi(q) + eps), or W_t phi(q) if not ``normalise``. State
    ``w`` [batch, head, value_dim, feature] and, if ``normalise``, ``z`` [batch, head,
    feature].

    Args:
        feature_map: name or `FeatureMap`, for keys and queries alike.
        normalise: whether to divide by the summed attention weights.
        eps: added to the divisor.
        key_norm: "none", "sum" or "l2", of phi(k) and phi(q).

    Source: Katharopoulos et al. 2020, arXiv:2006.16236; Schlag, Irie & Schmidhuber 2021,
    arXiv:2102.11174, eqs 16-19.
    """

    name = "normalised_linear_attention"
    aliases = ("linear_transformer",)
    summary = (
        "Hebbian writes of mapped keys, read-out divided by the summed attention weights"
    )
    citation = "katharopoulos2020transformers"
    no_circuit = (
        "The read-out is divided by a second sum over the past: run 'hebb' on mapped "
        "keys with a pool (see with_pool of fwp_neuro) and divisive=1/eps."
    )
    forms = ("step", "parallel")

    def __init__(
        self,
        feature_map: str | features.FeatureMap = "elu",
        normalise: bool = True,
        eps: float = 1e-6,
        key_norm: str = "none",
    ):
        self.phi, self.norm = (
            features.feature_map(feature_map),
            features.key_norm(key_norm),
        )
        self.normalise = flag(normalise, f"{self.name}: normalise")
        self.eps = real(eps, f"{self.name}: eps", least=0)

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        self.phi.prepare(key_dim)
        dim = self.phi.output_dim(key_dim)
        state = {"w": like.new_zeros(batch, heads, value_dim, dim)}
        return state | (
            {"z": like.new_zeros(batch, heads, dim)} if self.normalise else {}
        )

    def _mapped(self, signals: Signals) -> list[torch.Tensor]:
        return [self.norm(self.phi(signals[name])) for name in ("q", "k")]

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, k = self._mapped(signals)
        new = {"w": state["w"] + signals["v"][..., None] * k[..., None, :]}
        readout = (new["w"] @ q[..., None])[..., 0]
        if self.normalise:
            new["z"] = state["z"] + k
            readout = readout / ((new["z"] * q).sum(-1, keepdim=True) + self.eps)
        return readout, new

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, k = (heads_first(x) for x in self._mapped(signals))
        v = heads_first(signals["v"])
        weights = (q @ k.mT).tril()  # [batch, head, token, token]
        readout = q @ state["w"].mT + weights @ v
        new = {"w": state["w"] + v.mT @ k}
        if self.normalise:
            total = weights.sum(-1, keepdim=True) + q @ state["z"][..., None]
            new["z"] = state["z"] + k.sum(-2)
            readout = readout / (total + self.eps)
        return heads_first(readout), new
