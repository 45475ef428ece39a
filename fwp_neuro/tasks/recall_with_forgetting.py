"""Recall with forgetting: keys are bound, bound anew, erased and asked, in any order."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import SEED, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks.episode import Episode
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

ASK, ERASE, FIRST_KEY = 0, 1, 2  # token classes


@takes(
    keys=whole(1, 10**6),
    values=whole(1, 10**6),
    ask=real(0, 1),
    erase=real(0, 1),
    seed=SEED,
)
def forgetting_recall(
    keys: int = 8, values: int = 8, ask: float = 0.4, erase: float = 0.2, seed: int = 0
) -> SequenceTask:
    """Return the task to give the present value of a key, or to say that it has none any
    more.

    Token classes: 0 asks, 1 erases, then ``keys`` keys, then ``values`` values. A
    sequence is a run of events of two tokens, (key, value) binds the key (anew), (key, 1)
    erases it, (key, 0) asks for it. The first event binds, the last one asks; each other
    one asks with probability ``ask``, erases with probability ``erase`` and else binds. A
    key to be bound is uniform over all keys, its value uniform over all values; a key to
    be asked or erased is uniform over those that came before. The target, at the token 0
    only, is the value bound last, or the class ``values`` ("empty") if the key was erased
    since. A length counts tokens, even, from 4: 64 unless given.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: this package's own; it joins the re-binding of Schlag, Irie & Schmidhuber 2021
    (arXiv:2102.11174, setting 2), with queries between the writes, to explicit erasure.
    """
    if ask + erase > 1:
        raise FwpError(
            f"forgetting_recall: ask {ask:g} and erase {erase:g} add up to more than 1"
        )
    return SequenceTask(
        name="forgetting_recall",
        citation="this package; re-binding as in schlag2021linear",
        input_size=FIRST_KEY + keys + values,
        output_size=values + 1,
        lengths=range(4, LONGEST, 2),
        default_length=64,
        draw=partial(_draw, keys, values, ask, erase),
        solver=partial(_solve, keys, values),
        seed=seed,
        view=partial(_view, keys, values),
        parameters={"keys": keys, "values": values, "ask": ask, "erase": erase},
    )


def _draw(keys, values, ask, erase, rng, batch, length) -> Batch:
    inputs, targets = np.zeros((2, batch, length), dtype=np.int64)
    mask = np.zeros((batch, length), dtype=bool)
    rows, events = np.arange(batch), length // 2
    stored = np.full((batch, keys), -1)  # -1: never bound; `values`: erased
    for event in range(events):
        chance = rng.random(batch)
        asks = (chance < ask) & (event > 0) | (event == events - 1)
        erases = ~asks & (chance < ask + erase) & (event > 0)
        old = np.argmax(rng.random((batch, keys)) * (stored >= 0), axis=1)
        key = np.where(asks | erases, old, rng.integers(keys, size=batch))
        new = np.where(erases, values, rng.integers(values, size=batch))
        stored[rows, key] = np.where(asks, stored[rows, key], new)
        inputs[:, 2 * event] = FIRST_KEY + key
        token = np.where(erases, ERASE, FIRST_KEY + keys + new)
        inputs[:, 2 * event + 1] = np.where(asks, ASK, token)
        targets[:, 2 * event + 1] = np.where(asks, stored[rows, key], 0)
        mask[:, 2 * event + 1] = asks
    return Batch(inputs, targets, mask)


def _solve(keys, values, inputs) -> np.ndarray:
    """Look back from each question for the latest event that changed its key."""
    targets = np.zeros_like(inputs)
    for row, tokens in enumerate(inputs):
        key, action = tokens[0::2], tokens[1::2]
        for event in np.flatnonzero((action == ASK) & (key >= FIRST_KEY)):
            changes = (key[:event] == key[event]) & (action[:event] != ASK)
            last = action[np.flatnonzero(changes)[-1]]
            targets[row, 2 * event + 1] = (
                values if last == ERASE else last - FIRST_KEY - keys
            )
    return targets


def _view(keys, values, tokens, targets, mask) -> Episode:
    real = tokens[0::2] >= FIRST_KEY  # not padding
    slot, action = tokens[0::2][real] - FIRST_KEY, tokens[1::2][real]
    empty = np.concatenate([np.eye(values), np.zeros((1, values))])
    value = np.where(action >= FIRST_KEY, action - FIRST_KEY - keys, values)
    asks = mask[1::2][real]
    target = np.where(asks, targets[1::2][real], values)
    return Episode(np.eye(keys)[slot], empty[value], ~asks, empty[target], slot)
