"""A rule's statements as Brian2 code, in passes over all synapses.

Every statement first gathers its sums and then changes its synapses. Names are the
caller's, so that the same statements run in the rate circuit and between anybody's cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sympy
from sympy.printing.str import StrPrinter

from .language import symbol
from .statements import Statement
from .text_numbers import plain

#: where the result of a sum lives; shared ones are kept on the postsynaptic cells, all
#: alike
SUM_SIDE = {"pre": "pre", "post": "post", "shared": "post"}


class _Printer(StrPrinter):
    def _print_Abs(self, expr):
        return f"abs({self._print(expr.args[0])})"

    def _print_Rational(self, expr):
        return f"({expr.p}.0/{expr.q}.0)"

    def _print_Float(self, expr):
        return repr(float(expr))


def code(expression: sympy.Expr, names: Mapping[str, str]) -> str:
    """Print a lowered expression as Brian2 code of a synapse.

    Args:
        expression: without read(), back() and pool(), over symbols of ``names``.
        names: symbol -> code that stands for it, such as a variable with its suffix.
    """
    every = {atom: symbol(names[atom.name]) for atom in expression.free_symbols}
    return _Printer().doprint(plain(expression).xreplace(every))


@dataclass(frozen=True)
class Pass:
    """One pass over all synapses.

    Attributes:
        kind: "sum" (onto cells) or "update" (of a synaptic state).
        target: name of the sum, or of the state.
        side: "pre" or "post" for a sum, "" for an update.
        code: what each synapse adds, or the new value.
    """

    kind: str
    target: str
    side: str
    code: str


def passes(
    statements: Iterable[Statement], names: Mapping[str, str], weight: str = "w"
) -> list[Pass]:
    """Return the passes of one token in the order in which they run.

    Args:
        statements: of a rule.
        names: signal or state -> code at the synapse.
        weight: code of the weight.
    """
    found: list[Pass] = []
    for n, statement in enumerate(statements):
        if statement.expression == symbol(statement.target):
            continue  # it changes nothing
        known = dict(names)
        for item in statement.sums:
            target, side = f"sum_{item.symbol.name}_of_{n}", SUM_SIDE[item.home]
            inner = code(item.argument, known)
            known[item.symbol.name] = f"{target}_{side}"
            adds = f"({inner})" if item.kind == "pool" else f"{weight}*({inner})"
            found.append(Pass("sum", target, side, adds))
        right = code(statement.expression, known)
        found.append(Pass("update", statement.target, "", right))
    return found
