"""The parameters of a model: a dataclass whose fields carry unit and meaning.

A model declares ``dt: float = parameter(1.0, "ms", "time step")``. The command line lists
what is declared, and reads ``0.2 ms`` or ``200 us`` into the declared unit. A field
without a declaration has no unit that is known, and takes plain numbers.
"""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any, NamedTuple

#: the unit of numbers, words and switches
NONE = "1"


class Parameter(NamedTuple):
    """What is known of one parameter; unit and meaning are "" where a model declares
    none."""

    name: str
    default: Any
    unit: str
    meaning: str


def parameter(default, unit: str, meaning: str):
    """Return a field of a dataclass ``Parameters`` that knows its unit and its meaning.

    Args:
        default: its value where nobody sets another, as a plain number in ``unit``.
        unit: such as "ms", "cm/s" or "1/s"; "1" for numbers without a unit and for words.
        meaning: a few words.

    Example:
        >>> import dataclasses
        >>> @dataclasses.dataclass
        ... class Parameters:
        ...     dt: float = parameter(1.0, "ms", "time step")
        >>> Parameters().dt, declared(Parameters)[0].unit
        (1.0, 'ms')
    """
    return dataclasses.field(default=default, metadata={"unit": unit, "meaning": meaning})


def declared(parameters: type) -> list[Parameter]:
    """Return the parameters of a dataclass in their order."""
    return [
        Parameter(
            field.name,
            default_of(field),
            field.metadata.get("unit", ""),
            field.metadata.get("meaning", ""),
        )
        for field in dataclasses.fields(parameters)
        if field.init
    ]


def default_of(field: dataclasses.Field):
    """Return the default of a field; `dataclasses.MISSING` if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def written(value) -> str:
    """Return a value as ``--set`` takes it."""
    if value is dataclasses.MISSING:
        return "(needed)"
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def with_units(parameters) -> dict[str, str]:
    """Return the values of a filled dataclass as text with their units."""
    units = {one.name: one.unit for one in declared(type(parameters))}
    return {
        name: f"{written(getattr(parameters, name))} {unit}".removesuffix(f" {NONE}")
        .rstrip()
        for name, unit in units.items()
    }  # fmt: skip


def table(parameters: type, width: int = 90) -> str:
    """Return names, defaults, units and meanings in columns."""
    rows = [(one.name, written(one.default), one.unit, one.meaning)
            for one in declared(parameters)]  # fmt: skip
    rows.insert(0, ("name", "default", "unit", "meaning"))
    sizes = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for row in rows:
        cells = [text.ljust(size) for text, size in zip(row, sizes, strict=False)]
        start = "  " + "  ".join(cells) + "  "
        lines += textwrap.wrap(
            row[3], width, initial_indent=start, subsequent_indent=" " * len(start)
        ) or [start.rstrip()]  # fmt: skip
    return "\n".join(line.rstrip() for line in lines)
