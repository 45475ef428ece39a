"""The numbers in a rule text: each is a float64, and none is divided by zero or left
undefined."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import Cannot

LARGEST = sys.float_info.max
#: whole numbers up to this one are exact in float64
_EXACT = 2**53
NEGATIVE = "takes the root or logarithm of a negative number"
_POINTS = 3  # random points at which a divisor is tried
_FUNCTIONS: dict[Any, Callable[..., float]] = {
    sympy.exp: math.exp,
    sympy.log: math.log,
    sympy.tanh: math.tanh,
    sympy.Abs: abs,
    sympy.sign: lambda x: (x > 0) - (x < 0),
}


def tame(number: sympy.Expr) -> sympy.Expr:
    """Return a number as float64 has it: no fraction of endless digits, nothing below its
    range.

    Raises:
        Cannot: it is beyond the range of float64.
    """
    if not number.is_finite:
        raise Cannot("divides by zero")
    if not abs(number) <= LARGEST:
        raise Cannot("holds a number beyond the range of float64")
    if number.is_Rational and max(abs(number.p), number.q) > _EXACT:
        return sympy.Float(float(number))
    return sympy.Integer(0) if float(number) == 0 else number


def value(expression: sympy.Expr, values=None) -> float:
    """Return the number that an expression stands for.

    Args:
        expression: without names, or with ``values``.
        values: name or sum -> number.

    Raises:
        ValueError, ArithmeticError: there is none in float64.
    """
    if values is not None and (
        expression.is_Symbol or isinstance(expression, AppliedUndef)
    ):
        return values(expression)
    if not expression.args:
        return float(expression)
    parts = [value(item, values) for item in expression.args]
    if expression.is_Add:
        found = math.fsum(parts)
    elif expression.is_Mul:
        found = math.prod(parts)
    elif expression.is_Pow:
        found = math.pow(*parts)
    else:
        found = _FUNCTIONS[expression.func](*parts)
    if not math.isfinite(found):
        raise OverflowError
    return found


def check(expression: sympy.Expr) -> sympy.Expr:
    """Return an expression just put together if all numbers in its outermost part are
    legal.

    Raises:
        Cannot: one is not.
    """
    if expression.is_Number:
        return tame(expression)
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise Cannot("divides by zero")
    if expression.has(sympy.I):
        raise Cannot(NEGATIVE)
    constants = [item for item in (expression, *expression.args) if constant(item)]
    for item in constants:
        if item.is_Number:
            tame(item)
            continue
        number(item)
    return expression


def number(expression: sympy.Expr) -> float:
    """Return the number that an expression without names stands for.

    Raises:
        Cannot: there is none in float64.
    """
    try:
        return value(expression)
    except ZeroDivisionError:
        raise Cannot("divides by zero") from None
    except ArithmeticError:
        raise Cannot("holds a number beyond the range of float64") from None
    except ValueError:
        raise Cannot(NEGATIVE) from None


def constant(expression: sympy.Expr) -> bool:
    """Whether an expression holds no name and no sum over cells."""
    return not expression.free_symbols and not expression.has(AppliedUndef)


def plain(expression: sympy.Expr) -> sympy.Expr:
    """Return an expression with numbers in place of exp(1), sqrt(2) and their like."""
    if expression.is_Number or expression.is_Symbol:
        return expression
    if not expression.free_symbols:
        return sympy.Float(value(expression))
    return expression.func(*map(plain, expression.args))


def negative(expression: sympy.Expr) -> bool:
    """Whether an expression is below zero whatever its names are."""
    if constant(expression):
        return number(expression) < 0
    return bool(expression.is_negative)


def vanishes(expression: sympy.Expr) -> bool:
    """Whether an expression is zero whatever its names are."""
    if expression == 0:
        return True
    if expression.is_Mul:
        return any(vanishes(factor) for factor in expression.args)
    if expression.is_Pow:
        return vanishes(expression.base)
    if not expression.is_Add:
        return False
    return all(_cancels(expression, point) for point in range(_POINTS))


def _cancels(total: sympy.Expr, seed: int) -> bool:
    """Whether the terms of a sum cancel to rounding at a random point."""
    drawn: dict = {}
    rng = random.Random(seed)

    def draw(name):
        return drawn.setdefault(name, rng.uniform(0.5, 1.5))

    try:
        found = [value(term, draw) for term in total.args]
    except (ArithmeticError, ValueError):
        return False
    return abs(math.fsum(found)) <= 1e-11 * max(map(abs, found))
