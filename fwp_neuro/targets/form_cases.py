"""Runs of a model's Brian2 text and of its NumPy form on the same spikes; see
`two_forms`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from brian2 import second

from ..circuits import injected

ROUNDING = 1e-9


class BothForms(NamedTuple):
    """Numbers of both forms, in the same order, and what they were before anything
    happened."""

    brian: np.ndarray
    numpy: np.ndarray
    before: float = 0.0


class FormCase(NamedTuple):
    """One comparison of a model.

    Attributes:
        what: which text, in words; empty if the model has one only.
        run: () -> `BothForms`.
        within: largest share of the change that may differ.
    """

    what: str
    run: Callable[[], BothForms]
    within: float = ROUNDING


def spikes(
    steps: int, rate: float, seed: int, every: int = 1, cells: int = 2
) -> np.ndarray:
    """Return spikes [step, cell]: a share of the steps has one, at ``every``-th steps
    only."""
    drawn = np.random.default_rng(seed).random((steps // every, cells)) < rate
    table = np.zeros((steps, cells))
    table[every - 1 :: every] = drawn[: len(table[every - 1 :: every])]
    return table


def pairs(form: Callable, pre: np.ndarray, post: np.ndarray, dt: float, late: int = 0):
    """Return form(times of pre, times of post) [post, pre] for spikes [step, cell].

    Args:
        form: of two arrays of seconds.
        pre, post: tables.
        dt: seconds.
        late: 1 where the text lets a spike act at the end of its step.
    """
    times = [
        [(np.flatnonzero(cell) + late) * dt for cell in side.T] for side in (pre, post)
    ]
    return np.array([[form(a, b) for a in times[0]] for b in times[1]])


def brian(
    model, pre: np.ndarray, post: np.ndarray, dt: float, **options
) -> dict[str, np.ndarray]:
    """Return what `fwp_neuro.circuits.injected.run` does, dt in seconds."""
    return injected.run(model, pre, post, dt=dt * second, **options)
