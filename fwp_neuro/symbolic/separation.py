"""Write an expression as a product of factors that each live on one side of the synapse."""

from __future__ import annotations

from collections.abc import Callable

import sympy

from .effort import TooLarge, expand, factor
from .language import SYNAPSE

Home = Callable[[sympy.Expr], str]


def separate(expression, home: Home) -> dict[str, sympy.Expr] | None:
    """Return home -> product of the factors that live there; None if there is no such product.

    Args:
        expression: elementwise, over names that ``home`` knows.
        home: expression -> "shared", "pre", "post" or "synapse".

    Returns:
        factors for "shared", "pre" and "post" whose product is the expression.
    """
    expression = sympy.sympify(expression)
    found = _factors(expression, home)
    if found is None:
        found = _factors(factor(expression), home)
    return found


def _factors(expression: sympy.Expr, home: Home) -> dict[str, sympy.Expr] | None:
    found = {name: sympy.Integer(1) for name in ("shared", "pre", "post")}
    for item in sympy.Mul.make_args(expression):
        where = home(item)
        if where != SYNAPSE:
            found[where] *= item
            continue
        parts = _of_mixed(item, home)
        if parts is None:
            return None
        for name, part in parts.items():
            found[name] *= part
    return found


def _of_mixed(item: sympy.Expr, home: Home) -> dict[str, sympy.Expr] | None:
    """Separate one factor that mixes the two sides."""
    if item.is_Pow and item.exp.is_Integer:
        parts = separate(item.base, home)
        return None if parts is None else {n: part**item.exp for n, part in parts.items()}
    if not item.is_Add:
        return None
    simpler = sympy.factor_terms(item)
    if not simpler.is_Add:
        return _factors(simpler, home)
    try:
        return _of_sum(expand(item), home)
    except TooLarge:
        return None


def _of_sum(total: sympy.Expr, home: Home) -> dict[str, sympy.Expr] | None:
    """Separate a sum: the coefficients of pre times post must be a matrix of rank one."""
    rows: dict[sympy.Expr, dict[sympy.Expr, sympy.Expr]] = {}
    for term in sympy.Add.make_args(total):
        parts = {name: sympy.Integer(1) for name in ("shared", "pre", "post")}
        for item in sympy.Mul.make_args(term):
            where = home(item)
            if where == SYNAPSE:
                return None
            parts[where] *= item
        row = rows.setdefault(parts["post"], {})
        row[parts["pre"]] = row.get(parts["pre"], 0) + parts["shared"]
    (first_post, first), *others = rows.items()
    pivot = next(iter(first))
    if all(row.keys() == {pivot} for row in rows.values()):
        pre, post = pivot, sympy.Add(*(row[pivot] * name for name, row in rows.items()))
    else:
        post = first_post
        for name, row in others:
            ratio = row.get(pivot, sympy.Integer(0)) / first[pivot]
            # a name below the fraction line could be zero
            if not ratio.is_Number or row != {p: sympy.expand(ratio * c) for p, c in first.items()}:
                return None
            post += ratio * name
        pre = sympy.Add(*(coefficient * name for name, coefficient in first.items()))
    found = {name: sympy.Integer(1) for name in ("shared", "pre", "post")}
    for part in (pre, post):
        found[home(part)] *= part
    return found
