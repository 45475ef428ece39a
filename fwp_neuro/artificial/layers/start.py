"""The state that a layer starts from: zeros, what a memory draws, or learned fast
weights."""

from __future__ import annotations

import re

import torch
from torch import nn

from ...errors import FwpError, pick, unknown
from ...rules import Rule
from ..memories.memory_class import Memory


class Start(nn.Module):
    """Fast weights before the first token, [head, ...] each, for any batch.

    Args:
        rule: rule or memory.
        shape: (heads, value_dim, key_dim).
        initial_state: "zeros" (a memory may start from numbers of its own), or "learned":
            the fast weights are parameters that start there (``w`` of a rule; weights and
            biases of a memory), and every other state starts as before.

    Raises:
        FwpError: unknown option, or nothing to learn.
    """

    def __init__(
        self, rule: Rule | Memory, shape: tuple[int, int, int], initial_state: str
    ):
        super().__init__()
        pick(initial_state, ("zeros", "learned"), "initial_state")
        where = f"Layer(rule={rule.name!r})"
        if isinstance(rule, Memory):
            start = rule.initial(1, *shape, torch.zeros(()))
            self.growing, self.counters = rule.growing, rule.counters
            weights = [
                n for n in start if re.fullmatch(r"[wb]\d*", n) and n not in self.growing
            ]
        else:
            start = {name: torch.zeros(1, *shape) for name in rule.states}
            self.growing, self.counters, weights = (), (), ["w"]
        learned = weights if initial_state == "learned" else []
        if initial_state == "learned" and not weights:
            raise FwpError(
                f"{where}: initial_state='learned' has nothing to learn: it starts empty"
            )
        self.where = where
        self.shapes = {name: tuple(array.shape[1:]) for name, array in start.items()}
        self.learned = nn.ParameterDict(
            {f"initial_{name}": nn.Parameter(start[name][0].clone()) for name in learned}
        )
        for name, array in start.items():
            if name not in learned and bool(array.any()):
                self.register_buffer(f"initial_{name}", array[0].clone())

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={list(shape)}" for name, shape in self.shapes.items())

    def numbers(self, name: str) -> torch.Tensor | None:
        """Return the initial numbers [head, ...] of one state, or None if they are
        zeros."""
        key = f"initial_{name}"
        return self.learned[key] if key in self.learned else self._buffers.get(key)

    def forward(self, x: torch.Tensor, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """Return every state [batch, ...] before the first token of x [batch, ...]."""
        states = {}
        for name, shape in self.shapes.items():
            numbers = self.numbers(name)
            if numbers is None:
                states[name] = x.new_zeros((x.shape[0], *shape), dtype=dtype)
            else:
                states[name] = numbers.to(dtype).expand(x.shape[0], *shape)
        return states

    def check(self, given, legal: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return a given state if it has the names, shapes and dtypes of ``legal``.

        Raises:
            FwpError: it has not.
        """
        if not isinstance(given, dict):
            raise FwpError(
                f"{self.where}: state must be the dict that return_state=True gave, got "
                f"{type(given).__name__}"
            )
        for name in given:
            if name not in legal:
                raise unknown(name, legal, f"state of {self.where}:")
        for name, tensor in legal.items():
            if name not in given:
                raise FwpError(
                    f"{self.where}: the state lacks {name!r} ({', '.join(legal)})"
                )
            found = given[name]
            if not isinstance(found, torch.Tensor):
                got = type(found).__name__
                raise FwpError(
                    f"{self.where}: state {name!r} must be a torch tensor, got {got}"
                )
            shape = tuple(tensor.shape)
            if name in self.growing and found.ndim > 1:
                shape = (shape[0], found.shape[1], *shape[2:])
            if tuple(found.shape) != shape or found.dtype != tensor.dtype:
                raise FwpError(
                    f"{self.where}: state {name!r} must be {shape} of {tensor.dtype}, "
                    f"got {tuple(found.shape)} of {found.dtype}"
                )
        return dict(given)
