"""Whether a read-out asks back the value that was stored with its key."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fwp_neuro.recording import Recording

_MATCH = 0.999  # cosine above which a query is taken to ask for a key
_WRITE_STRENGTHS = ("beta", "write")


@dataclass(frozen=True)
class Retrieval:
    """Fraction of queries of a stored key whose read-out is nearest to the value stored
    with it.

    ``tokens`` counts those queries (one a token and head); ``chance`` is the mean of 1 /
    (number of distinct values stored so far).
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
    hits: list[list[float]] = []
    chances: list[float] = []
    for head in range(key.shape[1]):
        keys, queries = _unit(key[:, head]), _unit(query[:, head])
        stored = written[:, head]
        scale = np.abs(value[:, head]).max() or 1.0
        # Values that differ by round-off only are one candidate.
        distinct, which = np.unique(
            np.round(value[:, head] / scale, 9), axis=0, return_inverse=True
        )
        which = which.reshape(-1)
        for token in range(program.tokens):
            matching = stored[: token + 1] & (keys[: token + 1] @ queries[token] > _MATCH)
            if not matching.any():
                continue
            target = which[np.flatnonzero(matching)[-1]]
            legal = np.unique(which[: token + 1][stored[: token + 1]])
            candidates = distinct[legal] * scale
            hits.append(
                [_hit(r[token, head], candidates, legal == target) for r in readouts]
            )
            chances.append(1 / len(legal))
    if not hits:
        return nothing
    first, second = np.mean(hits, axis=0)
    return Retrieval(float(first), float(second), float(np.mean(chances)), len(hits))


def _hit(readout: np.ndarray, candidates: np.ndarray, target: np.ndarray) -> float:
    """Return 1 if the target is nearest, 1/n if it ties with n - 1 others, else 0."""
    distance = np.linalg.norm(candidates - readout, axis=-1)
    if not np.isfinite(distance).all():
        return 0.0
    nearest = distance <= distance.min() * (1 + 1e-9)
    return float((nearest & target).sum() / nearest.sum())


def _by_head(array: np.ndarray, ndim: int) -> np.ndarray:
    """Return the array with a head axis: [token, dim] -> [token, 1, dim], [token] ->
    [token, 1]."""
    return array[:, None] if 0 < array.ndim < ndim else array


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
