"""Cells and synapses of a programme's heads: which there are, how they fire, what they
are in a recording.

Every head is one block of all-to-all synapses. A cell that stands for a number fires as a
Poisson process, or integrates and fires driven to a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import brian2 as b2
import numpy as np
from scipy.special import gammaln

from ..errors import FwpError, pick


@dataclass(frozen=True)
class Layout:
    """Presynaptic cells head x pre, postsynaptic cells head x post, synapses in a known
    order."""

    heads: int
    pre: int
    post: int

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return self.heads * self.pre * self.post

    def connections(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (presynaptic, postsynaptic) cell of every synapse, presynaptic index
        slowest."""
        shape = (self.heads, self.pre, self.post)
        head, pre, post = np.indices(shape, dtype=np.int32).reshape(3, -1)
        return head * self.pre + pre, head * self.post + post

    def flat(self, weights: np.ndarray) -> np.ndarray:
        """Turn [head, post, pre] into one value for each synapse."""
        return np.ascontiguousarray(np.swapaxes(weights, -1, -2)).reshape(-1)

    def weights(self, flat: np.ndarray) -> np.ndarray:
        """Turn [..., synapse] into [..., head, post, pre]."""
        shaped = np.asarray(flat).reshape(
            *np.shape(flat)[:-1], self.heads, self.pre, self.post
        )
        return np.swapaxes(shaped, -1, -2)


def cells(array: np.ndarray, dim: int) -> np.ndarray:
    """Turn [token, head, 1 or dim] into [token, head * dim], one column a cell."""
    full = np.broadcast_to(array, (*array.shape[:2], dim))
    return full.reshape(len(full), -1)


# ---------------------------------------------------------------- in a recording


@dataclass(frozen=True)
class Population:
    """What the cells of one population stand for, one number a cell."""

    name: str
    dimension: np.ndarray
    head: np.ndarray
    sign: np.ndarray

    @classmethod
    def of(cls, name: str, cells: int, **order: int) -> Population:
        """Return a population in which ``cells`` neighbours stand for one number;
        ``order`` is that of `Collector.population`."""
        shape = (*order.values(), cells)
        index = np.indices(shape, dtype=np.int32).reshape(len(shape), -1)
        known = dict(zip(order, index, strict=False))
        sign = 1 - 2 * known.get("sign", np.zeros_like(index[0]))
        return cls(name, known["dimension"], known["head"], sign)

    @property
    def size(self) -> int:
        """How many cells it has."""
        return len(self.dimension)


def cell_coordinates(populations: Sequence[Population]) -> dict[str, tuple]:
    """Return coordinates of the dim "cell" of a recording, the populations one after the
    other."""
    if not populations:
        return {}
    sizes = [each.size for each in populations]
    own = [np.arange(size, dtype=np.int32) for size in sizes]
    columns = {
        "cell": (np.arange(sum(sizes), dtype=np.int32), "cell"),
        "population": (np.repeat([each.name for each in populations], sizes),
                       "its population"),
        "number": (np.concatenate(own), "number of the cell in its population"),
        "dimension": (np.concatenate([each.dimension for each in populations]),
                      "dimension that the cell stands for"),
        "cell_head": (np.concatenate([each.head for each in populations]),
                      "head of the cell"),
        "cell_sign": (np.concatenate([each.sign for each in populations]),
                      "1 for an ON cell, -1 for an OFF cell"),
    }  # fmt: skip
    return {
        name: entry("cell", array, "1", words) for name, (array, words) in columns.items()
    }


def spikes(
    populations: Sequence[Population], fired: Mapping[str, tuple], end: float = np.inf
) -> dict[str, tuple]:
    """Return "spike_cell" and "spike_time" of a recording, in the order of time.

    Args:
        fired: population -> (number of the cell in it, time in seconds) of each spike.
        end: later spikes are left out.
    """
    times, cells, first = [], [], 0
    for each in populations:
        if each.name in fired:
            cell, time = fired[each.name]
            times.append(np.array(time))
            cells.append(np.array(cell) + np.int32(first))
        first += each.size
    if not times:
        return {}
    time, cell = np.concatenate(times), np.concatenate(cells)
    order = np.argsort(time, kind="stable")[: np.count_nonzero(time < end)]
    cell = entry("spike", cell[order], "1", "cell that fired")
    cell[2]["populations"] = " ".join(fired)  # those whose spikes were recorded
    time = entry("spike", time[order], "s", "time of the spike")
    return {"spike_cell": cell, "spike_time": time}


def entry(dims, array, units: str, words: str) -> tuple:
    """Return a variable as `recording.make_recording` takes it."""
    dims = (dims,) if isinstance(dims, str) else dims
    return dims, np.asarray(array), {"units": units, "long_name": words}


def fired(wanted: bool | Sequence[str], populations: tuple[str, ...]) -> tuple[str, ...]:
    """Return the populations whose spikes are kept, from the option ``record_spikes``.

    Raises:
        FwpError: a name that is no population of the circuit.
    """
    if isinstance(wanted, bool):
        return populations if wanted else ()
    return tuple(
        pick(name, populations, "population of record_spikes:") for name in wanted
    )


