"""The matrix memory of xLSTM: exponential input gates, kept finite by a running
maximum."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from ...errors import pick
from ...validation import real, real_or_none
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, pairwise_log_decay
from .registered_memories import register


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x


_LOG_FORGET = {"sigmoid": functional.logsigmoid, "exp": _as_it_is}


@register
class MLstm(Memory):
    """mLSTM: C_t = f C_{t-1} + i v k', n_t = f n_{t-1} + i k, y = C_t q / max(|n_t.q|,
    1).

    i = exp(input), f = sigmoid(forget) or exp(forget), both of raw pre-activations, k
    scaled by ``key_scale``. What is kept is scaled by exp(-m), m_t = max(log f + m_{t-1},
    input), m_0 = 0:
    ``w`` = C exp(-m), ``n`` exp(-m) and ``m`` [batch, head]; y = C q / max(|n.q|,
    exp(-m)) of them.

    Args:
        key_scale: factor of k; 1/sqrt(key_dim) if None.
        forget_gate: "sigmoid" or "exp".
        eps: added to the divisor.

    Source: Beck et al. 2024 (xLSTM), arXiv:2405.04517, eqs 19-27 (stabilised as in
    appendix A).
    """

    name = "mlstm"
    aliases = ("xlstm",)
    summary = (
        "scalar decay and exponential write gate, read-out divided by the gated key sum"
    )
    citation = "beck2024xlstm"
    no_circuit = (
        "The read-out is divided by a second sum over the past, which no synapse here "
        "has."
    )
    homes = {"k": "pre", "v": "post", "input": "shared", "forget": "shared"}
    domains = {"input": (-math.inf, math.inf), "forget": (-math.inf, math.inf)}
    forms = ("step", "parallel")

    def __init__(
        self,
        key_scale: float | None = None,
        forget_gate: str = "sigmoid",
        eps: float = 0.0,
    ):
        self.log_forget = _LOG_FORGET[
            pick(forget_gate, _LOG_FORGET, "forget_gate of mlstm:")
        ]
        self.key_scale = real_or_none(key_scale, "mlstm: key_scale")
        self.eps = real(eps, "mlstm: eps", least=0)

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        return super().initial(batch, heads, value_dim, key_dim, like) | {
            "n": like.new_zeros(batch, heads, key_dim),
            "m": like.new_zeros(batch, heads),
        }

    def _scaled(self, k: torch.Tensor) -> torch.Tensor:
        return k * (k.shape[-1] ** -0.5 if self.key_scale is None else self.key_scale)

    def _divide(self, numerator, total, m):
        # exp(-m) beyond the largest number would make the gradient of a vanishing
        # read-out nan
        floor = torch.exp((-m).clamp(max=math.log(torch.finfo(m.dtype).max) / 2))
        return numerator / (torch.maximum(total.abs(), floor) + self.eps)[..., None]

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        k, v, q = self._scaled(signals["k"]), signals["v"], signals["q"]
        log_f, log_i = self.log_forget(signals["forget"]), signals["input"]
        m = torch.maximum(log_f + state["m"], log_i)
        f, i = (log_f + state["m"] - m).exp(), (log_i - m).exp()
        w = (
            f[..., None, None] * state["w"]
            + (i[..., None] * v)[..., None] * k[..., None, :]
        )
        n = f[..., None] * state["n"] + i[..., None] * k
        readout = self._divide((w @ q[..., None])[..., 0], (n * q).sum(-1), m)
        return readout, {"w": w, "n": n, "m": m}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, k, v = (heads_first(signals[name]) for name in ("q", "k", "v"))
        k = self._scaled(k)
        log_f = heads_first(self.log_forget(signals["forget"]))  # [batch, head, token]
        logs = pairwise_log_decay(log_f) + heads_first(signals["input"])[..., None, :]
        carried = log_f.cumsum(-1) + state["m"][..., None]
        m = torch.maximum(carried, logs.amax(-1))
        gates, carried = (logs - m[..., None]).exp(), (carried - m).exp()
        weights = (q @ k.mT) * gates
        readout = weights @ v + carried[..., None] * (q @ state["w"].mT)
        total = weights.sum(-1) + carried * (q @ state["n"][..., None])[..., 0]
        last, kept = gates[..., -1, :, None], carried[..., -1, None]
        new = {
            "w": kept[..., None] * state["w"] + (last * v).mT @ k,
            "n": kept * state["n"] + (last * k).sum(-2),
            "m": m[..., -1],
        }
        return heads_first(self._divide(readout, total, m)), new
