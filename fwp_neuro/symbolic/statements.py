"""Lower an assignment to one elementwise expression plus the sums it must gather
first."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy

from .language import SUMS, SYNAPSE, home_of, symbol
from .parsing import Assignment


@dataclass(frozen=True)
class Sum:
    """A sum across synapses that a statement needs: ``symbol`` stands for
    ``kind(argument)``."""

    kind: str
    symbol: sympy.Symbol
    argument: sympy.Expr

    @property
    def home(self) -> str:
        """Where the sum's result lives."""
        return SUMS[self.kind][1]


@dataclass(frozen=True)
class Statement:
    """``target = expression`` where every read, back and pool is replaced by its symbol.

    Attributes:
        target: the synaptic state assigned (``w`` or a declared one).
        expression: elementwise over homes [post, pre]; contains the symbols of ``sums``.
        sums: in the order in which they must be evaluated (inner before outer).
        original: the expression as written, with read(), back() and pool().
        line: the text.
        homes: name -> home for every symbol, sums included.
    """

    target: str
    expression: sympy.Expr
    sums: tuple[Sum, ...]
    original: sympy.Expr
    line: str
    homes: dict[str, str] = field(repr=False)

    def home(self, expression: sympy.Expr) -> str:
        """Return where a lowered expression of this statement lives."""
        return home_of(sympy.sympify(expression), self.homes, self.line)


def lower(assignment: Assignment, homes: dict[str, str], where: str) -> Statement:
    """Replace the sums of an assignment by symbols and check every home.

    Raises:
        FwpError: a sum's argument comes from the wrong side of the synapse.
    """
    homes = dict(homes)
    home_of(assignment.expression, homes, where)
    sums: list[Sum] = []
    known: dict[sympy.Expr, sympy.Symbol] = {}

    def replace(expression):
        if not expression.args:
            return expression
        name = getattr(expression.func, "__name__", "")
        arguments = [replace(argument) for argument in expression.args]
        if name not in SUMS:
            return expression.func(*arguments)
        if expression not in known:
            known[expression] = symbol(f"{name}_{len(sums)}")
            sums.append(Sum(name, known[expression], arguments[0]))
            homes[known[expression].name] = SUMS[name][1]
        return known[expression]

    lowered = replace(assignment.expression)
    homes.setdefault(assignment.target, SYNAPSE)
    return Statement(
        assignment.target,
        lowered,
        tuple(sums),
        assignment.expression,
        assignment.line,
        homes,
    )
