"""Multi-query associative recall (MQAR) of Arora et al. 2024: pairs first, then scattered
keys."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import FLAG, SEED, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks.drawing import distinct, race
from fwp_neuro.tasks.episode import Episode
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask


@takes(
    vocab=whole(4, 10**7),
    pairs=whole(1, 10**6),
    power_a=real(0, above=True),
    random_fill=FLAG,
    seed=SEED,
)
def multi_query_recall(
    vocab: int = 8192,
    pairs: int = 4,
    power_a: float = 0.01,
    random_fill: bool = False,
    seed: int = 0,
) -> SequenceTask:
    """Return the task to give, at each later occurrence of a key, the value it came with.

    Token classes: 0 is blank, 1 to vocab/2 - 1 are keys, vocab/2 to vocab - 1 are values.
    A sequence of T tokens starts with key, value, key, value, ...: ``pairs`` different
    keys, each with its own value, all uniform. Of the remaining places every second one,
    counted from the first, can hold a query: query i is the key i at gap g_i, the gaps
    being drawn without replacement with p(g) ~ power_a (g + 1)^(power_a - 1), g = 0 ..
    (T - 2 pairs)/2 - 1, so that early ones are likelier. The other tokens are blank. The
    target at a query is the value, as a token class, and the loss counts there only. A
    length is T, even, 4 pairs at least:
    16 pairs unless given.

    Args:
        vocab: number of token classes, even; 8192 in the source.
        pairs: number of pairs; the published (T, pairs) are (64, 4), (128, 8), (256, 16).
        power_a: above 0; 1 makes all gaps equally likely.
        random_fill: blank tokens become uniform random tokens, which may be keys again
            (the loss still counts at the drawn queries only).
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Arora et al. 2024, Zoology (arXiv:2312.04927), section 4 and appendix on MQAR.
    """
    if vocab % 2 or vocab // 2 - 1 < pairs:
        raise FwpError(
            f"multi_query_recall: vocab is {vocab}; it must be even and, for {pairs} "
            f"pairs, at least {2 * pairs + 2}"
        )
    return SequenceTask(
        name="multi_query_recall",
        citation="arora2024zoology",
        input_size=vocab,
        output_size=vocab,
        lengths=range(4 * pairs, LONGEST, 2),
        default_length=16 * pairs,
        draw=partial(_draw, vocab, pairs, power_a, random_fill),
        solver=partial(_solve, pairs),
        seed=seed,
        view=partial(_view, vocab, pairs),
        parameters={
            "vocab": vocab,
            "pairs": pairs,
            "power_a": power_a,
            "random_fill": random_fill,
        },
    )


def _draw(vocab, pairs, power_a, random_fill, rng, batch, length) -> Batch:
    half, context = vocab // 2, 2 * pairs
    keys = 1 + distinct(rng, batch, half - 1, pairs)
    values = half + distinct(rng, batch, half, pairs)
    inputs, targets = np.zeros((2, batch, length), dtype=np.int64)
    inputs[:, 0:context:2], inputs[:, 1:context:2] = keys, values
    gap = np.arange(1, (length - context) // 2 + 1)
    places = context + 2 * race(rng, batch, power_a * gap ** (power_a - 1.0), pairs)
    np.put_along_axis(inputs, places, keys, axis=1)
    np.put_along_axis(targets, places, values, axis=1)
    if random_fill:
        inputs = np.where(inputs == 0, rng.integers(vocab, size=inputs.shape), inputs)
    return Batch(inputs, targets, targets > 0)


def _solve(pairs, inputs) -> np.ndarray:
    """Replay: read the pairs into a dictionary and look every later token up in it."""
    targets = np.zeros_like(inputs)
    for row, tokens in enumerate(inputs.tolist()):
        context = 2 * pairs
        value = dict(zip(tokens[0:context:2], tokens[1:context:2], strict=True))
        targets[row, context:] = [value.get(token, 0) for token in tokens[context:]]
    return targets


def _view(vocab, pairs, tokens, targets, mask) -> Episode:
    """Slots and value cells are numbered in the order of the pairs of the episode."""
    order = {key: number for number, key in enumerate(tokens[0 : 2 * pairs : 2].tolist())}
    reads = [order[key] for key in tokens[mask].tolist()]
    slot = np.array([*range(pairs), *reads])
    write = np.arange(len(slot)) < pairs
    one_hot = np.eye(pairs)[slot]
    return Episode(
        key=one_hot,
        slot=slot,
        value=np.where(write[:, None], one_hot, 0.0),
        write=write,
        target=np.where(write[:, None], 0.0, one_hot),
    )
