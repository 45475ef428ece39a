"""A user's table of measurements: columns with names and units, from a dict, xarray or a
CSV file.

Two kinds, told apart by their columns:

trains      ``time`` of a presynaptic spike, ``amplitude`` of its response; optional ``train`` (a
            label; spikes of one train belong together) and ``sem``.
plasticity  ``lag`` (postsynaptic minus presynaptic spike), ``ratio`` (weight after / before);
            optional ``frequency`` of the pairs (1 Hz), ``pairs`` (60), ``sem``, and
            ``groups`` with ``interval`` for models whose protocol takes them.

In a dict every column is an array, with a unit where it has a dimension; a number stands
for all rows. Amplitudes may have a unit (voltage, current, conductance), which ``sem``
shares. A CSV file has a header such as ``lag [ms],frequency [Hz],ratio,sem``, see
`fitting_files` and `fitting_headers`; the name of a published table (`data_sets`) stands
for its file; an xarray Dataset has the unit of a variable in its attribute ``units``.
"""  # noqa: E501

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import brian2 as b2
import numpy as np

from ..errors import FwpError, shown, unknown
from ..foreign_units import package_of
from ..quantities import quantity
from .fitting_files import from_csv, from_xarray
from .fitting_tables import file_of

#: kind -> column -> (kind of its unit, whether it must be there)
COLUMNS: dict[str, dict[str, tuple[str, bool]]] = {
    "trains": {
        "time": ("time", True), "amplitude": ("amplitude", True),
        "train": ("label", False),
        "sem": ("amplitude", False),
    },
    "plasticity": {
        "lag": ("time", True), "ratio": ("number", True), "frequency": ("rate", False),
        "pairs": ("count", False), "sem": ("number", False), "groups": ("count", False),
        "interval": ("time", False),
    },
}  # fmt: skip
_POSITIVE = ("sem", "frequency", "pairs", "groups", "interval")
_EXAMPLES = {
    "time": "values such as [1, 2]*ms", "rate": "values such as [1, 2]*Hz",
    "number": "numbers", "count": "numbers",
    "amplitude": "numbers, or values such as [1, 2]*mV",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Measurements in SI units.

    Attributes:
        kind: "trains" or "plasticity".
        columns: name -> values [row].
        groups: rows that one run of a protocol predicts: trains, or points of one
            protocol.
        unit: Brian2 unit of amplitudes, or 1.
    """

    kind: str
    columns: dict[str, np.ndarray]
    groups: list[np.ndarray] = field(default_factory=list)
    unit: object = 1

    @property
    def measured(self) -> np.ndarray:
        """What was measured [row]."""
        return self.columns["amplitude" if self.kind == "trains" else "ratio"]

    def check_scale(self, scale: str) -> None:
        """Raise `FwpError` where amplitudes cannot be taken on a scale of `fit`."""
        if self.kind != "trains":
            return
        if not self.measured.any():
            raise FwpError("column 'amplitude' is 0 everywhere: there is nothing to fit")
        first = [self.measured[rows[0]] for rows in self.groups]
        wrong = next((one for one in first if abs(one - 1) > 1e-2), None)
        if scale == "first" and not isinstance(self.unit, int):
            raise FwpError(
                "with scale='first' amplitudes are ratios without unit, got values in "
                f"{self.unit}: divide by the first of each train, or give scale='free', "
                "which fits a common factor"
            )
        if scale == "first" and wrong is not None:
            raise FwpError(
                "with scale='first' every train's first amplitude must be 1, got "
                f"{wrong:g}: divide by it, or give scale='free', which fits a common "
                "factor"
            )


def read(data) -> Table:
    """Return a user's measurements as a checked table.

    Raises:
        FwpError: no legal form of data, a missing, unknown or repeated column, a wrong
            unit, columns of different lengths, values that are not finite, a ``sem`` or
            frequency that is not positive, or spike times of a train that do not
            increase.

    Example:
        >>> import brian2 as b2
        >>> read({"lag": [-10, 10] * b2.ms, "ratio": [0.8, 1.2]}).columns["lag"]
        array([-0.01,  0.01])
    """
    kinds = {
        name: kind for table in COLUMNS.values() for name, (kind, _) in table.items()
    }
    units = {name: "number" if kind == "count" else kind for name, kind in kinds.items()}
    if isinstance(data, str | os.PathLike):
        data = from_csv(file_of(data), units)
    elif hasattr(data, "data_vars"):
        data = from_xarray(data, units)
    if not isinstance(data, Mapping):
        raise FwpError(
            "data must be a dict of columns, an xarray Dataset or the path of a CSV "
            f"file, got {type(data).__name__}"
        )
    found = [kind for kind in COLUMNS if next(iter(COLUMNS[kind])) in data]
    if len(found) != 1:
        raise FwpError(
            "data must have a column 'time' (spike trains) or a column 'lag' "
            f"(plasticity), got {', '.join(map(str, data)) or 'no column'}"
        )
    legal = COLUMNS[found[0]]
    for name in data:
        if name not in legal:
            name = name if isinstance(name, str) else shown(name)
            raise unknown(name, legal, f"column of {found[0]} data:")
    for name, (_, needed) in legal.items():
        if needed and name not in data:
            raise FwpError(f"{found[0]} data need a column {name!r}")
    unit = _amplitude_unit(data)
    columns = {name: _column(name, data[name], legal[name][0], unit) for name in data}
    table = Table(found[0], _of_equal_length(columns, found[0]), [], unit)
    return Table(table.kind, table.columns, _groups(table), unit)


def _amplitude_unit(data: Mapping):
    """Return the Brian2 unit of amplitudes: volt, amp or siemens, or 1 for plain
    numbers."""
    values = data.get("amplitude")
    if not package_of(values):
        return 1
    for unit in (b2.volt, b2.amp, b2.siemens):
        try:
            quantity(values, unit, "", "", finite=False)
        except FwpError:
            continue
        return unit
    raise FwpError(
        f"column 'amplitude' must be {_EXAMPLES['amplitude']}, got {shown(values)}"
    )


def _column(name: str, values, kind: str, amplitude) -> np.ndarray:
    """Return a column as an array [row] in SI units, or [] if it is one value for all
    rows."""
    if kind == "label":
        try:
            one = isinstance(values, str | bytes)
            labels = [values] if one else list(values)
        except TypeError:  # nothing that has entries
            one, labels = True, [values]
        words = np.array(
            [label if isinstance(label, str) else shown(label) for label in labels]
        )
        return words[0:1].reshape(()) if one else words
    units = {"time": b2.second, "rate": b2.Hz, "amplitude": amplitude}
    example = _EXAMPLES[kind]
    if name == "sem" and kind == "amplitude":
        example = "in the unit of the amplitudes"
    array = quantity(values, units.get(kind, 1), f"column {name!r}", example)
    if array.ndim > 1:
        raise FwpError(
            f"column {name!r} must be one row of values, got {array.ndim} dimensions"
        )
    if name in _POSITIVE and not (array > 0).all():
        raise FwpError(f"column {name!r} must be positive")
    if kind == "count" and (array != np.round(array)).any():
        raise FwpError(f"column {name!r} must hold whole numbers")
    return array


def _of_equal_length(columns: dict[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    """Return the columns, each with as many rows; single values stand for all rows."""
    sizes = {name: len(array) for name, array in columns.items() if array.ndim}
    rows = max(sizes.values(), default=1)
    for name, size in sizes.items():
        if size != rows:
            raise FwpError(f"column {name!r} has {size} values where another has {rows}")
    if not rows:
        raise FwpError(f"{kind} data have no rows: every column is empty")
    return {
        name: np.array(np.broadcast_to(array, rows)) for name, array in columns.items()
    }


def _groups(table: Table) -> list[np.ndarray]:
    """Return the rows of each train, or of each plasticity protocol."""
    keys = (
        ("train",)
        if table.kind == "trains"
        else ("frequency", "pairs", "groups", "interval")
    )
    columns = [table.columns[key].tolist() for key in keys if key in table.columns]
    found: dict[tuple, list[int]] = {}
    for row in range(len(table.measured)):
        found.setdefault(tuple(column[row] for column in columns), []).append(row)
    groups = [np.array(rows) for rows in found.values()]
    if table.kind == "trains":
        for rows in groups:
            if (np.diff(table.columns["time"][rows]) <= 0).any():
                raise FwpError(
                    "spike times of a train must increase; a column 'train' tells trains "
                    "apart"
                )
    return groups
