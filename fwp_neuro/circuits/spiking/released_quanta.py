"""How many release sites answer the spikes of a time step, a binomial draw."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..head_layout import _COUNTS_IN_CYTHON, COUNTS_IN_C, NO_UNITS, _tables


def _named(text: str) -> str:
    return text.replace("fired_cells", "released_quanta")


@b2.implementation("cuda", _named(COUNTS_IN_C).format(qualifiers="__host__ __device__"))
@b2.implementation("cython", _named(_COUNTS_IN_CYTHON))
@b2.implementation("cpp", _named(COUNTS_IN_C).format(qualifiers="static inline"))
@NO_UNITS
@b2.check_units(u=1, n=1, p=1, result=1)
def released_quanta(u, n, p):
    """Return how many of ``n`` sites release, each with probability ``p``, for use in
    Brian2 code.

    The same as `fired_cells`, for numbers of sites that differ from element to element.

    Args:
        u: a number in [0, 1), ``rand()``; the same number gives the same count on every
            device.
    """
    u, n = np.broadcast_arrays(np.asarray(u, float), np.asarray(n, float))
    found = np.zeros(u.shape)
    for each in np.unique(n[n > 0]):
        at = n == each
        sums, counts, _ = _tables.get(float(each), np.array([float(p)]))
        found[at] = counts[np.count_nonzero(u[at][:, None] > sums[0], axis=1)]
    return found
