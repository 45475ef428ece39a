"""Lines of Brian2 code: taken apart, names replaced, lines that nobody needs left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from brian2 import get_unit
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.parsing.statements import parse_statement
from brian2.utils.stringtools import get_identifiers

from ...errors import FwpError

_BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candela")
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")


@dataclass(frozen=True)
class Line:
    """One statement, ``target op expression``."""

    target: str
    op: str
    expression: str

    def __str__(self) -> str:
        return f"{self.target} {self.op} {self.expression}"

    @property
    def reads(self) -> frozenset[str]:
        """Names whose value the statement needs."""
        own = set() if self.op == "=" else {self.target}
        return frozenset(get_identifiers(self.expression) | own)

    def plain(self) -> Line:
        """Return the same statement with ``=`` as operation."""
        if self.op == "=":
            return self
        whole = f"{self.target} {self.op[:-1]} ({self.expression})"
        return Line(self.target, "=", whole)

    def renamed(
        self, names: Mapping[str, str], target: Mapping[str, str] | None = None
    ) -> Line:
        """Return the statement with names replaced; those of its target by ``target`` if
        given."""
        target = names if target is None else target
        now = target.get(self.target, self.target)
        return replace(self, target=now, expression=renamed(self.expression, names))


def lines(code: str) -> list[Line]:
    """Return the statements of a text, parted as Brian2 parts them: at ";", then comments
    go.

    Raises:
        FwpError: what is no statement.
    """
    found = []
    for text in re.split(r"[;\n]", code):
        text = text.split("#")[0].strip()
        if not text:
            continue
        try:
            target, op, expression, _ = parse_statement(text)
            ast.parse(expression, mode="eval")
        except (ValueError, SyntaxError):
            raise FwpError(
                f"no statement of the form 'name = expression': {text!r}"
            ) from None
        found.append(Line(target, op, expression))
    return found


def text(statements: Iterable[Line]) -> str:
    """Return statements as text."""
    return "\n".join(map(str, statements))


def renamed(expression: str, names: Mapping[str, str]) -> str:
    """Return an expression with names replaced, all at once."""
    return _NAME.sub(lambda found: names.get(found[0], found[0]), expression)


def needed(statements: list[Line], wanted: Iterable[str]) -> list[Line]:
    """Return the statements on which the last values of the wanted names depend, in
    order."""
    open_, kept = set(wanted), []
    for line in reversed(statements):
        if line.target in open_:
            kept.append(line)
            if line.op == "=":
                open_.discard(line.target)
            open_ |= line.reads
    return kept[::-1]


def unit(equation) -> str:
    """Return the unit of one of Brian2's equations as Brian2 reads it."""
    if equation.dim.is_dimensionless:
        return "1"
    name = repr(get_unit(equation.dim))
    if not re.search(r"[a-z]\d", name):
        return name
    # Brian2 knows powers such as amp2, but not in equations
    powers = zip(_BASE, equation.dim._dims, strict=True)
    return " * ".join(f"{base}**{power:g}" for base, power in powers if power)


def row(equation, names: Mapping[str, str] | None = None, flags: bool = True) -> str:
    """Return one of Brian2's equations as text, with names on its right hand side
    replaced."""
    end = f" : {unit(equation)}"
    if flags and equation.flags:
        end += f" ({', '.join(equation.flags)})"
    if equation.type == PARAMETER:
        return equation.varname + end
    differential = equation.type == DIFFERENTIAL_EQUATION
    left = f"d{equation.varname}/dt" if differential else equation.varname
    return f"{left} = {renamed(str(equation.expr), names or {})}{end}"
