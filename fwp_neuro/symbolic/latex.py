"""Print a rule as indexed LaTeX: w_ij from presynaptic cell j to postsynaptic cell i.

Only commands that matplotlib's mathtext knows as well, so that figures can show a rule.
"""

from __future__ import annotations

import sympy

from .language import SUMS, symbol

_INDEX = {"pre": "j", "post": "i", "shared": "", "synapse": "ij"}
_DUMMIES = "lmnrs"  # indices summed over, the outermost sum first


def _is_sum(expression: sympy.Expr) -> bool:
    return getattr(expression.func, "__name__", "") in SUMS


def _named(expression, homes, index, depth: int = 0) -> sympy.Expr:
    """Return ``expression`` with every symbol and every sum replaced by one named in
    LaTeX."""
    if isinstance(expression, sympy.Symbol):
        return _symbol(expression.name, index[homes[expression.name]])
    if _is_sum(expression):
        return symbol(_sum(expression, homes, index, depth))
    if not expression.args:
        return expression
    arguments = [_named(argument, homes, index, depth) for argument in expression.args]
    # in a sum of terms and inside a function a sum stands alone; a factor or a base needs
    # brackets
    negated = len(arguments) == 2 and expression.args[0] == -1
    bare = not (expression.is_Mul or expression.is_Pow) or negated
    if not bare:
        pairs = zip(expression.args, arguments, strict=True)
        arguments = [_bracketed(new) if _is_sum(old) else new for old, new in pairs]
    return expression.func(*arguments)


def _symbol(name: str, subscript: str) -> sympy.Symbol:
    base = sympy.latex(sympy.Symbol(name))
    if len(name) > 1 and base == name:
        base = rf"\mathrm{{{base}}}"
    if not subscript:
        return symbol(base)
    # beta2 prints as \beta_{2}: join the two subscripts
    if base.endswith("}") and "_{" in base:
        return symbol(base[:-1] + f",{subscript}}}")
    return symbol(f"{base}_{{{subscript}}}")


def _sum(expression: sympy.Expr, homes, index, depth: int) -> str:
    kind, side = expression.func.__name__, SUMS[expression.func.__name__][0]
    dummy = _DUMMIES[depth % len(_DUMMIES)]
    post, pre = (dummy, index["pre"]) if kind == "back" else (index["post"], dummy)
    weight = "" if kind == "pool" else f"w_{{{post}{pre}}} "
    argument = expression.args[0]
    body = sympy.latex(_named(argument, homes, {**index, side: dummy}, depth + 1))
    if argument.is_Add:
        body = rf"\left({body}\right)"
    return rf"\sum_{{{dummy}}} {weight}{body}"


def _bracketed(expression: sympy.Symbol) -> sympy.Symbol:
    return symbol(rf"\left({expression.name}\right)")


def statement_latex(target: str, expression: sympy.Expr, homes: dict[str, str]) -> str:
    """Return ``target \\leftarrow expression`` with indices, sums written out."""
    left = sympy.latex(_named(sympy.Symbol(target, real=True), homes, _INDEX))
    return rf"{left} \leftarrow {sympy.latex(_named(expression, homes, _INDEX))}"
