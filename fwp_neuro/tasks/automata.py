"""Counting modulo m: parity and navigation on a cycle, solved by a finite automaton."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import FLAG, SEED, takes, whole
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

CHOMSKY = "deletang2023neural; lengths and scaled accuracy of grazzi2025unlocking"


@takes(every=FLAG, seed=SEED)
def parity(every: bool = True, seed: int = 0) -> SequenceTask:
    """Return the task to tell whether the number of ones so far is odd.

    Inputs are bits x_t, independent and fair; targets y_t = (x_1 + ... + x_t) mod 2. A
    length counts tokens: 3 to 40 unless given (published tests take 40 to 256).

    Args:
        every: the loss counts at every token; else at the last one only, as in the
            source.
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Deletang et al. 2023 (arXiv:2207.02098), task "parity check"; lengths of
    Grazzi et al. 2025 (arXiv:2411.12537), Table 3.
    """
    return _walk("parity", np.array([0, 1]), 2, every, seed, {"every": every})


@takes(positions=whole(2, 10**6), every=FLAG, seed=SEED)
def cycle_navigation(
    positions: int = 5, every: bool = True, seed: int = 0
) -> SequenceTask:
    """Return the task to tell where on a cycle a walker is, that starts at position 0.

    Inputs are moves, independent and uniform: 0 stays, 1 goes one up, 2 goes one down;
    targets y_t = (y_{t-1} + move) mod ``positions``. A length counts tokens: 3 to 40
    unless given.

    Args:
        positions: size of the cycle, 5 in the source.
        every: the loss counts at every token; else at the last one only, as in the
            source.
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Deletang et al. 2023 (arXiv:2207.02098), task "cycle navigation".
    """
    parameters = {"positions": positions, "every": every}
    steps = np.array([0, 1, -1])
    return _walk("cycle_navigation", steps, positions, every, seed, parameters)


def last_or_every(batch: int, tokens: int, every: bool) -> np.ndarray:
    """Return a mask [batch, token] that is true at every token, or at the last one
    only."""
    mask = np.full((batch, tokens), every)
    mask[:, -1] = True
    return mask


def run_automaton(table: np.ndarray, inputs: np.ndarray, start: int = 0) -> np.ndarray:
    """Return the states [batch, token] of an automaton after each token.

    Args:
        table: [state, class] the next state.
        inputs: int [batch, token] classes.
        start: the state before the first token.
    """
    state, states = np.full(len(inputs), start), np.empty_like(inputs)
    for token in range(inputs.shape[1]):
        state = states[:, token] = table[state, inputs[:, token]]
    return states


def _walk(name, steps, modulus, every, seed, parameters) -> SequenceTask:
    table = np.array(
        [[(state + step) % modulus for step in steps] for state in range(modulus)]
    )
    return SequenceTask(
        name=name,
        citation=CHOMSKY,
        input_size=len(steps),
        output_size=modulus,
        lengths=range(1, LONGEST),
        default_length=(3, 40),
        draw=partial(_draw, steps, modulus, every),
        solver=partial(run_automaton, table),
        chance=1 / modulus,
        seed=seed,
        parameters=parameters,
    )


def _draw(steps, modulus, every, rng, batch, length) -> Batch:
    inputs = rng.integers(len(steps), size=(batch, length))
    targets = np.cumsum(steps[inputs], axis=1) % modulus
    return Batch(inputs, targets, last_or_every(batch, length, every))
