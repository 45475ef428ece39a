"""Arithmetic texts: looked at node by node, and worked out without running them as
Python.

A text may hold numbers, names, + - * / // % **, comparisons, and, or, not, and calls of
functions by name: what Brian2 takes as an expression.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from brian2.units.allunits import all_units

from .errors import FwpError, shown

_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}  # fmt: skip
_UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: np.logical_not}
_COMPARED = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_JOINED = {ast.And: np.logical_and, ast.Or: np.logical_or}
_LEGAL = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Name,
    ast.Load, ast.Constant, *_BINARY, *_UNARY, *_COMPARED, *_JOINED,
)  # fmt: skip
#: longer texts are no expressions that somebody wrote; larger exponents would be written
#: out
_LONGEST, _LARGEST_EXPONENT = 10_000, 64

UNITS = {name: float(unit) for unit in all_units for name in (str(unit), unit.name)}
FUNCTIONS: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "log10": np.log10, "sqrt": np.sqrt, "clip": np.clip,
    "abs": np.abs, "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh,
    "sign": np.sign, "int": lambda value: np.asarray(value).astype(int),
}  # fmt: skip
CONSTANTS = {"inf": np.inf, "pi": np.pi, "e": np.e}


def read(text: str, what: str) -> ast.expr:
    """Return the syntax tree of an arithmetic text.

    Args:
        text: the text.
        what: what it is, at the start of errors.

    Raises:
        FwpError: it is no expression, or holds more than arithmetic.
    """
    if not isinstance(text, str):
        raise FwpError(f"{what} must be a text, got {shown(text)}")
    return _read(text, what)


@lru_cache(maxsize=1000)
def _read(text: str, what: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise FwpError(f"{what} has {len(text)} characters; {_LONGEST} are legal")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        nodes = list(ast.walk(tree))
        # Python takes look-alike letters for one name, Brian2 does not
        text.encode("ascii")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FwpError(f"{what} cannot be read as an expression: {shown(text)}") from None
    for node in nodes:
        legal = isinstance(node, _LEGAL)
        if isinstance(node, ast.Call):
            legal = isinstance(node.func, ast.Name) and not node.keywords
        elif isinstance(node, ast.Constant):
            legal = isinstance(node.value, int | float) and abs(node.value) < np.inf
        if not legal:
            hint = "; write a power as x**2" if isinstance(node, ast.BitXor) else ""
            raise FwpError(
                f"{what} may hold numbers, names, operators and functions only, got "
                f"{shown(text)}{hint}"
            )
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            _check_power(node, what, text)
    return tree.body


def _check_power(node: ast.BinOp, what: str, text: str) -> None:
    """Refuse powers that would be written out digit by digit."""
    inside = list(ast.walk(node.right))
    numbers = [item.value for item in inside if isinstance(item, ast.Constant)]
    tower = any(
        isinstance(item, ast.BinOp) and isinstance(item.op, ast.Pow) for item in inside
    )
    if tower or any(abs(number) > _LARGEST_EXPONENT for number in numbers):
        raise FwpError(
            f"{what}: an exponent must be a number up to {_LARGEST_EXPONENT}, got "
            f"{shown(text)}"
        )


def evaluate(text: str, names: Mapping[str, Any], what: str = "the expression"):
    """Work out an arithmetic text over numbers or arrays, with units in base units.

    Raises:
        FwpError: see `read`.
        NameError: a name or function that is not among ``names``, units and common
            functions.
    """

    def value(node):
        if isinstance(node, ast.Constant):
            return float(node.value) if type(node.value) is int else node.value
        if isinstance(node, ast.Name):
            for known in (names, CONSTANTS, UNITS):
                if node.id in known:
                    return known[node.id]
            raise NameError(node.id)
        if isinstance(node, ast.Call):
            function = names.get(node.func.id, FUNCTIONS.get(node.func.id))
            if not callable(function):
                raise NameError(node.func.id)
            return function(*map(value, node.args))
        if isinstance(node, ast.UnaryOp):
            return _UNARY[type(node.op)](value(node.operand))
        if isinstance(node, ast.BoolOp):
            join, *rest = _JOINED[type(node.op)], *map(value, node.values)
            found = rest[0]
            for item in rest[1:]:
                found = join(found, item)
            return found
        if isinstance(node, ast.Compare):
            terms = [value(item) for item in (node.left, *node.comparators)]
            parts = [_COMPARED[type(op)](a, b)
                     for op, a, b in zip(node.ops, terms, terms[1:],
                                         strict=False)]  # fmt: skip
            return np.logical_and.reduce(parts) if len(parts) > 1 else parts[0]
        return _BINARY[type(node.op)](value(node.left), value(node.right))

    return value(read(text, what))
