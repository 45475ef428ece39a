"""Settings from the command line: text turned into the fields of a model's
``Parameters``."""

from __future__ import annotations

import ast
import dataclasses
import math
import types
import typing
from collections.abc import Mapping

from fwp_neuro.errors import FwpError, pick, shown
from fwp_neuro.validation import seed_number

#: no number that a user means is larger: a whole one is then exact as a float
LARGEST = 10**15
_EXAMPLES = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}


def split(assignment: str) -> tuple[str, str]:
    """Split ``name=value``."""
    name, equals, text = assignment.partition("=")
    if not equals or not name.strip():
        raise FwpError(f"--set takes name=value, and got {shown(assignment)}")
    return name.strip(), text.strip()


def fill(parameters: type, texts: Mapping[str, str], model: str):
    """Make the dataclass ``parameters`` with the fields that ``texts`` names set from
    text.

    Raises FwpError for a name that is no field and for a text that its type does not
    take.
    """
    fields = {field.name: field for field in dataclasses.fields(parameters) if field.init}
    hints = typing.get_type_hints(parameters)
    values = {}
    for name, text in texts.items():
        pick(name, fields, f"parameter of model {model}")
        default = fields[name].default
        if fields[name].default_factory is not dataclasses.MISSING:
            default = fields[name].default_factory()
        what = f"parameter {name} of model {model}"
        if hasattr(default, "dim"):  # a Brian2 quantity
            from fwp_neuro.quantity_text import quantity  # noqa: PLC0415  needs Brian2

            values[name] = quantity(text, default, what)
        else:
            values[name] = read(text, hints[name], what)
        if name == "seed" and hints[name] is int:
            seed_number(values[name])
    return parameters(**values)


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
