"""Check a parameter that a user gives against the one that it replaces: unit, sign,
finiteness."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..errors import FwpError, shown
from ..quantities import as_brian2


def check(name: str, value, old, where: str, *, any_sign: bool, share: bool = False):
    """Return ``value``, with Brian2's units, if it can stand for ``old``; else raise
    `FwpError`.

    Args:
        name: of the parameter.
        value: what is given.
        old: the quantity or number that it replaces: it fixes the unit.
        where: what the parameter belongs to, such as "synapse model 'x'".
        any_sign: whether zero and negative values are legal.
        share: whether the parameter is a share of a whole, which ends at 1 and is never
            negative.
    """
    where = f"parameter {name!r} of {where}"
    legal = f"got {shown(value)}, legal is a quantity like {old!r}"
    value = as_brian2(value, old, where, f"a quantity like {old!r}")
    try:
        number = np.asarray(value)
        fits = b2.have_same_dimensions(value, old)
    except Exception:  # not a number at all
        raise FwpError(f"{where} must be a number: {legal}") from None
    if not fits:
        raise FwpError(f"{where} has the wrong unit: {legal}")
    if (
        number.dtype.kind not in "iuf"
        or number.size != 1
        or not np.isfinite(number).all()
    ):
        raise FwpError(f"{where} must be one finite number: {legal}")
    if np.ndim(value):
        value = b2.Quantity.with_dimensions(number.item(), b2.get_dimensions(old))
    if not any_sign and not float(value) > 0:
        raise FwpError(f"{where} must be positive: {legal}")
    if share and not 0 <= float(value) <= 1:
        raise FwpError(f"{where} must be a share from 0 to 1, got {shown(value)}")
    return value


def check_each(
    name: str, values, old, where: str, *, any_sign: bool, share: bool = False
):
    """Return an array of values for a parameter, each as `check` has it, in base units.

    Raises:
        FwpError: another dimension, no numbers in one row, or one that `check` would
            refuse.
    """
    where = f"parameter {name!r} of {where}"
    like = f"legal are quantities like {old!r}"
    values = as_brian2(values, old, where, f"quantities like {old!r}")
    try:
        values = b2.Quantity(values) if isinstance(values, list | tuple) else values
        numbers = np.asarray(values)
        legal = numbers.ndim == 1 and numbers.dtype.kind in "iuf"
        fits = legal and b2.have_same_dimensions(values, old)
    except Exception:  # not numbers at all
        legal = False
    if not legal:
        raise FwpError(f"{where} varies by numbers in one row, got {shown(values)}")
    if not fits:
        raise FwpError(f"{where} has the wrong unit: {like}, got {shown(values)}")
    numbers = numbers.astype(float)
    low, high = (0 if share else -np.inf), (1 if share else np.inf)
    wrong = ~np.isfinite(numbers) | (numbers < low) | (numbers > high)
    wrong |= (numbers <= 0) & (not any_sign)
    if wrong.any():
        at = int(np.argmax(wrong))
        must = "finite" if any_sign else "positive and finite"
        must = "a share from 0 to 1" if share else must
        one = values[at] if isinstance(values, b2.Quantity) else float(values[at])
        raise FwpError(f"{where} must be {must}, got {shown(one)} at place {at}")
    return numbers
