"""A small network as a memory: its prediction, and the gradient of its error written
out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from ...errors import pick, shown
from ...validation import affordable, flag, generator, real, whole
from ..tracing import READY, constant_in_graphs


def _gelu_slope(x: torch.Tensor) -> torch.Tensor:
    below = torch.special.ndtr(x)
    return below + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _silu_slope(x: torch.Tensor) -> torch.Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate))


#: name -> (function, its derivative)
ACTIVATIONS = {
    "gelu": (functional.gelu, _gelu_slope),
    "silu": (functional.silu, _silu_slope),
}


def _drawn(seed: int, std: float, sizes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    rng = generator(seed)
    return [torch.as_tensor(std * rng.standard_normal(size)) for size in sizes]


@constant_in_graphs  # which no trace can draw
def _place_of_drawn(seed: int, std: float, heads: int, *dims: int) -> str:
    sizes = [(heads, *size) for size in zip(dims[1:], dims[:-1], strict=True)]
    place = f"drawn_{seed}_{std}_{sizes}".replace(".", "_")  # no path of attributes
    if not hasattr(READY, place):
        setattr(READY, place, _drawn(seed, std, sizes))
    return place


@dataclass(frozen=True)
class FastNetwork:
    """f(x) = residual x + LN(A_n s(... s(A_1 x))), A_l x = W_l x + b_l, with its
    gradients.

    The weights are a dict: ``w`` (and ``b``) of a linear memory, else ``w1`` to
    ``w<depth>`` (and ``b1``, ...), [..., out, in] and [..., out]. Inputs are [..., token,
    dim].

    Args:
        depth: number of weight matrices.
        expansion: hidden cells for each key dimension.
        activation: s, "gelu" or "silu".
        layer_norm: whether LN(z) = g o (z - mean) / sqrt(var + eps) + c, else LN(z) = z.
        residual: whether x is added to the output.
        bias: whether there are b_l.
    """

    depth: int = 1
    expansion: int = 4
    activation: str = "gelu"
    layer_norm: bool = False
    residual: bool = False
    bias: bool = False
    eps: float = 1e-6

    def __post_init__(self):
        whole(self.depth, "depth of a fast network")
        whole(self.expansion, "expansion of a fast network")
        for name in ("layer_norm", "residual", "bias"):
            flag(getattr(self, name), f"{name} of a fast network")
        real(self.eps, "eps of a fast network", least=0)
        pick(self.activation, ACTIVATIONS, "activation of a fast network:")

    @property
    def layers(self) -> list[tuple[str, str | None]]:
        """Names of weights and bias, layer by layer."""
        tags = [""] if self.depth == 1 else [str(n + 1) for n in range(self.depth)]
        return [(f"w{tag}", f"b{tag}" if self.bias else None) for tag in tags]

    @property
    def names(self) -> list[str]:
        """Names of all weights and biases."""
        return [name for layer in self.layers for name in layer if name]

    def initial(
        self, batch, heads, value_dim, key_dim, like, seed, std
    ) -> dict[str, torch.Tensor]:
        """Return zeros for a linear memory, else weights ~ N(0, std^2) from a seed, zero
        biases.

        A network of zeros would have no gradient in any of its weights.
        """
        affordable(self.depth * 100, f"a fast network of {shown(self.depth)} layers")
        hidden = [self.expansion * key_dim] * (self.depth - 1)
        dims = [key_dim, *hidden, value_dim]
        numbers = (
            batch
            * heads
            * (hidden[0] if hidden else 1)
            * (
                2 * key_dim
                if self.depth < 3
                else (self.depth - 1) * (hidden[0] if hidden else 1)
            )
        )
        affordable(
            numbers, f"a fast network of {shown(self.depth)} layers", like.element_size()
        )
        sizes, weights = (
            [(heads, *size) for size in zip(dims[1:], dims[:-1], strict=True)],
            {},
        )
        if self.depth == 1:
            every = [like.new_zeros(size) for size in sizes]
        elif torch.compiler.is_dynamo_compiling():
            every = getattr(READY, _place_of_drawn(seed, std, heads, *dims))
        else:
            every = _drawn(seed, std, sizes)
        for (w, b), (_, rows, _), drawn in zip(self.layers, sizes, every, strict=True):
            weights[w] = drawn.to(like).expand(batch, -1, -1, -1).clone()
            if b:
                weights[b] = like.new_zeros(batch, heads, rows)
        return weights

    def act(self, x: torch.Tensor) -> torch.Tensor:
        """Return s(x)."""
        return ACTIVATIONS[self.activation][0](x)

    def affine(self, weights, layer: int, x: torch.Tensor) -> torch.Tensor:
        """Return A_l x of [..., token, in]."""
        w, b = self.layers[layer]
        y = x @ weights[w].mT
        return y + weights[b][..., None, :] if b else y

    def _centred(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        centred = z - z.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + self.eps).sqrt()
        return centred / spread, spread

    def finish(
        self, z: torch.Tensor, x: torch.Tensor, gain=None, shift=None
    ) -> torch.Tensor:
        """Return residual x + LN(z); gain g and shift c [head, dim] where there is a
        LN."""
        if self.layer_norm:
            z = self._centred(z)[0] * gain[:, None] + shift[:, None]
        return z + x if self.residual else z

    def gradients(self, weights, x, target, gain=None, shift=None):
        """Return [(a_l, e_l)] with d/dW_l of |f(x) - target|^2 / 2 = e_l a_l', d/db_l =
        e_l.

        a_l [..., token, in] is the input of layer l and e_l [..., token, out] the error
        at its output, both for every token at the given weights.
        """
        inputs, outputs = [x], [self.affine(weights, 0, x)]
        for layer in range(1, self.depth):
            inputs.append(self.act(outputs[-1]))
            outputs.append(self.affine(weights, layer, inputs[-1]))
        error = self.finish(outputs[-1], x, gain, shift) - target
        if self.layer_norm:
            unit, spread = self._centred(outputs[-1])
            error = error * gain[:, None]
            along = (error * unit).mean(-1, keepdim=True)
            error = (error - error.mean(-1, keepdim=True) - unit * along) / spread
        errors = [error]
        for layer in range(self.depth - 1, 0, -1):
            slope = ACTIVATIONS[self.activation][1](outputs[layer - 1])
            errors.append((errors[-1] @ weights[self.layers[layer][0]]) * slope)
        return list(zip(inputs, errors[::-1], strict=True))
