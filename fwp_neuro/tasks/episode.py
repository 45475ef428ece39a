"""What a sequence of a task writes and reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Episode:
    """The writes and reads of one sequence.

    Args:
        key: float64 [token, dim], one of each token.
        value: float64 [token, post], zero where nothing is written, or where an erasure
            is.
        write: bool [token]; the other tokens read.
        target: float64 [token, post], what a read should give (zero at writes).
        slot: int [token], which key it is, or None where every token has its own key.
    """

    key: np.ndarray
    value: np.ndarray
    write: np.ndarray
    target: np.ndarray
    slot: np.ndarray | None = None
