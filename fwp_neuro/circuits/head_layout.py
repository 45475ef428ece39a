"""Cells and synapses of a programme's heads: one block of all-to-all synapses for each head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Presynaptic cells head x pre, postsynaptic cells head x post, synapses in a known order."""

    heads: int
    pre: int
    post: int

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return self.heads * self.pre * self.post

    def connections(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (presynaptic, postsynaptic) cell of every synapse, presynaptic index slowest."""
        shape = (self.heads, self.pre, self.post)
        head, pre, post = np.indices(shape, dtype=np.int32).reshape(3, -1)
        return head * self.pre + pre, head * self.post + post

    def flat(self, weights: np.ndarray) -> np.ndarray:
        """Turn [head, post, pre] into one value for each synapse."""
        return np.ascontiguousarray(np.swapaxes(weights, -1, -2)).reshape(-1)

    def weights(self, flat: np.ndarray) -> np.ndarray:
        """Turn [..., synapse] into [..., head, post, pre]."""
        shaped = np.asarray(flat).reshape(*np.shape(flat)[:-1], self.heads, self.pre, self.post)
        return np.swapaxes(shaped, -1, -2)


def cells(array: np.ndarray, dim: int) -> np.ndarray:
    """Turn [token, head, 1 or dim] into [token, head * dim], one column a cell."""
    full = np.broadcast_to(array, (*array.shape[:2], dim))
    return full.reshape(len(full), -1)
