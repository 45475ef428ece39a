"""Associative retrieval of Schlag, Irie & Schmidhuber 2021: write L pairs, then ask for
keys."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import FLAG, SEED, one_of, takes, whole
from fwp_neuro.tasks.drawing import distinct
from fwp_neuro.tasks.episode import Episode
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

QUERIES = ("all", "one")


@takes(
    keys=whole(1, 10**4),
    replacement=FLAG,
    queries=one_of(QUERIES, "kind of queries"),
    seed=SEED,
)
def schlag_recall(
    keys: int = 20, replacement: bool = False, queries: str = "all", seed: int = 0
) -> SequenceTask:
    """Return the task to write L (key, value) pairs and to read the last value of keys
    afterwards.

    There are S = ``keys`` keys and S values. Inputs are float64 [batch, L + queries, 2
    S]: the one-hot key, then the one-hot value, which is all zero in a query; targets
    [.., S] are the one-hot value written last under the key; the loss is half the sum of
    squares, counted at queries only. A length is L.

    * ``replacement=False`` (setting 1, capacity): keys and values are drawn without
      replacement, L <= S, L = S unless given.
    * ``replacement=True`` (setting 2, overwriting): each key and each value is drawn
      anew, L = 2 S unless given.
    * ``queries="all"``: all S keys are asked in random order at the end; those never
      written are left out of the mask. ``queries="one"``: one key, that of a uniformly
      drawn write, so that keys written often are asked often.

    Two hazards when results are compared with the paper. It trains with ``queries="one"``
    at L = 2 S in setting 2, but its released code evaluates with all distinct keys (200
    at most) of sequences of length L = S, which is easier: a memory that averages all
    values of a key has an expected loss of .108 to .116 there, and of .268 to .282 at L =
    2 S with one query, for S from 20 to 200. And it plots the last evaluation, not the
    best, each an unweighted mean over sequences with unequal numbers of queries, where
    `score` weighs all queries alike.

    A read-out of rank d of S orthogonal values without replacement has a loss of at least
    max(0, 1 - d/S) / 2.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Schlag, Irie & Schmidhuber 2021 (arXiv:2102.11174), section 6.1.
    """
    return SequenceTask(
        name="schlag_recall",
        citation="schlag2021linear",
        input_size=2 * keys,
        output_size=keys,
        lengths=range(1, LONGEST if replacement else keys + 1),
        default_length=2 * keys if replacement else keys,
        draw=partial(_draw, keys, replacement, queries),
        solver=_solve,
        loss="squared_error",
        one_hot=True,
        extra_tokens=keys if queries == "all" else 1,
        seed=seed,
        view=_view,
        parameters={"keys": keys, "replacement": replacement, "queries": queries},
    )


def _draw(size, replacement, queries, rng, batch, length) -> Batch:
    rows = np.arange(batch)
    if replacement:
        key, value = rng.integers(size, size=(2, batch, length))
    else:
        key, value = (distinct(rng, batch, size, length) for _ in range(2))
    stored = np.full((batch, size), -1)
    for token in range(length):
        stored[rows, key[:, token]] = value[:, token]
    if queries == "all":
        asked = distinct(rng, batch, size, size)
    else:
        asked = key[rows, rng.integers(length, size=batch)][:, None]
    answer = np.take_along_axis(stored, asked, axis=1)
    # the last row is for -1
    one_hot = np.concatenate([np.eye(size), np.zeros((1, size))])
    nothing = np.zeros((batch, length, size))
    written = np.concatenate([one_hot[key], one_hot[value]], axis=-1)
    reads = np.concatenate([one_hot[asked], np.zeros((*asked.shape, size))], axis=-1)
    return Batch(
        inputs=np.concatenate([written, reads], axis=1),
        targets=np.concatenate([nothing, one_hot[answer]], axis=1),
        mask=np.concatenate([np.zeros((batch, length), dtype=bool), answer >= 0], axis=1),
    )


def _parse(sequence: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return keys and values [token, S] of one sequence, and which tokens are writes."""
    key, value = np.split(sequence, 2, axis=-1)
    return key, value, np.any(value, axis=-1)


def _solve(inputs) -> np.ndarray:
    """Find, for each query, the latest write whose key is equal."""
    targets = np.zeros((*inputs.shape[:2], inputs.shape[2] // 2))
    for row, sequence in enumerate(inputs):
        key, value, write = _parse(sequence)
        for token in np.flatnonzero(~write):
            found = np.flatnonzero(
                write[:token] & (key[:token] == key[token]).all(axis=-1)
            )
            if len(found):
                targets[row, token] = value[found[-1]]
    return targets


def _view(sequence, targets, mask) -> Episode:
    key, value, write = _parse(sequence)
    kept = write | mask
    return Episode(
        key=np.eye(key.shape[1])[np.argmax(key[kept], axis=1)],
        slot=np.argmax(key[kept], axis=1),
        value=value[kept],
        write=write[kept],
        target=targets[kept],
    )
