"""Words of permutations as programs of reflections, which the delta rule and circuits
run."""

from __future__ import annotations

import numpy as np

from fwp_neuro.arguments import numbers, one_of, real, takes
from fwp_neuro.errors import FwpError
from fwp_neuro.programs import Program
from fwp_neuro.tasks.groups import (
    GROUPS,
    checked_words,
    exchange_keys,
    exchanges_of,
    group_elements,
)

GROUP = one_of(GROUPS, "group")


@takes(
    words=numbers("[sequence, token]", 2, lambda: [[1, 2]]),
    group=GROUP,
    strength=real(0, example=2.0),
)
def permutation_program(words, group: str = "S3", strength: float = 2.0) -> Program:
    """Return the program of delta writes that tracks the product of a stream of
    permutations; each sequence is a head.

    A write of value 0 and strength 2 along k = (e_i - e_j)/sqrt(2) is the reflection
    I - 2 k k', which exchanges the points i and j. A token takes as many writes, one
    after another, as the longest element of the words has exchanges: one for swaps, two
    for words of S3. Shorter elements leave the last ones out (key 0, strength 0). From
    ``initial_weights=np.eye(n)`` on, row r of the fast weights is 1 at the column y_t[r],
    with y_t = x_t o y_{t-1}. The query, centred numbers of the points, reads that column:
    `nearest_permutation` turns read-outs into elements.

    Args:
        words: int [sequence, token], numbers of elements, as the inputs of
            `group_word_problem`.
        group: see `group_elements`.
        strength: write strength of an exchange; 2 is exact.

    Returns:
        key, value, query [token * writes, sequence, n], ``beta`` [token * writes,
        sequence], and ``target``, the right read-out [token * writes, sequence, n].

    Raises:
        FwpError: words are not numbers of elements.

    Source: Grazzi et al. 2025 (arXiv:2411.12537), theorem 3.

    Example:
        task = fwp.tasks.group_word_problem("S3")
        program = fwp.tasks.permutation_program(task.sample(4, length=6).inputs, "S3")
        run = fwp.run(program, "delta", initial_weights=np.tile(np.eye(3), (4, 1, 1)))
        run["readout"][1::2]  # after each token, which is two writes
    """
    elements = group_elements(group)
    if (words == words.astype(int)).all():  # what is not whole is refused as it is
        words = words.astype(int)
    words = checked_words(words, len(elements), "permutation_program: words")
    if not words.size:
        raise FwpError("permutation_program: words must hold at least one token")
    writes = max(1, *(len(exchanges_of(elements[x])) for x in np.unique(words)))
    size, (sequences, tokens) = elements.shape[1], words.shape
    key, used = exchange_keys(elements, writes)
    key, used = (key * used[..., None])[:, words.T], used[:, words.T]

    def flat(array):  # [write, token, ...] -> [token * write, ...]
        return np.moveaxis(array, 0, 1).reshape(tokens * writes, *array.shape[2:])

    key, used, query = flat(key), flat(used), _numbers_of_points(size)
    places = np.tile(query, (sequences, 1))
    target = np.empty((tokens * writes, sequences, size))
    for write, (along, turned) in enumerate(zip(key, used, strict=True)):
        places = _exchanged(places, along, query) if turned.any() else places
        target[write] = places
    return Program(key, np.zeros_like(key), np.broadcast_to(query, key.shape),
                   beta=strength * used, target=target)  # fmt: skip


def _numbers_of_points(size: int) -> np.ndarray:
    """Return numbers 0 to n - 1 less their mean, of norm 1: what a key can see of them.

    Keys lie across (1, ..., 1), so that no write corrects that direction; the query does
    not read it.
    """
    numbers = np.arange(size) - (size - 1) / 2
    return numbers / np.linalg.norm(numbers)


def _exchanged(places: np.ndarray, key: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return the places [sequence, row] after one exchange: a row at point i is at j."""
    found = places.copy()
    for sequence in np.flatnonzero(key.any(axis=1)):
        i, j = np.flatnonzero(key[sequence])
        at_i, at_j = (places[sequence] == query[point] for point in (i, j))
        found[sequence][at_i], found[sequence][at_j] = query[j], query[i]
    return found


@takes(readout=numbers("[..., point]", example=lambda: [[-0.7, 0.0, 0.7]]), group=GROUP)
def nearest_permutation(readout, group: str = "S3") -> np.ndarray:
    """Return the element whose read-out is most like each of these, int [...].

    Args:
        readout: [..., n] of a `permutation_program`.
        group: as of the program.

    Raises:
        FwpError: the read-out has another number of points.

    Example:
        fwp.tasks.nearest_permutation([[-0.7, 0.1, 0.6]])  # array([0]), the identity
    """
    readout, elements = np.asarray(readout), group_elements(group)
    size = elements.shape[1]
    if readout.ndim == 0 or readout.shape[-1] != size:
        raise FwpError(
            f"nearest_permutation: readout of {group} must be numbers [..., {size}], got "
            f"shape {readout.shape}"
        )
    return (readout @ _numbers_of_points(size)[elements].T).argmax(axis=-1)
