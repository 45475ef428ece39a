"""A rule in continuous time: what its statements do to the first order in their gates.

A gate over a short time dt is dt times a rate, and one that multiplies the weight itself
(a decay, alpha in ``w = alpha*w``) is 1 - dt times a rate. The terms that are linear in
dt are the differential equation, with all gates in 1/s,

    delta:        dw/dt = beta (v - read(k)) k
    gated_delta:  dw/dt = -alpha w + beta (v - read(k)) k
    hgrn2:        dw/dt = -alpha w + alpha v

so that several statements act at the same time, and their order makes no difference. What
a statement adds without any gate, such as ``w += v*k``, gets a gate of its own, the write
rate. It is the limit of the exact relation in `circuits.rate.window_rates` for gates that
are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy

from ..errors import Cannot
from .effort import expand
from .language import symbol
from .statements import Statement, Sum

_STEP = symbol("_short_time")
_BAD = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)


@dataclass(frozen=True)
class FirstOrderRates:
    """A rule as differential equations.

    Attributes:
        right: state -> right hand side, in 1/s, over signals, gates in 1/s, states and
            ``sums``.
        sums: what is summed over synapses at every moment, inner before outer.
        in_hertz: names of the sums that hold a gate and therefore are in 1/s.
        homes: name -> home of every symbol.
        write_rate: name of the gate of what has none, "" if everything has one.
        decays: gates that multiply a state.
    """

    right: dict[str, sympy.Expr]
    sums: tuple[Sum, ...]
    in_hertz: frozenset[str]
    homes: dict[str, str]
    write_rate: str
    decays: frozenset[str]


def decays(statements: Sequence[Statement], gates) -> frozenset[str]:
    """Return the gates that multiply a state as a whole."""
    found: set[str] = set()
    for statement in statements:
        own = expand(statement.expression).coeff(symbol(statement.target), 1)
        found |= {
            atom.name
            for atom in sympy.factor_terms(own).as_powers_dict()
            if atom.is_Symbol
        }
    return frozenset(found & set(gates))


def derive(rule) -> FirstOrderRates:
    """Return the differential equations of a rule.

    Raises:
        Cannot: a statement has no value where its gates vanish, or its text is too long
            to expand.
    """
    short = {g: _STEP * symbol(g) for g in rule.gates}
    falling = decays(rule.statements, rule.gates)
    short |= {g: 1 - _STEP * symbol(g) for g in falling}
    short = {symbol(g): value for g, value in short.items()}
    name = "write_rate"
    while name in rule.all_homes:
        name += "_"
    homes = {**rule.all_homes, name: "shared"}
    right: dict[str, sympy.Expr] = dict.fromkeys(rule.states, sympy.Integer(0))
    sums: list[Sum] = []
    for n, statement in enumerate(rule.statements):
        known = dict(short)
        for item in statement.sums:
            parts = _orders(item.argument.xreplace(known), statement.line)
            value = sympy.Integer(0)
            for order, argument in enumerate(parts):
                if argument == 0:
                    continue
                new = symbol(f"sum_{item.symbol.name}_of_{n}" + "_rate" * order)
                homes[new.name] = item.home
                sums.append(Sum(item.kind, new, argument))
                value += new * _STEP**order
            known[item.symbol] = value
        still, linear = _orders(statement.expression.xreplace(known), statement.line)
        added = expand(still - symbol(statement.target))
        right[statement.target] += linear + symbol(name) * added
    right, sums = _shortest(right, sums)
    used = set().union(*(one.free_symbols for one in right.values()))
    in_hertz = frozenset(
        one.symbol.name for one in sums if one.symbol.name.endswith("_rate")
    )
    return FirstOrderRates(
        right, tuple(sums), in_hertz, homes, name * (symbol(name) in used), falling
    )


def _orders(expression: sympy.Expr, line: str) -> tuple[sympy.Expr, sympy.Expr]:
    """Return an expression where the time vanishes, and its slope there."""
    found = tuple(
        one.subs(_STEP, 0) for one in (expression, sympy.diff(expression, _STEP))
    )
    if any(one.has(*_BAD) for one in found):
        raise Cannot(f"statement {line!r} has no value where its gates vanish")
    return found


def _shortest(right, sums: list[Sum]) -> tuple[dict[str, sympy.Expr], list[Sum]]:
    """Leave out sums that nothing needs."""
    right = {name: sympy.factor_terms(one) for name, one in right.items()}
    kept: list[Sum] = []
    needed = set().union(*(one.free_symbols for one in right.values()))
    for one in reversed(sums):
        if one.symbol in needed:
            kept.append(one)
            needed |= one.argument.free_symbols
    return right, kept[::-1]
