"""The points of a sweep in one Dataset: the grid's dims first, then those of the
results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..errors import FwpError, warn
from .grid import RESERVED, Grid
from .store import Failure

#: how a name of a result is told from the same name of the grid
PREFIX = "result_"
#: up to here every whole number is a number of 64 bits with a fraction
LARGEST = 2**53


def gather(
    grid: Grid, found: Mapping[int, xr.Dataset], failures: Mapping[int, Failure],
    seconds: Mapping[int, float],
) -> xr.Dataset:  # fmt: skip
    """Return all results over the grid's dims.

    Args:
        found: number of a point -> its Dataset.
        failures: number of a point -> why it has none.
        seconds: number of a point -> how long it took.

    Returns:
        every variable of the results with the grid's dims in front, NaN (or "" for text)
        where there is none: at points that failed, and beyond the end of a shorter
        result. A dim that has coordinates holds all those that any result has. ``error``
        is the sentence of a point's error, "" if it has none, ``seconds`` the time that
        it took. A result whose name is a name of the grid is called ``result_...``. A
        variable that has other dims at other points is left out, with a warning.
    """
    taken = {*grid.dims, *grid.names, *RESERVED}
    results = {number: _renamed(dataset, taken) for number, dataset in found.items()}
    dataset = xr.Dataset(coords=_coordinates(grid))
    axes = _axes(results)
    for name in dict.fromkeys(n for result in results.values() for n in result.variables):
        if name not in axes or axes[name].values is None:
            try:
                dataset[name] = _joined(name, results, grid, axes)
            except FwpError as problem:
                warn(
                    f"{problem}; it is left out, see the files of the points",
                    stacklevel=3,
                )
    for dim, axis in axes.items():
        if axis.values is not None:
            attrs = next(r[dim].attrs for r in results.values() if dim in r.variables)
            dataset = dataset.assign_coords({dim: (dim, axis.values, attrs)})
    coords = {n for result in results.values() for n in result.coords} & set(
        dataset.data_vars
    )
    dataset = dataset.set_coords(coords)
    errors = np.full(len(grid.points), "", dtype=object)
    took = np.full(len(grid.points), np.nan)
    for number, failure in failures.items():
        errors[number] = failure.sentence
    for number, value in seconds.items():
        took[number] = value
    errors = errors.astype(str).reshape(grid.shape)
    dataset["error"] = (grid.dims, errors, {"long_name": "why a point has no result"})
    dataset["seconds"] = (grid.dims, took.reshape(grid.shape), {"units": "s"})
    return dataset


def _renamed(dataset: xr.Dataset, taken: set[str]) -> xr.Dataset:
    names = {*map(str, dataset.variables), *map(str, dataset.dims)} & taken
    return dataset.rename({name: f"{PREFIX}{name}" for name in names})


def _coordinates(grid: Grid) -> dict:
    if grid.axes is not None:
        return {name: (name, *labels(values)) for name, values in grid.axes.items()}
    return {
        name: ("point", *labels([point[name] for point in grid.points]))
        for name in grid.names
    }


def labels(values: list) -> tuple[np.ndarray, dict]:
    """Return values of a parameter as a coordinate: numbers, SI numbers with their unit,
    or text.

    Numbers stay numbers, but for whole ones beyond `LARGEST`, which a file could not hold
    exactly; what is neither number nor text is written out.
    """
    first = values[0]
    if all(hasattr(value, "dim") and np.ndim(value) == 0 for value in values):
        from brian2 import get_unit, have_same_dimensions  # noqa: PLC0415  units only

        if all(have_same_dimensions(value, first) for value in values):
            return np.array([float(value) for value in values]), {
                "units": str(get_unit(first.dim)) if not first.is_dimensionless else "1"
            }
    if all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    ):
        if all(isinstance(value, float) or abs(value) <= LARGEST for value in values):
            return np.array(values), {}
    if all(isinstance(value, bool) for value in values):
        return np.array(values), {}
    return np.array(
        [value if isinstance(value, str) else str(value) for value in values]
    ), {}


@dataclass(frozen=True)
class _Axis:
    """A dim of the results: its length over all points, and its coordinates if it has
    any."""

    length: int
    values: np.ndarray | None = None


def _axes(results: Mapping[int, xr.Dataset]) -> dict[str, _Axis]:
    axes: dict[str, _Axis] = {}
    for dim in dict.fromkeys(dim for result in results.values() for dim in result.sizes):
        having = [result for result in results.values() if dim in result.sizes]
        axes[dim] = _Axis(max(result.sizes[dim] for result in having))
        if all(dim in result.variables for result in having):
            values = [result[dim].values for result in having]
            if all(np.array_equal(one, values[0]) for one in values):
                axes[dim] = _Axis(len(values[0]), values[0])
            elif all(len(set(one.tolist())) == len(one) for one in values):
                every = np.unique(np.concatenate(values))
                axes[dim] = _Axis(len(every), every)
    return axes


def _joined(
    name: str, results: Mapping[int, xr.Dataset], grid: Grid, axes
) -> xr.Variable:
    having = {
        n: result[name] for n, result in results.items() if name in result.variables
    }
    first = next(iter(having.values()))
    for number, variable in having.items():
        if set(variable.dims) != set(first.dims):
            raise FwpError(
                f"{name!r} has the dims {first.dims} at one point and {variable.dims} at "
                f"{grid.points[number]}"
            )
    dtype, fill = _filled(name, {variable.dtype for variable in having.values()})
    sizes = tuple(axes[dim].length for dim in first.dims)
    complete = len(having) == len(grid.points) and all(
        v.shape == sizes for v in having.values()
    )
    if complete and len({variable.dtype for variable in having.values()}) == 1:
        dtype, fill = first.dtype, None  # nothing to fill: whole numbers stay whole
    array = np.empty((len(grid.points), *sizes), dtype=dtype)
    if fill is not None:
        array[...] = fill
    for number, variable in having.items():
        places = [_places(results[number], dim, axes[dim]) for dim in first.dims]
        array[(number, *np.ix_(*places))] = variable.transpose(*first.dims).values
    if dtype.kind == "O":
        array = array.astype(str)
    return xr.Variable(
        (*grid.dims, *first.dims), array.reshape((*grid.shape, *sizes)), first.attrs
    )


def _places(result: xr.Dataset, dim: str, axis: _Axis) -> np.ndarray:
    if axis.values is None or np.array_equal(result[dim].values, axis.values):
        return np.arange(result.sizes[dim])
    return np.searchsorted(axis.values, result[dim].values)  # a union is in order


def _filled(name: str, dtypes: set) -> tuple:
    """Return a type that holds all the types and a missing value, and that value."""
    kinds = {dtype.kind for dtype in dtypes}
    if kinds <= set("biuf"):
        numbers = [np.dtype(float) if dtype.kind != "f" else dtype for dtype in dtypes]
        return np.result_type(*numbers), np.nan
    if kinds <= set("UO"):
        return np.dtype(object), ""
    raise FwpError(
        f"{name!r} is of the types {', '.join(map(str, dtypes))}, which no array holds"
    )
