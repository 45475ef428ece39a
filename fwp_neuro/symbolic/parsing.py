"""Read a rule text: one assignment a line, checked word by word, turned into sympy."""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import dataclass

import sympy

from ..errors import Cannot, FwpError, nearest, shown
from . import building
from .effort import CHARACTERS, DEPTH, STATEMENTS, WORDS
from .language import BUILT_IN, MATHS, SUMS, symbol
from .text_numbers import LARGEST

_ASSIGNMENT = re.compile(r"^\s*([A-Za-z_]\w*)\s*(\+=|-=|\*=|/=|=)(?!=)\s*(\S.*)$")
_LEGAL_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.Load,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd,
)  # fmt: skip


_PRODUCT_HINT = (
    "; for the sum of w_ij k_j over presynaptic cells write read(k), for that of w_ij "
    "v_i over postsynaptic ones back(v)"
)


#: signs of printed formulas -> how a text writes them
_PRINTED = {
    "²": "**2",
    "³": "**3",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∗": "*",
    "÷": "/",
    "−": "-",
}


@dataclass(frozen=True)
class Assignment:
    """One line of a rule text: ``target = expression`` (``+=`` and its kin already
    expanded)."""

    target: str
    expression: sympy.Expr
    line: str


def parse(
    text: str, homes: dict[str, str], states: tuple[str, ...], name: str
) -> list[Assignment]:
    """Parse a rule text.

    Args:
        text: assignments, one a line or with ``;`` between them; ``#`` starts a comment.
        homes: declared signals and gates, name -> home.
        states: the synaptic states that may be assigned, ``w`` first.
        name: the rule's name, for errors.

    Raises:
        FwpError: anything that is not a legal assignment over legal names, with the
            nearest legal one.
    """
    if len(text) > CHARACTERS:
        raise FwpError(
            f"rule {name!r} has a text of {len(text)} characters; the limit is "
            f"{CHARACTERS}"
        )
    lines = [line.split("#")[0] for line in str(text).splitlines()]
    lines = [part.strip() for line in lines for part in line.split(";") if part.strip()]
    if not lines:
        raise FwpError(
            f"rule {name!r} has an empty text; write for example 'w += beta*v*k'"
        )
    if len(lines) > STATEMENTS:
        raise FwpError(
            f"rule {name!r} has {len(lines)} statements; the limit is {STATEMENTS} a "
            "token"
        )
    found = [
        _parse_line(line, n, homes, states, name) for n, line in enumerate(lines, start=1)
    ]
    if not any(item.target == "w" for item in found):
        raise FwpError(
            f"rule {name!r} never assigns w, the fast weight; write for example 'w += "
            "...'"
        )
    return found


def _parse_line(line, number, homes, states, name) -> Assignment:
    where = f"rule {name!r}, statement {number} ({shown(line, 100)})"
    match = _ASSIGNMENT.match(line)
    if not match:
        raise FwpError(
            f"{where} is not an assignment; write 'w = ...', 'w += ...' or 'w -= ...'"
        )
    target, operator, right = match.groups()
    if target not in states:
        raise FwpError(
            f"{where} assigns {target!r}; a rule assigns {', '.join(states)} only "
            f"(declare a further synaptic state with states=({target!r},))"
        )
    value = expression(right, homes, states, where)
    return Assignment(target, _assigned(symbol(target), operator, value, where), line)


def _assigned(
    old: sympy.Symbol, operator: str, value: sympy.Expr, where: str
) -> sympy.Expr:
    """Return what a state becomes: the value, or the old one changed by it."""
    try:
        if operator in ("*=", "/="):
            return building.product((old, False), (value, operator == "/="))
    except Cannot as reason:
        raise FwpError(f"{where} {reason}") from None
    return {"=": value, "+=": old + value, "-=": old - value}[operator]


def expression(text: str, homes, states, where) -> sympy.Expr:
    """Parse one expression over names in ``homes`` and ``states``; ``where`` opens
    errors."""
    if not isinstance(text, str) or len(text) > CHARACTERS:
        raise FwpError(
            f"{shown(where, 100)}: an expression must be a string of up to {CHARACTERS} "
            f"characters, got {shown(text)}"
        )
    for word in re.findall(r"[A-Za-z_]\w*", text):
        if keyword.iskeyword(word):
            raise FwpError(
                f"{where}: {word!r} is a Python keyword and cannot name a signal"
            )
    if "^" in text:
        power = re.search(r"(\w+)\s*\^\s*(\w+)", text)
        example = "**".join(power.groups()) if power else "k**2"
        raise FwpError(
            f"{where}: ^ is not legal here; write a power with **, such as {example}"
        )
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as problem:
        printed = [f"{sign} as {word}" for sign, word in _PRINTED.items() if sign in text]
        hint = f"; write {', '.join(printed)}" if printed else ""
        raise FwpError(f"{where} cannot be read: {problem.msg}{hint}") from None
    except (ValueError, MemoryError, RecursionError):
        # no text at all, or nested without end
        raise FwpError(
            f"{where} cannot be read: it is no text, or nested too deeply"
        ) from None
    names = {**dict.fromkeys((*states, *BUILT_IN, *homes))}
    _check_size(tree, where)
    _check_words(tree, names, where)
    try:
        return building.build(tree)
    except Cannot as reason:
        raise FwpError(f"{where} {reason}") from None


def _check_size(tree: ast.expr, where: str) -> None:
    """Refuse what is too long or too deep; a long sum or product is as deep as its
    deepest term."""
    words = 0
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEPTH:
            raise FwpError(
                f"{where} is nested too deeply; the limit is {DEPTH} brackets, functions "
                "and signs in one another"
            )
        words += isinstance(node, ast.Name | ast.Constant)
        if words > WORDS:
            raise FwpError(
                f"{where} holds more than {WORDS} names and numbers; split it into "
                "statements"
            )
        below = depth + 1
        if isinstance(node, ast.BinOp):
            inner = node.left
            same = isinstance(inner, ast.BinOp) and _kin(inner.op) is _kin(node.op)
            waiting += [(node.left, depth if same else below), (node.right, below)]
        else:
            waiting += [(child, below) for child in ast.iter_child_nodes(node)]


def _kin(operator: ast.operator) -> tuple | None:
    families = (building.SUMS, building.PRODUCTS)
    return next((family for family in families if isinstance(operator, family)), None)


def _check_words(tree: ast.expr, names, where: str) -> None:
    """Refuse every word, operator and call that is not of the language."""
    functions = {**SUMS, **MATHS}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _LEGAL_NODES):
            raise FwpError(
                f"{where}: "
                f"{ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__!r} "  # noqa: E501
                "is not legal here; use + - * / **, numbers, names and function calls"
                f"{_PRODUCT_HINT if isinstance(node, ast.MatMult) else ''}"
            )
        if isinstance(node, ast.Constant):
            _check_number(node.value, where)
        if isinstance(node, ast.Call):
            _check_call(node, functions, where)
        elif (
            isinstance(node, ast.Name) and id(node) not in called and node.id not in names
        ):
            raise _unknown_name(node.id, names, functions, where)


def _check_number(value: object, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FwpError(f"{where}: {shown(value)} is not a number")
    if not abs(value) <= LARGEST:
        raise FwpError(f"{where} holds a number beyond the range of float64")


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
        f"{where}: unknown name {name!r}{hint} (known: {', '.join(names)}); a new gate "
        "needs a home: "
        f"gates={{{name!r}: 'shared'}}, 'pre' or 'post'"
    )
