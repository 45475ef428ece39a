"""What a network with elementwise recurrence offers: its state and its read-out apart."""

from __future__ import annotations

from typing import ClassVar

import torch

from .recurrent_class import Recurrent


class Elementwise(Recurrent):
    """A network each element of whose state depends on its own past alone, and on the
    input.

        c_t = recur(x_t, c_{t-1})  with  d c_t[i] / d c_{t-1}[j] = 0 for i != j
        y_t = readout(x_t, c_t)

    The state is {"c": [batch, channel, ...]}, zero at first. `RealTimeLearner`
    differentiates it forward in time.

    Attributes:
        own: parameters of `recur` whose row i (first index) drives channel i alone.
        shared: parameters of `recur` that may drive every channel.
    """

    own: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[tuple[str, ...]] = ()

    def recur(self, x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Return c_t: x [batch, model_dim], c [batch, channel, ...]."""
        raise NotImplementedError

    def readout(self, x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Return y_t [batch, model_dim]."""
        raise NotImplementedError

    def step(self, x, state):
        c = self.recur(x, state["c"])
        return self.readout(x, c), {"c": c}
