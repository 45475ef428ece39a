"""A dataset as one table: a row for each number, which any spreadsheet reads."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path
from typing import Any

from fwp_neuro.files import atomic_path

#: a variable of more numbers is left to the file of the data
MOST = 10_000


def small(dataset) -> tuple[list[str], list[str]]:
    """Return the variables that go into a table, and those that are too large for one."""
    names = list(map(str, dataset.data_vars))
    large = [name for name in names if dataset[name].size > MOST]
    return [name for name in names if name not in large], large


def table(dataset) -> str:
    """Return CSV: the variable, its place along every dimension, the value, the unit."""
    names, _ = small(dataset)
    dims = list(dict.fromkeys(str(d) for name in names for d in dataset[name].dims))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["variable", *dims, "value", "unit"])
    for name in names:
        array = dataset[name]
        own = dict(zip(array.dims, itertools.count(), strict=False))
        unit = array.attrs.get("units", "")
        places = itertools.product(*(_places(dataset, dim) for dim in array.dims))
        for place, value in zip(places, array.values.ravel().tolist(), strict=True):
            cells = [place[own[dim]] if dim in own else "" for dim in dims]
            rows.writerow([name, *cells, value, unit])
    return text.getvalue()


def write(dataset, path: Path) -> list[str]:
    """Write the table, whole or not at all; return the variables that are too large."""
    with atomic_path(path, "table") as temporary:
        temporary.write_text(table(dataset), encoding="utf-8")
    return small(dataset)[1]


def record(dataset) -> dict[str, Any]:
    """Return the same numbers as nested lists that JSON can hold; no number is null."""
    names, _ = small(dataset)
    dims = dict.fromkeys(str(d) for name in names for d in dataset[name].dims)
    return {
        "coordinates": {dim: _finite(_places(dataset, dim)) for dim in dims},
        "variables": {
            name: {
                "dims": list(map(str, dataset[name].dims)),
                "unit": dataset[name].attrs.get("units", ""),
                "values": _finite(dataset[name].values.tolist()),
            }
            for name in names
        },
    }


def _places(dataset, dim) -> list:
    if dim in dataset.coords:
        return dataset[dim].values.tolist()
    return list(range(dataset.sizes[dim]))


def _finite(value):
    if isinstance(value, list):
        return [_finite(one) for one in value]
    # NaN and infinity, which JSON has no number for
    finite = not isinstance(value, float) or value - value == 0
    return value if finite else None
