"""Check a parameter that a user gives against the one that it replaces: unit, sign, finiteness."""

from __future__ import annotations

from ..errors import FwpError


def check(name: str, value, old, where: str, *, any_sign: bool, share: bool = False) -> None:
    """Raise `FwpError` unless ``value`` can stand for ``old``.

    Args:
        name: of the parameter.
        value: what is given.
        old: the quantity or number that it replaces: it fixes the unit.
        where: what the parameter belongs to, such as "synapse model 'x'".
        any_sign: whether zero and negative values are legal.
        share: whether the parameter is a share of a whole, which ends at 1 and is never negative.
    """
    import brian2 as b2
    import numpy as np

    where = f"parameter {name!r} of {where}"
    legal = f"got {value!r}, legal is a quantity like {old!r}"
    try:
        fits = b2.have_same_dimensions(value, old)
    except TypeError:  # not a number at all
        raise FwpError(f"{where} must be a number: {legal}") from None
    if not fits:
        raise FwpError(f"{where} has the wrong unit: {legal}")
    if np.size(value) != 1 or not np.isfinite(float(value)):
        raise FwpError(f"{where} must be one finite number: {legal}")
    if not any_sign and not float(value) > 0:
        raise FwpError(f"{where} must be positive: {legal}")
    if share and not 0 <= float(value) <= 1:
        raise FwpError(f"{where} must be a share from 0 to 1, got {value!r}")


def quantity(value, unit, what: str, example: str):
    """Return a user's quantity as a float array in ``unit``.

    Raises:
        FwpError: no unit or another dimension, or entries that are not finite; ``what`` names the
            argument and ``example`` shows a legal one.
    """
    import brian2 as b2
    import numpy as np

    try:
        fits = b2.have_same_dimensions(value, unit)
    except Exception as problem:  # Brian2 raises several types for things that are no quantity
        raise FwpError(f"{what} must be {example}, got {value!r}") from problem
    if not fits:
        raise FwpError(f"{what} must be {example}, got {value!r}")
    array = np.asarray(value / unit, dtype=float)
    if not np.isfinite(array).all():
        raise FwpError(f"{what} must be finite, got {value!r}")
    return array
