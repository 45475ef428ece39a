"""Settings from the command line: text turned into the fields of a model's
``Parameters``."""

from __future__ import annotations

import ast
import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping

from fwp_neuro.errors import FwpError, pick, shown
from fwp_neuro.model_parameters import NONE, default_of
from fwp_neuro.validation import seed_number

#: no number that a user means is larger: a whole one is then exact as a float
LARGEST = 10**15
#: a number with something behind it that may be a unit
_WITH_UNIT = re.compile(
    r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\*?\s*"
    r"(?![eE][-+]?\d)((1?/)?[^\W\d_].*|%)"
)
_EXAMPLES = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}


def split(assignment: str) -> tuple[str, str]:
    """Split ``name=value``."""
    name, equals, text = assignment.partition("=")
    if not equals or not name.strip():
        raise FwpError(f"--set takes name=value, and got {shown(assignment)}")
    return name.strip(), text.strip()


def several(text: str, legal: Iterable[str], what: str) -> list[str]:
    """Return names that stand in a text with commas; FwpError with the nearest for one
    that is not legal."""
    names = [pick(name.strip(), legal, what) for name in text.split(",")]
    return list(dict.fromkeys(names))


def fill(parameters: type, texts: Mapping[str, str], model: str):
    """Make the dataclass ``parameters`` with the fields that ``texts`` names set from
    text.

    A number may carry a unit, which is converted to that of the field.

    Raises FwpError for a name that is no field and for a text that its type does not
    take.
    """
    fields = {field.name: field for field in dataclasses.fields(parameters) if field.init}
    hints = typing.get_type_hints(parameters)
    values = {}
    for name, text in texts.items():
        pick(name, fields, f"parameter of model {model}")
        default = default_of(fields[name])
        what = f"parameter {name} of model {model}"
        if hasattr(default, "dim"):  # a Brian2 quantity
            from fwp_neuro.quantity_text import quantity  # noqa: PLC0415  needs Brian2

            values[name] = quantity(text, default, what)
        else:
            unit = fields[name].metadata.get("unit", NONE)
            plain = without_unit(text, unit, what) if _counts(hints[name]) else text
            values[name] = read(plain, hints[name], what)
        if name == "seed" and hints[name] is int:
            seed_number(values[name])
    return parameters(**values)


def without_unit(text: str, unit: str, what: str) -> str:
    """Return numbers that may carry units, such as ``0.2 ms`` or ``1 s, 500 ms``, as
    numbers in ``unit``."""
    inside = text.strip()
    if inside[:1] + inside[-1:] in ("()", "[]"):
        inside = inside[1:-1]
    parts = [part.strip() for part in inside.split(",")]
    if not any(map(_WITH_UNIT.fullmatch, parts)):
        return text
    return ",".join(_converted(part, unit, what) for part in parts)


def _converted(text: str, unit: str, what: str) -> str:
    found = _WITH_UNIT.fullmatch(text)
    if found is None:
        return text
    if found[3] == unit:  # the very number, to the last digit
        return text[: found.start(3)].rstrip("* ")
    from fwp_neuro.quantity_text import number_in  # noqa: PLC0415  needs Brian2

    return repr(number_in(text, unit, what))


def _counts(kind) -> bool:
    """Whether a type is a number, or holds numbers only."""
    inner = [one for one in typing.get_args(kind) if one is not ... and one is not str]
    if typing.get_origin(kind) is typing.Literal or kind is bool:
        return False
    return kind in (int, float) or any(map(_counts, inner))


def literal(text: str):
    """Return the Python literal that ``text`` is, or else the text itself."""
    try:
        return ast.literal_eval(text)
    # brackets without an end, unhashable keys
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return text


def read(text: str, kind, what: str):
    """Return ``text`` as a value of the annotated type ``kind``."""
    value, origin, inner = literal(text), typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _read_union(text, inner, what)
    if origin is typing.Literal:
        return pick(value, inner, f"value of {what}")
    if kind is str:
        return value if isinstance(value, str) else text
    whole = isinstance(value, int) and not isinstance(value, bool)
    number = whole or isinstance(value, float)
    if kind in (int, float) and number and LARGEST < abs(value) < math.inf:
        raise FwpError(f"{what} is {shown(value)}; legal are numbers up to {LARGEST:.0e}")
    if kind is float and whole:
        return float(value)
    if kind in _EXAMPLES:
        if type(value) is not kind or kind is float and not math.isfinite(value):
            raise FwpError(f"{what} takes {_EXAMPLES[kind]}, and got {shown(text)}")
        return value
    if (origin or kind) in (tuple, list):
        return _read_sequence(value, origin or kind, inner, text, what)
    if kind is types.NoneType and value is not None:
        raise FwpError(f"{what} takes None, and got {shown(text)}")
    return value


def _read_union(text: str, kinds, what: str):
    problems = []
    # any text is a str: try that last
    for kind in sorted(kinds, key=lambda kind: kind is str):
        try:
            return read(text, kind, what)
        except FwpError as problem:
            problems.append(problem)
    raise problems[0]


def _read_sequence(value, kind, inner, text: str, what: str):
    fixed = kind is tuple and inner and inner[-1] is not ...
    if kind is tuple and not fixed and not isinstance(value, tuple | list):
        value = (value,)  # one value needs no trailing comma
    if not isinstance(value, tuple | list):
        raise FwpError(
            f"{what} takes several values, such as 1,2,3, and got {shown(text)}"
        )
    if fixed:
        if len(value) != len(inner):
            raise FwpError(f"{what} takes {len(inner)} values, and got {shown(text)}")
        kinds = inner
    else:
        kinds = (inner[0] if inner else object,) * len(value)
    entry = f"an entry of {what}"
    return kind(
        read(repr(item), of, entry) for item, of in zip(value, kinds, strict=True)
    )
