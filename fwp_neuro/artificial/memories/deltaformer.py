"""DeltaFormer: attention that stores, instead of each value, what it did not yet hold of
it."""

from __future__ import annotations

import torch

from ...errors import pick
from ...validation import real_or_none
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first
from .registered_memories import register
from .softmax import append, causal, empty

KERNELS = ("softmax", "linear")


@register
class DeltaFormer(Memory):
    """DeltaFormer: u_t = v_t - beta_t sum_{j<t} A_tj u_j, read y_t = sum_{j<=t} B_tj u_j.

    A_tj = softmax_j(scale x_t.k_j) over the earlier tokens j < t, with x = k or q, and
    B_tj = softmax_j(scale q_t.k_j) over j <= t. The state grows: ``keys`` [batch, time,
    head, key_dim] and ``values`` [batch, time, head, value_dim], which hold the u.

    Args:
        kernel: "softmax", or "linear" for the products themselves; a linear kernel of
            scale 1 is the delta rule (with separate gains: erase beta and write 1).
        correction: x, "key" or "query".
        scale: of the products; 1/sqrt(key_dim) if None.

    Source: Zhong, Xu, Ao & Shi 2025, Understanding transformer from the perspective of
    associative memory, arXiv:2505.19488; looked up in flash-linear-attention:
    ops/deltaformer, whose reference code corrects by the query, and layers/deltaformer,
    which names the key as the better one.
    """

    name = "deltaformer"
    summary = (
        "attention that writes what its earlier pairs do not yet give for the new key"
    )
    citation = "zhong2025understanding"
    no_circuit = "It keeps every pair apart, so that its size grows with the tokens."
    homes = {"k": "pre", "v": "post", "beta": "shared"}
    forms = ("step", "parallel")
    growing = ("keys", "values")

    def __init__(
        self, kernel: str = "softmax", correction: str = "key", scale: float | None = None
    ):
        self.kernel = pick(kernel, KERNELS, "kernel of deltaformer:")
        self.correction = {"key": "k", "query": "q"}[
            pick(correction, ("key", "query"), "correction of deltaformer:")
        ]
        self.scale = real_or_none(scale, "deltaformer: scale")

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return empty(batch, heads, value_dim, key_dim, like)

    def _weights(self, x: torch.Tensor, keys: torch.Tensor, readable) -> torch.Tensor:
        """Weights [batch, head, token, time] of x [batch, head, token, key_dim] on all
        keys.

        Args:
            keys: [batch, head, time, key_dim].
            readable: [token, time] of bool, or None for all.
        """
        scale = x.shape[-1] ** -0.5 if self.scale is None else self.scale
        logits = scale * (x @ keys.mT)
        if self.kernel == "linear":
            return logits if readable is None else logits * readable
        if readable is None:
            return logits.softmax(-1)
        # a row without a readable pair has weights of zero, and gradients that are
        # numbers
        hidden = ~(readable | ~readable.any(-1, keepdim=True))
        return logits.masked_fill(hidden, -torch.inf).softmax(-1) * readable

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        x, q = (signals[name][:, :, None] for name in (self.correction, "q"))
        old = self._weights(x, heads_first(state["keys"]), None) @ heads_first(
            state["values"]
        )
        u = signals["v"] - signals["beta"][..., None] * old[:, :, 0]
        keys, values = append(state, signals["k"], u)
        readout = self._weights(q, heads_first(keys), None) @ heads_first(values)
        return readout[:, :, 0], {"keys": keys, "values": values}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        kept, tokens = state["keys"].shape[1], signals["q"].shape[1]
        keys = torch.cat([state["keys"], signals["k"]], 1)
        x, q, v, beta, all_keys, old = map(
            heads_first, (*(signals[n] for n in (self.correction, "q", "v", "beta")),
                          keys, state["values"]),
        )  # fmt: skip
        readable = causal(kept, tokens, q)
        earlier = readable.tril(kept - 1)  # without the pair of the token itself
        rates = beta[..., None] * self._weights(x, all_keys, earlier)
        # (I + rates among the new tokens) u = v - rates of the old pairs
        right = v - rates[..., :kept] @ old
        u = torch.linalg.solve_triangular(
            rates[..., kept:], right, upper=False, unitriangular=True
        )
        values = torch.cat([old, u], 2)
        readout = self._weights(q, all_keys, readable) @ values
        return heads_first(readout), {"keys": keys, "values": heads_first(values)}
