"""Cells and synapses of a programme's heads: which there are, what they are in a
recording, spikes.

Every head is one block of all-to-all synapses. A cell that stands for a number fires as a
Poisson process, or integrates and fires driven to a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import brian2 as b2
import numpy as np

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
    order = np.argsort(time, kind="stable")
    order = order[time[order] < end]
    return {
        "spike_cell": entry("spike", cell[order], "1", "cell that fired"),
        "spike_time": entry("spike", time[order], "s", "time of the spike"),
    }


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
# them. So the number of those that fire is binomial, and one draw serves for all of them.
# Which cells they were is decided afterwards, where somebody asks for spikes: every
# choice of so many cells is as likely as any other, and independent of other time steps.

#: how often a choice of cells is drawn anew before all cells are put in a random order
_TRIES = 20

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


@b2.implementation("cuda", COUNTS_IN_C.format(qualifiers="__host__ __device__"))
@b2.implementation("cython", _COUNTS_IN_CYTHON)
@b2.implementation("cpp", COUNTS_IN_C.format(qualifiers="static inline"))
@b2.check_units(u=1, n=1, p=1, result=1)
def fired_cells(u, n, p):
    """Return how many of ``n`` cells fire, each with probability ``p``, for use in Brian2
    code.

    Args:
        u: a number in [0, 1), ``rand()``; NumPy draws its own from the same generator.

    Example: ``x += kick*fired_cells(rand(), cells, rate*dt)``.
    """
    return np.random.binomial(np.int64(n), np.clip(p, 0, 1), np.shape(u))


def identify(
    counts: np.ndarray, cells: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Say which cells fired, from how many did.

    Args:
        counts: [time step, number], how many of the ``cells`` of a number fired.

    Returns:
        (time step, cell) of every spike, in the order of time; cell c stands for number
        c // cells.
    """
    step, number = np.nonzero(counts)
    many = counts[step, number].astype(np.int64)
    row = np.repeat(np.arange(len(many)), many)
    chosen = rng.integers(cells, size=len(row))
    mine = np.arange(len(row))
    for _ in range(_TRIES):
        # a cell that is there already is drawn anew: no cell is treated apart, so that
        # all choices are as likely as each other
        both = row[mine] * cells + chosen[mine]
        order = np.argsort(both, kind="stable")
        both = both[order]
        again = mine[order[1:][both[1:] == both[:-1]]]
        if not again.size:
            break
        chosen[again] = rng.integers(cells, size=again.size)
        undecided = np.zeros(len(many), bool)
        undecided[row[again]] = True
        mine = np.flatnonzero(undecided[row])
    else:  # nearly all of the cells of a number fire at once
        ends = np.cumsum(many)
        for one in np.unique(row[mine]):
            first = ends[one] - many[one]
            chosen[first : ends[one]] = rng.permutation(cells)[: many[one]]
    return step[row], number[row] * cells + chosen


def cells_and_times(counts, cells: int, times, seed: list[int]) -> tuple:
    """Return (number of the cell, time) of every spike, from how many cells fired in each
    time step."""
    step, cell = identify(counts, cells, np.random.default_rng(seed))
    return cell, times[step]
