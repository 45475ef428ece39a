"""Softmax attention as a memory: every pair is kept, and read by its similarity to the
query."""

from __future__ import annotations

import torch
from torch.nn import functional

from ...validation import real_or_none
from ..derivatives import smooth
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, lower
from .registered_memories import register


def attend(q, keys, values, scale: float | None, bias=0) -> torch.Tensor:
    """Return sum_j softmax_j(scale q.k_j + bias_j) v_j for one token; zeros if nothing is
    kept.

    Args:
        q: [batch, head, key_dim].
        keys, values: [batch, time, head, dim].
        scale: 1/sqrt(key_dim) if None.
        bias: [batch, head, time], or a number.
    """
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    weights = (scale * torch.einsum("bhk,bthk->bht", q, keys) + bias).softmax(-1)
    return torch.einsum("bht,bthv->bhv", weights, values)


def attend_tokens(
    q, keys, values, readable: torch.Tensor, scale: float | None
) -> torch.Tensor:
    """As `attend`, for all tokens of q [batch, token, head, key_dim] at once.

    Args:
        readable: [token, time] of bool, what each token may read: at least one pair.
    """

    def kernel(q, keys, values, readable):
        return functional.scaled_dot_product_attention(
            q, keys, values, attn_mask=readable, scale=scale
        )

    def products(q, keys, values, readable):
        logits = q @ keys.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
        if readable.dtype is torch.bool:
            logits = logits.masked_fill(~readable, -torch.inf)
        else:
            logits = logits + readable
        return logits.softmax(-1) @ values

    arrays = (heads_first(x) for x in (q, keys, values))
    return heads_first(smooth(kernel, products, *arrays, readable))


def append(
    state: State, k: torch.Tensor, v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the kept keys and values with one more pair [batch, head, dim]."""
    return torch.cat([state["keys"], k[:, None]], 1), torch.cat(
        [state["values"], v[:, None]], 1
    )


def empty(batch, heads, value_dim, key_dim, like) -> State:
    """Return a state without any pair: keys and values [batch, 0, head, dim]."""
    return {
        "keys": like.new_zeros(batch, 0, heads, key_dim),
        "values": like.new_zeros(batch, 0, heads, value_dim),
    }


def causal(kept: int, tokens: int, like: torch.Tensor) -> torch.Tensor:
    """Return which of ``kept`` + ``tokens`` pairs each of the new tokens may read."""
    old = torch.ones(tokens, kept, dtype=torch.bool, device=like.device)
    return torch.cat([old, lower(tokens, like)], 1)


@register
class SoftmaxAttention(Memory):
    """Softmax attention: y_t = sum_{j<=t} softmax_j(scale q_t.k_j) v_j.

    The state grows: ``keys`` [batch, time, head, key_dim] and ``values`` [batch, time,
    head, value_dim], with time 0 before the first token.

    Args:
        scale: of the products; 1/sqrt(key_dim) if None.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Schlag, Irie & Schmidhuber 2021,
    arXiv:2102.11174, eqs 4-7.
    """

    name = "softmax_attention"
    aliases = ("attention", "key_value_memory")
    summary = "keeps every pair and reads by the softmax of key times query"
    citation = "vaswani2017attention"
    no_circuit = "It keeps every pair apart, so that its size grows with the tokens."
    forms = ("step", "parallel")
    growing = ("keys", "values")

    def __init__(self, scale: float | None = None):
        self.scale = real_or_none(scale, f"{self.name}: scale")

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return empty(batch, heads, value_dim, key_dim, like)

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        keys, values = append(state, signals["k"], signals["v"])
        readout = attend(signals["q"], keys, values, self.scale)
        return readout, {"keys": keys, "values": values}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q = signals["q"]
        keys = torch.cat([state["keys"], signals["k"]], 1)
        values = torch.cat([state["values"], signals["v"]], 1)
        readable = causal(state["keys"].shape[1], q.shape[1], q)
        readout = attend_tokens(q, keys, values, readable, self.scale)
        return readout, {"keys": keys, "values": values}
