"""Images of handwritten digits, 8x8 pixels (Alpaydin & Kaynak 1998, doi
10.24432/C50P49)."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

import numpy as np

INK = 16  # the largest pixel value of the source


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the digits that come with the package (source and licence:
    ``fwp_neuro/data``).

    Returns
    -------
    images
        [1200, 64] float64 in 0 (paper) to 1 (ink), rows of the 8x8 image one after
        another.
    labels
        [1200] integers 0 to 9; 120 of each.
    """
    images, labels = _table()
    return images.copy(), labels.copy()


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    with (
        files("fwp_neuro.data").joinpath("digits.csv.gz").open("rb") as packed,
        gzip.open(packed, "rt") as lines,
    ):
        table = np.loadtxt(lines, delimiter=",", skiprows=1, dtype=int)  # [image, 65]
    return table[:, :-1] / INK, table[:, -1]
