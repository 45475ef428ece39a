"""Likely slips in a rule text: a weight times a signal where the sum over synapses is
meant.

In a text ``w*k`` is entrywise, w_ij k_j, while the postsynaptic cell's summed input is
``read(k)``. An entrywise product is legal and often meant: ``w -= eta*k**2*w`` and ``w +=
eta*k*(v - w)`` are decays gated by presynaptic activity, ``w += beta*v*(k - v*w)`` is
Oja's rule. A hint is given for

- a difference such as ``(v - w*k)`` inside a product or a function, where one term lives
  on the cells of one side and another holds the weight times a signal (no gate) of the
  other side to the first power: ``read(k)`` would live where v lives. For ``(k - w*v)``,
  which ``back(v)`` would complete, not if the difference is multiplied by v, as in Oja's
  rule;
- the weight times the query in a sum: a query asks, it does not write;
- an assignment ``w = ...`` of what a synapse writes, a term of both sides or one with a
  read, in which neither the weight nor another state stands: it forgets all that was
  stored before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy

from .language import SYNAPSE, back, home_of, read, symbol
from .statements import Statement

_W = symbol("w")
_OTHER = {"pre": "post", "post": "pre"}
_SUMMED = {"pre": ("read", "summed input of the postsynaptic cell"),
           "post": ("back", "sum over the postsynaptic cells")}  # fmt: skip


def derive(statements: tuple[Statement, ...], signals: Mapping[str, str]) -> str:
    """Return what is likely a slip, in one sentence; empty if nothing is.

    Args:
        statements: lowered statements of a rule.
        signals: signal (no gate) -> home.
    """
    for statement in statements:
        if _forgets(statement):
            change = statement.line.partition("=")[2].strip()
            return (
                f"{statement.line!r} forgets the weight of the token before; if that is "
                f"to stay, write w += {change}"
            )
        for total, factors in _differences(statement.original, None):
            for name, home in signals.items():
                if _slip(total, factors, symbol(name), home, statement):
                    call, words = _SUMMED[home]
                    return (
                        f"w*{name} in {statement.line!r} multiplies each weight by the "
                        f"activity of its own cell; if the {words} is meant, write "
                        f"{call}({name})"
                    )
    return ""


def _forgets(statement: Statement) -> bool:
    """Whether a statement gives w what a synapse writes, and keeps nothing of any
    state."""
    expression = statement.original
    if statement.target != "w" or any(
        statement.homes[each.name] == SYNAPSE for each in expression.free_symbols
    ):
        return False
    return home_of(expression, statement.homes, statement.line) == SYNAPSE or bool(
        expression.atoms(read, back)
    )


def _differences(
    expression: sympy.Expr, factors
) -> Iterator[tuple[sympy.Expr, frozenset | None]]:
    """Yield every sum of terms and the names it is multiplied by (None at the top of a
    text)."""
    if expression.is_Add:
        yield expression, factors
    for item in expression.args:
        if expression.is_Add:
            inner = factors
        elif expression.is_Mul:
            inner = frozenset(base for other in expression.args if other is not item
                              for base in other.as_powers_dict())  # fmt: skip
        else:
            inner = frozenset()
        yield from _differences(item, inner)


def _slip(total, factors, signal: sympy.Symbol, home: str, statement: Statement) -> bool:
    held = [term for term in total.args if _multiplies(term, signal)]
    if not held:
        return False
    if signal.name == "q":
        return True
    if factors is None or (home == "post" and signal in factors):
        return False
    others = (term for term in total.args if term not in held)
    return any(
        home_of(term, statement.homes, statement.line) == _OTHER[home] for term in others
    )


def _multiplies(term: sympy.Expr, signal: sympy.Symbol) -> bool:
    """Whether a term holds w times the signal, each to the first power."""
    return any(
        item.is_Mul and _W in item.args and signal in item.args
        for item in sympy.preorder_traversal(term)
    )
