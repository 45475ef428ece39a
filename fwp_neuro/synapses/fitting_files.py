"""Columns of measurements from a CSV file or an xarray Dataset, with their units.

A CSV file has one line of names and units such as ``time [ms],amplitude [mV]``; what else
it may say is in `fwp_neuro.synapses.fitting_headers`. Cells are parted by commas,
semicolons or tabs; with semicolons or tabs, numbers may have decimal commas. Lines that
start with ``#`` and empty lines are skipped; a byte order mark, Windows line ends and
quotes are understood.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

import brian2 as b2
import numpy as np

from ..errors import FwpError, pick, shown
from .fitting_headers import check, heading, settled

_LARGEST = 100_000_000  # bytes
_TIMES = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "usec": 1e-6,
    "msec": 1e-3,
    "sec": 1.0,
}
_RATES = {"Hz": 1.0, "kHz": 1e3, "1/s": 1.0, "mHz": 1e-3}
_SHARES = {"1": 1.0, "%": 0.01}
#: kind of column -> unit in a header -> (Brian2 unit or "", number of them)
UNITS: dict[str, dict[str, tuple[str, float]]] = {
    "time": {name: ("second", size) for name, size in _TIMES.items()},
    "rate": {name: ("hertz", size) for name, size in _RATES.items()},
    "number": {name: ("", size) for name, size in _SHARES.items()},
    "amplitude": {name: ("", size) for name, size in _SHARES.items()} | {
        prefix + symbol: (unit, size)
        for symbol, unit in (("V", "volt"), ("A", "amp"), ("S", "siemens"))
        for prefix, size in (("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p",
            1e-12))
    },
    "label": {},
}  # fmt: skip


def with_unit(values: np.ndarray, unit: str, kind: str, where: str):
    """Return numbers times a unit of a header, as a Brian2 quantity or plain numbers.

    Raises:
        FwpError: a unit that no column of this kind has.
    """
    if not unit:
        return values
    name = re.sub("[µμ]", "u", unit.strip()).replace(" ", "")
    base, size = UNITS[kind][pick(name, UNITS[kind], f"unit of {where}:")]
    return values * size * getattr(b2, base) if base else values * size


def from_csv(path: Path, kinds: dict[str, str]) -> dict:
    """Return the columns of a file.

    Args:
        path: of the file.
        kinds: column -> kind in `UNITS`; other columns have plain numbers.

    Raises:
        FwpError: no such file, no text, or no table of columns with names, in one
            sentence.
    """
    where = f"data file {str(path)!r}"
    cells_of, units, lines = columns_of(path, where)
    columns: dict = dict(cells_of)
    check(columns, where)
    kinds = _of_errors(kinds, columns)
    for name, cells in columns.items():
        if kinds.get(name, "number") != "label":
            columns[name] = numbers_of(cells, lines, f"column {name!r} of {str(path)!r}")
    columns, units = settled(columns, units, where)
    return {
        name: values if kinds.get(name) == "label"
        else with_unit(values, units[name], kinds.get(name, "number"), f"column {name!r}")
        for name, values in columns.items()
    }  # fmt: skip


def columns_of(path: Path, where: str):
    """Return the columns of a CSV file as text, name -> cells, their units, name -> text
    ("" if the header says none), and the number of the line of each row.

    Raises:
        FwpError: no such file, no text, or no table of columns with names.
    """
    numbered = _lines(_text(path, where))
    if len(numbered) < 2:
        raise FwpError(f"{where} needs a header and at least one row")
    header, rows = [head.strip() for head in numbered[0][1]], numbered[1:]
    while header and not header[-1]:
        header.pop()  # a delimiter at the end of the line
    columns: dict[str, list[str]] = {}
    units: dict[str, str] = {}
    for place, head in enumerate(header):
        cells = [_cells(line, header, where, number)[place] for number, line in rows]
        if not head and not any(cells):
            continue  # an empty column
        name, unit = heading(head)
        if name in columns:
            raise FwpError(f"{where} has two columns {name!r}")
        columns[name], units[name] = cells, unit
    return columns, units, [number for number, _ in rows]


def numbers_of(cells: list[str], lines: list[int], where: str) -> np.ndarray:
    """Return the numbers of a column; FwpError names the line of a cell that is none."""
    return np.array([
        _number(cell, f"{where}, line {line},")
        for cell, line in zip(cells, lines, strict=True)
    ])  # fmt: skip


def _of_errors(kinds: dict[str, str], names: Iterable) -> dict[str, str]:
    """Return the kinds of columns, with errors of the kind of what was measured."""
    return kinds | ({"sem": "amplitude"} if "amplitude" in names else {})


def _cells(line: list[str], header: list[str], where: str, number: int) -> list[str]:
    """Return the cells of a line, as many as the header has; empty ones at the end
    aside."""
    cells = [cell.strip() for cell in line]
    while len(cells) > len(header) and not cells[-1]:
        cells.pop()
    if len(cells) != len(header):
        raise FwpError(
            f"{where}, line {number}: {len(cells)} cells where the header has "
            f"{len(header)}"
        )
    return cells


def _text(path: Path, where: str) -> str:
    try:
        if path.is_dir():
            raise FwpError(f"{where} cannot be read: it is a folder")
        if path.exists() and not path.is_file():
            raise FwpError(f"{where} cannot be read: it is no plain file")
        if path.stat().st_size > _LARGEST:
            raise FwpError(
                f"{where} is larger than {_LARGEST // 10**6} MB: no table of a fit"
            )
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FwpError(f"{where} cannot be read: it is no UTF-8 text") from None
    except FwpError:
        raise
    except OSError as problem:
        raise FwpError(f"{where} cannot be read: {problem.strerror}") from None
    except ValueError as problem:  # a name with a null character
        raise FwpError(f"{where} cannot be read: {problem}") from None
    if "\0" in text:
        raise FwpError(f"{where} cannot be read: it is no text")
    return text


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """Return (number of the line, its cells) of all lines that are neither empty nor
    comments."""
    head = next((line for line in text.splitlines() if _told(line)), "")
    marks = {mark: len(next(csv.reader([head], delimiter=mark), [])) for mark in ",;\t"}
    mark = max(marks, key=lambda mark: marks[mark])
    found = []
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True
        )
        for line in reader:
            if any(cell.strip() for cell in line) and _told(line[0]):
                cells = line if mark == "," else [_point(cell) for cell in line]
                found.append((reader.line_num, cells))
    except csv.Error:  # such as a cell of more than 131072 characters
        return []
    return found


def _told(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _point(cell: str) -> str:
    """Return a cell with a decimal point for a decimal comma."""
    comma = re.fullmatch(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", cell)
    return cell.replace(",", ".") if comma else cell


def _number(cell: str, where: str) -> float:
    try:
        if "_" in cell:
            raise ValueError
        return float(cell)
    except ValueError:
        what = f"got {shown(cell)}" if cell else "a cell is empty"
        comma = "; decimal commas need semicolons between cells" if "," in cell else ""
        raise FwpError(f"{where} must hold numbers, {what}{comma}") from None


def from_xarray(data, kinds: dict[str, str]) -> dict:
    """Return the columns of a Dataset: variables, with the unit of their attribute
    ``units``."""
    found = {}
    kinds = _of_errors(kinds, data.variables)
    for name in data.variables:
        if name in data.dims and name not in kinds:
            continue  # an index of rows
        unit, values = data[name].attrs.get("units"), data[name].values
        kind = kinds.get(name, "number")
        if kind != "label":
            if unit is not None and not isinstance(unit, str):
                raise FwpError(
                    f"units of variable {name!r} must be text, got {shown(unit)}"
                )
            if values.dtype.kind not in "biufm":
                raise FwpError(
                    f"variable {name!r} must hold numbers, got {shown(values)}"
                )
            values = with_unit(values, unit or "", kind, f"variable {name!r}")
        found[name] = values
    return found
