"""Log-linear attention: the past in buckets of doubling length, each with its own weight."""

from __future__ import annotations

import math

import torch

from ...errors import FwpError
from ...validation import whole
from .base import Memory, Signals, State
from .forms import heads_first, pairwise_decay
from .registry import register


@register
class LogLinearAttention(Memory):
    """Log-linear attention: y_t = sum_l lambda_t^(l) W_t^(l) q_t over the levels of a Fenwick tree.

    Level 0 holds the pair of token t alone; level l > 0 holds the last 2^(l-1) tokens before those
    of the lower levels if bit l - 1 of t (from 0) is set, else nothing: pair j is on level
    bit_length(t xor j). Every bucket decays by alpha_t. With the lowest set bit s of t:
    W_t^(s+1) = alpha_t sum_{l<=s} W_{t-1}^(l), levels 1..s are empty and W_t^(0) = v k'.

    The weights of the levels are shared gates of their own, ``lambda0`` ... ``lambda<levels-1>``,
    each [batch, token, head]. State: ``levels`` [batch, head, level, value_dim, key_dim] and
    ``tokens`` [batch], the tokens so far.

    Args:
        levels: number of levels; 2^(levels-1) tokens fit.

    Raises:
        FwpError: more tokens than fit.

    Source: Guo et al. 2025, Log-linear attention, arXiv:2506.04761 (on scalar decay, as Mamba-2).
    """

    name = "log_linear_attention"
    aliases = ("log_linear",)
    summary = "decayed Hebbian buckets of doubling length, each read with its own weight"
    citation = "Guo et al. 2025, Log-linear attention, arXiv:2506.04761"
    no_circuit = "Whole weight matrices are added to one another when buckets merge."
    forms = ("step", "parallel")

    def __init__(self, levels: int = 11):
        self.levels = whole(levels, "log_linear_attention: levels")
        self.lambdas = [f"lambda{level}" for level in range(self.levels)]
        self.homes = {"k": "pre", "v": "post", "alpha": "shared"}
        self.homes |= dict.fromkeys(self.lambdas, "shared")
        self.domains = dict.fromkeys(self.lambdas, (0.0, math.inf))

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return {
            "levels": like.new_zeros(batch, heads, self.levels, value_dim, key_dim),
            "tokens": like.new_zeros(batch),
        }

    def _check(self, tokens: int) -> None:
        fit = 2 ** (self.levels - 1)
        if tokens > fit:
            raise FwpError(
                f"log_linear_attention: levels={self.levels} hold {fit} tokens, got {tokens}; "
                f"pass levels={(tokens - 1).bit_length() + 1}"
            )

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        token = int(state["tokens"][0])
        self._check(token + 1)
        levels = list((signals["alpha"][..., None, None, None] * state["levels"]).unbind(2))
        if token:
            lowest = (token & -token).bit_length() - 1
            levels[lowest + 1] = torch.stack(levels[: lowest + 1]).sum(0)
            for level in range(1, lowest + 1):
                levels[level] = torch.zeros_like(levels[level])
        levels[0] = signals["v"][..., None] * signals["k"][..., None, :]
        stacked = torch.stack(levels, 2)
        weights = torch.stack([signals[name] for name in self.lambdas], -1)
        readout = torch.einsum("bhl,bhlvk,bhk->bhv", weights, stacked, signals["q"])
        return readout, {"levels": stacked, "tokens": state["tokens"] + 1}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, k, v = (heads_first(signals[name]) for name in ("q", "k", "v"))
        alpha = heads_first(signals["alpha"])
        weights = torch.stack([heads_first(signals[name]) for name in self.lambdas], -1)
        before, new = int(state["tokens"][0]), q.shape[2]
        self._check(before + new)
        times = torch.arange(before, before + new, device=q.device)
        pairs = _level(times[:, None], times).tril()  # [i, j]: the level of pair j at token i
        decay, since = pairwise_decay(alpha), alpha.cumprod(-1)
        scores = (q @ k.mT) * decay * _gather(weights, pairs)
        readout = scores @ v
        final = torch.zeros_like(state["levels"])
        at_end = torch.arange(self.levels, device=q.device)[:, None] == pairs[-1]  # [level, j]
        kept = (at_end * decay[..., None, -1, :])[..., None] * k[:, :, None]
        final = v[:, :, None].mT @ kept
        if before:
            last = [_last_token(level, before - 1) for level in range(self.levels)]
            carried = _level(times[:, None], torch.tensor(last, device=q.device))  # [i, old level]
            lambdas = _gather(weights, carried) * since[..., None]  # [batch, head, i, old level]
            readout = readout + torch.einsum("bhil,bhlvk,bhik->bhiv", lambdas, state["levels"], q)
            moved = torch.zeros_like(final).index_add(2, carried[-1], state["levels"])
            final = final + since[..., -1, None, None, None] * moved
        return heads_first(readout), {"levels": final, "tokens": state["tokens"] + new}


def _last_token(level: int, now: int) -> int:
    """Return the last token of a bucket at token ``now`` (any if the bucket is empty)."""
    if level == 0:
        return now
    return max(0, (now >> (level - 1) << (level - 1)) - 1)


def _level(token: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
    """Return the level that a pair is on at a later token: the bit length of their xor."""
    return torch.frexp((token ^ past).double()).exponent.long()


def _gather(weights: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Return weights[batch, head, i, levels[i, j]] of weights [batch, head, i, level]."""
    return weights.gather(-1, levels.expand(*weights.shape[:3], -1))
