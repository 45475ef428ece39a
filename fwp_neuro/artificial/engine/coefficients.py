"""The numbers of a plan: decays, reads and writes of every token, as differentiable
tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch

from ...rules import Rule
from ...symbolic import arrays
from ...symbolic.matrix_plan import MatrixPlan
from ...symbolic.separation import ZERO


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
        query: [.., c] for a right-acting rule, [.., f] for a left-acting one; zero but at
            the last micro-step of a token.
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
        return Coefficients(
            **{n: None if t is None else change(n, t) for n, t in tensors.items()}
        )

    def chunked(self, size: int) -> Coefficients:
        """Return [batch, head, chunk, size, ...], the last chunk filled with steps of no
        effect."""
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


class PlanNumbers:
    """Evaluates the expressions of a rule's plan on tensors.

    The expressions are compiled here, once, so that a call is plain tensor code, which
    `torch.compile` can trace.
    """

    def __init__(self, rule: Rule):
        self.plan: MatrixPlan = rule.plan
        self.homes = dict(rule.homes)
        self.rowwise = self.plan.rowwise
        self.decays = self.plan.decay_homes | (
            {"shared"} if self.plan.states > 1 else set()
        )
        self.steps = self.plan.padded()
        self.compiled = {each: self._compiled(each) for each in self.plan.expressions}

    def _compiled(self, expression) -> tuple:
        names = tuple(sorted(item.name for item in expression.free_symbols))
        return (
            arrays.compiled(expression, names, "torch"),
            names,
            self.plan.home(expression),
        )

    def __call__(
        self, signals: Mapping[str, torch.Tensor], free_dim: int, contracted_dim: int
    ) -> Coefficients:
        """Evaluate on signals [batch, head, token(, dim)], ``q`` included."""
        values = {
            name: arrays.to_home(signals[name], self.homes[name]) for name in self.homes
        }
        for item, argument in self.plan.pools:
            function, names, _ = self.compiled[argument]
            values[item.name] = function(*(values[name] for name in names)).sum(-1)[
                ..., None
            ]
        query = signals["q"]
        lead = query.shape[:3]
        sizes = {"contracted": contracted_dim, "free": free_dim, "shared": 1}

        def number(expression, kind: str) -> torch.Tensor:
            """Evaluate to [batch, head, token, size of the kind]."""
            function, names, home = self.compiled[expression]
            if not names:
                return query.new_full((), float(function())).expand(*lead, sizes[kind])
            value = function(*(values[name] for name in names))
            value = value.squeeze(-2) if home == "pre" else value.squeeze(-1)
            return value.expand(*lead, sizes[kind])

        def table(entries, kind: str) -> torch.Tensor:
            """Evaluate to [batch, head, token, entry, size of the kind]."""
            if not entries:
                return query.new_zeros(()).expand(*lead, 0, sizes[kind])
            found = [number(entry, kind) for entry in entries]
            return found[0].unsqueeze(3) if len(found) == 1 else torch.stack(found, 3)

        def matrix(rows) -> torch.Tensor:
            """Evaluate shared expressions to [batch, head, token, row, column]."""
            found = [
                torch.cat([number(item, "shared") for item in row], -1) for row in rows
            ]
            return torch.stack(found, 3)

        def each(of) -> torch.Tensor:
            """Join what is of every micro-step to [batch, head, token x micro-step,
            ...]."""
            parts = [of(step) for step in self.steps]
            return parts[0] if len(parts) == 1 else torch.stack(parts, 3).flatten(2, 3)

        def decay(kind: str) -> torch.Tensor | None:
            if kind not in self.decays:
                return None
            return each(lambda s: number(self.plan.factor(s.carry[0][0], kind), kind))

        def carries(s):
            return [[ZERO if i.zero else i.shared for i in row] for row in s.carry]

        last, kind = self.steps[-1], "free" if self.rowwise else "shared"
        return Coefficients(
            shared=each(lambda s: matrix(carries(s)))
            if "shared" in self.decays
            else None,
            contracted=decay("contracted"),
            free=decay("free"),
            reads=each(lambda s: table(s.reads, "contracted")),
            channels=each(lambda s: table([w.channel for w in s.writes], "contracted")),
            inputs=each(lambda s: table([w.input for w in s.writes], "free")),
            gains=each(
                lambda s: torch.stack([table(w.gains, kind) for w in s.writes], 3)
            ),
            inject=each(lambda s: matrix([w.inject for w in s.writes])),
            query=each(lambda s: query if s is last else torch.zeros_like(query)),
        )
