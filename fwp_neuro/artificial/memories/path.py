"""PaTH attention: softmax attention whose keys are reflected by every later token; with a
gate."""

from __future__ import annotations

import math

import torch

from ...validation import real_or_none
from . import features
from .forgetting_attention import faded, faded_tokens
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first
from .registered_memories import register
from .softmax import append, attend, causal, empty


def householder_solve(
    keys: torch.Tensor, strengths: torch.Tensor, right: torch.Tensor
) -> torch.Tensor:
    """Return X = (I + Diag(b) tril(K K', -1))^-1 Diag(b) R, the UT transform.

    Row s of X is b_s (r_s - sum_{u<s} (k_s.k_u) x_u): what reflection s takes off each of
    the n vectors whose products with the K are R, after the reflections before it.

    Args:
        keys: K [..., token, key_dim].
        strengths: b [..., token].
        right: R [..., token, n].

    Source: Yang et al. 2024, arXiv:2406.06484, section 3.
    """
    b = strengths[..., None]
    triangle = b * (keys @ keys.mT).tril(-1)
    return torch.linalg.solve_triangular(
        triangle, b * right, upper=False, unitriangular=True
    )


@register
class PathAttention(Memory):
    """PaTH: y_t = sum_{j<=t} softmax_j(scale q_t' H_t H_{t-1} ... H_{j+1} k_j) v_j.

    H_s = I - beta_s w_s w_s' with the presynaptic signal ``w`` of unit length and beta in
    (0, 2). The state grows as that of softmax attention; its ``keys`` hold H_t ...
    H_{j+1} k_j.

    Args:
        scale: of the products; 1/sqrt(key_dim) if None.
        direction_norm: of w, "l2", "sum" or "none".

    Source: Yang et al. 2025, PaTH attention, arXiv:2505.16381.
    """

    name = "path_attention"
    aliases = ("path",)
    summary = "softmax attention whose kept keys are reflected at every token"
    citation = "yang2025path"
    no_circuit = "It keeps every pair apart, so that its size grows with the tokens."
    homes = {"k": "pre", "v": "post", "w": "pre", "beta": "shared"}
    domains = {"w": (-math.inf, math.inf), "beta": (0.0, 2.0)}
    forms = ("step", "parallel")
    growing = ("keys", "values")

    def __init__(self, scale: float | None = None, direction_norm: str = "l2"):
        self.scale = real_or_none(scale, f"{self.name}: scale")
        self.norm = features.key_norm(direction_norm)

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return empty(batch, heads, value_dim, key_dim, like)

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        new = self._reflected(state, signals)
        return attend(signals["q"], new["keys"], new["values"], self.scale), new

    def _reflected(self, state: State, signals: Signals) -> State:
        """Return all pairs after the reflection of one token, with its own pair at the
        end."""
        w = self.norm(signals["w"])[:, None]  # [batch, 1, head, key_dim]
        along = signals["beta"][:, None, :, None] * (state["keys"] * w).sum(
            -1, keepdim=True
        )
        reflected = {"keys": state["keys"] - along * w, "values": state["values"]}
        keys, values = append(reflected, signals["k"], signals["v"])
        return {"keys": keys, "values": values}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        readable = causal(state["keys"].shape[1], signals["q"].shape[1], signals["q"])
        hidden = torch.where(readable, 0.0, -torch.inf).to(signals["q"])
        return self._attend_all(state, signals, hidden)

    def _attend_all(
        self, state: State, signals: Signals, bias
    ) -> tuple[torch.Tensor, State]:
        """Read at all tokens; ``bias`` [..., token, time] is added to the scaled
        products."""
        kept = state["keys"].shape[1]
        keys = heads_first(torch.cat([state["keys"], signals["k"]], 1))
        values = torch.cat([state["values"], signals["v"]], 1)
        q, w = heads_first(signals["q"]), heads_first(self.norm(signals["w"]))
        # key j becomes k_j - sum_s w_s c_sj over the reflections s after j, all c by one
        # solve [batch, head, s, j]: reflection s comes after key j
        met = (w @ keys.mT).tril(kept - 1)
        along = householder_solve(w, heads_first(signals["beta"]), met)
        logits = q @ keys.mT - (q @ w.mT).tril() @ along
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        readout = (scale * logits + bias).softmax(-1) @ heads_first(values)
        state = {"keys": heads_first(keys - along.mT @ w), "values": values}
        return heads_first(readout), state


@register
class PathFox(PathAttention):
    """PaTH with a forget gate: logits scale q_t' H_t ... H_{j+1} k_j + sum_{s=j+1..t} log
    f_s.

    ``forget`` is f, a shared gate in (0, 1). Arguments and state are those of
    `PathAttention`, and ``faded`` [batch, time, head] as of `ForgettingAttention`.

    Source: Yang et al. 2025, PaTH attention, arXiv:2505.16381 (PaTH-FoX); Lin, Nikishin,
    He & Courville 2025, arXiv:2503.02130. The gate is recalled from the papers: it is not
    scaled.
    """

    name = "path_fox"
    aliases = ("path_forgetting_attention",)
    summary = (
        "softmax attention whose kept keys are reflected and weigh less at every token"
    )
    citation = "yang2025path; lin2025forgetting"
    homes = {**PathAttention.homes, "forget": "shared"}
    growing = ("keys", "values", "faded")

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        pairs = super().initial(batch, heads, value_dim, key_dim, like)
        return pairs | {"faded": like.new_zeros(batch, 0, heads)}

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        new = self._reflected(state, signals) | {"faded": faded(state, signals["forget"])}
        logs = heads_first(new["faded"])
        return attend(signals["q"], new["keys"], new["values"], self.scale, logs), new

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        logs = faded_tokens(state, signals["forget"])
        readout, new = self._attend_all(state, signals, logs)
        return readout, new | {"faded": heads_first(logs[:, :, -1])}
