"""Tasks of recall: write associations, then ask for one that was written earlier.

Besides key, value, query, ``beta`` and ``alpha`` the programs carry, per token, what a
picture or a score needs (no rule reads these; they go into every recording):

``slot``         index of the key that the query asks for
``answer``       the token whose value the read-out of this token should be (read after write)
``former``       the token whose value stood under that key before, or -1
"""  # noqa: E501

from __future__ import annotations

import numpy as np

from fwp_neuro.arguments import (
    FLAG,
    GENERATOR,
    SEED,
    numbers,
    one_of,
    optional,
    several,
    takes,
    whole,
)  # fmt: skip
from fwp_neuro.errors import FwpError
from fwp_neuro.programs import Program
from fwp_neuro.run_arguments import PROGRAM
from fwp_neuro.tasks.digits import digits as digit_images
from fwp_neuro.tasks.key_vectors import onehot_keys, random_keys, sparse_keys
from fwp_neuro.validation import affordable, generator

KEYS = ("random", "onehot", "sparse")


GATE = numbers("a number, or one per token", example=lambda: 0.5)


@takes(program=PROGRAM)
def targets(program: Program) -> np.ndarray:
    """Return what a perfect memory reads out at each token, [token, (head,) post].

    Args:
        program: of one of the tasks of this package, which carries its answers.
    """
    answer = program["answer"].astype(int)
    if program.heads is None:
        return program["value"][answer]
    return np.take_along_axis(program["value"], answer[:, :, None], axis=0)


@takes(
    tokens=whole(1, 10**6),
    dim=whole(1, 10**5),
    post=optional(whole(1, 10**5)),
    seed=GENERATOR,
    nonnegative=FLAG,
    heads=optional(whole(1, 10**4)),
    beta=GATE,
    alpha=optional(GATE),
    keys=one_of(KEYS, "kind of keys"),
    replacement=FLAG,
)
def associative_recall(
    tokens: int = 8,
    dim: int = 8,
    post: int | None = None,
    seed: int = 0,
    nonnegative: bool = True,
    heads: int | None = None,
    beta=0.8,
    alpha=None,
    keys: str = "random",
    replacement: bool = False,
) -> Program:
    """Write one random association per token and ask for one of those written so far.

    Parameters
    ----------
    tokens, dim, post, heads
        Sizes: keys [token, (head,) dim], values [token, (head,) post]; ``post`` is
        ``dim`` if not given. Values are uniform in [-1, 1]; heads are independent.
    seed
        Of the random numbers, or a NumPy generator.
    nonnegative
        Keys without negative entries, as cells can fire them (``keys="random"`` only; the
        other kinds always are).
    beta, alpha
        Write strength and decay gate, a number or one per token; ``alpha`` is 1 (no
        decay) if not given.
    keys
        ``"random"`` (rectified Gaussian), ``"onehot"`` (no overlap) or ``"sparse"`` (a
        quarter of the cells, any overlap).
    replacement
        Draw the key of each token anew from ``min(tokens, dim)`` keys, so that keys come
        back with another value; else every token has its own key.
    """
    post = dim if post is None else post
    affordable(
        tokens * (heads or 1) * (2 * dim + post),
        f"associative_recall with tokens={tokens}, dim={dim}, post={post}, heads={heads}",
    )
    pool = min(tokens, dim) if replacement else tokens
    rng = generator(seed)
    parts = []
    for _ in range(heads or 1):
        bank = _bank(keys, pool, dim, nonnegative, rng)  # [slot, dim]
        written = rng.integers(pool, size=tokens) if replacement else np.arange(tokens)
        slot = np.array([rng.choice(np.unique(written[: t + 1])) for t in range(tokens)])
        parts.append(
            {
                "key": bank[written],
                "value": rng.uniform(-1, 1, (tokens, post)),
                "query": bank[slot],
                "slot": slot,
                **_bookkeeping(written, slot),
            }
        )
    stacked = {
        name: np.stack([part[name] for part in parts], axis=1) for name in parts[0]
    }
    if heads is None:
        stacked = {name: array[:, 0] for name, array in stacked.items()}
        labels = [f"ask key {slot}" for slot in stacked["slot"]]
    else:
        labels = [f"token {token}" for token in range(tokens)]
    alpha = 1.0 if alpha is None else alpha
    gates = {"beta": _gate(beta, tokens, "beta"), "alpha": _gate(alpha, tokens, "alpha")}
    return Program(**stacked, **gates, labels=labels)


