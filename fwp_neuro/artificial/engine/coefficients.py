"""The numbers of a plan: decays, reads and writes of every token, as differentiable tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import sympy
import torch

from ...rules import Rule
from ...symbolic import arrays
from ...symbolic.matrix_plan import Plan


@dataclass
class Coefficients:
    """Numbers of T micro-steps (tokens x micro-steps of a token), [batch, head, T, ...].

    Attributes:
        shared: [.., n, n] carry of the n states, or None if it is one.
        contracted: [.., c] decay on the side that reads contract, or None.
        free: [.., f] decay on the other side, or None.
        reads: [.., R, c].
        channels: [.., G, c].
        inputs: [.., G, f].
        gains: [.., G, R, f] or [.., G, R, 1].
        inject: [.., G, n].
        query: [.., c] for a right-acting rule, [.., f] for a left-acting one; zero but at the
            last micro-step of a token.
    """

    shared: torch.Tensor | None
    contracted: torch.Tensor | None
    free: torch.Tensor | None
    reads: torch.Tensor
    channels: torch.Tensor
    inputs: torch.Tensor
    gains: torch.Tensor
    inject: torch.Tensor
    query: torch.Tensor

    @property
    def count(self) -> int:
        """Number of micro-steps."""
        return self.query.shape[2]

    def _each(self, change) -> Coefficients:
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return Coefficients(**{n: None if t is None else change(n, t) for n, t in tensors.items()})

    def chunked(self, size: int) -> Coefficients:
        """Return [batch, head, chunk, size, ...], the last chunk filled with steps of no effect."""
        lacking = -self.count % size

        def cut(name: str, tensor: torch.Tensor) -> torch.Tensor:
            if lacking:
                shape = (*tensor.shape[:2], lacking, *tensor.shape[3:])
                if name == "shared":
                    extra = torch.eye(shape[-1], dtype=tensor.dtype, device=tensor.device)
                else:
                    extra = tensor.new_full((), float(name in ("contracted", "free")))
                tensor = torch.cat([tensor, extra.expand(shape)], 2)
            return tensor.unflatten(2, (-1, size))

        return self._each(cut)


#: as an expression, for a trace does not turn a number into one
_ZERO = sympy.Integer(0)


class Numbers:
    """Evaluates the expressions of a rule's plan on tensors.

    The expressions are compiled here, once, so that a call is plain tensor code, which
    `torch.compile` can trace.
    """

    def __init__(self, rule: Rule):
        self.plan: Plan = rule.plan
        self.homes = dict(rule.homes)
        self.rowwise = self.plan.rowwise
        self.decays = self.plan.decay_homes | ({"shared"} if self.plan.states > 1 else set())
        self.reads = max(len(step.reads) for step in self.plan.steps)
        # a rule that only scales its weights writes a zero, so that no tensor lacks its axis
        self.writes = max(1, *(len(step.writes) for step in self.plan.steps))
        self.compiled: dict[sympy.Expr, tuple] = {}
        for _, argument in self.plan.pools:
            self._compile(argument)
        for step in self.plan.steps:
            for row in step.carry:
                for item in row:
                    for expression in (item.shared, item.pre, item.post):
                        self._compile(expression)
            for expression in step.reads:
                self._compile(expression)
            for write in step.writes:
                for expression in (write.channel, write.input, *write.gains, *write.inject):
                    self._compile(expression)
        self._compile(_ZERO)

    def _compile(self, expression) -> None:
        expression = sympy.sympify(expression)
        names = tuple(sorted(item.name for item in expression.free_symbols))
        function = arrays.compiled(expression, names, "torch")
        self.compiled[expression] = (function, names, self.plan.home(expression))

    def __call__(
        self, signals: Mapping[str, torch.Tensor], free_dim: int, contracted_dim: int
    ) -> Coefficients:
        """Evaluate on signals [batch, head, token(, dim)], ``q`` included."""
        values = {name: arrays.to_home(signals[name], self.homes[name]) for name in self.homes}
        for item, argument in self.plan.pools:
            function, names, _ = self.compiled[argument]
            values[item.name] = function(*(values[name] for name in names)).sum(-1)[..., None]
        query = signals["q"]
        lead = query.shape[:3]
        sizes = {"contracted": contracted_dim, "free": free_dim, "shared": 1}

        def number(expression, kind: str) -> torch.Tensor:
            """Evaluate to [batch, head, token, size of the kind]."""
            function, names, home = self.compiled[sympy.sympify(expression)]
            if not names:
                return query.new_full((), float(function())).expand(*lead, sizes[kind])
            value = function(*(values[name] for name in names))
            value = value.squeeze(-2) if home == "pre" else value.squeeze(-1)
            return value.expand(*lead, sizes[kind])

        def table(entries, kind: str, width: int) -> torch.Tensor:
            """[batch, head, token, width, size]: entries, then zeros."""
            filled = [
                number(entry, kind) for entry in [*entries, *[_ZERO] * (width - len(entries))]
            ]
            if not filled:
                return query.new_zeros(()).expand(*lead, 0, sizes[kind])
            return filled[0].unsqueeze(3) if width == 1 else torch.stack(filled, 3)

        steps, reads, writes = self.plan.steps, self.reads, self.writes
        kind = "free" if self.rowwise else "shared"
        none = [_ZERO] * self.plan.states
        gains = [[*[w.gains for w in s.writes], *[()] * (writes - len(s.writes))] for s in steps]
        inject = [
            [*[w.inject for w in s.writes], *[none] * (writes - len(s.writes))] for s in steps
        ]
        count = len(steps)
        if count > 1:
            query = torch.stack([torch.zeros_like(query)] * (count - 1) + [query], 3).flatten(2, 3)
        join = lambda parts: parts[0] if count == 1 else torch.stack(parts, 3).flatten(2, 3)  # noqa: E731
        return Coefficients(
            shared=join([self._matrix(step, number) for step in steps])
            if "shared" in self.decays
            else None,
            contracted=self._decay("contracted", number, join),
            free=self._decay("free", number, join),
            reads=join([table(s.reads, "contracted", reads) for s in steps]),
            channels=join(
                [table([w.channel for w in s.writes], "contracted", writes) for s in steps]
            ),
            inputs=join([table([w.input for w in s.writes], "free", writes) for s in steps]),
            gains=join([torch.stack([table(row, kind, reads) for row in g], 3) for g in gains]),
            inject=join([_rows(row, number) for row in inject]),
            query=query,
        )

    def _matrix(self, step, number) -> torch.Tensor:
        return _rows([[_ZERO if i.zero else i.shared for i in row] for row in step.carry], number)

    def _decay(self, kind: str, number, join) -> torch.Tensor | None:
        if kind not in self.decays:
            return None
        carries = (step.carry[0][0] for step in self.plan.steps)
        return join([number(self.plan.factor(item, kind), kind) for item in carries])


def _rows(rows, number) -> torch.Tensor:
    """Evaluate shared expressions, rows of columns: [batch, head, token, row, column]."""
    return torch.stack([torch.cat([number(item, "shared") for item in row], -1) for row in rows], 3)