# ---------------------------------------------------------------- numbers as spikes

KINDS = ("poisson", "integrate_and_fire")
# read where it is needed, in the threshold or in the phase: a variable would be one more
# updater
_EQUATIONS = "rate = {table}(t, coded) : Hz\ncoded : integer (constant)\n"


def check_rate(fastest: float, rate, dt) -> None:
    """Raise `FwpError` if a cell that codes the number ``fastest`` fires more than once a
    step."""
    if fastest * float(rate * dt) > 1:
        raise FwpError(
            f"a cell would have to fire at {fastest * float(rate):.4g} Hz, more than "
            f"once in dt={dt}: scale the keys down, lower constants={{'rate': ...}}, or "
            "take a smaller dt"
        )


def firing_cells(
    numbers: int, cells: int, kind: str, table: str, name: str, namespace: dict, phases,
    dt, extra: str = "", reset: str = "", events: dict | None = None,
):  # fmt: skip
    """Return a NeuronGroup of ``numbers`` x ``cells`` cells, the cells of one number
    adjacent.

    Args:
        numbers: how many numbers are coded; cell c codes number c // cells.
        kind: "poisson" (independent Bernoulli trials, one a step) or "integrate_and_fire"
            (no leak, reset by subtraction, so that the mean rate is exact at any dt;
            random initial phase).
        table: name in ``namespace`` of the TimedArray [time, number] of rates.
        phases: NumPy generator for the initial phases; dt: time step.
        extra: further equations; reset: further reset code; events: option of the
            NeuronGroup.
    """
    equations = _EQUATIONS.format(table=table) + extra
    if kind == "poisson":
        options = {"threshold": "rand() < rate*dt", "reset": reset or ""}
    else:
        equations += "\nphase : 1"
        options = {"threshold": "phase >= 1", "reset": "phase -= 1\n" + reset}
    made = b2.NeuronGroup(
        numbers * cells, equations, method="exact", namespace=namespace, name=name,
        order=1, **options, **(events or {}),
    )  # fmt: skip
    made.coded = np.repeat(np.arange(numbers), cells)
    if kind == "integrate_and_fire":
        made.phase = phases.random(numbers * cells)
        # not a differential equation: beside it, Brian2's exact integrator refuses
        # decaying traces
        made.run_regularly(
            "phase += rate*dt", dt=dt, when="groups", order=2, name=f"{name}_phase"
        )
    return made


# ---------------------------------------------------------------- numbers as counts

# The cells that stand for one number are alike and independent, each fires with the same
# probability p in a time step, and a population average is all that a circuit sees of
# them. So the number of those that fire is binomial, one draw for all. NumPy, C++, CUDA
# and Cython turn the same random number into the same count, so that a circuit that draws
# its numbers in the same order gives the same results on each device.

#: a probability of a count that adds nothing
_NONE = 1e-18

# The smallest count at which the binomial distribution function reaches u. Counts from 0
# up where few cells fire, else from the most likely count to both sides, so that no
# probability of a start is too small for a double.
COUNTS_IN_C = """
{qualifiers} double fired_cells(double u, double n, double p)
{{
    if (p <= 0) return 0;
    if (p >= 1) return n;
    const double odds = p/(1 - p);
    if (n*p < 50)
    {{
        double f = exp(n*log1p(-p)), sum = f, k = 0;
        while (u > sum && k < n && !(k > n*p && f < 1e-18))
        {{
            f *= (n - k)/(k + 1)*odds;
            sum += f;
            k += 1;
        }}
        return k;
    }}
    double up = floor((n + 1)*p), down = up;
    double f_up = exp(lgamma(n + 1) - lgamma(up + 1) - lgamma(n - up + 1)
                      + up*log(p) + (n - up)*log1p(-p)), f_down = f_up;
    double sum = f_up;
    if (u <= sum) return up;
    while (f_up > 1e-18 || f_down > 1e-18)
    {{
        f_up = up < n ? f_up*(n - up)/(up + 1)*odds : 0;
        up += 1;
        sum += f_up;
        if (u <= sum) return up;
        f_down = down > 0 ? f_down*down/(n - down + 1)/odds : 0;
        down -= 1;
        sum += f_down;
        if (u <= sum) return down;
    }}
    return floor(n*p);
}}
"""
_COUNTS_IN_CYTHON = """
from libc.math cimport exp, log, log1p, lgamma, floor

cdef double fired_cells(double u, double n, double p):
    cdef double odds, f, total, k, up, down, f_up, f_down
    if p <= 0:
        return 0
    if p >= 1:
        return n
    odds = p/(1 - p)
    if n*p < 50:
        f = exp(n*log1p(-p))
        total, k = f, 0
        while u > total and k < n and not (k > n*p and f < 1e-18):
            f = f*((n - k)/(k + 1)*odds)
            total = total + f
            k = k + 1
        return k
    up = floor((n + 1)*p)
    down = up
    f_up = exp(lgamma(n + 1) - lgamma(up + 1) - lgamma(n - up + 1)
               + up*log(p) + (n - up)*log1p(-p))
    f_down = f_up
    total = f_up
    if u <= total:
        return up
    while f_up > 1e-18 or f_down > 1e-18:
        f_up = f_up*(n - up)/(up + 1)*odds if up < n else 0
        up = up + 1
        total = total + f_up
        if u <= total:
            return up
        f_down = f_down*down/(n - down + 1)/odds if down > 0 else 0
        down = down - 1
        total = total + f_down
        if u <= total:
            return down
    return floor(n*p)
"""


