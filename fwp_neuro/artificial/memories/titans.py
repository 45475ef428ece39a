"""Titans: a neural memory with momentum on its surprise and a decay of its weights."""

from __future__ import annotations

import torch

from ...validation import real, seed_number
from .fast_network import FastNetwork
from .memory_class import Memory, Signals, State
from .registered_memories import register


@register
class Titans(Memory):
    """Titans: S_t = eta S_{t-1} - theta grad |M_{t-1}(k) - v|^2, M_t = (1 - alpha)
    M_{t-1} + S_t.

    Read y_t = M_t(q). M is linear (depth 1) or a network of ``depth`` layers without
    biases. State:
    ``w`` [batch, head, value_dim, key_dim], or ``w1`` to ``w<depth>``, and the momentum
    of each, ``momentum_w`` ... The learned M_0 is the initial state (zeros for depth 1,
    else drawn from N(0, std^2) with ``seed``). The gradient is taken token by token.

    Args:
        depth: number of weight matrices.
        expansion: hidden cells for each key dimension.
        activation: "gelu" or "silu".

    Source: Behrouz, Zhong & Mirrokni 2024 (Titans), arXiv:2501.00663, eqs 10, 12 and 13.
    """

    name = "titans"
    aliases = ("neural_memory",)
    summary = "network trained on the pairs with momentum and weight decay"
    citation = "behrouz2024titans"
    no_circuit = "The error passes backwards through the layers of the memory network."
    homes = {
        "k": "pre",
        "v": "post",
        "eta": "shared",
        "theta": "shared",
        "alpha": "shared",
    }

    def __init__(
        self,
        depth: int = 2,
        expansion: int = 4,
        activation: str = "gelu",
        std: float = 0.02,
        seed: int = 0,
    ):
        self.net = FastNetwork(depth, expansion, activation)
        self.std, self.seed = real(std, "titans: std", least=0), seed_number(seed)

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        state = self.net.initial(
            batch, heads, value_dim, key_dim, like, seed=self.seed, std=self.std
        )
        return state | {
            f"momentum_{name}": torch.zeros_like(w) for name, w in state.items()
        }

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        net = self.net
        x, k, v = (signals[name][..., None, :] for name in ("q", "k", "v"))
        eta, theta, alpha = (
            signals[n][..., None, None] for n in ("eta", "theta", "alpha")
        )
        new = {}
        for name, (inputs, errors) in zip(
            net.names, net.gradients(state, k, v), strict=True
        ):
            # the loss has no 1/2, so that its gradient is twice e a'
            surprise = eta * state[f"momentum_{name}"] - 2 * theta * (errors.mT @ inputs)
            new[f"momentum_{name}"] = surprise
            new[name] = (1 - alpha) * state[name] + surprise
        for layer in range(net.depth):
            x = net.affine(new, layer, x)
            x = net.act(x) if layer < net.depth - 1 else x
        return x[..., 0, :], new
