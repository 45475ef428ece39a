"""The hybrid of softmax attention inside a chunk and fast weights across chunks."""

from __future__ import annotations

import torch

from .base import Signals, State
from .forms import delta_step
from .hybrid import Hybrid
from .registry import register
from .softmax import append, attend


@register
class DelayedChunk(Hybrid):
    """The window is the chunk so far; W gets its pairs, one after the other, at its end.

    All ``window`` tokens of a chunk read W as it was before the chunk. The state keeps the write
    strengths of the chunk too: ``strengths`` [batch, time, head]. Read-out, options and source:
    `Hybrid`.
    """

    name = "hybrid_delayed_chunk"
    aliases = ("delayed_chunk",)
    summary = "softmax inside a chunk, delta rule across chunks"
    growing = (*Hybrid.growing, "strengths")

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        state = super().initial(batch, heads, value_dim, key_dim, like)
        return state | {"strengths": like.new_zeros(batch, 0, heads)}

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        k, v, q, w = signals["k"], signals["v"], signals["q"], state["w"]
        beta = signals["beta"]
        if not self.window:  # a chunk of no tokens: every pair is written before it is read
            w = delta_step(w, self.phi(k), v, beta)
            fast = self.read(w, q)
            return self.mix(fast, torch.zeros_like(fast), signals), {**state, "w": w}
        keys, values = append(state, k, v)
        strengths = torch.cat([state["strengths"], beta[:, None]], 1)
        window = attend(q, keys, values, self.scale)
        readout = self.mix(self.read(w, q), window, signals)
        return readout, self._written(w, keys, values, strengths)

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, w = signals["q"], state["w"]
        begun, tokens = state["keys"].shape[1], q.shape[1]
        if not self.window:
            phi_q, phi_k = self.phi(q), self.phi(signals["k"])
            fast, w = self.delta_tokens(w, phi_q, phi_k, signals["v"], signals["beta"])
            return self.mix(fast, torch.zeros_like(fast), signals), {**state, "w": w}
        keys, values = self.joined(state, signals)
        strengths = torch.cat([state["strengths"], signals["beta"]], 1)
        times = torch.arange(begun + tokens, device=q.device)
        same = times[begun:, None] // self.window == times // self.window
        window = self.attend_all(q, keys, values, same & (times <= times[begun:, None]))
        phi_q, fast, now = self.phi(q), [], begun
        chunks = zip(*(x.split(self.window, 1) for x in (keys, values, strengths)), strict=True)
        for chunk in chunks:
            length = chunk[0].shape[1] - now  # new tokens in this chunk
            fast.append(torch.einsum("bhvk,bihk->bihv", w, phi_q[:, :length]))
            phi_q, now = phi_q[:, length:], 0
            final = self._written(w, *chunk)
            w = final["w"]
        return self.mix(torch.cat(fast, 1), window, signals), final

    def _written(self, w, keys, values, strengths) -> State:
        """Write a chunk that is full, and begin the next."""
        if keys.shape[1] == self.window:
            k = self.phi(keys)
            _, w = self.delta_tokens(w, k, k, values, strengths)
            keys, values, strengths = (x[:, :0] for x in (keys, values, strengths))
        return {"w": w, "keys": keys, "values": values, "strengths": strengths}
