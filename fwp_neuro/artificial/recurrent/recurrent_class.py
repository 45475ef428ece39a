"""What every recurrent network of this package offers: the calling convention of a
layer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import ClassVar

import torch
from torch import nn
from torch.func import functional_call

from ...arguments import inside, takes
from ...errors import FwpError, unknown
from ...validation import flag, whole
from ..precision import HALF, autocasts, dense, full, mixes, same_device, wide

State = dict[str, torch.Tensor]


@takes(model_dim=inside("a whole number of at least 1", lambda: 8))
class Recurrent(nn.Module):
    """A network run token by token: x [batch, token, model_dim] -> y of the same shape.

    A subclass states its equation with shapes and its source in its docstring, takes
    conventions as keyword arguments with the defaults of its paper, and defines `initial`
    and `step`.

    Attributes:
        name, aliases, summary, citation: as for a rule.
        no_circuit: one sentence that says why no circuit is built from it.
        model_dim: size of input and output.
    """

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    no_circuit: ClassVar[str] = ""

    def __init__(self, model_dim: int):
        super().__init__()
        self.model_dim = whole(model_dim, f"{self.name}: model_dim")

    def initial(self, batch: int) -> State:
        """Return the state before the first token, of the dtype and device of the
        parameters."""
        raise NotImplementedError

    def step(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Take one token: x [batch, model_dim] -> (y [batch, model_dim], new state).

        It computes in the format of the parameters: half precision goes through
        `forward`.
        """
        raise NotImplementedError

    def over(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Take all tokens of x [batch, token, model_dim]: (y of the same shape, new
        state)."""
        outputs = []
        for token in x.unbind(1):
            output, state = self.step(token, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state

    def forward(
        self, x: torch.Tensor, state: State | None = None, return_state: bool = False
    ):
        """Run over a sequence, in float32 at least, also under `torch.autocast`.

        Args:
            x: [batch, token, model_dim], of the parameters' dtype.
            state: to carry on from; that of `initial` if None. It is not changed in
                place.
            return_state: whether to return the state after the last token too, in float32
                at least.

        Returns:
            y [batch, token, model_dim] of the dtype of x, or (y, state).

        Raises:
            FwpError: x or state does not fit.
        """
        flag(return_state, f"{self.name}: return_state")
        state = self.begin(x, state)
        named = chain(self.named_parameters(), self.named_buffers())
        halves = {name: wide(p) for name, p in named if p.dtype in HALF}
        with full(x.device):
            if not x.shape[0]:
                y = 0 * x
            elif halves:
                y, state = functional_call(self, halves, (wide(x), state, True))
            else:
                y, state = self.over(wide(x), state)
        y = y.to(x.dtype)
        return (y, state) if return_state else y

    def begin(self, x: torch.Tensor, state: State | None) -> State:
        """Return the state to run x [batch, token, model_dim] from: that of `initial` if
        None.

        Raises:
            FwpError: x or state does not fit.
        """
        dense(f"{self.name}: x", x)
        if x.ndim != 3 or x.shape[-1] != self.model_dim or not x.shape[1]:
            raise FwpError(
                f"{self.name}: x must be [batch, token, model_dim={self.model_dim}] with "
                f"at least one token, got {tuple(x.shape)}"
            )
        legal = self.initial(x.shape[0])
        like = next(iter(legal.values()))
        same_device(self.name, x, like)
        dtype = like.dtype
        if x.dtype != dtype and not (autocasts(x.device) and mixes(x.dtype, dtype)):
            raise FwpError(f"{self.name} has parameters of {dtype}, so x must be "
                           f"{dtype}, got {x.dtype}")  # fmt: skip
        legal = {name: wide(tensor) for name, tensor in legal.items()}
        if state is None:
            return legal
        if not isinstance(state, Mapping):
            got = type(state).__name__
            raise FwpError(
                f"{self.name}: state must be the dict of a run before, got {got}"
            )
        for name in sorted({*map(str, state)} ^ {*legal}):
            if name in legal:
                raise FwpError(
                    f"{self.name}: the state lacks {name!r} ({', '.join(legal)})"
                )
            raise unknown(name, legal, f"state of {self.name}:")
        for name, tensor in legal.items():
            if not isinstance(state[name], torch.Tensor):
                got = type(state[name]).__name__
                raise FwpError(
                    f"{self.name}: state {name!r} must be a torch tensor, got {got}"
                )
            found = state[name]
            if found.shape != tensor.shape or not mixes(found.dtype, tensor.dtype):
                raise FwpError(
                    f"{self.name}: state {name!r} must be {tuple(tensor.shape)} of "
                    f"{tensor.dtype}, got {tuple(found.shape)} of {found.dtype}"
                )
        return {name: wide(state[name]) for name in legal}

    def zeros(self, *shape: int) -> torch.Tensor:
        """Return zeros of the dtype and device of the parameters (of the buffers without
        any)."""
        return next(chain(self.parameters(), self.buffers())).new_zeros(shape)
