"""A quantity that is typed in, such as ``50*ms``, read without evaluating any other
code."""

from __future__ import annotations

import ast
import operator
import re

import brian2 as b2
import numpy as np
from brian2.units import allunits, stdunits

from fwp_neuro.errors import FwpError, shown

_OPERATORS = {ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}


def quantity(text: str, default, what: str):
    """Return ``text``, such as ``50*ms`` or ``50 ms``, as a Brian2 quantity like
    ``default``."""
    units = {**vars(allunits), **vars(stdunits)}

    def evaluate(node):
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](evaluate(node.left), evaluate(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -evaluate(node.operand)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node.value
        if isinstance(node, ast.Name) and isinstance(units.get(node.id), b2.Unit):
            return units[node.id]
        raise ValueError(text)

    try:
        number_then_unit = re.sub(r"(?<=[\d.])\s+(?=[A-Za-z])", "*", text)
        with np.errstate(all="ignore"):
            value = evaluate(ast.parse(number_then_unit, mode="eval").body)
    except (ValueError, SyntaxError, ArithmeticError, MemoryError, RecursionError):
        value = None
    if value is None or not (
        b2.have_same_dimensions(value, default) and np.isfinite(value)
    ):
        raise FwpError(
            f"{what} takes a quantity such as {default}, and got {shown(text)}"
        )
    return b2.Quantity(value, dim=default.dim)
