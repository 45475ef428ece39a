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
_UNITS = {
    **vars(allunits), **vars(stdunits), "s": b2.second, "V": b2.volt, "A": b2.amp,
    "S": b2.siemens, "F": b2.farad, "m": b2.metre,
}  # fmt: skip
#: a number, and the unit behind it
_NUMBER = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\*?\s*"
    r"(?![eE][-+]?\d)([A-Za-z\u00b5\u03bc].*)"
)


def quantity(text: str, default, what: str):
    """Return ``text``, such as ``50*ms`` or ``50 ms``, as a Brian2 quantity like
    ``default``."""
    value = _evaluated(text)
    if value is None or not b2.have_same_dimensions(value, default):
        raise FwpError(
            f"{what} takes a quantity such as {default}, and got {shown(text)}"
        )
    return b2.Quantity(value, dim=default.dim)


def number_in(text: str, unit: str, what: str) -> float:
    """Return ``text``, such as ``200*us`` or ``0.2 ms``, as a number in ``unit``.

    Raises:
        FwpError: another dimension, or no quantity at all.
    """
    value, one = _evaluated(text), _evaluated(f"1*{unit}".replace("*1/", "/"))
    if value is None or one is None or not b2.have_same_dimensions(value, one):
        needs = "a number without a unit" if unit == "1" else f"a number in {unit}"
        raise FwpError(f"{what} takes {needs}, and got {shown(text)}")
    # without the last digits, in which the way through SI units shows
    return float(f"{float(value) / float(one):.14g}")


def _evaluated(text: str):
    """Return a finite number or quantity; None if the text is none."""

    def evaluate(node):
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](evaluate(node.left), evaluate(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -evaluate(node.operand)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node.value
        if isinstance(node, ast.Name) and isinstance(_UNITS.get(node.id), b2.Unit):
            return _UNITS[node.id]
        raise ValueError(text)

    if (parts := _NUMBER.fullmatch(text)) is not None:
        # either sign of micro
        text = f"{parts[1]}*{parts[2]}".replace("\u00b5", "u").replace("\u03bc", "u")
    try:
        with np.errstate(all="ignore"):
            value = evaluate(ast.parse(text.strip(), mode="eval").body)
    except (ValueError, SyntaxError, ArithmeticError, MemoryError, RecursionError):
        return None
    return value if np.isfinite(value) else None