class _Tables:
    """Distribution functions of the probabilities that were asked for last: rates change
    a few times a token, and not in every step."""

    MOST = 2**22  # numbers that are kept

    def __init__(self):
        self._kept: dict[tuple, tuple[np.ndarray, ...]] = {}
        self._size = 0

    def get(self, n: float, p: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return (sums [population, rank], counts [flat], first [population]): counts in
        the order of `COUNTS_IN_C`, the probability of all up to each, infinite at the
        last one, and where in counts a population begins."""
        key = (n, p.tobytes())
        if key not in self._kept:
            if self._size > self.MOST:
                self._kept, self._size = {}, 0
            sums, counts = _tables_of(n, p.ravel())
            first = np.arange(len(sums)) * sums.shape[1]
            self._kept[key] = sums, counts.ravel(), first
            self._size += sums.size
        return self._kept[key]


_tables = _Tables()
#: without it Brian2 writes a text of what a function returns at each call
NO_UNITS = b2.implementation("numpy", discard_units=True)


@b2.implementation("cuda", COUNTS_IN_C.format(qualifiers="__host__ __device__"))
@b2.implementation("cython", _COUNTS_IN_CYTHON)
@b2.implementation("cpp", COUNTS_IN_C.format(qualifiers="static inline"))
@NO_UNITS
@b2.check_units(u=1, n=1, p=1, result=1)
def fired_cells(u, n, p):
    """Return how many of ``n`` cells fire, each with probability ``p``, for use in Brian2
    code.

    Args:
        u: a number in [0, 1), ``rand()``; the same number gives the same count on every
            device.

    Example: ``x += kick*fired_cells(rand(), cells, rate*dt)``.
    """
    u, p = np.asarray(u, dtype=float), np.asarray(p, dtype=float)
    u, p = (u, p) if p.shape == u.shape else np.broadcast_arrays(u, p)
    sums, counts, first = _tables.get(n, p)
    rank = np.count_nonzero(u.ravel()[:, None] > sums, axis=1)
    return counts[first + rank].reshape(u.shape)


def _tables_of(n: float, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the tables of `_Tables.get` for p [population]."""
    drawn = np.where(p < 1, np.maximum(p, 0.0), 0.0)
    few = n * drawn < 50
    parts = [(rows, make(n, drawn[rows])) for rows, make in
             ((few, _from_zero), (~few, _from_the_mode)) if rows.any()]  # fmt: skip
    shape = (len(p), max(sums.shape[1] for _, (sums, _) in parts))
    all_sums, all_counts = np.full(shape, np.inf), np.zeros(shape)
    for rows, (sums, counts) in parts:
        all_sums[rows, : sums.shape[1]] = sums
        all_counts[rows, : sums.shape[1]] = counts
    all_counts[p >= 1] = n
    return all_sums, all_counts


def _from_zero(n: float, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    odds, f, k = p / (1 - p), np.exp(n * np.log1p(-p)), 0
    total, ended, columns = f, np.zeros(len(p), bool), []
    while not ended.all():
        ended = ended | (k >= n) | (k > n * p) & (f < _NONE)
        columns.append(np.where(ended, np.inf, total))
        f = f * ((n - k) / (k + 1) * odds)
        total, k = total + f, k + 1
    sums = np.stack(columns, axis=1)
    return sums, np.broadcast_to(np.arange(float(k)), sums.shape)


def _from_the_mode(n: float, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    odds, up = p / (1 - p), np.floor((n + 1) * p)
    down, up_f = up, np.exp(gammaln(n + 1) - gammaln(up + 1) - gammaln(n - up + 1)
                            + up * np.log(p) + (n - up) * np.log1p(-p))  # fmt: skip
    down_f, total, ended = up_f, up_f, np.zeros(len(p), bool)
    sums, counts = [total], [up]
    while not (ended := ended | ((up_f <= _NONE) & (down_f <= _NONE))).all():
        up_f = np.where(up < n, up_f * (n - up) / (up + 1) * odds, 0.0)
        up, total = up + 1, total + up_f
        sums.append(np.where(ended, np.inf, total))
        down_f = np.where(down > 0, down_f * down / (n - down + 1) / odds, 0.0)
        down, total = down - 1, total + down_f
        sums.append(np.where(ended, np.inf, total))
        counts += [np.where(ended, np.floor(n * p), up), down]
    sums.append(np.full(len(p), np.inf))
    counts.append(np.floor(n * p))
    return np.stack(sums, axis=1), np.stack(counts, axis=1)
