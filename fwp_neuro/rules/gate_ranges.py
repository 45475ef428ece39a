"""Say when a gate lies outside the range that its rule declares, such as a decay above one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import NamedTuple

import numpy as np

from ..errors import warn

#: how far beyond an end rounding may take a gate, relative to one
TOLERANCE = 1e-5


class Offence(NamedTuple):
    """A gate outside its range: its name, its first number outside and the token of it."""

    gate: str
    value: float
    token: int


def inside(low: float, high: float, limits: tuple[float, float]) -> bool:
    """Whether all numbers from ``low`` to ``high`` lie within limits, but for rounding."""
    return low >= limits[0] - TOLERANCE and high <= limits[1] + TOLERANCE


def first(gate: str, array: np.ndarray, limits: tuple[float, float]) -> Offence | None:
    """Return the first number outside limits, None if there is none; tokens lie on axis 0."""
    outside = (array < limits[0] - TOLERANCE) | (array > limits[1] + TOLERANCE)
    if not outside.any():
        return None
    spot = tuple(np.argwhere(outside)[0])
    return Offence(gate, float(array[spot]), int(spot[0]))


def check(rule, signals: Mapping[str, np.ndarray]) -> None:
    """Warn once if gates [token, ...] lie outside the limits of a rule."""
    limits = getattr(rule, "limits", {})  # a program binds to whatever has homes
    found = (first(gate, signals[gate], ends) for gate, ends in limits.items())
    report(rule, [item for item in found if item is not None])


def report(rule, offences: Iterable[Offence]) -> None:
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


def callers() -> int:
    """Return the stacklevel of the first caller outside this package, as `warn` counts it."""
    frame: FrameType | None = sys._getframe(1)
    level = 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("fwp_neuro"):
        frame, level = frame.f_back, level + 1
    return level + 1
