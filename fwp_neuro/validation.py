"""Checks of arguments that many functions take, and of gates against the limits of a
rule."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from .errors import FwpError, callers, shown, warn


@cache
def machine_memory() -> int | None:
    """Return the bytes of this machine's memory, None where that cannot be asked."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


#: how far beyond an end rounding may take a gate, relative to one
_ROUNDING = 1e-5
#: asked once and for all: PyTorch cannot trace the question
_MEMORY = machine_memory() or 16 * 10**9


def in_bytes(size: float) -> str:
    """Write a number of bytes as a reader would, such as 1.6 MB; whole numbers of any
    size."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            return f"{Decimal(size) if isinstance(size, int) else size:.3g} {unit}"
        size = size // 1000 if size > 10**18 else size / 1000
    raise AssertionError


def affordable(count: int, what: str, bytes_each: float = 8) -> int:
    """Return ``count`` if so many numbers fit into memory, before anything is allocated.

    Args:
        count: a whole number, e.g. a product of sizes; of any size.
        what: what would hold them, with the arguments that say so; the error begins with
            it.
        bytes_each: of one of them, 8 for a number of double precision.

    Raises:
        FwpError: they take more than half of this machine's memory (of 16 GB where that
            cannot be asked), with the count and the bytes.

    Example:
        >>> affordable(tokens * post * pre, f"snapshots of {tokens} tokens")  # doctest: +SKIP
    """  # noqa: E501
    size, memory = count * math.ceil(bytes_each), _MEMORY
    if size > memory // 2:
        raise FwpError(
            f"{what} would be {shown(count)} numbers and take {in_bytes(size)}, but half "
            f"of this machine's memory is {in_bytes(memory // 2)}; ask for less"
        )
    return count


#: steps of a run beyond which it is refused, and seconds that the fastest device takes
#: for one
MOST_STEPS, SECONDS_A_STEP = 10**9, 2e-6


def affordable_steps(steps: float, what: str) -> int:
    """Return a number of time steps if a run of so many ends, before anything runs.

    Raises:
        FwpError: they are more than 10**9, with the time that they would take at least;
            ``what`` begins the sentence and names the arguments.
    """
    if not steps <= MOST_STEPS:
        days = steps * SECONDS_A_STEP / 86400
        raise FwpError(
            f"{what} makes {steps:.3g} time steps, at least {days:.3g} days of "
            f"computing; the limit is {MOST_STEPS:.0e} steps"
        )
    return int(steps)


#: what Python and NumPy count as whole numbers, and no argument does
_NO_NUMBERS = (bool, np.timedelta64)


def seed_number(seed, what: str = "seed") -> int:
    """Return a seed as a plain int.

    Raises:
        FwpError: not a whole number from 0 to 2**32 - 1.
    """
    if (
        isinstance(seed, _NO_NUMBERS)
        or not isinstance(seed, Integral)
        or not 0 <= seed < 2**32
    ):
        raise FwpError(
            f"{what} must be a whole number from 0 to 4294967295, got {shown(seed)}"
        )
    return int(seed)


def generator(seed) -> np.random.Generator:
    """Return a NumPy generator for a seed; a generator passes through."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(seed_number(seed))


def whole(value, what: str, least: int = 1, most: int | None = None) -> int:
    """Return ``value`` as an int.

    Raises:
        FwpError: it is no whole number of at least ``least`` (and at most ``most``); the
            error names ``what``.
    """
    legal = isinstance(value, int | np.integer) and not isinstance(value, _NO_NUMBERS)
    if not legal or value < least or (most is not None and value > most):
        to = "" if most is None else f" and at most {most}"
        raise FwpError(
            f"{what} is {shown(value)}; it must be a whole number of at least {least}{to}"
        )
    return int(value)


def _finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number or fraction beyond the largest float
        return False


