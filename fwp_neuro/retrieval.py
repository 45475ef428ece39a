"""Whether a read-out asks back the value that was stored with its key."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from fwp_neuro.recording import Recording

_MATCH = 0.999  # cosine above which a query is taken to ask for a key
_WRITE_STRENGTHS = ("beta", "write")
#: queries of a head that are looked at, so that the cost grows with the tokens, and
#: distances that are held at once
_QUERIES, _DISTANCES = 2048, 2**22


@dataclass(frozen=True)
class Retrieval:
    """Fraction of queries of a stored key whose read-out is nearest to the value stored
    with it.

    ``tokens`` counts those queries (one a token and head; of more than 2,048 tokens, as
    many are looked at, evenly spaced); ``chance`` is the mean of 1 / (number of distinct
    values stored so far).
    """

    reference: float
    other: float
    chance: float
    tokens: int


def retrieval(reference: Recording, other: Recording) -> Retrieval:
    """Return how often both read-outs are nearest to the value that a query asks for."""
    nothing = Retrieval(math.nan, math.nan, math.nan, 0)
    if any(name not in reference for name in ("key", "value", "query")):
        return nothing
    program = reference.program
    key, value, query = (_by_head(program[name], 3) for name in ("key", "value", "query"))
    readouts = [
        _by_head(recording["readout"].transpose("token", ..., "post").values, 3)
        for recording in (reference, other)
    ]
    written = np.linalg.norm(key, axis=-1) > 0
    # nothing is stored at a token whose write strength is 0
    for name in _WRITE_STRENGTHS:
        if name in program:
            gate = program[name]
            gate = gate.any(-1) if gate.ndim == program["key"].ndim else gate != 0
            written &= np.broadcast_to(_by_head(gate, 2), written.shape)
    found = [
        _of_head(key[:, head], value[:, head], query[:, head], written[:, head],
                 [readout[:, head] for readout in readouts])
        for head in range(key.shape[1])
    ]  # fmt: skip
    every = np.concatenate(found, axis=1)
    if not every.size:
        return nothing
    first, second, chance = map(float, every.mean(axis=1))
    return Retrieval(first, second, chance, every.shape[1])


def _of_head(key, value, query, written, readouts) -> np.ndarray:
    """Return [3, query]: hits of both read-outs and 1 / (values stored so far), for every
    query of a stored key."""
    tokens = len(key)
    asked = np.unique(np.linspace(0, tokens - 1, min(tokens, _QUERIES)).astype(int))
    stored = np.flatnonzero(written)
    if not stored.size:
        return np.empty((3, 0))
    scale = np.abs(value).max() or 1.0
    # Values that differ by round-off only are one candidate.
    distinct, first, which = np.unique(
        np.round(value[stored] / scale, 9), axis=0, return_index=True, return_inverse=True
    )
    candidates, since = distinct * scale, stored[first]
    keys, queries, which = _unit(key)[stored], _unit(query), which.reshape(-1)
    parts = []
    block = max(1, _DISTANCES // len(stored))
    for start in range(0, len(asked), block):
        now = asked[start : start + block]
        matching = (queries[now] @ keys.T > _MATCH) & (stored <= now[:, None])
        there = matching.any(axis=1)
        now, matching = now[there], matching[there]
        last = matching.shape[1] - 1 - np.argmax(matching[:, ::-1], axis=1)
        legal = since <= now[:, None]
        hits = [_hits(readout[now], candidates, legal, which[last])
                for readout in readouts]  # fmt: skip
        parts.append([*hits, 1 / legal.sum(axis=1)])
    return np.concatenate(parts, axis=1)


def _hits(readout, candidates, legal, target) -> np.ndarray:
    """Return for each query 1 if its target is nearest of the legal candidates, 1/n if it
    ties with n - 1 others, else 0."""
    distance = cdist(readout, candidates)
    finite = np.isfinite(np.where(legal, distance, 0.0)).all(axis=1)
    distance = np.where(legal & finite[:, None], distance, np.inf)
    least = distance.min(axis=1, keepdims=True)
    nearest = legal & (distance <= least * (1 + 1e-9))
    rows = np.arange(len(target))
    return np.where(finite, nearest[rows, target] / nearest.sum(axis=1), 0.0)


def _by_head(array: np.ndarray, ndim: int) -> np.ndarray:
    """Return the array with a head axis: [token, dim] -> [token, 1, dim], [token] ->
    [token, 1]."""
    return array[:, None] if 0 < array.ndim < ndim else array


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
