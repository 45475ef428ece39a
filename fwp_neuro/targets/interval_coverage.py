"""How often the 95 % intervals of `fit` hold the truth: tables of known models plus
noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import brian2 as b2
import numpy as np
from brian2 import ms

from .. import synapses
from ..synapses.fitting import fit

METHODS = ("covariance", "profile", "bootstrap")


@dataclass(frozen=True)
class Design:
    """An experiment: a true model, the parameters that are fitted, and tables of it.

    Attributes:
        truth: (model name, parameter set).
        free: names of the fitted parameters.
        table: model -> columns without noise.
        what: name of the measured column.
        noise: its standard error.
    """

    truth: tuple[str, str]
    free: tuple[str, ...]
    table: Callable
    what: str
    noise: float


def _pulses(model) -> dict:
    """Return paired-pulse ratios at six gaps."""
    gaps = np.array([20, 50, 100, 200, 500, 1000])
    times = np.stack([0 * gaps, gaps], axis=1)
    ratio = [_relative(model, train)[1] for train in times]
    return {
        "time": times.ravel() * b2.ms,
        "amplitude": np.stack([np.ones(6), ratio], axis=1).ravel(),
        "train": np.repeat(np.arange(6), 2),
    }


def _relative(model, times) -> np.ndarray:
    """Return releases relative to the first one, at times in ms."""
    found = synapses.short_term(model, spike_times=np.asarray(times, dtype=float) * ms)
    return found / found[0]


def _trains(model) -> dict:
    """Return ten spikes at 10, 20 and 50 Hz, and a recovery test 0.5 s later."""
    trains = []
    for rate in (10, 20, 50):
        times = np.arange(10) * 1e3 / rate
        trains.append(np.append(times, times[-1] + 500))
    return {
        "time": np.concatenate(trains) * b2.ms,
        "amplitude": np.concatenate([_relative(model, train) for train in trains]),
        "train": np.repeat(["10 Hz", "20 Hz", "50 Hz"], 11),
    }


def _window(model) -> dict:
    """Return the timing window at twelve lags, 60 pairs at 1 Hz."""
    lags = np.array([-80, -50, -30, -20, -10, -5, 5, 10, 20, 30, 50, 80]) * b2.ms
    return {
        "lag": lags,
        "ratio": synapses.stdp_curve(model, lags=lags, pairs=60),
        "pairs": 60,
    }


DESIGNS = {
    "paired pulses": Design(
        ("tsodyks_markram", "tsodyks_1998_depressing"), ("U", "tau_D"), _pulses,
        "amplitude", 0.05
    ),
    "trains": Design(
        ("tsodyks_markram", "tsodyks_1998_facilitating"), ("U", "tau_F", "tau_D"),
        _trains, "amplitude", 0.1,
    ),
    "timing window": Design(
        ("pair_stdp", "song_miller_abbott_2000"), ("A_plus", "A_minus", "tau_plus",
            "tau_minus"),
        _window, "ratio", 0.03,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """How often intervals held the truth in one design.

    Attributes:
        design: name in `DESIGNS`.
        errors: whether standard errors were given.
        method: of the intervals.
        tables: how many.
        held: parameter -> share of tables whose interval held the truth.
    """

    design: str
    errors: bool
    method: str
    tables: int
    held: dict[str, float]

    @property
    def mean(self) -> float:
        """Share over all parameters."""
        return float(np.mean(list(self.held.values())))

    @property
    def legal(self) -> bool:
        """Whether the share is 92 to 98 %; with less than 300 tables, within binomial
        limits."""
        spread = 3.3 * np.sqrt(0.95 * 0.05 / self.tables)
        return abs(self.mean - 0.95) <= (0.03 if self.tables >= 300 else spread)


def measure(
    tables: int = 300,
    design: str = "trains",
    errors: bool = True,
    method: str = "covariance",
    seed: int = 0,
    noise: float = 1.0,
    **options,
) -> Cell:
    """Fit so many noisy tables of a design, and count the intervals that hold the truth.

    Args:
        tables: how many.
        design: name in `DESIGNS`.
        errors: whether the tables have standard errors.
        method: of the intervals.
        seed: of the noise.
        noise: in units of the design's own.
        options: of `fit`.
    """
    one = DESIGNS[design]
    truth = synapses.get(*one.truth)
    plain, rng = one.table(truth), np.random.default_rng(seed)
    first = np.zeros(len(plain[one.what]), dtype=bool)
    if "train" in plain:
        first[np.unique(plain["train"], return_index=True)[1]] = True
    held = np.zeros(len(one.free))
    for number in range(tables):
        error = noise * one.noise * np.where(first, 0, rng.standard_normal(len(first)))
        table = {**plain, one.what: plain[one.what] + error}
        if errors:
            table["sem"] = noise * one.noise
        found = fit(truth, table, free=one.free, method=method, seed=number, **options)
        held += [
            _holds(found.interval[name], truth.parameters[name]) for name in one.free
        ]
    shares = dict(zip(one.free, (held / tables).tolist(), strict=True))
    return Cell(design, errors, method, tables, shares)


def _holds(interval, value) -> bool:
    """Whether an interval holds a value; what is not determined may have any."""
    return interval is None or bool(interval[0] <= value <= interval[1])


def cells(
    tables: int = 300, seed: int = 0, methods: Sequence[str] = METHODS,
    progress: Callable[[float, str], None] | None = None,
) -> Iterator[Cell]:  # fmt: skip
    """Measure every design, with and without errors, by every method."""
    every = list(product(DESIGNS, (True, False), methods))
    for number, (design, errors, method) in enumerate(every):
        if progress is not None:
            progress(number / len(every), f"{design}, {method}")
        yield measure(tables, design, errors, method, seed)


def report(found: Iterable[Cell]) -> str:
    """Return a line for each cell: share of all intervals, and of each parameter's."""
    lines = [f"{'design':14} {'errors':7} {'intervals':11} {'held':>6}"]
    for cell in found:
        parts = ", ".join(
            f"{name} {100 * share:.1f}" for name, share in cell.held.items()
        )
        lines.append(
            f"{cell.design:14} {'given' if cell.errors else 'none':7} {cell.method:11} "
            f"{100 * cell.mean:5.1f}%  ({parts}){'' if cell.legal else '  MISSED'}"
        )
    lines.append(
        "share of 95 % intervals that hold the truth, of all parameters together; a line "
        "is missed if that lies outside 92 to 98 % (300 tables or more tell)"
    )
    return "\n".join(lines)