@takes(
    digits=several(whole(0, 9)),
    rebind=optional(several(whole(0, 9))),
    dim=whole(1, 10**4),
    active=whole(1, 10**4),
    beta=GATE,
    alpha=GATE,
    seed=SEED,
)
def digit_memory(
    digits=(0, 1, 2, 3, 4),
    rebind=(0, 5),
    dim: int = 8,
    active: int = 3,
    beta: float = 0.9,
    alpha: float = 1.0,
    seed: int = 0,
) -> Program:
    """Store images of digits under overlapping keys, re-bind one key, then read every
    key.

    The tokens are: one write per digit; one write of the new digit under the key of an
    old one; one read-only token (``beta`` 0) per key. Values are images [token, 64] in
    [-1 paper, 1 ink]. The program also carries ``digit`` and ``former_digit`` (the
    classes of the images that ``answer`` and ``former`` point at, or -1) and
    ``read_only`` (1 where a token writes nothing).

    Parameters
    ----------
    digits
        Classes to store, all different; their images are drawn by ``seed``.
    rebind
        (old, new): the key of digit ``old`` gets an image of ``new``; None to leave that
        out.
    dim, active
        Key cells, and how many of them each key makes active, all alike; two keys share
        at most half of theirs, so that a rule without error correction shows some
        crosstalk.
    beta, alpha
        Write strength of the writes (below 1 for keys of unit length, or no circuit can
        follow); decay gate of every token.
    """
    if len(set(digits)) < len(digits) or not digits:
        raise FwpError(
            f"digit_memory: digits is {digits}; give at least one, all different"
        )
    writes = list(enumerate(digits))  # (slot, class) of each write
    labels = [f"write {digit}" for digit in digits]
    if rebind is not None:
        if len(rebind) != 2:
            raise FwpError(
                f"digit_memory: rebind is {rebind!r}; it must be (old, new) or None"
            )
        old, new = rebind
        if old not in digits:
            raise FwpError(
                f"digit_memory: rebind starts from {old}, which is not among {digits}"
            )
        writes.append((digits.index(old), new))
        labels.append(f"re-bind {old} -> {new}")
    labels += [f"read key {digit}" for digit in digits]

    keys = sparse_keys(len(digits), dim, active, seed)
    images = _exemplars([digit for _, digit in writes], seed)  # [write, 64]
    slot = np.array([slot for slot, _ in writes] + list(range(len(digits))))
    read = np.arange(len(slot)) >= len(writes)
    where = _bookkeeping(np.where(read, -1, slot), slot)
    classes = np.array([digit for _, digit in writes])
    former_digit = np.where(where["former"] < 0, -1, classes[where["former"]])
    return Program(
        key=keys[slot],
        value=np.concatenate([2 * images - 1, np.zeros((len(digits), images.shape[1]))]),
        beta=np.where(read, 0.0, _gate(beta, len(slot), "beta")),
        alpha=_gate(alpha, len(slot), "alpha"),
        slot=slot,
        **where,
        digit=classes[where["answer"]],
        former_digit=former_digit,
        read_only=read,
        labels=labels,
    )


def _bookkeeping(written: np.ndarray, slot: np.ndarray) -> dict[str, np.ndarray]:
    """Find, for the slot [token] asked at each token, the last write of it and the one
    before.

    ``written`` [token] is the slot that each token writes, -1 for none.
    """
    answer, former = [], []
    for token, asked in enumerate(slot):
        times = np.flatnonzero(written[: token + 1] == asked)
        answer.append(times[-1])
        former.append(times[-2] if len(times) > 1 else -1)
    return {"answer": np.array(answer), "former": np.array(former)}


def _bank(kind: str, count: int, dim: int, nonnegative: bool, rng) -> np.ndarray:
    if kind == "onehot":
        return onehot_keys(count, dim)
    if kind == "sparse":
        return sparse_keys(count, dim, max(1, dim // 4), seed=rng, max_overlap=1.0)
    return random_keys(count, dim, seed=rng, nonnegative=nonnegative)


def _gate(value, tokens: int, name: str) -> np.ndarray:
    value = np.asarray(value)
    if value.shape not in ((), (tokens,)):
        raise FwpError(
            f"{name} must be a number or one for each of {tokens} tokens, got shape "
            f"{value.shape}"
        )
    return np.full(tokens, value) if value.ndim == 0 else value


def _exemplars(classes: list[int], seed: int) -> np.ndarray:
    """Draw one image [64] for each entry, different ones for a class that comes twice."""
    images, labels = digit_images()
    rng = generator(seed)
    order = {
        digit: iter(rng.permutation(np.flatnonzero(labels == digit)))
        for digit in range(10)
    }
    return images[[next(order[digit]) for digit in classes]]
