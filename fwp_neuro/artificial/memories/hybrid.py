"""Softmax attention over a window and a fast-weight memory in one, blended in three
ways."""

from __future__ import annotations

import torch

from ...errors import pick
from ...validation import real_or_none, whole
from ..exported import last_tokens
from . import features
from .memory_class import Memory, Signals, State
from .memory_parts import DeltaTokens, delta_step
from .registered_memories import register
from .softmax import append, attend, attend_tokens, empty

_GATES = {
    "sum": {},
    "scalar": {"mix_fast": "shared", "mix_window": "shared"},
    "vector": {"mix": "post"},
}
_SOURCE = "irie2025blending"


class Hybrid(Memory):
    """A softmax window over the last pairs and a delta-rule memory W, blended.

    y_t = mix(W phi(q_t), sum_j softmax_j(scale q_t.k_j) v_j), the sum over the pairs in
    the window, and W <- W + beta_t (v - W phi(k)) phi(k)' for the pairs that are handed
    to W; which ones, and when, is where the three hybrids differ. Softmax attention takes
    q and k as they are.

    Args:
        window: pairs in the softmax window; 0 leaves the fast weights alone.
        mixing: "sum": y = fast + window; "scalar": y = mix_fast fast + mix_window window,
            shared gates; "vector": y = mix o fast + (1 - mix) o window, a postsynaptic
            gate.
        feature_map, key_norm: phi, of the fast weights' keys and queries.
        scale: of the softmax; 1/sqrt(key_dim) if None.

    State: ``w`` [batch, head, value_dim, feature], and the window ``keys`` and ``values``
    [batch, time, head, dim], which starts empty.

    Source: Irie, Yau & Gershman 2025, arXiv:2506.00744.
    """

    citation = _SOURCE
    no_circuit = "Its softmax window keeps the last pairs apart from one another."
    domains = {}
    forms = ("step", "parallel")
    growing = ("keys", "values")

    def __init__(
        self,
        window: int = 64,
        mixing: str = "vector",
        feature_map: str | features.FeatureMap = "silu",
        key_norm: str = "l2",
        scale: float | None = None,
    ):
        self.window = whole(window, f"{self.name}: window", least=0, most=2**31)
        self.mixing = pick(mixing, _GATES, f"mixing of {self.name}:")
        self.homes = {"k": "pre", "v": "post", "beta": "shared", **_GATES[self.mixing]}
        self.map, self.norm = (
            features.feature_map(feature_map),
            features.key_norm(key_norm),
        )
        self.scale = real_or_none(scale, f"{self.name}: scale")
        self.delta_tokens = DeltaTokens()

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        self.map.prepare(key_dim)
        w = like.new_zeros(batch, heads, value_dim, self.map.output_dim(key_dim))
        return {"w": w, **empty(batch, heads, value_dim, key_dim, like)}

    def phi(self, x: torch.Tensor) -> torch.Tensor:
        """Return the normalised features of keys or queries [..., key_dim]."""
        return self.norm(self.map(x))

    def mix(self, fast, window, signals: Signals) -> torch.Tensor:
        """Blend the two read-outs [..., head, value_dim]."""
        if self.mixing == "sum":
            return fast + window
        if self.mixing == "scalar":
            return (
                signals["mix_fast"][..., None] * fast
                + signals["mix_window"][..., None] * window
            )
        return signals["mix"] * fast + (1 - signals["mix"]) * window

    def attend_all(self, q, keys, values, readable) -> torch.Tensor:
        """Softmax attention of all tokens; ``readable`` [token, time]; zeros without a
        window."""
        if not self.window:
            return torch.zeros_like(values[:, -q.shape[1] :])
        return attend_tokens(q, keys, values, readable, self.scale)

    def sliding(self, kept: int, tokens: int, like: torch.Tensor) -> torch.Tensor:
        """Return [token, time]: the last ``window`` pairs up to each token, ``kept``
        before it."""
        ages = torch.arange(kept, kept + tokens)[:, None] - torch.arange(kept + tokens)
        return ((ages >= 0) & (ages < self.window)).to(like.device)

    def joined(self, state: State, signals: Signals) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the keys and values of the window and of all new tokens."""
        return (
            torch.cat([state["keys"], signals["k"]], 1),
            torch.cat([state["values"], signals["v"]], 1),
        )

    def last(self, keys: torch.Tensor, values: torch.Tensor) -> State:
        """Return the last ``window`` pairs as the state's window."""
        kept = torch.sym_min(keys.shape[1], self.window)
        return {"keys": last_tokens(keys, kept), "values": last_tokens(values, kept)}

    def read(self, w, q) -> torch.Tensor:
        """Return W phi(q) of one token."""
        return (w @ self.phi(q)[..., None])[..., 0]


@register
class Synchronous(Hybrid):
    """Both memories get every pair at once: W_t holds pair t and so does the window.

    Read-out, options, state and source: `Hybrid`.
    """

    name = "hybrid_synchronous"
    aliases = ("hybrid", "synchronous_hybrid")
    summary = "softmax window and delta rule, both given every pair at once"

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        k, v, q = signals["k"], signals["v"], signals["q"]
        w = delta_step(state["w"], self.phi(k), v, signals["beta"])
        kept = self.last(*append(state, k, v))
        window = attend(q, kept["keys"], kept["values"], self.scale)
        return self.mix(self.read(w, q), window, signals), {"w": w, **kept}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        k, v, q = signals["k"], signals["v"], signals["q"]
        fast, w = self.delta_tokens(
            state["w"], self.phi(q), self.phi(k), v, signals["beta"]
        )
        keys, values = self.joined(state, signals)
        readable = self.sliding(state["keys"].shape[1], q.shape[1], q)
        window = self.attend_all(q, keys, values, readable)
        return self.mix(fast, window, signals), {"w": w, **self.last(keys, values)}


@register
class DelayedStreaming(Hybrid):
    """A pair is written to W when it leaves a window of S tokens.

    W_t = W_{t-1} + beta_t (v_{t-S} - W_{t-1} phi(k_{t-S})) phi(k_{t-S})', with the write
    strength of the present token. Read-out, options, state and source: `Hybrid`.
    """

    name = "hybrid_delayed_streaming"
    aliases = ("delayed_streaming",)
    summary = "softmax window; pairs that leave it are written by the delta rule"

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, w = signals["q"], state["w"]
        keys, values = append(state, signals["k"], signals["v"])
        if keys.shape[1] > self.window:
            w = delta_step(w, self.phi(keys[:, 0]), values[:, 0], signals["beta"])
        kept = self.last(keys, values)
        window = attend(q, kept["keys"], kept["values"], self.scale)
        return self.mix(self.read(w, q), window, signals), {"w": w, **kept}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, tokens = signals["q"], signals["q"].shape[1]
        keys, values = self.joined(state, signals)
        # tokens before the first pair leaves
        missing = self.window - state["keys"].shape[1]

        def delayed(x):  # a pair of zeros writes nothing; an export may leave tokens open
            zeros = x.new_zeros(x.shape[0], torch.sym_min(missing, tokens), *x.shape[2:])
            return torch.cat([zeros, x], 1).narrow(1, 0, tokens)

        fast, w = self.delta_tokens(
            state["w"],
            self.phi(q),
            delayed(self.phi(keys)),
            delayed(values),
            signals["beta"],
        )
        readable = self.sliding(state["keys"].shape[1], tokens, q)
        window = self.attend_all(q, keys, values, readable)
        return self.mix(fast, window, signals), {"w": w, **self.last(keys, values)}
