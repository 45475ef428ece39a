"""What one measurement gives, and whether its result is right: no speed is told for a
wrong one."""

from __future__ import annotations

import resource
from dataclasses import dataclass

import numpy as np

from . import oracle
from .network import NetworkCase


@dataclass(frozen=True)
class Measured:
    """One run of one contender in a process of its own.

    Attributes:
        cpu: processor seconds (user and system) of the simulation alone.
        setup: processor seconds to make cells and synapses, where it can be told apart,
            else NaN.
        bytes: by which the process grew at its peak.
        weights: [row, post] at the last time step, those that `Case.sampled` names.
        spikes: of each postsynaptic cell.
        fired: postsynaptic spikes [spike, 2], step and cell; None where only their number
            is kept.
        expected: the weights that follow from ``fired`` where the model is not the
            reference one.
    """

    cpu: float
    setup: float
    bytes: float
    weights: np.ndarray
    spikes: np.ndarray
    fired: np.ndarray | None = None
    expected: np.ndarray | None = None


@dataclass(frozen=True)
class Tolerance:
    """How far a result may be from the oracle.

    Attributes:
        weight: largest |dw| of a synapse.
        cell: most spikes by which a cell differs.
        total: difference of all spikes, as a share of them.
        own: weights are held against those that follow from the contender's own
            postsynaptic spikes (`oracle.replay`), not against the oracle's: one spike at
            another step moves them by more than rounding does.
    """

    weight: float
    cell: float
    total: float
    own: bool


#: the same arithmetic in another order: no spike may move
DOUBLE = Tolerance(1e-12, 0, 0.0, own=False)
#: seven digits: a cell that only just fires may do so or not; a weight that is rounded at
#: every step (1.5e-8) remembers 2000 steps of it
SINGLE = Tolerance(3e-5, 3, 3e-3, own=True)
#: other cells, the same rule: weights must follow from spikes; rates have a law of their
#: own there
OTHER_CELLS = Tolerance(1e-9, np.inf, np.inf, own=True)


def errors(
    case: NetworkCase, found: Measured, right: dict[str, np.ndarray], legal: Tolerance
) -> dict:
    """Return the distances "weight", "cell", "total" from the oracle's "weights" and
    "spikes"."""
    weights = found.expected if found.expected is not None else right["weights"]
    if legal.own and found.expected is None:
        weights = oracle.replay(case, found.fired)
    away = np.abs(found.weights - weights)
    moved = found.spikes - right["spikes"]
    return {
        "weight": float(away.max()),
        "cell": float(np.abs(moved).max()),
        "total": abs(float(moved.sum())) / max(float(right["spikes"].sum()), 1.0),
    }


WORDS = {
    "weight": "a weight is off by {:.1e}",
    "cell": "a cell's spikes are off by {:.0f}",
    "total": "the number of all spikes is off by a share of {:.1e}",
}


def wrong(found: dict[str, float], legal: Tolerance) -> str:
    """Return what is wrong with a result in words, "" if nothing is."""
    for name, words in WORDS.items():
        limit = getattr(legal, name)
        if not found[name] <= limit:  # what is not a number is wrong too
            return f"{words.format(found[name])} (legal: {limit:g})"
    return ""


def spent() -> float:
    """Return processor seconds of this process and of those that it has waited for."""
    uses = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(use.ru_utime + use.ru_stime for use in uses)
