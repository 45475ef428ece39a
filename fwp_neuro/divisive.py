"""Divisive inhibition of the read-out: a pool of key activity shunts the value cells.

One value more, always 1, is written by the same rule as all others: its fast weights z
hold the summed keys, with the same decay. While a query is shown it drives a pool of
inhibitory cells, which opens a shunt in the read-out cells,

    tau du/dt = G W q - (1 + G z.q) u,    at rest u = W q/(1/G + z.q)

For `hebb` this is normalised linear attention (Katharopoulos et al. 2020,
arXiv:2006.16236) with 1/G added to the denominator. Established: that inhibition can
divide (Carandini & Heeger 2012, doi:10.1038/nrn3136). Inference of this package: that a
pool with fast weights of its own supplies the normaliser.
"""

from __future__ import annotations

import numpy as np

from .arguments import numbers, real, takes
from .errors import FwpError
from .programs import Program
from .run_arguments import PROGRAM

#: papers that it rests on
PAPERS = "katharopoulos2020transformers; carandini2012normalization"
#: G, how many times the leak a pool of 1 opens
GAIN = real(0, 10**9, above=True)


@takes(program=PROGRAM)
def with_pool(program: Program) -> Program:
    """Return the programme with one value more at the end, which is always 1.

    Its labels and all other arrays stay: a gate with a number for each value cell has
    none for the pool, and a run refuses it.

    Example:
        >>> import fwp_neuro as fwp
        >>> program = with_pool(fwp.tasks.associative_recall(dim=4, beta=1.0))
        >>> program.post
        5
        >>> found = fwp.run(program, "hebb", divisive=100.0)["readout"]
    """
    value = program["value"]
    return program.replace(
        value=np.concatenate([value, np.ones_like(value[..., :1])], axis=-1)
    )


@takes(readout=numbers("[..., post]", None, lambda: np.ones(2)), gain=GAIN)
def divided(readout, gain: float) -> np.ndarray:
    """Return u of the read-out cells at rest; the last one, the pool, stays z.q.

    Args:
        readout: W q of all values, [..., post].
        gain: G. Only what excites the pool shunts: a negative z.q counts as 0.
    """
    pool = readout[..., -1:]
    found = readout[..., :-1] / (1 / gain + np.maximum(pool, 0))
    return np.concatenate([found, pool], axis=-1)


def check(program: Program) -> None:
    """Refuse a programme whose last value is no pool.

    Raises:
        FwpError: in one sentence.
    """
    written = (program["key"] != 0).any(-1)  # padded tokens are empty
    if program.post < 2 or (program["value"][written][:, -1] != 1).any():
        raise FwpError("divisive needs a programme whose last value is always 1, for the "
                       "pool of keys: see fwp_neuro.with_pool")  # fmt: skip
