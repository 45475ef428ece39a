"""Which cells of a population fired, where a circuit has drawn only how many did.

It is decided where somebody asks for spikes: every choice of so many cells is as likely
as any other, and independent of other time steps.
"""

from __future__ import annotations

import numpy as np

#: how often a choice of cells is drawn anew before all cells are put in a random order
_TRIES = 20


def identify(
    counts: np.ndarray, cells: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Say which cells fired, from how many did.

    Args:
        counts: [time step, number], how many of the ``cells`` of a number fired.

    Returns:
        (time step, cell) of every spike, in the order of time; cell c stands for number
        c // cells.
    """
    step, number = np.nonzero(counts)
    many = counts[step, number].astype(np.int64)
    row = np.repeat(np.arange(len(many)), many)
    chosen = rng.integers(cells, size=len(row))
    mine = np.arange(len(row))
    for _ in range(_TRIES):
        # a cell that is there already is drawn anew: no cell is treated apart, so that
        # all choices are as likely as each other
        both = row[mine] * cells + chosen[mine]
        order = np.argsort(both, kind="stable")
        both = both[order]
        again = mine[order[1:][both[1:] == both[:-1]]]
        if not again.size:
            break
        chosen[again] = rng.integers(cells, size=again.size)
        undecided = np.zeros(len(many), bool)
        undecided[row[again]] = True
        mine = np.flatnonzero(undecided[row])
    else:  # nearly all of the cells of a number fire at once
        ends = np.cumsum(many)
        for one in np.unique(row[mine]):
            first = ends[one] - many[one]
            chosen[first : ends[one]] = rng.permutation(cells)[: many[one]]
    return step[row], number[row] * cells + chosen


def cells_and_times(counts, cells: int, times, seed: list[int]) -> tuple:
    """Return (number of the cell, time) of every spike, from how many cells fired in each
    time step."""
    step, cell = identify(counts, cells, np.random.default_rng(seed))
    return cell, times[step]
