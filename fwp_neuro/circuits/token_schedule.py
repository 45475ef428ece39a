"""The time course of a token in the spiking circuit, and tables of what happens when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from math import gcd
from typing import Any

import brian2 as b2
import numpy as np

from ..arguments import optional, takes
from ..errors import FwpError
from ..quantities import a_time
from ..validation import affordable_steps

#: windows of a token and their durations in ms
WINDOWS = {"settle": 60, "write": 150, "gap": 120, "query": 150, "read": 100, "rest": 120}


@takes(**dict.fromkeys(WINDOWS, optional(a_time("60*ms"))))
@dataclass(frozen=True)
class Timeline:
    """Durations of a token's windows (Brian2 times; the defaults stand for None).

    settle (60 ms): the key is shown and the prediction settles.
    write (150 ms): the key is shown and the NMDA gate is open.
    gap (120 ms): silence.
    query (150 ms): the query is shown; read (100 ms): the last part of it, which is
    averaged. rest (120 ms): silence before the next token, while receptors turn over.
    """

    settle: Any = None
    write: Any = None
    gap: Any = None
    query: Any = None
    read: Any = None
    rest: Any = None

    def _steps(self, dt) -> dict[str, int]:
        """Return the number of time steps of each window.

        Raises:
            FwpError: a duration without unit, not a multiple of dt, or a read longer than
                the query.
        """
        found = {}
        for item in fields(self):
            value = getattr(self, item.name)
            value = WINDOWS[item.name] * b2.ms if value is None else value
            what = f"timeline {item.name}={value} with dt={dt}"
            affordable_steps(float(value / dt), what)
            found[item.name] = round(float(value / dt))
            if (
                found[item.name] < 1
                or abs(found[item.name] * float(dt) - float(value)) > 1e-9
            ):
                raise FwpError(
                    f"timeline {item.name}={value} must be a whole number of time steps "
                    f"dt={dt}"
                )
        if found["read"] > found["query"]:
            raise FwpError(
                "timeline read must not be longer than timeline query, whose last part "
                "it is"
            )
        return found


#: steps of a clock's interval from which on Brian2 does not see one step more
_LOST = 10_000


@dataclass(frozen=True)
class Schedule:
    """Where the windows of a token lie, in steps from the token's start."""

    spans: dict[str, tuple[int, int]]
    token_steps: int
    tokens: int
    dt: float

    def active(self, window: str) -> np.ndarray:
        """Return [token_steps] of 0 and 1."""
        inside = np.zeros(self.token_steps)
        inside[slice(*self.spans[window])] = 1
        return inside

    def run_time(self, longest: int = 0):
        """Return how long a network runs: past its tokens, for samples of their end.

        One step more does, but Brian2 takes an end that is within 1e-4 of its interval
        for a clock's last sample, so that longer intervals need a few more.

        Args:
            longest: time steps of an interval that is longer than a token, if any is.
        """
        more = 1 + max(longest, self.token_steps) // _LOST
        return (self.tokens * self.token_steps + more) * self.dt * b2.second

    def course(self, *parts: tuple[str, np.ndarray]) -> np.ndarray:
        """Sum (window, per-token values [token, ...]) into a course [token * token_steps,
        ...]."""
        total = np.zeros(())
        for window, values in parts:
            active = self.active(window).reshape(1, -1, *([1] * (values.ndim - 1)))
            total = total + active * values[:, None]
        return total.reshape(-1, *total.shape[2:])


def make(timeline: Timeline, dt, tokens: int) -> Schedule:
    """Lay out the windows of a token."""
    length = timeline._steps(dt)
    names = ("settle", "write", "gap", "query", "rest")
    edges = np.cumsum([0, *(length[name] for name in names)])
    affordable_steps(
        tokens * int(edges[-1]), f"a programme of {tokens} tokens with dt={dt}"
    )
    spans = {name: (int(edges[n]), int(edges[n + 1])) for n, name in enumerate(names)}
    spans["shown"] = (0, spans["write"][1])
    spans["read"] = (spans["query"][1] - length["read"], spans["query"][1])
    return Schedule(spans, int(edges[-1]), tokens, float(dt))


def timed(course: np.ndarray, dt, unit=1):
    """Return a Brian2 TimedArray of a course, on the coarsest grid that keeps every
    edge."""
    flat = course.reshape(len(course), -1)
    changes = np.flatnonzero((np.diff(flat, axis=0) != 0).any(1)) + 1
    grid = reduce(gcd, [int(n) for n in changes], len(course))
    values = course[::grid]
    return b2.TimedArray(values * unit, dt=grid * dt)
