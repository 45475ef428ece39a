"""RWKV-6: a decay for each key dimension, read before the write with a bonus for the new
pair."""

from __future__ import annotations

import torch

from ...validation import whole
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, pairwise_decay
from .registered_memories import register


@register
class Rwkv6(Memory):
    """RWKV-6 (Finch): y_t = (W_{t-1} + v (u o k)') q, then W_t = W_{t-1} Diag(decay) + v
    k'.

    The query is the paper's receptance r; ``u`` [head, key_dim] is a slow constant (ones
    unless given: the new pair is read like an old one that has not decayed yet).

    Args:
        block: tokens that the parallel form takes at once; decays between two tokens of a
            block are products of the decays themselves, so that nothing is divided by
            what underflows.

    Source: Peng et al. 2024, Eagle and Finch, arXiv:2404.05892.
    """

    name = "rwkv6"
    aliases = ("finch",)
    summary = (
        "decay for each key dimension; read before write, with a bonus for the new pair"
    )
    citation = "peng2024eagle"
    no_circuit = (
        "The read-out counts the new pair by a learned bonus instead of by its synapse."
    )
    homes = {"k": "pre", "v": "post", "decay": "pre"}
    forms = ("step", "parallel")

    def __init__(self, block: int = 16):
        self.block = whole(block, "rwkv6: block", most=2**31)

    def constants(self, value_dim: int, key_dim: int) -> dict[str, torch.Tensor]:
        return {"u": torch.ones(key_dim)}

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        w, k, v, q = state["w"], signals["k"], signals["v"], signals["q"]
        bonus = (signals["u"] * k * q).sum(-1, keepdim=True)
        readout = (w @ q[..., None])[..., 0] + bonus * v
        return readout, {
            "w": w * signals["decay"][..., None, :] + v[..., None] * k[..., None, :]
        }

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        w, readouts = state["w"], []
        arrays = [heads_first(signals[name]) for name in ("q", "k", "v", "decay")]
        for q, k, v, decay in zip(
            *(x.split(self.block, -2) for x in arrays), strict=True
        ):
            # [batch, head, key_dim, i, j]: decay of j+1..i
            between = pairwise_decay(decay.mT)
            # read before write: token i meets the decays up to token i - 1
            before = torch.cat(
                [torch.zeros_like(between[..., :1, :]), between[..., :-1, :]], -2
            )
            scores = torch.einsum("bhic,bhcij,bhjc->bhij", q, before, k)
            bonus = (q * signals["u"][:, None] * k).sum(-1, keepdim=True)
            since = decay.cumprod(-2)  # decay of the carried weights, up to each token
            seen = torch.cat([torch.ones_like(since[..., :1, :]), since[..., :-1, :]], -2)
            readouts.append((q * seen) @ w.mT + scores @ v + bonus * v)
            w = w * since[..., -1:, :] + v.mT @ (k * between[..., -1, :].mT)
        return heads_first(torch.cat(readouts, -2)), {"w": w}
