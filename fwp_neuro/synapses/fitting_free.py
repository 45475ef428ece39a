"""Which parameters to fit: those that were named, or those on which the data depend."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..errors import FwpError, pick, shown
from .fitting_predict import Predictor
from .fitting_ranges import Box, limits
from .synapse_class import Synapse

#: other values of each parameter, and points of the ranges, at which an effect is looked
#: for; few of them for models that predict one parameter set at a time, which takes them
#: seconds
_VALUES, _POINTS, _FEW = 4, 6, 2


def choose(
    model: Synapse, asked, bounds: Mapping | None, predictor_of: Callable, rng
) -> tuple[list[str], list[str], list[str]]:
    """Return the parameters to fit, those without effect, and those that must wait.

    The first depend on the data somewhere in their ranges, the second nowhere. The third
    have no effect near the start: without a choice of the user's they stay as they are
    where the table has too few rows for all.

    Args:
        model: the start.
        asked: names, or None for all.
        bounds: of the search, as for `fit`.
        predictor_of: names -> their `Predictor`.
        rng: of the points at which an effect is looked for.

    Raises:
        FwpError: unknown or repeated names, or a parameter that was asked for and has no
            effect.
    """
    names = _named(model, asked)
    box = Box(model, names, limits(model, names, bounds))
    predictor = predictor_of(names)
    predictor.check(box.numbers(box.x0))
    idle = _idle(predictor, box, box.x0, names, near=True)
    here = idle
    more = box.drawn(rng, _POINTS if predictor.many else _FEW)
    for point in (box.x0, *more):  # what has no effect here may have one elsewhere
        if not idle:
            break
        idle = _idle(predictor, box, point, idle)
    if asked is not None and idle:
        raise FwpError(
            f"the data do not depend on {', '.join(idle)}: leave it out of free"
        )
    found = [name for name in names if name not in idle]
    if not found:
        raise FwpError(f"the data depend on no parameter of {model.name!r}")
    many = int(predictor.counted.sum()) <= len(found) + len(predictor.factors)
    wait = [n for n in here if n not in idle] if asked is None and many else []
    return [name for name in found if name not in wait], idle, wait


def _named(model: Synapse, asked) -> list[str]:
    if asked is None:
        return list(model.parameters)
    try:
        names = None if isinstance(asked, str | bytes) else list(asked)
    except Exception:  # nothing that has entries; each package says so in another way
        names = None
    if names is None:
        known = isinstance(asked, str) and asked in model.parameters
        like = f": write free=[{asked!r}]" if known else ""
        raise FwpError(
            f"free must be names of parameters or None, got {shown(asked)}{like}"
        )
    if not names:
        raise FwpError(
            "free names no parameter; leave it out to fit all that have an effect"
        )
    for name in names:
        name = name if isinstance(name, str) else shown(name)
        pick(name, model.parameters, f"parameter of {model.name!r} in free:")
        if names.count(name) > 1:
            raise FwpError(
                f"free names {name!r} {names.count(name)} times; once is enough"
            )
    return names


def _idle(predictor: Predictor, box: Box, point, names, near: bool = False) -> list[str]:
    """Return the names on whose coordinates no prediction depends, from a point on.

    Looked at is one step, or the whole range; all in one call, where many sets cost like
    one.
    """
    lines = [_line(box, point, box.names.index(name), near) for name in names]
    measured = predictor.table.measured
    found = predictor.scaled(
        predictor(box.numbers(np.concatenate(lines))), measured, np.ones(len(measured))
    )
    cuts = np.cumsum([len(line) for line in lines])[:-1]
    parts = zip(names, np.split(found, cuts), strict=True)
    return [name for name, part in parts if not _differ(part)]


def _line(box: Box, point, place: int, near: bool) -> np.ndarray:
    """Return a point and others that differ from it in one coordinate [point,
    coordinate]."""
    low, high = box.low[place], box.high[place]
    step = 0.01 * (high - low)
    one_step = point[place] + (step if point[place] < high - step else -step)
    values = np.array([one_step]) if near else np.linspace(low, high, _VALUES)
    line = np.repeat(point[None], len(values) + 1, axis=0)
    line[1:, place] = values
    return line


def _differ(found: np.ndarray) -> bool:
    """Whether predictions [set, row] differ, of those that are finite."""
    found = found[np.isfinite(found).all(1)]
    if len(found) < 2:
        return False
    return not np.allclose(found, found[0], rtol=1e-9, atol=1e-9 * np.abs(found).max())
