"""Few-shot episodes with delayed labels: classes that exist for one sequence only."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import SEED, numbers, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask


@takes(ways=whole(2, 10**5), dim=whole(1, 10**6), spread=real(0, above=True), seed=SEED)
def few_shot_episodes(
    ways: int = 5, dim: int = 16, spread: float = 0.3, seed: int = 0
) -> SequenceTask:
    """Return the task to classify x_t from the labelled examples that came before it.

    Each sequence draws ``ways`` class means m_c ~ N(0, I) [dim]; each of N tokens draws a
    class y_t, uniform, and x_t = m_{y_t} + spread N(0, I). Inputs are float64 [batch, N +
    1, dim + ways]:
    x_t and the one-hot label y_{t-1} of the token before (zero at t = 0), so that a
    network sees each label one token late; the last token has x = 0 and the label of the
    last example. The target at t < N is y_t, and the loss counts where the class has been
    shown before. A length is N, from 1 + ways: 10 ways unless given.

    `solve` reads each label off the token after it; what a learner can do without looking
    ahead is `nearest_mean`.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Hochreiter, Younger & Conwell 2001 (doi 10.1007/3-540-44668-0_13) and Santoro
    et al. 2016 (arXiv:1605.06065) for labels one token late; Irie et al. 2022
    (arXiv:2202.05780) for fast weights; the Gaussian classes are this package's stand-in
    for images.
    """
    return SequenceTask(
        name="few_shot_episodes",
        citation="santoro2016one; irie2022modern",
        input_size=dim + ways,
        output_size=ways,
        lengths=range(ways + 1, LONGEST),  # so many that some class must come twice
        default_length=10 * ways,
        draw=partial(_draw, ways, dim, spread),
        solver=partial(_solve, ways),
        chance=1 / ways,
        extra_tokens=1,
        seed=seed,
        parameters={"ways": ways, "dim": dim, "spread": spread},
    )


def _draw(ways, dim, spread, rng, batch, length) -> Batch:
    means = rng.standard_normal((batch, ways, dim))
    labels = rng.integers(ways, size=(batch, length))
    x = np.take_along_axis(means, labels[..., None], axis=1)
    x = x + spread * rng.standard_normal(x.shape)
    one_hot = np.eye(ways)[labels]
    inputs = np.zeros((batch, length + 1, dim + ways))
    inputs[:, :-1, :dim], inputs[:, 1:, dim:] = x, one_hot
    shown = np.cumsum(one_hot, axis=1) - one_hot  # [batch, token, class] examples before
    last = np.zeros((batch, 1), dtype=np.int64)
    mask = np.take_along_axis(shown, labels[..., None], axis=2)[..., 0] > 0
    return Batch(
        inputs=inputs,
        targets=np.concatenate([labels, last], axis=1),
        mask=np.concatenate([mask, last > 0], axis=1),
    )


def _solve(ways, inputs) -> np.ndarray:
    """Read each label off the next token."""
    targets = np.zeros(inputs.shape[:2], dtype=np.int64)
    targets[:, :-1] = inputs[:, 1:, -ways:].argmax(axis=-1)
    return targets


@takes(
    inputs=numbers("[batch, token, dim + ways]", 3, lambda: np.ones((1, 2, 9))),
    ways=whole(2, 10**5, example=5),
)
def nearest_mean(inputs, ways: int) -> np.ndarray:
    """Classify each token by the nearest mean of the examples labelled so far, int
    [batch, token].

    The classifier that is Bayes-optimal if the means are known; it uses nothing from
    later tokens. Class 0 where no label has been seen.

    Args:
        inputs: of the task `few_shot_episodes`, [batch, token, dim + ways].
        ways: number of classes.
    """
    if inputs.shape[-1] <= ways:
        raise FwpError(
            f"nearest_mean: inputs have {inputs.shape[-1]} features; they must be more "
            f"than the {ways} ways"
        )
    x, late = inputs[..., :-ways], inputs[..., -ways:]
    guesses = np.zeros(inputs.shape[:2], dtype=np.int64)
    sums, counts = np.zeros((len(x), ways, x.shape[-1])), np.zeros((len(x), ways))
    for token in range(1, x.shape[1]):
        sums = sums + late[:, token, :, None] * x[:, token - 1, None, :]
        counts = counts + late[:, token]
        means = sums / np.maximum(counts, 1)[..., None]
        distance = ((means - x[:, token, None, :]) ** 2).sum(axis=-1)
        guesses[:, token] = np.where(counts > 0, distance, np.inf).argmin(axis=-1)
    return guesses
