"""Test-time training: the memory is a network that learns its pairs by gradient
descent."""

from __future__ import annotations

import torch

from ...errors import FwpError
from ...validation import flag, real, seed_number, whole
from ..tracing import count_of
from .fast_network import FastNetwork
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first
from .registered_memories import register


@register
class TttLinear(Memory):
    """TTT-Linear: f(x) = x + LN(W x + b), trained on |f(k) - v|^2 / 2 in mini-batches.

    Within a mini-batch all gradients are taken at its starting weights W_c, and token t
    reads y_t = f(q_t; W_t) with W_t = W_c - sum_{s<=t} eta_s grad_s. State: ``w`` [batch,
    head, value_dim, key_dim] and ``b`` at the start of the mini-batch, the summed steps
    since then (``step_w``, ``step_b``) and ``position`` [batch], the tokens in the
    mini-batch so far. The learned W_0 is the initial state.

    Args:
        batch: tokens in a mini-batch. It belongs to the model, not to the computation.
        layer_norm: whether f has LN; its gain and shift [head, value_dim] are slow
            constants.
        residual: whether f adds its input (then value_dim must equal key_dim).
        bias: whether f has b.
        token_scale: divide the summed steps by the number of tokens of the mini-batch so
            far (the starting value of a learned scale in the released code).
        eps: of LN.

    Raises:
        FwpError: from `initial`, if ``residual`` and value_dim differs from key_dim.

    Source: Sun et al. 2024, Learning to (learn at test time), arXiv:2407.04620, eqs 2, 4
    and 6.
    """

    name = "ttt_linear"
    aliases = ("ttt",)
    summary = (
        "linear map with layer norm, trained on the pairs by mini-batch gradient descent"
    )
    citation = "sun2024learning"
    no_circuit = (
        "The error passes backwards through a layer norm before it reaches a synapse."
    )
    homes = {"k": "pre", "v": "post", "eta": "shared"}
    forms = ("step", "parallel")
    counters = ("position",)

    def __init__(
        self,
        batch: int = 16,
        layer_norm: bool = True,
        residual: bool = True,
        bias: bool = True,
        token_scale: bool = False,
        eps: float = 1e-6,
    ):
        self.batch = whole(batch, f"{self.name}: batch")
        self.net = FastNetwork(
            1, layer_norm=layer_norm, residual=residual, bias=bias, eps=eps
        )
        self.token_scale = flag(token_scale, f"{self.name}: token_scale")
        self.seed, self.std = 0, 0.0

    def constants(self, value_dim: int, key_dim: int) -> dict[str, torch.Tensor]:
        if not self.net.layer_norm:
            return {}
        return {"gain": torch.ones(value_dim), "shift": torch.zeros(value_dim)}

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        if self.net.residual and value_dim != key_dim:
            raise FwpError(
                f"{self.name}: residual=True adds the key to the prediction, so that "
                f"value_dim must equal key_dim={key_dim}, got {value_dim}; "
                "residual=False takes any"
            )
        state = self.net.initial(
            batch, heads, value_dim, key_dim, like, seed=self.seed, std=self.std
        )
        steps = {f"step_{name}": torch.zeros_like(array) for name, array in state.items()}
        return {**state, **steps, "position": like.new_zeros(batch)}

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        arrays = [signals[name].unsqueeze(2) for name in ("q", "k", "v", "eta")]
        begun = count_of(state, "position")
        readout, new = self._take(state, arrays, signals, begun, begun + 1 == self.batch)
        return readout[:, :, 0], new | self._position(begun + 1, readout)

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        arrays = [heads_first(signals[name]) for name in ("q", "k", "v", "eta")]
        begun, tokens = count_of(state, "position"), signals["q"].shape[1]
        take = self._aligned if isinstance(begun, torch.Tensor) else self._parts
        readout, state = take(state, arrays, signals, begun)
        return heads_first(readout), state | self._position(begun + tokens, readout)

    def _parts(
        self, state: State, arrays, signals, begun: int
    ) -> tuple[torch.Tensor, State]:
        tokens = arrays[0].shape[2]
        first = min(tokens, self.batch - begun)  # ends the mini-batch begun
        sizes = [first, *[self.batch] * ((tokens - first) // self.batch)]
        sizes += [tokens - sum(sizes)] if sum(sizes) < tokens else []
        readouts = []
        parts = zip(*(x.split(sizes, 2) for x in arrays), strict=True)
        for size, part in zip(sizes, parts, strict=True):
            full = begun + size == self.batch
            readout, state = self._take(state, part, signals, begun, full)
            readouts.append(readout)
            begun = 0
        return torch.cat(readouts, 2), state

    def _aligned(
        self, state: State, arrays, signals, begun
    ) -> tuple[torch.Tensor, State]:
        """As `_parts` where only the running graph knows how far the mini-batch is.

        Every token moves to its place in a row of whole mini-batches; a place without a
        token writes nothing.
        """
        tokens, device = arrays[0].shape[2], arrays[0].device
        most = -(-(self.batch - 1 + tokens) // self.batch)  # mini-batches touched
        # token at each place
        here = torch.arange(most * self.batch, device=device) - begun
        *arrays, eta = (x.index_select(2, here.clamp(0, tokens - 1)) for x in arrays)
        eta = torch.where((here >= 0) & (here < tokens), eta, 0.0)
        parts = zip(*(x.split(self.batch, 2) for x in (*arrays, eta)), strict=True)
        readouts = []
        for n, part in enumerate(parts, 1):
            full = begun + tokens >= n * self.batch
            readout, state = self._take(state, part, signals, 0, full)
            readouts.append(readout)
        places = torch.arange(tokens, device=device) + begun
        return torch.cat(readouts, 2).index_select(2, places), state

    def _position(self, taken: int | torch.Tensor, like: torch.Tensor) -> State:
        return {"position": like.new_zeros(like.shape[0]) + taken % self.batch}

    def _take(
        self, state: State, arrays, signals, begun, full
    ) -> tuple[torch.Tensor, State]:
        """Take tokens that lie within one mini-batch.

        Args:
            arrays: q, k, v [batch, head, token, dim] and eta [batch, head, token].
            begun: tokens of the mini-batch before them.
            full: whether they end it.
        """
        net, (q, k, v, eta) = self.net, arrays
        tokens = q.shape[-2]
        affine = {name: signals[name] for name in ("gain", "shift") if name in signals}
        counted = begun + torch.arange(1, tokens + 1, device=q.device)
        scale = 1 / counted[:, None].to(q) if self.token_scale else q.new_ones(tokens, 1)
        rates = eta[..., None, :].expand(*eta.shape, tokens).tril()  # [batch, head, t, s]
        new, x = dict(state), q
        for layer, (inputs, errors) in enumerate(net.gradients(state, k, v, **affine)):
            w, b = (name and f"step_{name}" for name in net.layers[layer])
            # the weights of token t, applied without being formed
            change = x @ state[w].mT + ((x @ inputs.mT) * rates) @ errors
            new[w] = state[w] + (eta[..., None] * errors).mT @ inputs
            if b:
                change = change + state[b][..., None, :] + rates @ errors
                new[b] = state[b] + (eta[..., None] * errors).sum(-2)
            x = net.affine(state, layer, x) - scale * change
            x = net.act(x) if layer < net.depth - 1 else x
        self._end(state, new, scale[-1], full)
        return net.finish(x, q, **affine), new

    def _end(
        self, state: State, new: State, last: torch.Tensor, full: bool | torch.Tensor
    ) -> None:
        """Write the summed steps of a mini-batch that is ``full`` into the ``new``
        weights."""
        if full is False:
            return
        for name in self.net.names:
            step = new[f"step_{name}"]
            moved, empty = state[name] - last * step, torch.zeros_like(step)
            if full is not True:  # a tensor, which a trace cannot read
                moved, empty = (
                    torch.where(full, moved, state[name]),
                    torch.where(full, empty, step),
                )
            new[name], new[f"step_{name}"] = moved, empty


@register
class TttMlp(TttLinear):
    """TTT-MLP: as `TttLinear` with f(x) = x + LN(W_2 s(W_1 x + b_1) + b_2), s = GELU.

    The weights are ``w1`` [batch, head, expansion key_dim, key_dim], ``w2``, ``b1``,
    ``b2``; W_0 is drawn from N(0, std^2) with ``seed`` unless it is given as the initial
    state.

    Source: Sun et al. 2024, Learning to (learn at test time), arXiv:2407.04620, section
    2.7.
    """

    name = "ttt_mlp"
    aliases = ()
    summary = (
        "two-layer network with layer norm, trained on the pairs by gradient descent"
    )
    no_circuit = (
        "The error passes backwards through two layers of synapses and a layer norm."
    )

    def __init__(
        self,
        batch: int = 16,
        layer_norm: bool = True,
        residual: bool = True,
        bias: bool = True,
        token_scale: bool = False,
        eps: float = 1e-6,
        expansion: int = 4,
        activation: str = "gelu",
        std: float = 0.02,
        seed: int = 0,
    ):
        super().__init__(batch, token_scale=token_scale)
        self.net = FastNetwork(2, expansion, activation, layer_norm, residual, bias, eps)
        self.std, self.seed = real(std, "ttt_mlp: std", least=0), seed_number(seed)
