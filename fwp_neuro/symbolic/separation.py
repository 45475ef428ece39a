"""Write an expression as a product of factors that each live on one side of the
synapse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy

from ..errors import Cannot
from .effort import expand, factor
from .language import SYNAPSE

Home = Callable[[sympy.Expr], str]
ONE, ZERO = sympy.Integer(1), sympy.Integer(0)
OTHER = {"pre": "post", "post": "pre"}
_MIXED = "no product of one presynaptic and one postsynaptic factor"


@dataclass(frozen=True)
class Product:
    """A product of one factor for each home: shared x presynaptic x postsynaptic."""

    shared: sympy.Expr = ONE
    pre: sympy.Expr = ONE
    post: sympy.Expr = ONE

    def __mul__(self, other: Product) -> Product:
        return Product(
            self.shared * other.shared, self.pre * other.pre, self.post * other.post
        )

    def __pow__(self, exponent) -> Product:
        return Product(self.shared**exponent, self.pre**exponent, self.post**exponent)

    @property
    def zero(self) -> bool:
        """Whether the product vanishes."""
        return ZERO in (self.shared, self.pre, self.post)

    def on(self, side: str) -> sympy.Expr:
        """Return the factor of a side, "pre" or "post"."""
        return self.pre if side == "pre" else self.post

    def off(self, side: str) -> sympy.Expr:
        """Return the factors that are not on a side."""
        return self.shared * self.on(OTHER[side])


def separate(expression, home: Home) -> Product:
    """Return the product of factors that an expression is.

    Args:
        expression: elementwise, over names that ``home`` knows.
        home: expression -> "shared", "pre", "post" or "synapse".

    Raises:
        Cannot: there is no such product.
    """
    expression = sympy.sympify(expression)
    try:
        return _factors(expression, home)
    except Cannot:
        return _factors(factor(expression), home)


def products(expression, home: Home) -> tuple[Product, ...]:
    """Return products whose sum an expression is; one if it is a product as a whole.

    Raises:
        Cannot: it is no such sum; the message says which term is none.
    """
    expression = sympy.sympify(expression)
    if expression == 0:
        return ()
    try:
        return (separate(expression, home),)
    except Cannot:
        return tuple(
            _term(term, home) for term in sympy.Add.make_args(expand(expression))
        )


def _term(term: sympy.Expr, home: Home) -> Product:
    try:
        return separate(term, home)
    except Cannot as reason:
        raise Cannot(f"{term} is {reason}") from None


def _factors(expression: sympy.Expr, home: Home) -> Product:
    found = Product()
    for item in sympy.Mul.make_args(expression):
        where = home(item)
        found *= _of_mixed(item, home) if where == SYNAPSE else Product(**{where: item})
    return found


def _of_mixed(item: sympy.Expr, home: Home) -> Product:
    """Separate one factor that mixes the two sides."""
    if item.is_Pow and item.exp.is_Integer:
        return separate(item.base, home) ** item.exp
    if not item.is_Add:
        raise Cannot(_MIXED)
    simpler = sympy.factor_terms(item)
    return _of_sum(expand(item), home) if simpler.is_Add else _factors(simpler, home)


def _of_sum(total: sympy.Expr, home: Home) -> Product:
    """Separate a sum: the coefficients of pre times post must be a matrix of rank one."""
    rows: dict[sympy.Expr, dict[sympy.Expr, sympy.Expr]] = {}
    for term in sympy.Add.make_args(total):
        parts = {name: sympy.Integer(1) for name in ("shared", "pre", "post")}
        for item in sympy.Mul.make_args(term):
            where = home(item)
            if where == SYNAPSE:
                raise Cannot(_MIXED)
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
            if not ratio.is_Number or row != {
                p: sympy.expand(ratio * c) for p, c in first.items()
            }:
                raise Cannot(_MIXED)
            post += ratio * name
        pre = sympy.Add(*(coefficient * name for name, coefficient in first.items()))
    return Product(**{home(pre): pre}) * Product(**{home(post): post})
