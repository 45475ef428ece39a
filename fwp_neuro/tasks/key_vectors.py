"""Keys: one activity vector of unit length per token, nonnegative where cells must fire
it."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from fwp_neuro.arguments import FLAG, GENERATOR, optional, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.validation import affordable, generator


@takes(count=whole(1, 10**5), dim=whole(1, 10**5))
def onehot_keys(count: int, dim: int) -> np.ndarray:
    """Return ``count`` keys [count, dim] without any overlap: one active cell each."""
    if count > dim:
        raise FwpError(
            f"onehot_keys: count is {count}, but dim={dim} cells hold at most {dim} "
            "one-hot keys"
        )
    affordable(count * dim, f"onehot_keys with count={count} and dim={dim}")
    return np.eye(count, dim)


@takes(
    count=whole(1, 10**7),
    dim=whole(1, 10**7),
    seed=GENERATOR,
    sparsity=optional(real(0, 1, above=True)),
    nonnegative=FLAG,
)
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
    count, dim
        Sizes.
    seed
        Of the random numbers, or a NumPy generator.
    sparsity
        Fraction of the entries that are active, in (0, 1]: that many (at least one) are
        drawn for each key and the others are zero. None leaves the choice to the
        rectification.
    nonnegative
        Rectify: negative entries become zero, and a key with no positive entry is drawn
        again. With ``sparsity`` the active entries take their magnitude instead.
    """
    affordable(count * dim, f"random_keys with count={count} and dim={dim}")
    rng = generator(seed)
    keys = np.stack(
        [_gaussian_key(rng, dim, sparsity, nonnegative) for _ in range(count)]
    )
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


@takes(
    count=whole(1, 10**5),
    dim=whole(1, 10**5),
    active=whole(1, 10**5),
    seed=GENERATOR,
    max_overlap=real(0, 1),
)
def sparse_keys(
    count: int,
    dim: int,
    active: int = 3,
    seed: int = 0,
    max_overlap: float = 0.5,
) -> np.ndarray:
    """Draw ``count`` different keys [count, dim] with ``active`` equal entries
    1/sqrt(active) each.

    No two keys overlap (cosine, the shared active cells over ``active``) by more than
    ``max_overlap``. ``seed`` is that of the random numbers, or a NumPy generator.
    """
    affordable(count * dim, f"sparse_keys with count={count} and dim={dim}")
    if active > dim:
        raise FwpError(
            f"sparse_keys: active is {active}, but a key has only dim={dim} cells"
        )
    # cells that two keys may share
    shared = min(int(max_overlap * active + 1e-9), active - 1)
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
        f"sparse_keys: found no {count} keys with {active} of {dim} cells active and "
        f"overlap at most {max_overlap:g}; ask for fewer keys, more cells or more overlap"
    )


def _candidates(rng, dim: int, active: int, count: int):
    """Yield sets of active cells in random order: all of them if few, else a random
    sample."""
    if comb(dim, active) <= 5000:
        every = list(combinations(range(dim), active))
        for index in rng.permutation(len(every)):
            yield frozenset(every[index])
    else:
        for _ in range(200 * count):
            yield frozenset(rng.choice(dim, active, replace=False).tolist())
