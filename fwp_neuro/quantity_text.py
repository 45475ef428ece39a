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
    "fA": allunits.famp, "S": b2.siemens, "F": b2.farad, "m": b2.metre,
}  # fmt: skip
#: how Brian2 prints a unit -> what it exports
_EXPORTED = {"s": "second", "V": "volt", "A": "amp", "S": "siemens", "F": "farad",
             "m": "metre", "mol": "mole"}  # fmt: skip
#: what else `written` tries
_OTHERS = ("*Hz", "*second", "/mV", "/mV**2", "/mM", "/(mM*ms)", "/(mV*ms)", "*pA")
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
            f"{what} takes a quantity such as {written(default)}, and got {shown(text)}"
        )
    return b2.Quantity(value, dim=default.dim)


def written(value) -> str:
    """Return a quantity as a text that `quantity` and Python with Brian2's units read.

        >>> written(10 * b2.ms), written(14e-5 / b2.mV)
        ('10*ms', '0.00014/mV')

    Args:
        value: a Brian2 quantity; of anything else the usual text.
    """
    if not isinstance(value, b2.Quantity) or value.ndim:
        return str(value)
    number, _, unit = value.in_best_unit(precision=12).partition(" ")
    base, _, power = unit.partition("^")
    unit = f"{_EXPORTED.get(base, base)}**{power}".removesuffix("**")
    texts = [f"{float(number):.12g}*{unit}"]
    for unit in _OTHERS:
        one = _evaluated(f"1{unit}")
        texts.append(f"{float(value / one):.12g}{unit}")
    texts.append(repr(value).replace(" ", ""))
    for text in texts:
        again = _evaluated(text)
        names = re.findall(r"(?<![\d.])[A-Za-z]\w*", text)
        known = all(hasattr(b2, name) for name in names)
        if known and again is not None and b2.have_same_dimensions(again, value):
            return text
    return str(value)


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
            unit = _UNITS[node.id]
            # Brian2 remembers units that are made of others, and writes with them after
            return b2.Quantity(float(unit), dim=unit.dim)
        raise ValueError(text)

    if (parts := _NUMBER.fullmatch(text)) is not None:
        # either sign of micro
        text = f"{parts[1]}*{parts[2]}".replace("\u00b5", "u").replace("\u03bc", "u")
    try:
        with np.errstate(all="ignore"):
            value = evaluate(ast.parse(text.strip(), mode="eval").body)
    except (ValueError, SyntaxError, ArithmeticError, MemoryError, RecursionError,
            b2.DimensionMismatchError):  # fmt: skip
        return None
    return value if np.isfinite(value) else None
