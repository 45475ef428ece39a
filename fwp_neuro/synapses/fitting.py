"""Fit a synapse model's parameters to measurements.

Weighted least squares, sum of ((measured - predicted)/sem)^2, by scipy.optimize.least_squares with
bounds and several starts. Positive parameters are searched on a log scale. Intervals come from the
covariance at the optimum, (J^T J)^-1, or from a parametric bootstrap: the fitted prediction plus
noise of the size of ``sem`` (or of the residuals, where there is none) is fitted again and again.

What the package could be fitted to and was: the frequency dependence of Sjoestroem, Turrigiano &
Nelson 2001 (`fwp_neuro.targets.fitting`). No published table of mossy-fibre trains was found that
gives numbers for every spike (the abstract of Salin et al. 1996, PNAS 93:13304, says sixfold
facilitation at low frequencies), so facilitating trains are tested by recovering a known truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import FwpError, pick, warn
from ..validation import generator, real, whole
from .fitting_data import Table, read
from .model import SHARES, Model
from .registry import _chosen, check_options

METHODS = ("covariance", "bootstrap")
SCALES = ("first", "free")
#: how near to a bound, as a share of the range searched, a fitted parameter has run into it
_AT = 1e-4


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        model: with the fitted parameters, usable wherever a model is.
        parameters: fitted parameter -> Brian2 quantity or number.
        interval: fitted parameter -> (lower, upper), likewise.
        level: probability of the intervals.
        method: "covariance" or "bootstrap".
        measured, predicted: [row].
        chi_square: sum of squares over sem^2; without sem, plain sum of squares.
        freedom: rows minus fitted parameters (and scale).
        without_effect: parameters that these data say nothing about; they kept their values.
        correlation: largest absolute correlation of two fitted parameters, and their names.
        at_bound: fitted parameters that ended at a bound of the search.
    """

    model: Model
    parameters: dict
    interval: dict
    level: float
    method: str
    measured: np.ndarray
    predicted: np.ndarray
    chi_square: float
    freedom: int
    weighted: bool
    without_effect: tuple[str, ...]
    correlation: tuple[float, str]
    at_bound: tuple[str, ...] = ()

    @property
    def residuals(self) -> np.ndarray:
        """Measured minus predicted [row]."""
        return self.measured - self.predicted

    def report(self) -> str:
        """Return the fit in words and numbers."""
        what = "chi square" if self.weighted else "sum of squares"
        lines = [
            f"{self.model.name}, started from {self.model.parameter_set!r}: {what} "
            f"{self.chi_square:.4g} with {self.freedom} degrees of freedom, "
            f"{len(self.measured)} rows",
        ]
        for name, value in self.parameters.items():
            low, high = self.interval[name]
            best, ends = _short(value), f"{_short(low)} to {_short(high)}"
            lines.append(f"  {name:12}{best:>12}   {self.level:.0%}: {ends}")
        lines.append(f"intervals: {self.method}")
        if self.correlation[0] > 0.95:
            lines.append(
                f"{self.correlation[1]} are correlated ({self.correlation[0]:.3f}): these data "
                "hardly tell them apart"
            )
        if self.at_bound:
            lines.append(f"at a bound of the search: {', '.join(self.at_bound)}")
        if self.without_effect:
            lines.append(f"without effect on these data: {', '.join(self.without_effect)}")
        return "\n".join(lines)


