"""Print sympy expressions as C++ that stays in one floating-point type."""

from __future__ import annotations

import sympy
from sympy.printing.cxx import CXX17CodePrinter
from sympy.printing.precedence import PRECEDENCE

from ...symbolic.language import symbol


class _Printer(CXX17CodePrinter):
    """C++ in which every number and function argument is a ``real``: no silent double."""

    def _print_Float(self, expr):
        return f"real({float(expr)!r})"

    def _print_Rational(self, expr):
        return f"real({float(expr)!r})"

    def _print_Integer(self, expr):
        return (
            f"real({int(expr)})"
            if abs(int(expr)) > 2**15
            else super()._print_Integer(expr)
        )

    def _print_NumberSymbol(self, expr):
        return f"real({float(expr)!r})"

    def _print_Pow(self, expr):
        base, power = expr.as_base_exp()
        if power.is_Integer and abs(power) <= 8:
            one = self.parenthesize(base, PRECEDENCE["Pow"])
            product = "*".join([one] * abs(int(power)))
            return f"({product})" if power > 0 else f"(real(1)/({product}))"
        if power == sympy.S.Half:
            return f"std::sqrt(real({self._print(base)}))"
        return f"std::pow(real({self._print(base)}), real({self._print(power)}))"

    def _call(self, expr):
        name = {"Abs": "fabs"}.get(expr.func.__name__, expr.func.__name__)
        return f"std::{name}(real({self._print(expr.args[0])}))"

    _print_exp = _print_log = _print_tanh = _print_Abs = _call

    def _print_ExpBase(self, expr):
        return self._call(expr)


_PRINTER = _Printer()


def value(name: str) -> str:
    """Return the C++ name of a signal's or a pooled sum's value (no C++ keyword can be
    hit)."""
    return f"x_{name}"


def cxx(expression) -> str:
    """Print an expression over signals in C++, each signal ``s`` as ``x_s``."""
    expression = sympy.sympify(expression)
    named = {item: symbol(value(item.name)) for item in expression.free_symbols}
    text = _PRINTER.doprint(expression.xreplace(named))
    return text.replace("\n", " ")


def slope(expression, name: str) -> sympy.Expr:
    """Return d expression / d signal; like torch, sign() has the slope 0 everywhere."""
    found = sympy.diff(sympy.sympify(expression), symbol(name))
    return found.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))
