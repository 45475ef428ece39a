"""Read a rule text: one assignment a line, checked word by word, turned into sympy."""

from __future__ import annotations

import ast
import keyword
import re
import sys
from dataclasses import dataclass

import sympy
from sympy.parsing.sympy_parser import parse_expr

from ..errors import FwpError, nearest
from .language import BUILT_IN, MATHS, SUM_FUNCTIONS, SUMS, symbol

LARGEST = sys.float_info.max
_ASSIGNMENT = re.compile(r"^\s*([A-Za-z_]\w*)\s*(\+=|-=|\*=|/=|=)(?!=)\s*(\S.*)$")
_LEGAL_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.Load,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd,
)  # fmt: skip


@dataclass(frozen=True)
class Assignment:
    """One line of a rule text: ``target = expression`` (``+=`` and its kin already expanded)."""

    target: str
    expression: sympy.Expr
    line: str


def parse(text: str, homes: dict[str, str], states: tuple[str, ...], name: str) -> list[Assignment]:
    """Parse a rule text.

    Args:
        text: assignments, one a line or with ``;`` between them; ``#`` starts a comment.
        homes: declared signals and gates, name -> home.
        states: the synaptic states that may be assigned, ``w`` first.
        name: the rule's name, for errors.

    Raises:
        FwpError: anything that is not a legal assignment over legal names, with the nearest legal
            one.
    """
    lines = [line.split("#")[0] for line in str(text).splitlines()]
    lines = [part.strip() for line in lines for part in line.split(";") if part.strip()]
    if not lines:
        raise FwpError(f"rule {name!r} has an empty text; write for example 'w += beta*v*k'")
    found = [_parse_line(line, n, homes, states, name) for n, line in enumerate(lines, start=1)]
    if not any(item.target == "w" for item in found):
        raise FwpError(
            f"rule {name!r} never assigns w, the fast weight; write for example 'w += ...'"
        )
    return found


def _parse_line(line, number, homes, states, name) -> Assignment:
    where = f"rule {name!r}, statement {number} ({line!r})"
    match = _ASSIGNMENT.match(line)
    if not match:
        raise FwpError(f"{where} is not an assignment; write 'w = ...', 'w += ...' or 'w -= ...'")
    target, operator, right = match.groups()
    if target not in states:
        raise FwpError(
            f"{where} assigns {target!r}; a rule assigns {', '.join(states)} only "
            f"(declare a further synaptic state with states=({target!r},))"
        )
    value = expression(right, homes, states, where)
    old = symbol(target)
    value = {
        "=": lambda: value, "+=": lambda: old + value, "-=": lambda: old - value,
        "*=": lambda: old * value, "/=": lambda: old / value,
    }[operator]()  # fmt: skip
    return Assignment(target, value, line)


def expression(text: str, homes, states, where) -> sympy.Expr:
    """Parse one expression over names in ``homes`` and ``states``; ``where`` opens errors."""
    for word in re.findall(r"[A-Za-z_]\w*", text):
        if keyword.iskeyword(word):
            raise FwpError(f"{where}: {word!r} is a Python keyword and cannot name a signal")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as problem:
        raise FwpError(f"{where} cannot be read: {problem.msg}") from None
    names = {**dict.fromkeys((*states, *BUILT_IN, *homes))}
    functions = {**SUMS, **MATHS}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _LEGAL_NODES):
            raise FwpError(
                f"{where}: "
                f"{ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__!r} "
                "is not legal here; use + - * / **, numbers, names and function calls"
            )
        if isinstance(node, ast.Constant) and not isinstance(node.value, (int, float)):
            raise FwpError(f"{where}: {node.value!r} is not a number")
        if isinstance(node, ast.Constant) and not abs(node.value) <= LARGEST:
            raise FwpError(f"{where} holds a number beyond the range of float64")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            _check_power(node, where)
        if isinstance(node, ast.Call):
            _check_call(node, functions, where)
        elif isinstance(node, ast.Name) and id(node) not in called and node.id not in names:
            raise _unknown_name(node.id, names, functions, where)
    local = {item: symbol(item) for item in names}
    # unparsed, because Python folds look-alike letters into one name and sympy does not
    value = parse_expr(ast.unparse(tree), local_dict={**MATHS, **SUM_FUNCTIONS, **local})
    if value.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise FwpError(f"{where} divides by zero")
    if value.has(sympy.I):
        raise FwpError(f"{where} takes the root or logarithm of a negative number")
    return value


def _check_power(node: ast.BinOp, where) -> None:
    """Refuse towers such as 9**9**9, which sympy would try to write out."""
    numbers = [item.value for item in ast.walk(node.right) if isinstance(item, ast.Constant)]
    towers = any(isinstance(item, ast.BinOp) for item in ast.walk(node.right))
    if towers or any(isinstance(n, (int, float)) and abs(n) > 64 for n in numbers):
        raise FwpError(
            f"{where}: the exponent of {ast.unparse(node)} must be a name or a number up to 64"
        )


def _check_call(node: ast.Call, functions, where) -> None:
    called = ast.unparse(node.func)
    if called not in functions:
        guess = nearest(called, functions)
        hint = f"; did you mean {guess}()?" if guess else ""
        legal = ", ".join(f"{item}()" for item in functions)
        raise FwpError(f"{where}: unknown function {called}(){hint} (legal: {legal})")
    if len(node.args) != 1 or node.keywords:
        raise FwpError(f"{where}: {called}() takes one argument, got {ast.unparse(node)}")


def _unknown_name(name, names, functions, where) -> FwpError:
    if name in functions:
        return FwpError(f"{where}: {name} is a function; write {name}(...)")
    guess = nearest(name, names)
    hint = f"; did you mean {guess!r}?" if guess else ""
    return FwpError(
        f"{where}: unknown name {name!r}{hint} (known: {', '.join(names)}); a new gate needs a "
        f"home: "
        f"gates={{{name!r}: 'shared'}}, 'pre' or 'post'"
    )
