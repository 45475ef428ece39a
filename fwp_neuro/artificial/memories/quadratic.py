"""Linear attention whose kernel is a polynomial of second degree: Based and ReBased."""

from __future__ import annotations

import torch
from torch.nn import functional

from ...validation import flag
from .linear import NormalisedLinearAttention
from .memory_class import Signals
from .registered_memories import register

NORM_EPS = 1e-5  # added to the variance of a key, as in the released code


@register
class Based(NormalisedLinearAttention):
    """Based: y_t = sum_j g(q_t.k_j / sqrt(key_dim)) v_j / sum_j g(...), g(s) = 1 + s +
    s^2 / 2.

    Linear attention with the feature map "taylor". State ``w`` [batch, head, value_dim,
    feature] and ``z`` [batch, head, feature].

    Args:
        normalise: whether to divide by the summed weights.
        eps: added to the divisor.

    Source: Arora et al. 2024, Based, arXiv:2402.18668 (its sliding window is not in this
    memory); looked up in flash-linear-attention (ops/based).
    """

    name = "based"
    aliases = ("taylor_attention",)
    summary = "linear attention with the second-order expansion of exp as its kernel"
    citation = "arora2024simple"

    def __init__(self, normalise: bool = True, eps: float = 1e-6):
        super().__init__("taylor", normalise, eps)


@register
class ReBased(NormalisedLinearAttention):
    """ReBased: y_t = sum_j (q'_t.k'_j)^2 v_j / sum_j (...), q' = g o norm(q) + c,
    likewise k'.

    norm takes the mean off a vector and divides it by its standard deviation. Gains and
    shifts are slow constants [head, key_dim]: ``query_gain``, ``query_shift``,
    ``key_gain``, ``key_shift``. State as of `Based`, with the feature map "quadratic".

    Args:
        layer_norm: whether there is norm, else the vector itself.
        normalise, eps: as for `Based`.

    Source: Aksenov et al. 2024, ReBased, arXiv:2402.10644. The kernel was looked up in
    flash-linear-attention (ops/rebased, which shares one gain and shift between q and k);
    that q and k have their own is recalled.
    """

    name = "rebased"
    aliases = ("quadratic_attention",)
    summary = "linear attention with a learned quadratic kernel"
    citation = "aksenov2024linear"

    def __init__(
        self, layer_norm: bool = True, normalise: bool = True, eps: float = 1e-6
    ):
        super().__init__("quadratic", normalise, eps)
        self.layer_norm = flag(layer_norm, f"{self.name}: layer_norm")

    def constants(self, value_dim: int, key_dim: int) -> dict[str, torch.Tensor]:
        one, zero = torch.ones(key_dim), torch.zeros(key_dim)
        return {
            "query_gain": one,
            "query_shift": zero,
            "key_gain": one,
            "key_shift": zero,
        }

    def _mapped(self, signals: Signals) -> list[torch.Tensor]:
        found = []
        for name, side in (("q", "query"), ("k", "key")):
            x = signals[name]
            if self.layer_norm:
                x = functional.layer_norm(x, x.shape[-1:], eps=NORM_EPS)
            found.append(self.phi(signals[f"{side}_gain"] * x + signals[f"{side}_shift"]))
        return found
