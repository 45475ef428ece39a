"""What several memories need: decays between tokens, and the delta rule inside
hybrids."""

from __future__ import annotations

import torch

from ...rules import rule
from ..engine import fast_form
from ..exported import ExportedStep, any_number, scanned


def heads_first(x: torch.Tensor) -> torch.Tensor:
    """Turn [batch, token, head, ...] into [batch, head, token, ...], and back."""
    return x.transpose(1, 2)


def lower(tokens: int, like: torch.Tensor, diagonal: int = 0) -> torch.Tensor:
    """Return the boolean mask [token i, token j] of j <= i + diagonal."""
    return torch.ones(tokens, tokens, dtype=torch.bool, device=like.device).tril(diagonal)


def pairwise_decay(alpha: torch.Tensor) -> torch.Tensor:
    """Return D [..., i, j] = prod_{s=j+1..i} alpha_s for i >= j, else 0, of alpha [...,
    token].

    Products of the factors themselves: no quotient of cumulative products, which is 0/0
    as soon as they underflow, and no logarithm, which a decay of zero has not.
    """
    later = lower(alpha.shape[-1], alpha, -1)
    factors = torch.where(later, alpha[..., :, None], alpha.new_ones(()))
    return torch.cumprod(factors, -2).tril()


def pairwise_log_decay(log_alpha: torch.Tensor) -> torch.Tensor:
    """Return sum_{s=j+1..i} log_alpha_s [..., i, j] for i >= j, else -inf."""
    tokens = log_alpha.shape[-1]
    later = lower(tokens, log_alpha, -1)
    summed = torch.cumsum(
        torch.where(later, log_alpha[..., :, None], log_alpha.new_zeros(())), -2
    )
    return summed.masked_fill(~lower(tokens, log_alpha), -torch.inf)


def delta_step(w, k, v, beta):
    """Return W + beta (v - W k) k' for w [..., value_dim, key_dim] and one token."""
    error = v - (w @ k[..., None])[..., 0]
    return w + (beta[..., None] * error)[..., None] * k[..., None, :]


class DeltaTokens:
    """The delta rule in its chunk form over [batch, token, head(, dim)].

    An object, so that its symbolic work is done where a memory is built, before any
    trace.
    """

    def __init__(self):
        self.form, self.one = fast_form(rule("delta")), ExportedStep(rule("delta"))

    def __reduce__(self):
        return DeltaTokens, ()

    def __call__(self, w, q, k, v, beta) -> tuple[torch.Tensor, torch.Tensor]:
        """Run over all tokens.

        Returns:
            read-outs W_t q_t [batch, token, head, value_dim] and the final weights
            [batch, head, value_dim, key_dim].
        """
        signals = {"q": q, "k": k, "v": v, "beta": beta}
        if any_number(q.shape[1]):
            readout, states = scanned(self.one, signals, {"w": w})
        else:
            readout, states = self.form(signals, {"w": w})
        return readout, states["w"]
