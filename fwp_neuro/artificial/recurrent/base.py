"""What every recurrent network of this package offers: the calling convention of a layer."""

from __future__ import annotations

from itertools import chain
from typing import ClassVar

import torch
from torch import nn

from ...errors import FwpError, unknown
from ...validation import whole

State = dict[str, torch.Tensor]


class Recurrent(nn.Module):
    """A network run token by token: x [batch, token, model_dim] -> y of the same shape.

    A subclass states its equation with shapes and its source in its docstring, takes conventions
    as keyword arguments with the defaults of its paper, and defines `initial` and `step`.

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
        """Return the state before the first token, of the dtype and device of the parameters."""
        raise NotImplementedError

    def step(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Take one token: x [batch, model_dim] -> (y [batch, model_dim], new state)."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, state: State | None = None, return_state: bool = False):
        """Run over a sequence.

        Args:
            x: [batch, token, model_dim].
            state: to carry on from; that of `initial` if None. It is not changed in place.
            return_state: whether to return the state after the last token too.

        Returns:
            y [batch, token, model_dim], or (y, state).

        Raises:
            FwpError: x or state does not fit.
        """
        state = self.begin(x, state)
        outputs = []
        for token in x.unbind(1):
            output, state = self.step(token, state)
            outputs.append(output)
        y = torch.stack(outputs, 1)
        return (y, state) if return_state else y

    def begin(self, x: torch.Tensor, state: State | None) -> State:
        """Return the state to run x [batch, token, model_dim] from: that of `initial` if None.

        Raises:
            FwpError: x or state does not fit.
        """
        if not isinstance(x, torch.Tensor):
            raise FwpError(f"{self.name}: x must be a torch tensor, got {type(x).__name__}")
        if x.ndim != 3 or x.shape[-1] != self.model_dim or not x.shape[1]:
            raise FwpError(
                f"{self.name}: x must be [batch, token, model_dim={self.model_dim}] with at least "
                f"one token, got {tuple(x.shape)}"
            )
        legal = self.initial(x.shape[0])
        dtype = next(iter(legal.values())).dtype
        if x.dtype != dtype:
            raise FwpError(f"{self.name} computes in {dtype}, so x must be {dtype}, got {x.dtype}")
        if state is None:
            return legal
        for name in sorted({*state} ^ {*legal}):
            if name in legal:
                raise FwpError(f"{self.name}: the state lacks {name!r} ({', '.join(legal)})")
            raise unknown(name, legal, f"state of {self.name}:")
        for name, tensor in legal.items():
            if not isinstance(state[name], torch.Tensor):
                got = type(state[name]).__name__
                raise FwpError(f"{self.name}: state {name!r} must be a torch tensor, got {got}")
            if state[name].shape != tensor.shape or state[name].dtype != dtype:
                raise FwpError(
                    f"{self.name}: state {name!r} must be {tuple(tensor.shape)} of {dtype}, got "
                    f"{tuple(state[name].shape)} of {state[name].dtype}"
                )
        return dict(state)

    def zeros(self, *shape: int) -> torch.Tensor:
        """Return zeros of the dtype and device of the parameters (of the buffers without any)."""
        return next(chain(self.parameters(), self.buffers())).new_zeros(shape)
