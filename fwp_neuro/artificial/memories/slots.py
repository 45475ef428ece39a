"""Attention over a fixed number of slots, each a running mean of keys and of values."""

from __future__ import annotations

import math

import torch

from ...validation import real_or_none, whole
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, lower, pairwise_decay
from .registered_memories import register

#: logarithm of a sum without terms: in every number format far below any control, and
#: finite
NOTHING = -1e30


@register
class GatedSlotAttention(Memory):
    """GSA: K_t = Diag(a_t) K_{t-1} + (1 - a_t) k_t', V_t = Diag(a_t) V_{t-1} + (1 - a_t)
    v_t'.

    Read y_t = V_t' softmax(scale K_t q_t), over the slots. The gates a are shared gates
    of their own, ``alpha0`` ... ``alpha<slots-1>``, each [batch, token, head]. State:
    ``slot_keys`` K [batch, head, slot, key_dim] and ``slot_values`` V [batch, head, slot,
    value_dim].

    Args:
        slots: number of slots (64 in the source).
        scale: of the products; 1/sqrt(key_dim) if None.
        block: tokens that the parallel form takes at once, as for RWKV-6.

    Source: Zhang et al. 2024, Gated slot attention, NeurIPS 2024, arXiv:2409.07146;
    looked up in flash-linear-attention (ops/gsa, layers/gsa: the gate is a sigmoid to the
    power 1/8).
    """

    name = "gated_slot_attention"
    aliases = ("gsa",)
    summary = "softmax attention over a few slots, gated running means of keys and values"
    citation = "zhang2024gated"
    no_circuit = (
        "It compares the query with keys that are stored slot by slot, not at synapses."
    )
    forms = ("step", "parallel")
    gate, domain = "alpha", (0.0, 1.0)

    def __init__(self, slots: int = 16, scale: float | None = None, block: int = 16):
        self.slots = whole(slots, f"{self.name}: slots", most=65_536)
        self.scale = real_or_none(scale, f"{self.name}: scale")
        self.block = whole(block, f"{self.name}: block", most=2**31)
        self.named = [f"{self.gate}{slot}" for slot in range(self.slots)]
        self.homes = {"k": "pre", "v": "post", **dict.fromkeys(self.named, "shared")}
        self.domains = dict.fromkeys(self.named, self.domain)

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return {
            "slot_keys": like.new_zeros(batch, heads, self.slots, key_dim),
            "slot_values": like.new_zeros(batch, heads, self.slots, value_dim),
        }

    def keeps(self, state: State, gates: torch.Tensor) -> tuple[torch.Tensor, State]:
        """Return a and what else is new in the state, from the gates [batch, head, token,
        slot]."""
        return gates, {}

    def _stacked(self, signals: Signals) -> torch.Tensor:
        return torch.stack([signals[name] for name in self.named], -1)

    def _probabilities(self, q: torch.Tensor, products: torch.Tensor) -> torch.Tensor:
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        return (scale * products).softmax(-1)

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        kept, new = self.keeps(state, self._stacked(signals)[:, :, None])
        kept, q = kept[:, :, 0, :, None], signals["q"]  # [batch, head, slot, 1]
        for name, signal in (("slot_keys", "k"), ("slot_values", "v")):
            new[name] = kept * state[name] + (1 - kept) * signals[signal][:, :, None]
        read = self._probabilities(q, (new["slot_keys"] @ q[..., None])[..., 0])
        return (read[..., None, :] @ new["slot_values"])[..., 0, :], new

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        kept, new = self.keeps(state, heads_first(self._stacked(signals)))
        arrays = [heads_first(signals[name]) for name in ("q", "k", "v")]
        keys, values, readouts = state["slot_keys"], state["slot_values"], []
        for q, k, v, a in zip(
            *(x.split(self.block, 2) for x in (*arrays, kept)), strict=True
        ):
            between = pairwise_decay(a.mT)  # [batch, head, slot, i, j]: of tokens j+1..i
            weights = between * (1 - a).mT[..., None, :]
            since = a.cumprod(2)
            products = torch.einsum("bhij,bhsij->bhis", q @ k.mT, weights)
            read = self._probabilities(q, products + (q @ keys.mT) * since)
            shares = torch.einsum("bhis,bhsij->bhij", read, weights)
            readouts.append(shares @ v + (read * since) @ values)
            left, written = since[:, :, -1, :, None], weights[..., -1, :]
            keys, values = left * keys + written @ k, left * values + written @ v
        new |= {"slot_keys": keys, "slot_values": values}
        return heads_first(torch.cat(readouts, 2)), new


@register
class BoundedMemoryAttention(GatedSlotAttention):
    """ABC: slot s holds the means of keys and values weighted by exp(control_s).

    K_t = sum_{j<=t} e_j k_j' / z_t with e_j = exp(control_j) [slot] and z_t = sum_{j<=t}
    e_j, V likewise; read y_t = V_t' softmax(scale K_t q_t). It is `GatedSlotAttention`
    with a_t = z_{t-1} / z_t. The controls are shared signals ``control0`` ... of either
    sign. State: as there, and ``log_total`` = log z [batch, head, slot], `NOTHING` before
    the first token.

    Source: Peng et al. 2022, ABC, ACL 2022, arXiv:2110.02488 (the learned control
    ABC_MLP); looked up in flash-linear-attention (ops/abc).
    """

    name = "bounded_memory_attention"
    aliases = ("abc",)
    summary = "softmax attention over a few slots, weighted means of all keys and values"
    citation = "peng2022abc"
    gate, domain = "control", (-math.inf, math.inf)

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        state = super().initial(batch, heads, value_dim, key_dim, like)
        return state | {"log_total": like.new_full((batch, heads, self.slots), NOTHING)}

    def keeps(self, state: State, gates: torch.Tensor) -> tuple[torch.Tensor, State]:
        # by blocks of sums: the second derivative of a running sum of logarithms is not a
        # number
        totals = [state["log_total"][:, :, None]]
        for part in gates.split(self.block, 2):
            later = ~lower(part.shape[2], part)[..., None]
            sums = part[:, :, None].masked_fill(later, NOTHING).logsumexp(3)
            totals.append(torch.logaddexp(totals[-1][:, :, -1:], sums))
        totals = torch.cat(totals, 2)
        return (totals[:, :, :-1] - totals[:, :, 1:]).exp(), {
            "log_total": totals[:, :, -1]
        }