def fit(
    model,
    data,
    parameters: str | None = None,
    *,
    free: Sequence[str] | None = None,
    bounds: Mapping | None = None,
    scale: str = "first",
    method: str = "covariance",
    level: float = 0.95,
    repeats: int = 200,
    starts: int = 4,
    seed: int = 0,
    **options,
) -> Fit:
    """Fit parameters of a short-term plasticity or plasticity model to measurements.

    Args:
        model: name, or a `Model`, whose parameters are the first start.
        data: dict of columns, xarray Dataset or path of a CSV file, see
            `fwp_neuro.synapses.fitting_data`.
        parameters: name of a published parameter set to start from.
        free: names of the parameters to fit; all on which the data depend if None.
        bounds: parameter -> (lower, upper) in its unit; a hundredth to a hundredfold of the start
            by default, shares such as U within [0, 1].
        scale: of trains: "first" (amplitudes are relative to the first response of their train) or
            "free" (in any unit: one common factor is fitted along).
        method: of the intervals, "covariance" (quick) or "bootstrap".
        level: probability of the intervals.
        repeats: of the bootstrap.
        starts: of the search.
        seed: of starts and bootstrap.
        options: of the model's protocol, the same for all rows.

    Raises:
        FwpError: everything that data or arguments can have wrong, in one sentence.
    """
    table = read(data)
    protocol = {"trains": "release", "plasticity": "stdp"}[table.kind]
    model, run = _chosen(model, parameters, protocol, f"fit to {table.kind} data")
    pick(scale, SCALES, "scale")
    pick(method, METHODS, "method")
    what = f"fit to {table.kind} data"
    check_options(model, run, options, what)
    columns = [name for name in ("groups", "interval") if name in table.columns]
    check_options(model, run, columns, f"{what}, given as a column,")
    _check_amplitudes(table, scale)
    level, rng = real(level, "level", 0.5, 0.9999), generator(seed)
    repeats, starts = whole(repeats, "repeats", 20), whole(starts, "starts")
    sem = table.columns.get("sem", np.ones(len(table.measured)))
    names, idle = _free(model, free, table, run, scale, options)
    search = _Search(model, names, _limits(model, names, bounds))

    def predict(x) -> np.ndarray:
        return predicted(search.model(x), table, run, scale, table.measured, sem, options)

    lost = len(names) + (scale == "free" and table.kind == "trains")
    if len(sem) <= lost:
        raise FwpError(f"{len(sem)} rows cannot fix {lost} parameters ({', '.join(names)}): name "
                       "fewer in free, or give more rows")  # fmt: skip
    best = search.best(predict, table.measured, sem, rng, starts)
    freedom, curve = len(sem) - lost, predict(best.x)
    at_bound = search.at_bound(best.x)
    for name, end, value in at_bound:
        warn(
            f"the fit of {model.name!r} ends at the {end} bound of {name}, {_short(value)}: wider "
            "bounds may fit better, and its interval is cut off there"
        )
    noise = 1.0 if "sem" in table.columns else np.sqrt(2 * best.cost / freedom)
    spread = noise**2 * np.linalg.pinv(best.jac.T @ best.jac)
    if method == "covariance":
        from scipy.stats import norm, t

        known = "sem" in table.columns
        step = (norm.ppf if known else t(freedom).ppf)(0.5 + level / 2) * np.sqrt(np.diag(spread))
        ends = np.clip(np.stack([best.x - step, best.x + step]), search.low, search.high)
    else:
        again = [
            search.once(predict, curve + noise * sem * rng.standard_normal(len(sem)), sem, best.x).x
            for _ in range(repeats)
        ]
        ends = np.quantile(again, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return Fit(
        search.model(best.x),
        search.quantities(best.x),
        {n: (low, high) for n, low, high in zip(
            names, search.quantities(ends[0]).values(), search.quantities(ends[1]).values(),
            strict=True)},
        level, method, table.measured, curve, float(2 * best.cost), freedom, "sem" in table.columns,
        idle, _correlation(spread, names), tuple(name for name, _, _ in at_bound),
    )  # fmt: skip


def predicted(model, table: Table, run, scale: str, measured, sem, options) -> np.ndarray:
    """Return what a model predicts for every row of a table."""
    found = np.empty(len(measured))
    columns = table.columns
    for rows in table.groups:
        if table.kind == "trains":
            times = columns["time"][rows]
            # a train that starts at a negative time or late is the same train
            response = run(model, times - times[0], **options)
            found[rows] = response / response[0] if scale == "first" else response
            continue
        first, given = rows[0], dict(options)
        if "groups" in columns:
            given["groups"] = int(columns["groups"][first])
        if "interval" in columns:
            import brian2 as b2

            given["interval"] = columns["interval"][first] * b2.second
        pairs = int(columns["pairs"][first]) if "pairs" in columns else 60
        frequency = float(columns["frequency"][first]) if "frequency" in columns else 1.0
        found[rows] = run(model, columns["lag"][rows], pairs, frequency, **given)
    if table.kind == "trains" and scale == "free":
        weights = found / sem**2  # the best factor in closed form
        found = found * (weights @ measured) / (weights @ found)
    return found


def _check_amplitudes(table: Table, scale: str) -> None:
    if table.kind != "trains":
        return
    if not table.measured.any():
        raise FwpError("column 'amplitude' is 0 everywhere: there is nothing to fit")
    first = [table.measured[rows[0]] for rows in table.groups]
    if scale == "first" and not np.allclose(first, 1, rtol=0, atol=1e-2):
        wrong = next(one for one in first if abs(one - 1) > 1e-2)
        raise FwpError(
            f"with scale='first' every train's first amplitude must be 1, got {wrong:g}: divide by "
            "it, or give scale='free', which fits a common factor"
        )


def _short(value) -> str:
    """Return a number or quantity with four digits."""
    best = getattr(value, "in_best_unit", None)
    return best(precision=4) if best else f"{value:.4g}"


class _Search:
    """Parameters as points of a box: logarithms of positive ones, signed ones as they are."""

    def __init__(self, start: Model, names: Sequence[str], limits: Mapping[str, tuple]) -> None:
        self.start, self.names = start, names
        self.log = [name not in start.signed for name in names]
        self.low, self.high = (self.point({n: limits[n][i] for n in names}) for i in (0, 1))
        self.x0 = np.clip(self.point(start.parameters), self.low, self.high)

    def point(self, values: Mapping) -> np.ndarray:
        numbers = [float(values[name]) for name in self.names]
        return np.array([np.log(v) if log else v for v, log in zip(numbers, self.log, strict=True)])

    def quantities(self, x) -> dict:
        """Return the parameters at a point, with units."""
        import brian2 as b2

        found = {}
        for name, value, log in zip(self.names, x, self.log, strict=True):
            number, old = float(np.exp(value) if log else value), self.start.parameters[name]
            plain = b2.have_same_dimensions(old, 1)
            found[name] = number if plain else b2.Quantity(number, dim=b2.get_dimensions(old))
        return found

    def at_bound(self, x) -> list[tuple[str, str, Any]]:
        """Return (parameter, "lower" or "upper", value there) of those that ended at a bound."""
        reach, found = _AT * (self.high - self.low), []
        for end, bound in (("lower", self.low), ("upper", self.high)):
            values = self.quantities(bound)
            there = np.abs(x - bound) <= reach
            found += [(n, end, values[n]) for n, at in zip(self.names, there, strict=True) if at]
        return found

    def model(self, x) -> Model:
        return self.start.changed(**self.quantities(x))

    def once(self, predict, measured, sem, x0):
        from scipy.optimize import least_squares

        inside = 1e-6 * (self.high - self.low)
        return least_squares(
            lambda x: (predict(x) - measured) / sem, np.clip(x0, self.low + inside,
            self.high - inside), bounds=(self.low, self.high), x_scale=self.high - self.low,
            diff_step=1e-5, xtol=1e-10, ftol=1e-10,
        )  # fmt: skip

    def best(self, predict, measured, sem, rng, starts: int):
        found = []
        for number in range(starts):
            x0 = self.x0 if number == 0 else rng.uniform(self.low, self.high)
            if number:  # between the first start and anywhere
                x0 = self.x0 + 0.3 * (x0 - self.x0)
            found.append(self.once(predict, measured, sem, x0))
        return min(found, key=lambda one: one.cost)


def _limits(model: Model, names: Sequence[str], bounds: Mapping | None) -> dict[str, tuple]:
    from . import units

    found = {}
    if not isinstance(bounds, Mapping | None):
        raise FwpError(f"bounds must be a dict of parameter: (lower, upper), got {bounds!r}")
    for name in bounds or {}:
        pick(name, names, "parameter in bounds:")
    same = max([abs(float(model.parameters[n])) for n in names if n in model.signed], default=0.0)
    for name in names:
        old, signed = model.parameters[name], name in model.signed
        given = (bounds or {}).get(name)
        if given is None:
            if name in SHARES:  # those that may not be zero are searched on a log scale
                found[name] = (0.0 if signed else 1e-3, 1.0)
            elif signed:
                reach = 10 * max(abs(float(old)), same, 1e-6)
                found[name] = (float(old) - reach, float(old) + reach)
            else:
                found[name] = (float(old) / 100, float(old) * 100)
            continue
        try:
            low, high = given
        except (TypeError, ValueError):
            raise FwpError(f"bounds of {name!r} must be (lower, upper), got {given!r}") from None
        for end in (low, high):
            share = name in SHARES
            units.check(name, end, old, "the bounds", any_sign=signed, share=share)
        if not float(low) < float(high):
            raise FwpError(f"bounds of {name!r} must be (lower, upper), got {low} and {high}")
        found[name] = (float(low), float(high))
    return found


def _free(model: Model, asked, table, run, scale, options) -> tuple[list[str], tuple[str, ...]]:
    """Return the parameters to fit, and those that the data do not depend on."""
    if isinstance(asked, str):
        asked = [asked]
    if not isinstance(asked, Iterable | None):
        raise FwpError(f"free must be names of parameters or None, got {asked!r}")
    names = list(model.parameters if asked is None else asked)
    for name in names:
        pick(name, model.parameters, f"parameter of {model.name!r} in free:")
    ones = np.ones(len(table.measured))

    def predict(one: Model) -> np.ndarray:
        return predicted(one, table, run, scale, table.measured, ones, options)

    rest, idle = predict(model), []
    for name in names:
        old = model.parameters[name]
        moved = model.changed(**{name: old * 0.9 if float(old) else 1e-3})
        if np.allclose(predict(moved), rest, rtol=1e-9, atol=1e-9):
            idle.append(name)
    if asked is not None and idle:
        raise FwpError(f"the data do not depend on {', '.join(idle)}: leave it out of free")
    found = [name for name in names if name not in idle]
    if not found:
        raise FwpError(f"the data depend on no parameter of {model.name!r}")
    return found, tuple(idle)


def _correlation(spread: np.ndarray, names: Sequence[str]) -> tuple[float, str]:
    size = np.sqrt(np.diag(spread))
    table = np.abs(spread / np.maximum(np.outer(size, size), 1e-300))
    np.fill_diagonal(table, 0)
    i, j = np.unravel_index(np.argmax(table), table.shape)
    return float(table[i, j]), f"{names[i]} and {names[j]}"
