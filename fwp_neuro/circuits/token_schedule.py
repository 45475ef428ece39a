"""The time course of a token in a circuit, tables of what happens when, and probes of the
fast weights at its end."""

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

    @property
    def grid(self) -> int:
        """The largest number of steps that divides all windows."""
        return reduce(gcd, [edge for span in self.spans.values() for edge in span])

    def coarse(self, steps: int) -> Schedule:
        """Return the same windows in steps that are so many of these; it divides all of
        them."""
        spans = {n: (a // steps, b // steps) for n, (a, b) in self.spans.items()}
        return Schedule(spans, self.token_steps // steps, self.tokens, self.dt * steps)

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


def timed(course: np.ndarray, dt, unit=1, grid: int = 0):
    """Return a Brian2 TimedArray of a course, on the coarsest grid that keeps every edge.

    Args:
        grid: steps that the grid shall divide, so that courses with other numbers and the
            same windows lie on one grid; 0 for none.
    """
    flat = course.reshape(len(course), -1)
    changes = np.flatnonzero((np.diff(flat, axis=0) != 0).any(1)) + 1
    grid = reduce(gcd, [int(n) for n in changes], grid or len(course))
    values = course[::grid]
    return b2.TimedArray(values * unit, dt=grid * dt)


#: every probe is a line of generated code in circuits that hold a weight for each synapse
MOST_PROBES = 32


def check_number(probes: np.ndarray | None) -> None:
    """Refuse more probes than a circuit with a weight for each synapse can show at
    once."""
    if probes is not None and probes.shape[1] > MOST_PROBES:
        raise FwpError(
            f"probes hold {probes.shape[1]} vectors, and a circuit with a weight for "
            f"each synapse shows at most {MOST_PROBES} in a run; give fewer, or "
            "record_weights='snapshots' (the low-rank layout of the rate circuit and "
            "the artificial realisation take any number)"
        )


class Probing:
    """The probes of one circuit, which store no matrix.

    A probe x is read as W x: where a token ends, the presynaptic cells fire an event of
    their own, on which every synapse adds w*x_j to its postsynaptic cell. It costs one
    pass over the synapses a token and one number a postsynaptic cell, and nothing in the
    circuit sees it.

    Args:
        inputs: [probe, presynaptic cell] of numbers, or None for no probes (then every
            part below is empty).
        steps: time steps in a token; tokens; dt: Brian2 time.
        last_step: as for `Collector`.
    """

    def __init__(
        self,
        inputs: np.ndarray | None,
        steps: int,
        tokens: int,
        dt,
        last_step: bool = False,
    ):
        self.inputs = [] if inputs is None else list(inputs)
        self.steps, self.tokens, self.dt, self.last_step = steps, tokens, dt, last_step
        self.monitor: Any = None

    def values(self) -> dict[str, np.ndarray]:
        """Variable of the presynaptic cells -> the numbers of its probe."""
        return {f"probe_{n}": values for n, values in enumerate(self.inputs)}

    def lines(self, side: str) -> list[str]:
        """Equations of the cells of a side."""
        name = {"pre": "probe_{} : 1 (constant)", "post": "probed_{} : 1"}[side]
        return [name.format(n) for n in range(len(self.inputs))]

    def events(self, namespace: dict) -> dict[str, Any]:
        """Options of the presynaptic NeuronGroup; adds a table to its namespace."""
        if not self.inputs:
            return {}
        ends = np.zeros(self.tokens * self.steps + 1)
        ends[self.steps - self.last_step :: self.steps] = 1
        namespace["token_ends_table"] = b2.TimedArray(ends, dt=self.dt)
        return {"events": {"token_ends": "token_ends_table(t) > 0.5"}}

    def pathway(self, weight: str, others: dict | None = None) -> dict[str, Any]:
        """Options of the Synapses whose fast weight is the expression ``weight``.

        Args:
            others: pathways that the synapses have anyway, name -> code.
        """
        code = dict(others or {})
        if self.inputs:
            code["probing"] = "\n".join(
                f"probed_{n}_post += ({weight})*probe_{n}_pre"
                for n in range(len(self.inputs))
            )
        if not code:
            return {}
        # one delay for all, or Brian2 keeps one for each synapse
        options = {"on_pre": code, "delay": dict.fromkeys(code, 0 * b2.second)}
        if self.inputs:
            options["on_event"] = {name: "spike" for name in code} | {
                "probing": "token_ends"
            }
        return options

    def attach(self, pre, post, synapses, order: int, when: str = "start") -> list:
        """Give the event its place in the time step and sample; returns what the network
        needs.

        Args:
            order: the place in slot ``when`` at which weights are those of the token that
                has ended; ``order`` to ``order + 3`` are taken.
        """
        if not self.inputs:
            return []
        pre.set_event_schedule("token_ends", when=when, order=order)
        synapses.probing.when, synapses.probing.order = when, order + 1
        for name, values in self.values().items():
            setattr(pre, name, values)
        names, token = (
            [f"probed_{n}" for n in range(len(self.inputs))],
            self.steps * self.dt,
        )
        self.monitor = b2.StateMonitor(
            post, names, record=True, dt=token, when=when, order=order + 2, name="probed"
        )
        forget = "\n".join(f"{name} = 0" for name in names)
        post.run_regularly(
            forget, dt=token, when=when, order=order + 3, name="probed_forget"
        )
        return [self.monitor]

    def found(self) -> np.ndarray:
        """Return what the probes read, [token, probe, postsynaptic cell]."""
        read = [
            np.array(getattr(self.monitor, f"probed_{n}"))
            for n in range(len(self.inputs))
        ]
        return np.stack(read).transpose(2, 0, 1)[-self.tokens :]
