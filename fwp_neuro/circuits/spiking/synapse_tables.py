"""When the cells of a circuit of published synapses fire: tables over the steps of a
programme.

A token is: "write" (key and value), "settle" (what is slow to be expressed), "read" (the
query), "rest". Each model has its own code for keys and values, see
`fwp_neuro.synapses.coding`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from ...errors import FwpError
from ...synapses.coding import BURST_RATE, Experiment
from ...validation import affordable_steps

#: two spikes of a burst are that far apart, seconds
BURST_GAP = 5e-3


@dataclass(frozen=True)
class TokenWindows:
    """Durations of the windows of a token, in seconds."""

    write: float
    settle: float
    read: float
    rest: float

    @property
    def token(self) -> float:
        """Duration of a token, seconds."""
        return self.write + self.settle + self.read + self.rest


@dataclass(frozen=True)
class Tables:
    """What happens when, in steps.

    Attributes:
        key_now, value_now, second_now: 1 in steps in which key cells (value cells, value
            cells that have just fired) may fire.
        writing, reading: 1 in the steps of these windows.
        sample: weights of the read-out, which add up to 1 a token.
        token_steps: steps of a token.
        grid: steps in which writing and reading begin and end.
    """

    key_now: np.ndarray
    value_now: np.ndarray
    second_now: np.ndarray
    writing: np.ndarray
    reading: np.ndarray
    sample: np.ndarray
    token_steps: int
    grid: int


def tables(how: Experiment, windows: TokenWindows, tokens: int, dt: float) -> Tables:
    """Return the tables of a programme.

    Raises:
        FwpError: windows that are no whole numbers of steps, without a volley, too many
            steps, or a time step in which a cell would have to fire more than once.
    """
    longest = 1 / how.rate if how.coding == "rates" else how.lag
    longest = min(longest, BURST_GAP) if how.event == "bursts" else longest
    if dt > longest * (1 + 1e-9):
        raise FwpError(f"a time step of {dt} s is too long for {how.coding} of "
                       f"{how.rate} Hz and {how.event}: legal are up to {longest} "
                       "s")  # fmt: skip
    length = {}
    for name in ("write", "settle", "read", "rest"):
        steps = getattr(windows, name) / dt
        affordable_steps(steps, f"window {name}")
        length[name] = round(steps)
        if abs(length[name] - steps) > 1e-6:
            raise FwpError(f"window {name} of {getattr(windows, name)} s must be a whole "
                           f"number of time steps of {dt} s")  # fmt: skip
    write, read = length["write"], length["read"]
    begin = write + length["settle"]
    total = begin + read + length["rest"]
    affordable_steps(total * tokens, f"a programme of {tokens} tokens")
    one = {
        name: np.zeros(total)
        for name in ("key_now", "value_now", "second_now", "writing", "reading", "sample")
    }
    one["writing"][:write], one["reading"][begin : begin + read] = 1, 1
    late = round(how.lag / dt)
    if how.coding == "rates":
        one["key_now"] = one["writing"] + one["reading"]
        # once the filter has followed
        one["sample"][begin + read // 5 : begin + read] = 1
        shown = np.arange(write)
    else:
        every = round(1 / how.rate / dt)
        volleys = np.arange(every // 2, write - late - round(BURST_GAP / dt), every)
        reads = begin + np.arange(every // 2, read - late, every)
        if not len(volleys) or not len(reads):
            raise FwpError(f"windows of {windows.write} s and {windows.read} s have no "
                           f"volley at {how.rate} Hz: make them longer")  # fmt: skip
        one["key_now"][volleys] = one["key_now"][reads] = 1
        one["sample"][reads + late] = 1
        shown = volleys + late
    if how.event == "plateaus":
        shown = np.array([write // 2])
    one["value_now"][shown] = 1
    if how.event == "bursts":
        later = shown + round(BURST_GAP / dt)
        one["second_now"][later[later < write]] = 1
    one["sample"] /= one["sample"].sum()
    return Tables(**{name: np.tile(course, tokens) for name, course in one.items()},
                  token_steps=total, grid=gcd(write, begin, read, total))  # fmt: skip


#: whether the first spike of a burst was so long ago that now is the time of the second
_SECOND = f"int(abs(t - value_fired - {BURST_GAP!r}*second) < dt/2)"


def fired(how: Experiment) -> str:
    """Return Brian2 code of what a spike of a value cell leaves: its time, unless it was
    the second one of a burst, which no third one follows."""
    long_ago = f" - 1*second*{_SECOND}" if how.event == "bursts" else ""
    return f"value_fired = t{long_ago}"


def chances(how: Experiment, dt: float) -> tuple[str, str]:
    """Return Brian2 code of the chance of a spike: of a key cell, and of a value cell."""
    if how.coding == "rates":
        key = f"key_now(t)*key_chance*{how.rate * dt!r}"
    else:
        key = "key_now(t)*key_chance"
    if how.event == "bursts":
        share = BURST_RATE / how.rate if how.coding == "volleys" else BURST_RATE * dt
        first = f"value_now(t)*{share!r}"
        return key, f"{first} + second_now(t)*{_SECOND}*value_chance"
    if how.coding == "rates" and how.event == "spikes":
        return key, f"value_now(t)*value_chance*{how.rate * dt!r}"
    return key, "value_now(t)*value_chance"
