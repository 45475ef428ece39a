"""In-context linear regression of von Oswald et al. 2023, with solvers of known loss."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import SEED, numbers, optional, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks.episode import Episode
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

X = numbers("[batch, N, dim]", 3, lambda: np.ones((1, 2, 2)))
Y = numbers("[batch, N]", 2, lambda: np.ones((1, 2)))
QUERY = numbers("[batch, dim]", 2, lambda: np.ones((1, 2)))
SIZE = whole(1, 10**9)

VARIANCE, FOURTH = 1 / 12, 1 / 80  # E x^2 and E x^4 of x uniform in [-1/2, 1/2]


@takes(dim=whole(1, 10**6), seed=SEED)
def regression(dim: int = 10, seed: int = 0) -> SequenceTask:
    """Return the task to predict y = w.x for a new x from N examples of the same w.

    Each sequence draws w ~ N(0, I) [dim] and x_i ~ U(-1/2, 1/2)^dim. Inputs are float64
    [batch, N + 1, dim + 1]: (x_i, y_i) for the N examples, then (x, 0). The target [..,
    1] and the loss, half the squared error, stand at the last token. A length is N: 10
    unless given. The labels have no noise, so that N >= dim examples determine them;
    `solve` and `check` refuse fewer.

    Expected losses at dim = N = 10 of solvers in this module (the first three in closed
    form):
    `predict_zero` .4167, `gradient_step` .2062, `delta_pass` .214, .159, .297 for beta
    .5, 1, 2, `ridge` about .028 for penalty .01.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: von Oswald et al. 2023 (arXiv:2212.07677), section 3.
    """
    return SequenceTask(
        name="regression",
        citation="vonoswald2023transformers",
        input_size=dim + 1,
        output_size=1,
        lengths=range(1, LONGEST),
        default_length=10,
        draw=partial(_draw, dim),
        solver=_solve,
        loss="squared_error",
        extra_tokens=1,
        seed=seed,
        view=_view,
        parameters={"dim": dim},
    )


@takes(inputs=numbers("[batch, N + 1, dim + 1]", 3, lambda: np.ones((1, 3, 3))))
def split_regression(inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x [batch, N, dim], y [batch, N] and the query [batch, dim] of unpadded
    inputs."""
    return inputs[:, :-1, :-1], inputs[:, :-1, -1], inputs[:, -1, :-1]


@takes(x=X, y=Y, query=QUERY)
def predict_zero(x, y, query) -> np.ndarray:
    """Return the prediction 0 [batch], whose expected loss is dim/24.

    Args:
        x, y, query: [batch, N, dim], [batch, N], [batch, dim].
    """
    _check(x, y, query)
    return np.zeros(len(query))


@takes(x=X, y=Y, query=QUERY, step=optional(real()))
def gradient_step(x, y, query, step: float | None = None) -> np.ndarray:
    """Predict [batch] after one gradient step from w = 0: step * sum_i y_i x_i . query.

    Args:
        x, y, query: [batch, N, dim], [batch, N], [batch, dim].
        step: on half the sum of squares; the best one (`optimal_step`) if not given.
    """
    _check(x, y, query)
    if step is None:
        step = optimal_step(x.shape[2], x.shape[1])
    return step * np.einsum("bn,bnd,bd->b", y, x, query)


@takes(x=X, y=Y, query=QUERY, beta=real())
def delta_pass(x, y, query, beta: float = 1.0) -> np.ndarray:
    """Predict [batch] after one pass of the delta rule, w += beta (y_i - w.x_i) x_i, from
    w = 0.

    Args:
        x, y, query: [batch, N, dim], [batch, N], [batch, dim].
        beta: write strength.
    """
    _check(x, y, query)
    w = np.zeros_like(query)
    for token in range(x.shape[1]):
        error = y[:, token] - (w * x[:, token]).sum(axis=-1)
        w = w + beta * error[:, None] * x[:, token]
    return (w * query).sum(axis=-1)


@takes(x=X, y=Y, query=QUERY, penalty=real(0, above=True))
def ridge(x, y, query, penalty: float = 0.01) -> np.ndarray:
    """Predict [batch] with w = (X'X + penalty I)^-1 X'y, the fixed point of a Mesa
    layer.

    Args:
        x, y, query: [batch, N, dim], [batch, N], [batch, dim].
        penalty: of the square of w.
    """
    _check(x, y, query)
    gram = np.einsum("bni,bnj->bij", x, x) + penalty * np.eye(x.shape[2])
    w = np.linalg.solve(gram, np.einsum("bni,bn->bi", x, y)[..., None])[..., 0]
    return (w * query).sum(axis=-1)


