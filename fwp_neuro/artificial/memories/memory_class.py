"""What a memory that is not one local text must offer, so that it runs like a rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch

from ..precision import HALF, full, wide
from ..start_states import nothing

State = dict[str, torch.Tensor]
Signals = dict[str, torch.Tensor]


#: gates whose layers map to (0, 1), though the equations allow more
_WIDE = {"eta": (0.0, math.inf), "theta": (0.0, math.inf), "beta": (0.0, 2.0)}


class Memory:
    """A memory written and read token by token, with the interface of a rule.

    A subclass states its equation with shapes and its source in its docstring, takes
    conventions (feature map, normalisation, ...) as keyword arguments with the defaults
    of its paper, and defines `step`; `parallel` if there is a form over all tokens at
    once.

    Attributes:
        name, aliases, summary, citation: as for a rule.
        no_circuit: one sentence that says why no circuit is built from it.
        homes: signal -> home, without ``q``: "shared" [batch, token, head], "pre" [batch,
            token, head, key_dim] or "post" [batch, token, head, value_dim].
        domains: gate -> (low, high); (0, 1) unless given, infinite ends allowed.
        forms: the forms that are built, "step" first.
        growing: parts of the state whose time axis grows with the tokens, [batch, time,
            head, ...].
        counters: parts of the state that count tokens, [batch], the same for every
            sequence. They may be left out before the first token: a zero in a tensor is
            unknown to a trace.
    """

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    no_circuit: ClassVar[str] = ""
    homes: Mapping[str, str] = {"k": "pre", "v": "post"}
    domains: Mapping[str, tuple[float, float]] = {}
    forms: tuple[str, ...] = ("step",)
    growing: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()

    @property
    def gates(self) -> dict[str, str]:
        """Signals beside k, v and q."""
        return {name: home for name, home in self.homes.items() if name not in ("k", "v")}

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Gate -> (low, high), the range outside which a run warns.

        That is its domain if it has ends. Where none is declared, a step size may be any
        positive number, and a write strength may reach 2, as for rules.
        """
        usual = {gate: _WIDE.get(gate, (0.0, 1.0)) for gate in self.gates}
        ends = {gate: self.domains.get(gate, usual[gate]) for gate in usual}
        return {gate: pair for gate, pair in ends.items() if pair[0] > -math.inf}

    def constants(self, value_dim: int, key_dim: int) -> dict[str, torch.Tensor]:
        """Return slow constants that belong to the memory, name -> default without a head
        axis.

        A layer learns them; `apply` takes them as keywords [head, ...] and uses the
        default otherwise. ``signals`` then holds them under the same names.
        """
        return {}

    def initial(
        self, batch: int, heads: int, value_dim: int, key_dim: int, like: torch.Tensor
    ) -> State:
        """Return the state before the first token, of the dtype and device of
        ``like``."""
        return {"w": like.new_zeros(batch, heads, value_dim, key_dim)}

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        """Take one token.

        Args:
            state: what `initial` gives; must not be changed in place.
            signals: name (``k``, ``v``, ``q``, gates) -> [batch, head(, dim)]; constants
                [head, ...].

        Returns:
            read-out [batch, head, value_dim] and the new state.
        """
        raise NotImplementedError

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        """Take all tokens at once: signals [batch, token, head(, dim)], read-out
        likewise."""
        raise NotImplementedError(f"{self.name} has the forms {', '.join(self.forms)}")

    def unroll(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        """Take all tokens one after the other, with `step`; shapes as for `parallel`."""
        fixed = {
            name: array
            for name, array in signals.items()
            if name not in {*self.homes, "q"}
        }
        moving = {
            name: array.unbind(1) for name, array in signals.items() if name not in fixed
        }
        readouts = []
        for token in range(signals["q"].shape[1]):
            now = {name: arrays[token] for name, arrays in moving.items()}
            readout, state = self.step(state, now | fixed)
            readouts.append(readout)
        return torch.stack(readouts, 1), state

    def run(
        self, form: str, state: State, signals: Signals
    ) -> tuple[torch.Tensor, State]:
        """Run one of ``forms`` over [batch, token, head(, dim)], in float32 at least."""
        if form not in self.forms:
            raise NotImplementedError(
                f"{self.name} has the forms {', '.join(self.forms)}"
            )
        query = signals["q"]
        if query.dtype in HALF:
            signals = {name: wide(array) for name, array in signals.items()}
            state = {name: wide(part) for name, part in state.items()}
        if 0 in query.shape[:3]:
            return nothing(signals, state)
        with full(query.device):
            run = self.unroll if form == "step" else self.parallel
            readout, state = run(state, signals)
        return readout.to(query.dtype), state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {self.summary})"
