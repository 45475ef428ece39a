"""The reference network of the benchmark: what every contender simulates, on the same
spikes.

Equations and parameters stand in `hand_written`, once. As many presynaptic cells as
postsynaptic ones, all-to-all. Presynaptic spikes are given (Poisson, 20 Hz, drawn once),
so that every simulator gets the very same ones. First weights differ from synapse to
synapse and thresholds from cell to cell: otherwise all cells would fire in the same
steps, and a sweep over a column of the weights would find its neighbours in the cache as
no real network lets it.

An event is one presynaptic or one postsynaptic spike at one synapse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .hand_written import PARAMETERS, poisson

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
RATE = 20.0
DT = PARAMETERS["dt"]
SAMPLE = 100_000
#: first weights as Brian2 makes them: exact integers, so that nobody needs an array of
#: them
WEIGHTS = "0.1 + 0.0003*((7919*i + 104729*j) % 1000)"
KINDS = ("pair", "presynaptic", "static")


@dataclass(frozen=True)
class NetworkCase:
    """One size of the network.

    Attributes:
        synapses: about how many; there are `cells` squared.
        duration: biological seconds.
        kind: "pair" as in `hand_written`; "presynaptic" without the write of a
            postsynaptic spike, "static" with weights that stay.
        seed: of spikes and first values.
    """

    synapses: int
    duration: float
    kind: str = "pair"
    seed: int = 0

    @property
    def cells(self) -> int:
        """Cells on each side."""
        return round(self.synapses**0.5)

    @property
    def steps(self) -> int:
        """Time steps."""
        return round(self.duration / DT)

    @cached_property
    def spikes(self) -> np.ndarray:
        """Presynaptic spikes [spike, 2]: time step and cell, sorted."""
        return poisson(self.cells, self.steps, RATE, self.seed)

    def weights(self, rows=slice(None)) -> np.ndarray:
        """Return first weights [pre, post] of some presynaptic cells; `WEIGHTS` says the
        same."""
        i, j = np.arange(self.cells)[rows, None], np.arange(self.cells)
        return 0.1 + 0.0003 * ((7919 * i + 104729 * j) % 1000)

    @cached_property
    def rows(self) -> np.ndarray:
        """Presynaptic cells whose synapses are compared with the oracle's."""
        count = min(self.cells, max(1, SAMPLE // self.cells))
        return np.sort(
            np.random.default_rng([self.seed, 1]).choice(self.cells, count, False)
        )

    def sampled(self, weights) -> np.ndarray:
        """Return the weights [row, post] that are compared, from all of them in order of
        pre."""
        return np.array(
            np.reshape(weights, (self.cells, self.cells))[self.rows], dtype=float
        )

    def events(self, post_spikes: int) -> float:
        """Return the synaptic events of a run in which the postsynaptic cells spiked so
        often."""
        post = post_spikes if self.kind == "pair" else 0
        return float(self.cells) * (len(self.spikes) + post)


def relaxed(weights, last, now: float):
    """Return weights at ``now`` that were last brought up to date at times ``last``
    (s)."""
    return decayed(weights, np.exp(-(now - last) / PARAMETERS["tau_w"]))


def decayed(weights, left):
    """Return weights of which a share ``left`` of the distance to w0 is left."""
    return PARAMETERS["w0"] + (weights - PARAMETERS["w0"]) * left
