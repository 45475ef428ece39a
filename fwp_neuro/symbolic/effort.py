"""How much work a derivation may take, counted in terms and factors, so that no text
hangs it.

The counts depend on the text alone: the same text gives the same answer on every machine.
"""

from __future__ import annotations

from math import comb

import sympy

from ..errors import Cannot

#: characters of a text, its statements, and the names and numbers in one of them
CHARACTERS, STATEMENTS, WORDS = 10_000, 100, 200
#: how deep brackets, functions and signs may stand in one another
DEPTH = 32
#: terms that an expression may be expanded into
TERMS = 1_000
#: terms and different names of an expression that is factored as a polynomial
FACTORED = 8


def terms(expression: sympy.Expr) -> int:
    """Return how many terms an expression has once it is expanded, at most ``TERMS +
    1``."""
    return min(_terms(expression), TERMS + 1)


def _terms(expression: sympy.Expr) -> int:
    if expression.is_Add:
        return min(sum(map(_terms, expression.args)), TERMS + 1)
    inner = [_terms(item) for item in expression.args]
    if expression.is_Mul:
        product = 1
        for item in inner:
            product = min(product * item, TERMS + 1)
        return product
    if expression.is_Pow and expression.exp.is_Integer and inner[0] > 1:
        power = abs(int(expression.exp))
        return (
            TERMS + 1
            if power > TERMS
            else min(comb(power + inner[0] - 1, power), TERMS + 1)
        )
    # what stands inside a function is expanded too, and is one term from outside
    return TERMS + 1 if any(item > TERMS for item in inner) else 1


def expand(expression) -> sympy.Expr:
    """Return an expression expanded.

    Raises:
        Cannot: it has more than ``TERMS`` terms then.
    """
    expression = sympy.sympify(expression)
    if terms(expression) > TERMS:
        raise Cannot(f"a statement expands into more than {TERMS} terms")
    return sympy.expand(expression)


def factor(expression) -> sympy.Expr:
    """Return an expression as a product of factors, common factors alone if it is large.

    The time of a full factorisation grows without limit: 60 terms of 60 names take 14
    seconds.
    """
    expression = sympy.sympify(expression)
    if all(not item.args for item in sympy.Mul.make_args(expression)):
        return expression
    return (
        sympy.factor(expression) if _small(expression) else sympy.factor_terms(expression)
    )


def _small(expression: sympy.Expr) -> bool:
    names = expression.atoms(sympy.Symbol, sympy.Function)
    return terms(expression) <= FACTORED and len(names) <= FACTORED


def divided(expression, by) -> sympy.Expr:
    """Return a quotient with what numerator and denominator share cancelled, as far as is
    cheap."""
    quotient = sympy.sympify(expression) / by
    if _small(quotient):
        return sympy.cancel(sympy.together(quotient))
    return sympy.Add(*(term / by for term in sympy.Add.make_args(expand(expression))))
