"""The points of a sweep: all combinations of values by name, or a list of chosen ones."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from ..errors import FwpError, shown
from .parameter_text import canonical, native

MOST = 1_000_000
#: names that the Dataset of a sweep uses itself
RESERVED = ("point", "error", "seconds", "point_seed")


@dataclass(frozen=True)
class Grid:
    """The points of a sweep in order.

    Attributes:
        axes: name -> its values, for a product; None for a list of points.
        names: the parameters that vary.
        points: one dict a point; for a product the last name varies fastest.
    """

    axes: dict[str, list] | None
    names: tuple[str, ...]
    points: tuple[dict[str, Any], ...]

    @property
    def dims(self) -> tuple[str, ...]:
        """The dims of the sweep: the names of a product, or ``point``."""
        return self.names if self.axes is not None else ("point",)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dims."""
        if self.axes is None:
            return (len(self.points),)
        return tuple(len(values) for values in self.axes.values())


def read_grid(grid) -> Grid:
    """Return the points of ``{name: values}`` (every combination) or of a list of dicts.

    Raises:
        FwpError: no points, too many, a value twice, or anything else in the place of
            values.
    """
    if isinstance(grid, Grid):
        return grid
    if isinstance(grid, Mapping):
        return _product(grid)
    if _is_listing(grid):
        return _listed(_taken(grid, "grid", "points"))
    raise FwpError(
        "grid must be a dict of names and lists of values, or a list of dicts, got "
        f"{shown(grid)}"
    )


def _is_listing(values) -> bool:
    """Whether something holds several values: a single array or quantity is iterable as
    well."""
    if (
        isinstance(values, str | bytes | bytearray | Mapping)
        or getattr(values, "ndim", 1) == 0
    ):
        return False
    return isinstance(values, Iterable)


def _taken(values: Iterable, where: str, what: str) -> list:
    """Return values as a list; FwpError, before they are read, if there are too many."""
    if hasattr(values, "to_numpy"):  # iterating would give the parts or the columns of it
        values = values.to_numpy()
    if isinstance(values, Set):
        try:
            values = sorted(values)
        except TypeError:
            raise FwpError(f"{where} is a set, which has no order; give a list") from None
    count = _length(values)
    try:
        found = list(islice(values, MOST + 1)) if count is None or count <= MOST else []
    except Exception as problem:  # of an iterator of the user's
        raise FwpError(
            f"{where} cannot be read: {type(problem).__name__}: {problem}"
        ) from problem
    if count is None and len(found) > MOST or count is not None and count > MOST:
        said = f"more than {MOST}" if count is None else shown(count)
        raise FwpError(f"{where} has {said} {what}; legal are at most {MOST}")
    return found


def _length(values) -> int | None:
    try:
        return len(values)
    except OverflowError:  # a range longer than any list
        return (values[-1] - values[0]) // (values[1] - values[0]) + 1
    except Exception:  # no length, or torch cannot tell it
        return None


def _product(grid: Mapping) -> Grid:
    if not grid:
        raise FwpError("grid is empty: name at least one parameter and its values")
    axes = {}
    for name, values in grid.items():
        _name(name)
        where = f"grid[{shown(name)}]"
        if not _is_listing(values):
            said = shown(values)
            raise FwpError(
                f"{where} must be a list of values, got {said}; write [{said}]"
            )
        axes[name] = [native(value) for value in _taken(values, where, "values")]
        if not axes[name]:
            raise FwpError(f"{where} has no values")
        _once(axes[name], where, "value")
    count = math.prod(len(values) for values in axes.values())
    if count > MOST:
        raise FwpError(f"grid has {shown(count)} points; legal are at most {MOST}")
    names = tuple(axes)
    points = tuple(
        dict(zip(names, values, strict=True)) for values in product(*axes.values())
    )
    return Grid(axes, names, points)


def _listed(points: list) -> Grid:
    if not points:
        raise FwpError("grid is empty: give at least one point")
    for number, point in enumerate(points):
        if not isinstance(point, Mapping) or not point:
            raise FwpError(
                f"grid[{number}] must be a dict of names and values, got {shown(point)}"
            )
        if set(point) != set(points[0]):
            raise FwpError(
                f"grid[{number}] sets {', '.join(map(str, point))}, but grid[0] sets "
                f"{', '.join(map(str, points[0]))}; every point must set the same"
            )
    for name in points[0]:
        _name(name)
    native_points = [
        {name: native(point[name]) for name in points[0]} for point in points
    ]
    _once(native_points, "grid", "point")
    return Grid(None, tuple(points[0]), tuple(native_points))


def _name(name) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise FwpError(
            "grid names parameters of the function, such as 'seed', and got "
            f"{shown(name)}"
        )
    if name in RESERVED:
        raise FwpError(f"a sweep uses the name {name!r} itself: rename that parameter")


def _once(values: list, where: str, what: str) -> None:
    seen: dict[str, int] = {}
    for number, value in enumerate(values):
        text = json.dumps(canonical(value, f"{where}[{number}]"))
        if text in seen:
            raise FwpError(
                f"{where} has the same {what} twice: number {seen[text]} and number "
                f"{number} are {shown(value)}"
            )
        seen[text] = number
