"""Word problems of finite groups: the running product of a stream of elements."""

from __future__ import annotations

from functools import cache, partial
from itertools import permutations

import numpy as np

from fwp_neuro.arguments import FLAG, SEED, one_of, takes
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks.automata import last_or_every
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

GROUPS = ("Z2", "Z60", "S3", "S4", "S5", "A4", "A5")


@cache
def _elements(group: str) -> tuple[tuple[int, ...], ...]:
    points = int(group[1:])
    if group[0] == "Z":  # the rotations of a ring of that many points
        return tuple(
            tuple((i + s) % points for i in range(points)) for s in range(points)
        )
    # in lexicographic order, so that the first is the identity
    every = permutations(range(points))
    return tuple(p for p in every if group[0] == "S" or _is_even(p))


def _is_even(permutation) -> bool:
    later = [(a, b) for i, a in enumerate(permutation) for b in permutation[i + 1 :]]
    return sum(a > b for a, b in later) % 2 == 0


@takes(group=one_of(GROUPS, "group"))
def group_elements(group: str) -> np.ndarray:
    """Return the elements of a group as permutations, int [element, point]; row 0 is the
    identity.

    S and A are the symmetric and alternating groups, in lexicographic order; element s of
    Z60 adds s modulo 60.

    Raises:
        FwpError: unknown group.
    """
    return np.array(_elements(group))


@takes(group=one_of(GROUPS, "group"))
def group_table(group: str) -> np.ndarray:
    """Return the Cayley table, int [a, b]: the number of the element "first b, then a".

    Raises:
        FwpError: unknown group.
    """
    return _table(group).copy()


@cache
def _table(group: str) -> np.ndarray:
    numbers = {element: number for number, element in enumerate(_elements(group))}
    elements = group_elements(group)
    products = elements[:, elements]  # [a, b, point], a[b[point]]
    flat = products.reshape(-1, elements.shape[1]).tolist()
    return np.array([numbers[tuple(product)] for product in flat]).reshape(
        products.shape[:2]
    )


def exchanges_of(permutation) -> list[tuple[int, int]]:
    """Return points (i, j) to exchange, one pair after another, whose product is
    P(permutation)'.

    P has P e_i = e_{permutation[i]}; a cycle of c points takes c - 1 exchanges.
    """
    places, pairs = [int(point) for point in permutation], []
    if sorted(places) != list(range(len(places))):
        raise FwpError(
            f"exchanges_of: {list(permutation)} is no permutation of 0, 1, ..."
        )
    for i in range(len(places)):
        while places[i] != i:
            j = places[i]
            pairs.append((i, j))
            places[i], places[j] = places[j], places[i]
    return pairs


def exchange_keys(elements: np.ndarray, writes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys (e_i - e_j)/sqrt(2) of each element's exchanges, [write, element,
    n], and which of them are used, [write, element]; the others are e_0.

    An element that takes more than ``writes`` exchanges gets its first ones only.
    """
    points = np.eye(elements.shape[1])
    key = np.tile(points[0], (writes, len(elements), 1))
    used = np.zeros((writes, len(elements)), bool)
    for number, element in enumerate(elements):
        for write, (i, j) in enumerate(exchanges_of(element)[:writes]):
            key[write, number] = (points[i] - points[j]) / np.sqrt(2)
            used[write, number] = True
    return key, used


def checked_words(words, count: int, what: str) -> np.ndarray:
    """Return words as an array, int [sequence, token], or refuse them."""
    words = np.asarray(words)
    whole_numbers = words.ndim == 2 and words.dtype.kind in "iu"
    if not whole_numbers or (words.size and not 0 <= words.min() <= words.max() < count):
        raise FwpError(f"{what} must be int [batch, token] from 0 to {count - 1}")
    return words


@takes(group=one_of(GROUPS, "group"), swaps_only=FLAG, every=FLAG, seed=SEED)
def group_word_problem(
    group: str = "S5", swaps_only: bool = False, every: bool = True, seed: int = 0
) -> SequenceTask:
    """Return the task to multiply a stream of group elements.

    Inputs are elements x_t, independent and uniform, as row numbers of `group_elements`;
    targets y_t = x_t o y_{t-1} with y_0 the identity: y_t maps point i to
    x_t[y_{t-1}[i]], i.e. the permutations act one after another. A length counts tokens:
    32 unless given.

    Args:
        group: one of Z2, Z60, S3, S4, S5, A4, A5.
        swaps_only: draw only the elements of S3, S4, S5 that exchange two points (the
            numbers of the elements stay). Accuracy is then not scaled, since the sign of
            y_t is known from t.
        every: the loss counts at every token; else at the last one only.
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Merrill, Petty & Sabharwal 2024 (arXiv:2404.08819); swaps only as in Grazzi et
    al. 2025 (arXiv:2411.12537), Fig. 4.
    """
    elements = group_elements(group)
    if swaps_only and not group.startswith("S"):
        raise FwpError(
            "group_word_problem: swaps_only needs a symmetric group (S3, S4 or S5), got "
            f"{group}"
        )
    moved = (elements != np.arange(elements.shape[1])).sum(axis=1)
    pool = np.flatnonzero(moved == 2) if swaps_only else np.arange(len(elements))
    return SequenceTask(
        name="group_word_problem",
        citation="merrill2024illusion; grazzi2025unlocking",
        input_size=len(elements),
        output_size=len(elements),
        lengths=range(1, LONGEST),
        default_length=32,
        draw=partial(_draw, _table(group), pool, every),
        solver=partial(_solve, elements),
        chance=None if swaps_only else 1 / len(elements),
        seed=seed,
        parameters={"group": group, "swaps_only": swaps_only, "every": every},
    )


def _draw(table, pool, every, rng, batch, length) -> Batch:
    inputs = pool[rng.integers(len(pool), size=(batch, length))]
    targets = inputs.copy()
    for token in range(1, length):
        targets[:, token] = table[inputs[:, token], targets[:, token - 1]]
    return Batch(inputs, targets, last_or_every(batch, length, every))


def _solve(elements, inputs) -> np.ndarray:
    """Move the points of every permutation along, and look up where they all are."""
    numbers = {tuple(element): number for number, element in enumerate(elements.tolist())}
    targets = np.empty_like(inputs)
    for row, tokens in enumerate(inputs):
        places = list(range(elements.shape[1]))
        for token, number in enumerate(tokens):
            places = [int(elements[number, place]) for place in places]
            targets[row, token] = numbers[tuple(places)]
    return targets
