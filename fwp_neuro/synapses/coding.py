"""How keys and values are put to a plasticity rule: rates, windows, and what an event
is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

CODINGS = ("rates", "volleys")
#: of single spikes and bursts together where values are burst probabilities, Hz
BURST_RATE = 10.0
#: entries of keys and values as shares of the largest one
GRID = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Experiment:
    """One rule's experiment.

    Attributes:
        coding: "rates": an entry is the rate of a cell's independent Poisson spikes;
            "volleys": all cells may spike together at regular times, postsynaptic ones
            ``lag`` later, and an entry is the probability that a cell takes part.
        keys, values: entries as shares of the largest, 0 first.
        rate: largest rate of Poisson spikes, or of volleys or bursts, Hz.
        lag: of postsynaptic after presynaptic volleys, seconds.
        window: how long a key and a value are on, seconds.
        settle: silence after the window, seconds, for what is slow to be expressed.
        dt: time step, seconds.
        event: what a value is written by: postsynaptic "spikes"; "bursts" of two spikes
            among single ones, an entry being the probability of a burst; or "plateaus",
            one in the middle of the window with the probability of the entry.
        state: the synaptic variable that memory is kept in.
        start: its value before the window, in base units.
        shift: how much it is raised to measure what is erased.
        gate: parameter that scales the write, "nmda" where the model has one unless
            named.
        weight: expression to measure instead of the model's effective weight, or empty.
        probe: whether a last presynaptic spike brings event-driven variables up to date.
        initial: further initial values.
        changes: parameters that differ from the set's.
        note: what a reader of the table must know.
    """

    coding: str = "rates"
    keys: tuple[float, ...] = GRID
    values: tuple[float, ...] = GRID
    rate: float = 40.0
    lag: float = 5e-3
    window: float = 2.0
    settle: float = 0.0
    dt: float = 0.5e-3
    event: str = "spikes"
    state: str = "w"
    start: float = 1.0
    shift: float = 0.1
    gate: str = ""
    weight: str = ""
    probe: bool = False
    initial: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[str, object] = field(default_factory=dict)
    note: str = ""

    @property
    def typical(self) -> tuple[int, int]:
        """Place of a typical pair of entries on the grid [value, key]."""
        return len(self.values) // 2 + 1, len(self.keys) // 2 + 1

    def key_spikes(self, keys: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return presynaptic spikes [step, cell] that code ``keys``, silent in the
        settling."""
        spikes = self._quiet_after(self._spikes(keys, 0.0, rng))
        if self.probe:
            spikes[-1] = 1
        return spikes

    def value_events(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return postsynaptic events [step, cell] that code ``values``."""
        if self.event == "spikes":
            return self._quiet_after(self._spikes(values, self.lag, rng))
        if self.event == "bursts":
            first = self._spikes(
                np.full(len(values), BURST_RATE / self.rate), self.lag, rng
            )
            second = np.zeros_like(first)
            gap = round(5e-3 / self.dt)  # well within every definition of a burst
            second[gap:] = (first & (rng.random(first.shape) < values))[:-gap]
            return self._quiet_after(first | second)
        events = np.zeros((self._steps(), len(values)), dtype=bool)
        middle = round(self.window / 2 / self.dt)
        events[middle, rng.random(len(values)) < values] = True
        return events.astype(float)

    def _spikes(
        self, entries: np.ndarray, lag: float, rng: np.random.Generator
    ) -> np.ndarray:
        shape = self._steps(), len(entries)
        if self.coding == "rates":
            return rng.random(shape) < entries * self.rate * self.dt
        found = np.zeros(shape, dtype=bool)
        every = round(1 / self.rate / self.dt)
        times = np.arange(every // 2 + round(lag / self.dt), shape[0], every)
        found[times] = rng.random((len(times), shape[1])) < entries
        return found

    def _steps(self) -> int:
        return round((self.window + self.settle) / self.dt)

    def _quiet_after(self, events: np.ndarray) -> np.ndarray:
        events[round(self.window / self.dt) :] = False
        return events.astype(float)


def both(**settings) -> tuple[Experiment, ...]:
    """Return an experiment with either coding."""
    return Experiment(**settings), Experiment(
        **{"coding": "volleys", "rate": 10.0, **settings}
    )


USUAL = both()
