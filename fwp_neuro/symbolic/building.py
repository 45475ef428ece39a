"""From the syntax tree of one expression to sympy, node by node.

Nothing of a text is evaluated as Python, so that a signal may have the name of anything
in Python or sympy; and every number on the way is checked, so that none grows beyond
float64.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import sympy

from ..errors import Cannot
from .language import MATHS, SUM_FUNCTIONS, symbol
from .text_numbers import NEGATIVE, check, constant, negative, number, tame, vanishes

LARGEST_POWER = 64
_POWER = f"has an exponent that is neither a name nor a number up to {LARGEST_POWER}"
#: operators that chain without brackets, the inverse one second
SUMS, PRODUCTS = (ast.Add, ast.Sub), (ast.Mult, ast.Div)


def build(node: ast.expr) -> sympy.Expr:
    """Return the sympy expression of a tree of names, numbers, + - * / ** and calls.

    Raises:
        Cannot: a part has no value; the message says why.
    """
    if isinstance(node, ast.Constant):
        return tame(sympy.sympify(node.value))
    if isinstance(node, ast.Name):
        return symbol(node.id)
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)  # the parser lets nothing else through
        return _call(node.func.id, build(node.args[0]))
    if isinstance(node, ast.UnaryOp):
        inner = build(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    assert isinstance(node, ast.BinOp)
    if isinstance(node.op, ast.Pow):
        return _power(build(node.left), build(node.right))
    family = SUMS if isinstance(node.op, SUMS) else PRODUCTS
    parts = [(build(part), inverse) for part, inverse in chain(node, family)]
    if family is SUMS:
        return check(sympy.Add(*(-part if inverse else part for part, inverse in parts)))
    return product(*parts)


def chain(node: ast.expr, family: tuple) -> Iterator[tuple[ast.expr, bool]]:
    """Yield the terms of a sum (or the factors of a product), last first, with its
    inverse sign."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, family):
        yield node.right, isinstance(node.op, family[1])
        node = node.left
    yield node, False


def product(*parts: tuple[sympy.Expr, bool]) -> sympy.Expr:
    """Multiply factors; those marked True divide.

    Raises:
        Cannot: one divides by zero, or the numbers leave float64.
    """
    factors = []
    for factor, divides in parts:
        if divides and vanishes(factor):
            raise Cannot("divides by zero")
        factors.append(1 / factor if divides else factor)
    return check(sympy.Mul(*factors))


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    if not constant(exponent):
        if not (exponent.is_Symbol or (-exponent).is_Symbol):
            raise Cannot(_POWER)
        if constant(base) and number(base) <= 0:
            raise Cannot("takes a varying power of a number that is not positive")
        return check(base**exponent)
    power = number(exponent)
    if abs(power) > LARGEST_POWER:
        raise Cannot(_POWER)
    if power < 0 and vanishes(base):
        raise Cannot("divides by zero")
    if power != int(power) and negative(base):
        raise Cannot(NEGATIVE)
    found = check(base**exponent)
    if found.is_Pow and constant(found.exp) and abs(number(found.exp)) > LARGEST_POWER:
        raise Cannot(_POWER)
    return found


def _call(name: str, argument: sympy.Expr) -> sympy.Expr:
    if name in SUM_FUNCTIONS:
        return SUM_FUNCTIONS[name](argument)
    if name == "log" and vanishes(argument):
        raise Cannot("divides by zero")
    if name in ("log", "sqrt") and negative(argument):
        raise Cannot(NEGATIVE)
    return check(MATHS[name](argument))
