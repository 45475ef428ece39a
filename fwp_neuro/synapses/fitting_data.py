"""A user's table of measurements: columns with names and units, from a dict, xarray or a CSV file.

Two kinds, told apart by their columns:

trains      ``time`` of a presynaptic spike, ``amplitude`` of its response; optional ``train`` (a
            label; spikes of one train belong together) and ``sem``.
plasticity  ``lag`` (postsynaptic minus presynaptic spike), ``ratio`` (weight after / before);
            optional ``frequency`` of the pairs (1 Hz), ``pairs`` (60), ``sem``, and ``groups`` with
            ``interval`` for models whose protocol takes them.

In a dict every column is an array, with a Brian2 unit where it has a dimension; a number stands for
all rows. A CSV file has a header such as ``lag [ms],frequency [Hz],ratio,sem``; an xarray Dataset
has the unit of a variable in its attribute ``units``.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import FwpError, pick, unknown
from ..foreign_units import quantity

#: kind -> column -> (unit, whether it must be there)
COLUMNS: dict[str, dict[str, tuple[str, bool]]] = {
    "trains": {
        "time": ("ms", True), "amplitude": ("1", True), "train": ("label", False),
        "sem": ("1", False),
    },
    "plasticity": {
        "lag": ("ms", True), "ratio": ("1", True), "frequency": ("Hz", False),
        "pairs": ("count", False), "sem": ("1", False), "groups": ("count", False),
        "interval": ("s", False),
    },
}  # fmt: skip
_UNITS = ("us", "ms", "s", "min", "Hz", "kHz", "1", "%")


@dataclass(frozen=True)
class Table:
    """Measurements in SI units.

    Attributes:
        kind: "trains" or "plasticity".
        columns: name -> values [row].
        groups: rows that one run of a protocol predicts: trains, or points of one protocol.
    """

    kind: str
    columns: dict[str, np.ndarray]
    groups: list[np.ndarray] = field(default_factory=list)

    @property
    def measured(self) -> np.ndarray:
        """What was measured [row]."""
        return self.columns["amplitude" if self.kind == "trains" else "ratio"]


def _unit(name: str, where: str):
    import brian2 as b2

    pick(name, _UNITS, f"unit of {where}:")
    named = {"1": 1.0, "%": 0.01, "s": b2.second, "min": 60 * b2.second}
    return named[name] if name in named else getattr(b2, name)


def _from_csv(path: Path) -> dict:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError) as problem:
        raise FwpError(f"data file {str(path)!r} cannot be read: {problem}") from None
    if len(lines) < 2:
        raise FwpError(f"data file {str(path)!r} needs a header and at least one row")
    found, header = {}, lines[0]
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise FwpError(f"data file {str(path)!r}, line {number}: {len(line)} cells where the "
                           f"header has {len(header)}")  # fmt: skip
    for place, head in enumerate(header):
        name, _, unit = head.strip().partition("[")
        name, cells = name.strip(), [line[place].strip() for line in lines[1:]]
        if name == "train":
            found[name] = cells
            continue
        try:
            values = np.array([float(cell) for cell in cells])
        except ValueError as problem:
            sentence = f"column {name!r} of {str(path)!r} must hold numbers: {problem}"
            raise FwpError(sentence) from None
        unit = unit.rstrip("] ")
        found[name] = values * _unit(unit, f"column {name!r}") if unit else values
    return found


def _from_xarray(data) -> dict:
    found = {}
    for name in data.variables:
        if name in data.dims and not any(name in columns for columns in COLUMNS.values()):
            continue  # an index of rows
        unit = data[name].attrs.get("units")
        values = data[name].values
        found[str(name)] = values * _unit(unit, f"variable {name!r}") if unit else values
    return found


def read(data) -> Table:
    """Return a user's measurements as a checked table.

    Raises:
        FwpError: no legal form of data, a missing or unknown column, a wrong unit, columns of
            different lengths, values that are not finite, a ``sem`` or frequency that is not
            positive, or spike times of a train that do not increase.
    """
    if isinstance(data, str | os.PathLike):
        data = _from_csv(Path(data))
    elif hasattr(data, "data_vars"):
        data = _from_xarray(data)
    if not isinstance(data, Mapping):
        raise FwpError(
            "data must be a dict of columns, an xarray Dataset or the path of a CSV file, got "
            f"{type(data).__name__}"
        )
    kinds = [kind for kind in COLUMNS if next(iter(COLUMNS[kind])) in data]
    if len(kinds) != 1:
        raise FwpError(
            "data must have a column 'time' (spike trains) or a column 'lag' (plasticity), got "
            f"{', '.join(map(str, data)) or 'no column'}"
        )
    legal = COLUMNS[kinds[0]]
    for name in data:
        if name not in legal:
            raise unknown(name, legal, f"column of {kinds[0]} data:")
    for name, (_, needed) in legal.items():
        if needed and name not in data:
            raise FwpError(f"{kinds[0]} data need a column {name!r}")
    rows = max(np.size(values) for values in data.values())
    if not rows:
        raise FwpError(f"{kinds[0]} data have no rows: every column is empty")
    columns = {name: _column(name, data[name], legal[name][0], rows) for name in data}
    table = Table(kinds[0], columns)
    return Table(table.kind, columns, _groups(table, rows))


def _column(name: str, values, unit: str, rows: int) -> np.ndarray:
    import brian2 as b2

    if np.size(values) not in (1, rows) or np.ndim(values) > 1:
        raise FwpError(f"column {name!r} has {np.size(values)} values where another has {rows}")
    if unit == "label":
        array = np.array([str(value) for value in np.ravel(values)])
    else:
        example = {"count": "numbers", "1": "numbers"}.get(unit, f"values such as [1, 2]*{unit}")
        base = {"ms": "s", "s": "s", "Hz": "Hz"}.get(unit)
        si = _unit(base, name) if base else 1
        if isinstance(values, list | tuple):
            try:
                values = b2.Quantity(values)  # keeps the units of what is in a list
            except (TypeError, ValueError):
                raise FwpError(f"column {name!r} must be {example}, got {values!r}") from None
        array = np.ravel(quantity(values, si, f"column {name!r}", example))
    if name in ("sem", "frequency", "pairs", "groups", "interval") and not (array > 0).all():
        raise FwpError(f"column {name!r} must be positive")
    if unit == "count" and (array != np.round(array)).any():
        raise FwpError(f"column {name!r} must hold whole numbers")
    return np.full(rows, array[0]) if array.size == 1 else array


def _groups(table: Table, rows: int) -> list[np.ndarray]:
    """Return the rows of each train, or of each plasticity protocol."""
    keys = ("train",) if table.kind == "trains" else ("frequency", "pairs", "groups", "interval")
    labels = list(zip(*(table.columns[key] for key in keys if key in table.columns), strict=True))
    labels = labels or [()] * rows
    found = [
        np.array([row for row in range(rows) if labels[row] == label])
        for label in dict.fromkeys(labels)
    ]
    if table.kind == "trains":
        for group in found:
            if (np.diff(table.columns["time"][group]) <= 0).any():
                raise FwpError(
                    "spike times of a train must increase; a column 'train' tells trains apart"
                )
    return found
