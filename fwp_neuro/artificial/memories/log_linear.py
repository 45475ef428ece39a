"""Log-linear attention: the past in buckets of doubling length, each with its own
weight."""

from __future__ import annotations

import math

import torch

from ...errors import FwpError
from ...validation import whole
from ..tracing import count_of
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, pairwise_decay
from .registered_memories import register


@register
class LogLinearAttention(Memory):
    """Log-linear attention: y_t = sum_l lambda_t^(l) W_t^(l) q_t over the levels of a
    Fenwick tree.

    Level 0 holds the pair of token t alone; level l > 0 holds the last 2^(l-1) tokens
    before those of the lower levels if bit l - 1 of t (from 0) is set, else nothing: pair
    j is on level bit_length(t xor j). Every bucket decays by alpha_t. With the lowest set
    bit s of t:
    W_t^(s+1) = alpha_t sum_{l<=s} W_{t-1}^(l), levels 1..s are empty and W_t^(0) = v k'.

    The weights of the levels are shared gates of their own, ``lambda0`` ...
    ``lambda<levels-1>``, each [batch, token, head]. State: ``levels`` [batch, head,
    level, value_dim, key_dim] and ``tokens`` [batch], the tokens so far.

    Args:
        levels: number of levels; 2^(levels-1) tokens fit.

    Raises:
        FwpError: more tokens than fit. Where a graph alone knows how many
            came before, it reads nan.

    Source: Guo et al. 2025, Log-linear attention, arXiv:2506.04761 (on scalar decay, as
    Mamba-2).
    """

    name = "log_linear_attention"
    aliases = ("log_linear",)
    summary = "decayed Hebbian buckets of doubling length, each read with its own weight"
    citation = "guo2025log"
    no_circuit = "Whole weight matrices are added to one another when buckets merge."
    forms = ("step", "parallel")
    counters = ("tokens",)

    def __init__(self, levels: int = 11):
        self.levels = whole(levels, "log_linear_attention: levels", most=63)
        self.lambdas = [f"lambda{level}" for level in range(self.levels)]
        self.homes = {"k": "pre", "v": "post", "alpha": "shared"}
        self.homes |= dict.fromkeys(self.lambdas, "shared")
        self.domains = dict.fromkeys(self.lambdas, (0.0, math.inf))

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return {
            "levels": like.new_zeros(batch, heads, self.levels, value_dim, key_dim),
            "tokens": like.new_zeros(batch),
        }

    def _check(self, before: int | torch.Tensor, new: int) -> None:
        fit = 2 ** (self.levels - 1)
        if isinstance(before, int) and before + new > fit:
            tokens = before + new
            raise FwpError(
                f"log_linear_attention: levels={self.levels} hold {fit} tokens, got "
                f"{tokens}; pass levels={(tokens - 1).bit_length() + 1}"
            )

    def _spoilt(
        self, readout: torch.Tensor, before: int | torch.Tensor, new: int
    ) -> torch.Tensor:
        """Return nan where a count that only the running graph knows does not fit."""
        if isinstance(before, int):
            return readout
        return readout.masked_fill(before + new > 2 ** (self.levels - 1), torch.nan)

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        token = count_of(state, "tokens")
        self._check(token, 1)
        levels = signals["alpha"][..., None, None, None] * state["levels"]
        write = signals["v"][..., None] * signals["k"][..., None, :]
        stacked = torch.cat([write[:, :, None], self._merged(levels, token)[:, :, 1:]], 2)
        weights = torch.stack([signals[name] for name in self.lambdas], -1)
        readout = torch.einsum("bhl,bhlvk,bhk->bhv", weights, stacked, signals["q"])
        state = {"levels": stacked, "tokens": self._counted(state, 1)}
        return self._spoilt(readout, token, 1), state

    def _merged(self, levels: torch.Tensor, token: int | torch.Tensor) -> torch.Tensor:
        """Return levels [batch, head, level, ...] with those up to the lowest set bit in
        one."""
        if isinstance(token, torch.Tensor):
            old = torch.arange(self.levels, device=levels.device)
            lowest = self._level(token & -token) - 1  # -1 at the first token
            new = torch.where(old <= lowest, lowest + 1, old)
            moves = (old[:, None] == new).to(levels)  # [new level, old level]
            return torch.einsum("no,bhovk->bhnvk", moves, levels)
        if not token:
            return levels
        end = (token & -token).bit_length()
        merged = levels[:, :, :end].unbind(2)
        merged = torch.stack(merged).sum(0)[:, :, None]
        empty = torch.zeros_like(levels[:, :, :end])
        return torch.cat([empty, merged, levels[:, :, end + 1 :]], 2)

    def _counted(self, state: State, new: int) -> torch.Tensor:
        """Return the counter after ``new`` more tokens."""
        before = state["levels"].new_zeros(state["levels"].shape[0])
        return state.get("tokens", before) + new

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, k, v = (heads_first(signals[name]) for name in ("q", "k", "v"))
        alpha = heads_first(signals["alpha"])
        weights = torch.stack([heads_first(signals[name]) for name in self.lambdas], -1)
        before, new = count_of(state, "tokens"), q.shape[2]
        self._check(before, new)
        times = before + torch.arange(new, device=q.device)
        # [i, j]: the level of pair j at token i
        pairs = self._level(times[:, None] ^ times).tril()
        decay, since = pairwise_decay(alpha), alpha.cumprod(-1)
        scores = (q @ k.mT) * decay * _gather(weights, pairs)
        readout = scores @ v
        # [level, j]
        at_end = torch.arange(self.levels, device=q.device)[:, None] == pairs[-1]
        kept = (at_end * decay[..., None, -1, :])[..., None] * k[:, :, None]
        final = v[:, :, None].mT @ kept
        if isinstance(before, torch.Tensor) or before:
            last = self._last_tokens(times[0] - 1)
            carried = self._level(times[:, None] ^ last)  # [i, old level]
            # [batch, head, i, old level]
            lambdas = _gather(weights, carried) * since[..., None]
            readout = readout + torch.einsum(
                "bhil,bhlvk,bhik->bhiv", lambdas, state["levels"], q
            )
            moved = torch.zeros_like(final).index_add(2, carried[-1], state["levels"])
            final = final + since[..., -1, None, None, None] * moved
        state = {"levels": final, "tokens": self._counted(state, new)}
        return self._spoilt(heads_first(readout), before, new), state

    def _level(self, differing: torch.Tensor) -> torch.Tensor:
        """Return the bit length of token xor past token, the level of that pair; the last
        if more.

        Not by `torch.frexp`, whose exponents the default backend of torch.compile cannot
        convert.
        """
        powers = 2 ** torch.arange(self.levels - 1, device=differing.device)
        return torch.bucketize(differing, powers, right=True)

    def _last_tokens(self, now: torch.Tensor) -> torch.Tensor:
        """Return the last token of each level's bucket at token ``now`` (any if it is
        empty)."""
        bits = torch.arange(self.levels - 1, device=now.device)
        ends = (((now >> bits) << bits) - 1).clamp(min=0)
        return torch.cat([now.clamp(min=0)[None], ends])


def _gather(weights: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Return weights[batch, head, i, levels[i, j]] of weights [batch, head, i, level]."""
    return weights.gather(-1, levels.expand(*weights.shape[:3], -1))
