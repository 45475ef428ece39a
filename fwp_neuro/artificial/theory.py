"""Closed forms of what fast-weight memories can and cannot recall; no training, no
simulation.

The task of all of them (`fwp_neuro.tasks.schlag_recall`): S keys, S one-hot values, pairs
are written one after another, and a query asks for the value that was written last under
a key. The loss is half the squared error of the read-out, in expectation.
"""

from __future__ import annotations

from math import comb

import numpy as np
from scipy.stats import binom

from ..errors import FwpError, pick
from ..validation import real, whole

REBINDING = ("hebb", "average", "gated", "delta")


def capacity_loss(features: int, keys) -> np.ndarray:
    """Return the least loss of a memory of d features that holds S pairs.

    max(0, 1 - d/S) / 2: the read-outs of S keys from W [S, d] are a matrix of rank d, the
    targets are the identity of rank S, and the best approximation of rank d misses S - d
    unit singular values (Eckart & Young 1936), each a squared error of 1 spread over S
    queries.

    Args:
        features: d, dimensions of the keys after the feature map.
        keys: S, a number or an array.

    Raises:
        FwpError: ``features`` or ``keys`` is below 1.

    Source of the experiment: Schlag, Irie & Schmidhuber 2021 (arXiv:2102.11174), section
    4.1 (at most d orthogonal keys) and figure 2; the loss is this package's derivation.
    """
    features = whole(features, "capacity_loss: features")
    keys = np.asarray(keys)
    if not keys.size or keys.min() < 1:
        raise FwpError(f"capacity_loss: keys must be at least 1, got {keys}")
    return np.maximum(0.0, 1 - features / keys) / 2


def best_readout_loss(keys: np.ndarray) -> float:
    """Return the loss of the best linear read-out of one-hot values from given keys.

    min over W of ||I - W K'||^2 / (2 S), by singular values; it equals `capacity_loss` of
    the rank of K.

    Args:
        keys: K [S, d] after the feature map.
    """
    keys = np.asarray(keys, float)
    if keys.ndim != 2:
        raise FwpError(f"best_readout_loss: keys must be [S, d], got shape {keys.shape}")
    target = np.eye(len(keys))
    found = np.linalg.lstsq(keys, target, rcond=None)[0]
    return float(((keys @ found - target) ** 2).sum() / (2 * len(keys)))


def rebinding_loss(
    memory: str, writes: int, keys: int, beta: float = 1.0, length=None
) -> float:
    """Return the loss of a query whose key was written n times, each time with a new
    value.

    The keys are orthonormal, so that nothing but the older values of the same key
    disturbs. The read-out is sum_i c_i v_i over the writes i = 1..n of this key, and
    values drawn uniformly from the S one-hot ones give, with s = 1 - 1/S,

        loss = (s ((1 - c_n)^2 + sum_{i<n} c_i^2) + (1 - sum_i c_i)^2 / S) / 2

    hebb: c_i = beta. average (normalised linear attention): c_i = 1/n. delta:
    c_i = beta (1 - beta)^(n - i). gated: c_i = beta (1 - beta)^(age of write i), where
    all L tokens count, so that the loss is averaged over the n places among them.

    Args:
        memory: "hebb", "average", "gated" or "delta".
        writes: n, at least 1.
        keys: S.
        beta: write strength; unused by "average".
        length: L, the number of tokens written in all; for "gated" only, which needs it.

    Raises:
        FwpError: an argument is not legal.
    """
    pick(memory, REBINDING, "memory of rebinding_loss:")
    writes, keys = (
        whole(writes, "rebinding_loss: writes"),
        whole(keys, "rebinding_loss: keys"),
    )
    beta = real(beta, "rebinding_loss: beta")
    if memory == "gated":
        length = whole(length, "rebinding_loss: length of the gated memory", least=writes)
        return _gated(writes, keys, beta, length)
    ages = np.arange(writes)[::-1]
    weights = {
        "hebb": np.full(writes, beta),
        "average": np.full(writes, 1 / writes),
        "delta": beta * (1.0 - beta) ** ages,
    }[memory]
    spread = (1 - 1 / keys) * ((1 - weights[-1]) ** 2 + (weights[:-1] ** 2).sum())
    return float(spread + (1 - weights.sum()) ** 2 / keys) / 2


def _gated(writes: int, keys: int, beta: float, length: int) -> float:
    """Average over the places of the writes: the last one has ``age`` tokens after it."""
    total = 0.0
    for age in range(length - writes + 1):
        last = beta * (1 - beta) ** age
        older = beta * (1.0 - beta) ** np.arange(age + 1, length)
        n, places = writes - 1, len(older)
        mean = older.mean() if places else 0.0
        squares = n * (older**2).mean() if places else 0.0
        # n places drawn without replacement
        variance = n * older.var() * (places - n) / (places - 1) if places > 1 else 0.0
        sums = (1 - last - n * mean) ** 2 + variance
        loss = (1 - 1 / keys) * ((1 - last) ** 2 + squares) + sums / keys
        total += comb(places, n) / comb(length, writes) * loss / 2
    return float(total)


def overwriting_loss(
    memory: str, keys: int, length: int, beta: float = 1.0, queries: str = "all"
) -> float:
    """Return the loss when each of L tokens writes a uniformly drawn one of S orthonormal
    keys.

    The mean of `rebinding_loss` over the number n of writes of the key that is asked:
    binomial (L, 1/S) given n >= 1 if all written keys are asked, and n times that,
    renormalised, if the key of a uniformly drawn write is.

    Args:
        memory, keys, beta: as in `rebinding_loss`.
        length: L.
        queries: "all" or "one", as in `fwp_neuro.tasks.schlag_recall`.

    Raises:
        FwpError: an argument is not legal.
    """
    pick(queries, ("all", "one"), "kind of queries:")
    keys, length = (
        whole(keys, "overwriting_loss: keys"),
        whole(length, "overwriting_loss: length"),
    )
    n = np.arange(1, length + 1)
    weight = binom.pmf(n, length, 1 / keys)
    if queries == "one":
        weight *= n
    probable = weight > 1e-18 * weight.max()
    losses = [rebinding_loss(memory, int(i), keys, beta, length) for i in n[probable]]
    return float(weight[probable] @ losses / weight[probable].sum())
