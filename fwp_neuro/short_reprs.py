"""Short texts of objects, for a prompt: at most one screen."""

from __future__ import annotations

import dataclasses
import hashlib
import textwrap
from collections.abc import Iterable

import numpy as np

#: lines and columns of a screen
LINES, COLUMNS = 24, 100


def screen(text: str) -> str:
    """Return a text with long lines wrapped, and cut at the end of a screen.

    Example:
        >>> max(map(len, screen("word " * 50).splitlines())) <= COLUMNS
        True
    """
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, COLUMNS, subsequent_indent="  ") or [""]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"... {len(lines) - LINES + 1} more lines"]
    return "\n".join(lines)


def of_fields(thing) -> str:
    """Return a dataclass as the fields that differ from their defaults."""
    parts = []
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        usual = field.default
        if field.default_factory is not dataclasses.MISSING:
            usual = field.default_factory()
        if not field.repr or _equal(value, usual):
            continue
        if isinstance(value, np.ndarray) and value.size > 10:
            parts.append(f"{field.name} {value.dtype}{list(value.shape)}")
        else:
            parts.append(f"{field.name}={value!r}")
    return screen(f"{type(thing).__name__}({', '.join(parts)})")


def digest(parts: Iterable[str]) -> str:
    """Return a number of texts: other texts have another one, in every process the same.

    A short text of an object carries it where the long one told objects apart.
    """
    return f"text {hashlib.sha256(repr(list(parts)).encode()).hexdigest()[:16]}"


def of_synapse(model) -> str:
    """Return a synapse as its parameters and ports."""
    values = ", ".join(f"{name}={value}" for name, value in model.parameters.items())
    ports = f"; ports: {', '.join(model.ports)}" if model.ports else ""
    fields = [repr(value) for value in vars(model).values() if not callable(value)]
    return screen(
        f"<Synapse {model.name}/{model.parameter_set} ({model.kind}): {values}{ports}; "
        f"{digest(fields)}>"
    )


def of_equations(equations) -> str:
    """Return which texts there are; other ones have other digests, as keys of caches
    need."""
    given = [f"{name}={value!r}" for name, value in vars(equations).items() if value]
    names = ", ".join(part.partition("=")[0] for part in given)
    return screen(f"<Equations with {names or 'nothing'}; {digest(given)}>")


def _equal(value, usual) -> bool:
    """Whether a field has its default; what cannot be compared has not."""
    if value is usual:
        return True
    try:
        return type(value) is type(usual) and bool(value == usual)
    except (TypeError, ValueError):
        return False
