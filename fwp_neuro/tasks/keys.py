"""Keys: one activity vector of unit length per token, nonnegative where cells must fire it."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from fwp_neuro.errors import FwpError
from fwp_neuro.validation import generator, whole


def onehot_keys(count: int, dim: int) -> np.ndarray:
    """Return ``count`` keys [count, dim] without any overlap: one active cell each."""
    count, dim = whole(count, "onehot_keys: count"), whole(dim, "onehot_keys: dim")
    if count > dim:
        raise FwpError(
            f"onehot_keys: count is {count}, but dim={dim} cells hold at most {dim} one-hot keys"
        )
    return np.eye(dim)[:count]


def random_keys(
    count: int,
    dim: int,
    seed: int = 0,
    sparsity: float | None = None,
    nonnegative: bool = True,
) -> np.ndarray:
    """Draw ``count`` keys [count, dim]: Gaussian entries, scaled to unit length.

    Parameters
    ----------
    sparsity
        Fraction of the entries that are active, in (0, 1]: that many (at least one) are drawn for
        each key and the others are zero. None leaves the choice to the rectification.
    nonnegative
        Rectify: negative entries become zero, and a key with no positive entry is drawn again.
        With ``sparsity`` the active entries take their magnitude instead.
    """
    count, dim = whole(count, "random_keys: count"), whole(dim, "random_keys: dim")
    if sparsity is not None and not 0 < sparsity <= 1:
        raise FwpError(
            f"random_keys: sparsity is {sparsity!r}; it is the fraction of active entries, "
            "above 0 and at most 1"
        )
    rng = generator(seed)
    keys = np.stack([_gaussian_key(rng, dim, sparsity, nonnegative) for _ in range(count)])
    return keys / np.linalg.norm(keys, axis=-1, keepdims=True)


def _gaussian_key(rng, dim: int, sparsity: float | None, nonnegative: bool) -> np.ndarray:
    while True:
        key = rng.standard_normal(dim)
        if sparsity is not None:
            active = rng.permutation(dim)[: max(1, round(sparsity * dim))]
            mask = np.isin(np.arange(dim), active)
            key = np.where(mask, np.abs(key) if nonnegative else key, 0.0)
        elif nonnegative:
            key = np.maximum(key, 0.0)
        if key.any():
            return key


def sparse_keys(
    count: int,
    dim: int,
    active: int = 3,
    seed: int = 0,
    max_overlap: float = 0.5,
) -> np.ndarray:
    """Draw ``count`` different keys [count, dim] with ``active`` equal entries 1/sqrt(active) each.

    No two keys overlap (cosine, the shared active cells over ``active``) by more than
    ``max_overlap``.
    """
    count, dim = whole(count, "sparse_keys: count"), whole(dim, "sparse_keys: dim")
    active = whole(active, "sparse_keys: active")
    if active > dim:
        raise FwpError(f"sparse_keys: active is {active}, but a key has only dim={dim} cells")
    if not 0 <= max_overlap <= 1:
        raise FwpError(f"sparse_keys: max_overlap is {max_overlap!r}; a cosine is in [0, 1]")
    shared = min(int(max_overlap * active + 1e-9), active - 1)  # cells that two keys may share
    rng = generator(seed)
    for _ in range(200):  # greedy packing from a random order, a few times over
        chosen: list[frozenset[int]] = []
        for cells in _candidates(rng, dim, active, count):
            if all(len(cells & other) <= shared for other in chosen):
                chosen.append(cells)
            if len(chosen) == count:
                keys = np.zeros((count, dim))
                for row, cells in zip(keys, chosen, strict=True):
                    row[sorted(cells)] = active**-0.5
                return keys
    raise FwpError(
        f"sparse_keys: found no {count} keys with {active} of {dim} cells active and overlap at "
        f"most {max_overlap:g}; ask for fewer keys, more cells or more overlap"
    )


def _candidates(rng, dim: int, active: int, count: int):
    """Yield sets of active cells in random order: all of them if few, else a random sample."""
    if comb(dim, active) <= 5000:
        every = list(combinations(range(dim), active))
        for index in rng.permutation(len(every)):
            yield frozenset(every[index])
    else:
        for _ in range(200 * count):
            yield frozenset(rng.choice(dim, active, replace=False).tolist())
