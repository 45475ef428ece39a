"""Can a plasticity rule store arbitrary pairs of a key and a value, with cells shared
between them?

Random keys and values, each on in about half of the cells, are written one after the
other. An outer-product memory answers every key with the values whose keys overlap with
it; a rule that only scales columns (short-term plasticity of the presynaptic cell) or
rows (scaling by the postsynaptic rate) gives every key the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..synapses.coding import Experiment
from ..synapses.synapse_class import Synapse
from .pairing_runs import resting, run

#: share of the variance of the ideal read-outs above which a rule is said to store v k'
STORES = 0.5


@dataclass(frozen=True)
class Stored:
    """Read-outs of all keys against those of the sum of v k'.

    Attributes:
        r2: share of the variance of the ideal read-outs that a line on ours explains,
            after the means over value cells and over keys are taken off: what all cells
            or all keys share is no association.
        gain: slope of ours on the ideal ones.
        rows: share of the weight changes' variance that is not that of column means; 0
            for a rule that scales columns only.
        columns: likewise for rows; 0 for a rule that scales rows only.
    """

    r2: float
    gain: float
    rows: float
    columns: float

    @property
    def verdict(self) -> bool:
        """Whether the rule stores an arbitrary v k'."""
        return self.r2 >= STORES


def store(
    model: Synapse,
    how: Experiment,
    items: int = 4,
    dim: int = 8,
    cells: int = 6,
    seed: int = 0,
) -> Stored:
    """Write ``items`` random pairs of ``dim`` entries, ``cells`` cells an entry, and read
    them."""
    rng = np.random.default_rng(seed)
    high_value, high_key = how.values[how.typical[0]], how.keys[how.typical[1]]
    keys, values = (_halves(items, dim, rng) for _ in range(2))
    pre = np.concatenate(
        [how.key_spikes(np.repeat(high_key * k, cells), rng) for k in keys]
    )
    post = np.concatenate(
        [how.value_events(np.repeat(high_value * v, cells), rng) for v in values]
    )
    changes = run(model, how, pre, post, how.start)["weight"] - resting(model, how)
    # [value entry, key entry]
    found = changes.reshape(dim, cells, dim, cells).mean((1, 3))
    ideal = values.T @ keys
    ours, theirs = (_double_centred(table @ keys.T) for table in (found, ideal))
    spread, both = (ours**2).sum(), (ours * theirs).sum()
    total = ((found - found.mean()) ** 2).sum()
    rows, columns = (
        float(((found - found.mean(axis, keepdims=True)) ** 2).sum() / total)
        if total > 0
        else 0.0
        for axis in (0, 1)
    )
    some = min(rows, columns) > 1e-9  # else only rounding tells the read-outs apart
    return Stored(
        float(both**2 / (spread * (theirs**2).sum())) if some else 0.0,
        float(both / (theirs**2).sum()),
        rows,
        columns,
    )


def _double_centred(table: np.ndarray) -> np.ndarray:
    return table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()


def cross(model: Synapse, how: Experiment, seed: int, cells: int = 8) -> float:
    """Return how a write changes when other active synapses of the cell already drive it.

    Half of the keys' synapses start higher by ``how.shift``; the change of the other
    half's writes is given as a share of them. A rule without an error has 0, the delta
    rule a negative share.
    """
    rng = np.random.default_rng(seed)
    value, key = how.values[how.typical[0]], how.keys[how.typical[1]]
    pre = how.key_spikes(np.full(2 * cells, key), rng)
    post = how.value_events(np.full(cells, value), rng)
    plain = np.full((cells, 2 * cells), how.start)
    raised = plain + how.shift * (np.arange(2 * cells) >= cells)
    mine = slice(None), slice(0, cells)
    at = resting(model, how)
    writes = [
        run(model, how, pre, post, start)["weight"][mine].mean() - at
        for start in (plain, raised)
    ]
    return float((writes[1] - writes[0]) / writes[0]) if writes[0] else float("nan")


def _halves(items: int, dim: int, rng) -> np.ndarray:
    """Return random patterns [item, entry] of as many ones as zeros, no two of them the
    same."""
    while True:
        ones = np.array(
            [rng.permutation(dim) < dim // 2 for _ in range(items)], dtype=float
        )
        if len(np.unique(ones, axis=0)) == items:
            return ones
