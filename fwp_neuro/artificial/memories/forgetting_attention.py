"""Softmax attention with a forget gate (FoX): a pair weighs less with every gate after
it."""

from __future__ import annotations

import torch

from ...validation import real_or_none
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, pairwise_log_decay
from .registered_memories import register
from .softmax import append, attend, empty


def log_gate(forget: torch.Tensor) -> torch.Tensor:
    """Return log f; a gate of zero counts as the smallest normal number, which keeps
    gradients."""
    return torch.log(forget.clamp(min=torch.finfo(forget.dtype).tiny))


def faded(state: State, forget: torch.Tensor) -> torch.Tensor:
    """Return the log of what every pair has kept of its weight, with one more pair that
    kept all.

    Args:
        state: with ``faded`` [batch, time, head].
        forget: gates of one token [batch, head].
    """
    old = state["faded"] + log_gate(forget)[:, None]
    return torch.cat([old, torch.zeros_like(forget)[:, None]], 1)


def faded_tokens(state: State, forget: torch.Tensor) -> torch.Tensor:
    """As `faded`, after each of several tokens: [batch, head, token, time], -inf for
    later pairs.

    Args:
        forget: [batch, token, head].
    """
    logs = heads_first(log_gate(forget))  # [batch, head, token]
    old = heads_first(state["faded"])[..., None, :] + logs.cumsum(-1)[..., None]
    return torch.cat([old, pairwise_log_decay(logs)], -1)


@register
class ForgettingAttention(Memory):
    """FoX: y_t = sum_{j<=t} softmax_j(scale q_t.k_j + sum_{s=j+1..t} log f_s) v_j.

    ``forget`` is f, a shared gate in (0, 1). The state grows as that of softmax
    attention; beside ``keys`` and ``values`` it holds ``faded`` [batch, time, head], the
    sum of log f since each pair.

    Args:
        scale: of the products; 1/sqrt(key_dim) if None. It does not scale the gates.

    Source: Lin, Nikishin, He & Courville 2025, Forgetting transformer, ICLR 2025,
    arXiv:2503.02130; equation recalled, and looked up in flash-linear-attention
    (ops/forgetting_attn).
    """

    name = "forgetting_attention"
    aliases = ("fox", "forgetting_transformer")
    summary = "softmax attention whose older pairs weigh less with every forget gate"
    citation = "lin2025forgetting"
    no_circuit = "It keeps every pair apart, so that its size grows with the tokens."
    homes = {"k": "pre", "v": "post", "forget": "shared"}
    forms = ("step", "parallel")
    growing = ("keys", "values", "faded")

    def __init__(self, scale: float | None = None):
        self.scale = real_or_none(scale, f"{self.name}: scale")

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        pairs = empty(batch, heads, value_dim, key_dim, like)
        return pairs | {"faded": like.new_zeros(batch, 0, heads)}

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        keys, values = append(state, signals["k"], signals["v"])
        logs = faded(state, signals["forget"])
        readout = attend(signals["q"], keys, values, self.scale, heads_first(logs))
        return readout, {"keys": keys, "values": values, "faded": logs}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        keys = torch.cat([state["keys"], signals["k"]], 1)
        values = torch.cat([state["values"], signals["v"]], 1)
        logs = faded_tokens(state, signals["forget"])
        q = heads_first(signals["q"])
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        # as products, because the logarithms have gradients, which the fused kernel does
        # not give
        weights = (scale * (q @ heads_first(keys).mT) + logs).softmax(-1)
        readout = heads_first(weights @ heads_first(values))
        return readout, {
            "keys": keys,
            "values": values,
            "faded": heads_first(logs[:, :, -1]),
        }
