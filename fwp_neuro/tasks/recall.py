"""Tasks of recall: write associations, then ask for one that was written earlier.

Besides key, value, query, ``beta`` and ``alpha`` the programs carry, per token, what a picture or a
score needs (no rule reads these; they go into every recording):

``slot``         index of the key that the query asks for
``answer``       the token whose value the read-out of this token should be (read after write)
``former``       the token whose value stood under that key before, or -1
"""

from __future__ import annotations

import numpy as np

from fwp_neuro.errors import FwpError, pick
from fwp_neuro.programs import Program
from fwp_neuro.tasks.digits import digits as digit_images
from fwp_neuro.tasks.keys import onehot_keys, random_keys, sparse_keys
from fwp_neuro.validation import generator, whole

KEYS = ("random", "onehot", "sparse")


def targets(program: Program) -> np.ndarray:
    """Return what a perfect memory reads out at each token, [token, (head,) post]."""
    answer = program["answer"].astype(int)
    if program.heads is None:
        return program["value"][answer]
    return np.take_along_axis(program["value"], answer[:, :, None], axis=0)


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
        Sizes: keys [token, (head,) dim], values [token, (head,) post]; ``post`` is ``dim`` if not
        given. Values are uniform in [-1, 1]; heads are independent.
    nonnegative
        Keys without negative entries, as cells can fire them (``keys="random"`` only; the other
        kinds always are).
    beta, alpha
        Write strength and decay gate, a number or one per token; ``alpha`` is 1 (no decay) if not
        given.
    keys
        ``"random"`` (rectified Gaussian), ``"onehot"`` (no overlap) or ``"sparse"`` (a quarter of
        the cells, any overlap).
    replacement
        Draw the key of each token anew from ``min(tokens, dim)`` keys, so that keys come back with
        another value; else every token has its own key.
    """
    tokens, dim = whole(tokens, "associative_recall: tokens"), whole(dim, "associative_recall: dim")
    post = dim if post is None else whole(post, "associative_recall: post")
    pick(keys, KEYS, "kind of keys")
    pool = min(tokens, dim) if replacement else tokens
    rng = generator(seed)
    parts = []
    for _ in range(1 if heads is None else whole(heads, "associative_recall: heads")):
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
    stacked = {name: np.stack([part[name] for part in parts], axis=1) for name in parts[0]}
    if heads is None:
        stacked = {name: array[:, 0] for name, array in stacked.items()}
        labels = [f"ask key {slot}" for slot in stacked["slot"]]
    else:
        labels = [f"token {token}" for token in range(tokens)]
    gates = {"beta": _gate(beta, tokens), "alpha": _gate(1.0 if alpha is None else alpha, tokens)}
    return Program(**stacked, **gates, labels=labels)


def digit_memory(
    digits=(0, 1, 2, 3, 4),
    rebind=(0, 5),
    dim: int = 8,
    active: int = 3,
    beta: float = 0.9,
    alpha: float = 1.0,
    seed: int = 0,
) -> Program:
    """Store images of digits under overlapping keys, re-bind one key, then read every key.

    The tokens are: one write per digit; one write of the new digit under the key of an old one;
    one read-only token (``beta`` 0) per key. Values are images [token, 64] in [-1 paper, 1 ink].
    The program also carries ``digit`` and ``former_digit`` (the classes of the images that
    ``answer`` and ``former`` point at, or -1) and ``read_only`` (1 where a token writes nothing).

    Parameters
    ----------
    digits
        Classes to store, all different; their images are drawn by ``seed``.
    rebind
        (old, new): the key of digit ``old`` gets an image of ``new``; None to leave that out.
    dim, active
        Key cells, and how many of them each key makes active, all alike; two keys share at most
        half of theirs, so that a rule without error correction shows some crosstalk.
    beta, alpha
        Write strength of the writes (below 1 for keys of unit length, or no circuit can follow);
        decay gate of every token.
    """
    digits = _classes(digits, "digits")
    if len(set(digits)) < len(digits) or not digits:
        raise FwpError(f"digit_memory: digits is {digits}; give at least one, all different")
    writes = list(enumerate(digits))  # (slot, class) of each write
    labels = [f"write {digit}" for digit in digits]
    if rebind is not None:
        pair = _classes(rebind, "rebind")
        if len(pair) != 2:
            raise FwpError(f"digit_memory: rebind is {rebind!r}; it must be (old, new) or None")
        old, new = pair
        if old not in digits:
            raise FwpError(f"digit_memory: rebind starts from {old}, which is not among {digits}")
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
        beta=np.where(read, 0.0, _gate(beta, len(slot))),
        alpha=_gate(alpha, len(slot)),
        slot=slot,
        **where,
        digit=classes[where["answer"]],
        former_digit=former_digit,
        read_only=read,
        labels=labels,
    )


def _bookkeeping(written: np.ndarray, slot: np.ndarray) -> dict[str, np.ndarray]:
    """Find, for the slot [token] asked at each token, the last write of it and the one before.

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


def _gate(value, tokens: int) -> np.ndarray:
    value = np.asarray(value)
    return np.full(tokens, value) if value.ndim == 0 else value


def _classes(values, argument: str) -> list[int]:
    if not np.iterable(values):
        raise FwpError(f"digit_memory: {argument} is {values!r}; it must be several of 0 to 9")
    what = f"digit_memory: an entry of {argument}"
    classes = [whole(value, what, least=0) for value in values]
    for digit in classes:
        if digit > 9:
            raise FwpError(f"{what} is {digit}; digits are 0 to 9")
    return classes


def _exemplars(classes: list[int], seed: int) -> np.ndarray:
    """Draw one image [64] for each entry, different ones for a class that comes twice."""
    images, labels = digit_images()
    rng = generator(seed)
    order = {digit: iter(rng.permutation(np.flatnonzero(labels == digit))) for digit in range(10)}
    return images[[next(order[digit]) for digit in classes]]