@takes(dim=SIZE, pairs=SIZE)
def optimal_step(dim: int = 10, pairs: int = 10) -> float:
    """Return the step of `gradient_step` with the least expected loss, .6061 for 10 and
    10.

    Args:
        dim: of x.
        pairs: number N of examples.
    """
    first, second = _moments(dim, pairs)
    return first / second


@takes(dim=SIZE, pairs=SIZE, step=optional(real(-1e6, 1e6)))
def gradient_step_loss(
    dim: int = 10, pairs: int = 10, step: float | None = None
) -> float:
    """Return the expected loss of `gradient_step`.

    dim/24 (1 - 2 step E A_11 + step^2 E (A^2)_11) with A = X'X, E A_11 = N s,
    E (A^2)_11 = N (N - 1) s^2 + N (f + (dim - 1) s^2), s = E x^2 = 1/12, f = E x^4 =
    1/80.

    Args:
        dim: of x.
        pairs: number N of examples.
        step: the best one (`optimal_step`) if None.
    """
    first, second = _moments(dim, pairs)
    step = first / second if step is None else step
    return dim * VARIANCE / 2 * (1 - 2 * step * first + step**2 * second)


@takes(dim=SIZE, pairs=SIZE, beta=real(-1e6, 1e6))
def delta_pass_loss(dim: int = 10, pairs: int = 10, beta: float = 1.0) -> float:
    """Return the expected loss of `delta_pass`.

    dim/24 c^N with c = 1 - 2 beta s + beta^2 (f + (dim - 1) s^2), since E (I - beta x
    x')^2 = c I; s = E x^2 = 1/12, f = E x^4 = 1/80.

    Args:
        dim: of x.
        pairs: number N of examples.
        beta: write strength.
    """
    shrink = 1 - 2 * beta * VARIANCE + beta**2 * (FOURTH + (dim - 1) * VARIANCE**2)
    with np.errstate(over="ignore"):  # steps that diverge
        return float(dim * VARIANCE / 2 * np.float64(shrink) ** pairs)


def _check(x: np.ndarray, y: np.ndarray, query: np.ndarray) -> None:
    """Raise `FwpError` unless examples and query belong together."""
    if y.shape != x.shape[:2] or query.shape != (len(x), x.shape[2]):
        raise FwpError(
            f"x {x.shape}, y {y.shape} and query {query.shape} must be [batch, N, dim], "
            "[batch, N] and [batch, dim] with the same batch, N and dim"
        )


def _moments(dim: int, pairs: int) -> tuple[float, float]:
    within = FOURTH + (dim - 1) * VARIANCE**2
    return pairs * VARIANCE, pairs * (pairs - 1) * VARIANCE**2 + pairs * within


def _draw(dim, rng, batch, length) -> Batch:
    w = rng.standard_normal((batch, dim))
    x = rng.uniform(-0.5, 0.5, (batch, length + 1, dim))
    y = np.einsum("bnd,bd->bn", x, w)[..., None]
    last = np.arange(length + 1) == length
    return Batch(
        inputs=np.concatenate([x, np.where(last[:, None], 0.0, y)], axis=-1),
        targets=np.where(last[:, None], y, 0.0),
        mask=np.tile(last, (batch, 1)),
    )


def _solve(inputs) -> np.ndarray:
    """Solve for w by least squares (singular values) in every sequence."""
    targets = np.zeros((*inputs.shape[:2], 1))
    for row, tokens in enumerate(inputs):
        last = np.flatnonzero(tokens.any(axis=-1))[-1]  # padding follows the query
        x, y = tokens[:last, :-1], tokens[:last, -1]
        if len(x) < x.shape[1]:
            raise FwpError(
                f"regression: {len(x)} examples do not determine {x.shape[1]} weights, "
                "so that no solver can find the label"
            )
        targets[row, last] = np.linalg.lstsq(x, y, rcond=None)[0] @ tokens[last, :-1]
    return targets


def _view(tokens, targets, mask) -> Episode:
    last = int(np.flatnonzero(mask)[0])
    tokens, write = tokens[: last + 1], np.arange(last + 1) < last
    return Episode(
        key=tokens[:, :-1],
        value=tokens[:, -1:],
        write=write,
        target=targets[: last + 1],
    )
