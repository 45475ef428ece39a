"""The hybrid of softmax attention inside a chunk and fast weights across chunks."""

from __future__ import annotations

import torch

from ..exported import any_number, last_tokens, scanned
from .hybrid import Hybrid
from .memory_class import Signals, State
from .memory_parts import delta_step
from .registered_memories import register
from .softmax import append, attend


@register
class DelayedChunk(Hybrid):
    """The window is the chunk so far; W gets its pairs, one after the other, at its end.

    All ``window`` tokens of a chunk read W as it was before the chunk. The state keeps
    the write strengths of the chunk too: ``strengths`` [batch, time, head]. Read-out,
    options and source:
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
        # a chunk of no tokens: every pair is written before it is read
        if not self.window:
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
        if any_number(tokens):
            fast, final = self._scanned(w, q, keys, values, strengths)
            return self.mix(fast, window, signals), final
        phi_q, fast, now = self.phi(q), [], begun
        chunks = zip(
            *(x.split(self.window, 1) for x in (keys, values, strengths)), strict=True
        )
        for chunk in chunks:
            length = chunk[0].shape[1] - now  # new tokens in this chunk
            fast.append(torch.einsum("bhvk,bihk->bihv", w, phi_q[:, :length]))
            phi_q, now = phi_q[:, length:], 0
            final = self._written(w, *chunk)
            w = final["w"]
        return self.mix(torch.cat(fast, 1), window, signals), final

    def _scanned(self, w, q, keys, values, strengths) -> tuple[torch.Tensor, State]:
        """Return the fast read-out and the state for a number of tokens that is not known
        yet.

        Every pair is written at once to weights that are read from the next chunk on.
        """
        times = keys.shape[1]
        begun = times - q.shape[1]  # pairs of the chunk before the first query
        q = torch.cat([torch.zeros_like(keys[:, :begun]), q], 1)
        ends = (torch.arange(1, times + 1, device=q.device) % self.window == 0)[None]
        signals = {"q": self.phi(q), "k": self.phi(keys), "v": values, "beta": strengths}

        def step(states, now):
            written = delta_step(states["written"], now["k"], now["v"], now["beta"])
            readout = (states["w"] @ now["q"][..., None])[..., 0]
            read = torch.where(now["ends"][:, None, None, None], written, states["w"])
            return readout, {"w": read, "written": written}

        fast, states = scanned(step, signals | {"ends": ends}, {"w": w, "written": w})
        kept = {"keys": keys, "values": values, "strengths": strengths}
        kept = {name: last_tokens(x, times % self.window) for name, x in kept.items()}
        return fast.narrow(1, begun, times - begun), {"w": states["w"], **kept}

    def _written(self, w, keys, values, strengths) -> State:
        """Write a chunk that is full, and begin the next."""
        if keys.shape[1] == self.window:
            k = self.phi(keys)
            _, w = self.delta_tokens(w, k, k, values, strengths)
            keys, values, strengths = (x[:, :0] for x in (keys, values, strengths))
        return {"w": w, "keys": keys, "values": values, "strengths": strengths}
