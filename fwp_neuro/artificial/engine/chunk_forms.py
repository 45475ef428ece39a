"""The parallel and the chunk form of a rule, from its plan."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...remembered import called_once
from ...rules import Rule
from .chunk import left, right
from .coefficients import PlanNumbers

#: micro-steps in a chunk: where the work in a chunk and that between chunks balance for d
#: = 64
CHUNK = 64
#: and for rules with a system of their own for each row, whose tables are larger
ROWWISE_CHUNK = 16
#: chunks worked on together: bounds the temporaries, so that the allocator reuses its
#: pages
SEGMENT = 8


class FastForm:
    """The fast forms of one rule.

    Args:
        rule: a rule that has a plan.

    Raises:
        Cannot: it has none; the sentence says why.
    """

    def __init__(self, rule: Rule):
        self.numbers = PlanNumbers(rule)
        self.states = rule.states
        self.left = self.numbers.plan.contracted == "post"
        self.steps = len(self.numbers.plan.steps)
        self.chunk = ROWWISE_CHUNK if self.numbers.rowwise else CHUNK

    def __call__(
        self,
        signals: Mapping[str, torch.Tensor],
        states: Mapping[str, torch.Tensor],
        form: str = "chunk",
        chunk: int | None = None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Run over a sequence.

        Args:
            signals: text name -> [batch, token, head(, dim)], ``q`` included.
            states: name -> [batch, head, post, pre] before the first token.
            form: "chunk", or "parallel" for one chunk over all tokens (memory quadratic
                in them).
            chunk: micro-steps in a chunk, a power of two.

        Returns:
            read-out [batch, token, head, post] and the states after the last token.
        """
        given = [states[name].mT if self.left else states[name] for name in self.states]
        dims = given[0].shape[-2:]
        # [batch, head, f, n c]
        state = given[0] if len(given) == 1 else torch.cat(given, -1)
        names = [name for name in signals if name in self.numbers.homes or name == "q"]
        tokens = signals["q"].shape[1]
        size = chunk or self.chunk
        if form == "parallel" or tokens * self.steps < size:
            size = 1 << (tokens * self.steps - 1).bit_length()
        length = size * SEGMENT if self.steps == 1 else size * SEGMENT // self.steps
        pieces = [signals[name].movedim(2, 1).split(length, 2) for name in names]
        readouts = []
        for piece in zip(*pieces, strict=True):
            piece = {n: part.contiguous() for n, part in zip(names, piece, strict=True)}
            numbers = self.numbers(piece, *dims)
            run = left if self.left else right
            readout, state = run(numbers.chunked(size), state, self.numbers.rowwise)
            readout = readout.flatten(2, 3)[:, :, : numbers.count]
            if self.steps > 1:  # the last micro-step of every token has its query
                readout = readout[:, :, self.steps - 1 :: self.steps]
            readouts.append(readout)
        readout = readouts[0] if len(readouts) == 1 else torch.cat(readouts, 2)
        final = [part.mT if self.left else part for part in state.chunk(len(given), -1)]
        return readout.movedim(1, 2), dict(zip(self.states, final, strict=True))


@called_once
def fast_form(rule: Rule) -> FastForm:
    """Return the fast forms of a rule, made once.

    Raises:
        Cannot: it has none; the sentence says why.
    """
    return FastForm(rule)