def real(value, what: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a finite number as a float.

    Raises:
        FwpError: ``value`` is none, or lies outside [least, most]; the error names
            ``what``.
    """
    if (
        isinstance(value, _NO_NUMBERS)
        or not isinstance(value, Real)
        or not _finite(value)
    ):
        raise FwpError(f"{what} must be a finite number, got {shown(value)}")
    if not least <= value <= most:
        legal = f"at least {least:g}" if most == math.inf else f"in [{least:g}, {most:g}]"
        raise FwpError(f"{what} must be {legal}, got {shown(value)}")
    return float(value)


def positive(value, what: str) -> float:
    """Return a finite number above 0 as a float.

    Raises:
        FwpError: it is none; the error names ``what``.
    """
    if not real(value, what) > 0:
        raise FwpError(f"{what} must be above 0, got {shown(value)}")
    return float(value)


def time_step(value, most: float, of: str) -> float:
    """Return a time step in ms as a float.

    Raises:
        FwpError: it is not above 0, or above ``most``, which ``of`` says where it comes
            from.
    """
    if not 0 < real(value, "dt") <= most:
        raise FwpError(
            f"dt is {value:g} ms; it must be above 0 and at most {most:g} ms, {of}"
        )
    return float(value)


def name_list(value, what: str) -> list[str]:
    """Return names as a list; one name alone counts as a list of it.

    Raises:
        FwpError: no text, or entries that are none; the error names ``what``.
    """
    given = [value] if isinstance(value, str) else value
    listed = isinstance(given, list | tuple | set | frozenset)
    if not listed or not all(
        isinstance(name, str) and name.isidentifier() for name in given
    ):
        raise FwpError(f"{what} must be names, got {shown(value)}")
    return list(given)


def real_or_none(value, what: str) -> float | None:
    """Return a finite number, or None, which stands for the paper's choice.

    Raises:
        FwpError: neither.
    """
    return None if value is None else real(value, what)


def flag(value, what: str) -> bool:
    """Return True or False.

    Raises:
        FwpError: anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise FwpError(f"{what} must be True or False, got {shown(value)}")
    return bool(value)


# ------------------------------------------------------------------------- gates of rules


class Outside(NamedTuple):
    """A gate outside its range: its name, its first number outside and the token of
    it."""

    gate: str
    value: float
    token: int


def within(low: float, high: float, limits: tuple[float, float]) -> bool:
    """Whether all numbers from ``low`` to ``high`` lie within limits, but for
    rounding."""
    return low >= limits[0] - _ROUNDING and high <= limits[1] + _ROUNDING


def first_outside(
    gate: str, array: np.ndarray, limits: tuple[float, float]
) -> Outside | None:
    """Return the first number outside limits, None if there is none; tokens lie on axis
    0."""
    outside = (array < limits[0] - _ROUNDING) | (array > limits[1] + _ROUNDING)
    if not outside.any():
        return None
    spot = tuple(np.argwhere(outside)[0])
    return Outside(gate, float(array[spot]), int(spot[0]))


def check_gates(rule, signals: Mapping[str, np.ndarray]) -> None:
    """Warn once if gates [token, ...] lie outside the limits of a rule."""
    limits = getattr(rule, "limits", {})  # a program binds to whatever has homes
    found = (first_outside(gate, signals[gate], ends) for gate, ends in limits.items())
    report_gates(rule, [item for item in found if item is not None])


def report_gates(rule, offences: Iterable[Outside]) -> None:
    """Warn of gates outside their limits, in one sentence."""
    parts = []
    for gate, value, token in offences:
        low, high = rule.limits[gate]
        ends = f"outside [{low:g}, {high:g}]" if high < np.inf else f"below {low:g}"
        logarithm = value < 0 and (low, high) == (0, 1)
        hint = " (it is a factor, not its logarithm)" if logarithm else ""
        parts.append(f"gate {gate!r} is {value:.4g} at token {token}, {ends}{hint}")
    if parts:
        kind = "rule" if hasattr(rule, "text") else "memory"
        warn(f"{kind} {rule.name!r}: {'; '.join(parts)}", stacklevel=callers())


def check_finite(name: str, array: np.ndarray, heads: bool) -> None:
    """Raise FwpError at the first number of a signal that is not finite."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        spot = tuple(bad[0])
        place = f" at {_place(spot, heads)}" if spot else ""
        raise FwpError(
            f"Program argument {name!r} is {array[spot]}{place}; every number must be "
            "finite"
        )


def refuse_negative(name: str, array: np.ndarray, where: str, heads: bool = True) -> None:
    """Raise FwpError if a key has a negative entry, which no cell can fire.

    ``array`` is [token, head, dim], or [token, dim] without ``heads``; ``where`` needs
    the keys.
    """
    negative = np.argwhere(array < 0)
    if len(negative):
        spot = tuple(negative[0])
        raise FwpError(
            f"{where} needs non-negative keys, but {name!r} is {array[spot]:.4g} at "
            f"{_place(spot, heads)}: put it through a non-negative feature map, or pass "
            'signed_keys="opponent"'
        )


def _place(spot: tuple[int, ...], heads: bool) -> str:
    axes = ("token", "head", "dimension") if heads else ("token", "dimension")
    return ", ".join(f"{axis} {index}" for axis, index in zip(axes, spot, strict=False))
