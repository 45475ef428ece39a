"""What a fit found, and its report in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import brian2 as b2
import numpy as np

from .. import html_text, short_reprs
from ..errors import FwpError, shown
from .fitting_data import Table
from .fitting_intervals import Optimum, Problem
from .synapse_class import Synapse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: of AICc, and of BIC
PAPERS = "burnham2002model, section 2.4; schwarz1978estimating"


@dataclass(frozen=True, repr=False)
class Fit:
    """A fitted model.

    Attributes:
        model: with the fitted parameters, usable wherever a model is.
        parameters: fitted parameter -> Brian2 quantity or number.
        interval: fitted parameter -> (lower, upper), likewise; None where the data do not
            determine it.
        level: probability of the intervals.
        method: "covariance", "profile" or "bootstrap".
        measured, predicted: [row].
        chi_square: sum of squares over sem^2; without sem, plain sum of squares.
        freedom: degrees of freedom: data minus the parameters that they determine (and
            scale factors); first responses that are 1 by definition are no data, and
            parameters at a bound are not free.
        without_effect: parameters that change nothing for these data, over their whole
            range; they kept their values.
        correlation: largest absolute correlation of two fitted parameters, and their
            names.
        at_bound: fitted parameters that ended at a bound of the search.
        not_determined: fitted parameters that other values of themselves, or of
            themselves and others together, would replace without any change of the
            predictions.
        searched: fitted parameter -> (lower, upper) of the search.
        data: number of rows that are data.
        table: the measurements.
        scale: of amplitudes, as `fit` was given it.
        options: of the protocol.
    """

    model: Synapse
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
    not_determined: tuple[str, ...] = ()
    searched: dict = field(default_factory=dict)
    data: int = 0
    table: Table | None = None
    scale: str = "first"
    options: dict = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, best: Optimum, ends, method: str, idle, waiting) -> Fit:
        """Return the result of an optimum with its intervals [lower or upper,
        coordinate].

        ``idle`` and ``waiting`` are names of parameters, see `fitting_free.choose`.
        """
        box, names = problem.box, problem.box.names
        inner = (ends[0] > box.low) | (ends[1] < box.high)  # not the whole range
        told = (best.determined & inner) | (best.ends != 0)
        lower, upper, low, high = (
            box.quantities(point) for point in (*ends, box.low, box.high)
        )
        return cls(
            box.model(best.x),
            box.quantities(best.x) | {n: box.start.parameters[n] for n in waiting},
            {
                n: (lower[n], upper[n]) if ok else None
                for n, ok in zip(names, told, strict=True)
            }
            | dict.fromkeys(waiting),
            problem.level,
            method,
            problem.measured,
            problem.curve(best.x[None])[0],
            float(2 * best.cost * (1.0 if problem.known else problem.sem[0] ** 2)),
            best.freedom,
            problem.known,
            tuple(idle),
            _correlation(best.covariance, names),
            tuple(n for n, end in zip(names, best.ends, strict=True) if end),
            (*(n for n, ok in zip(names, told, strict=True) if not ok), *waiting),
            {n: (low[n], high[n]) for n in names},
            int(problem.predictor.counted.sum()),
            problem.predictor.table,
            problem.predictor.scale,
            dict(problem.predictor.options),
        )

    @property
    def residuals(self) -> np.ndarray:
        """Measured minus predicted [row]."""
        return self.measured - self.predicted

    @property
    def reduced_chi_square(self) -> float:
        """Chi square over degrees of freedom; NaN without errors of the data."""
        return self.chi_square / self.freedom if self.weighted else float("nan")

    @property
    def count(self) -> int:
        """Number of parameters that `aicc` and `bic` count.

        Those that the data determine, scale factors, those at a bound of the search, and,
        without errors of the data, the size of the noise.
        """
        found = self.data - self.freedom + len(self.at_bound)
        return found + (not self.weighted)

    @property
    def deviance(self) -> float:
        """Minus twice the largest log likelihood of normal errors, up to a constant of
        the data."""
        if self.weighted:
            return self.chi_square
        return self.data * float(np.log(max(self.chi_square, 1e-300) / self.data))

    @property
    def aicc(self) -> float:
        """Akaike's criterion for few data (burnham2002model, section 2.4).

        Infinite where there are too few data for so many parameters. Only differences
        between models of the same data mean anything; smaller is better.
        """
        left = self.data - self.count - 1
        if left <= 0:
            return float("inf")
        return self.deviance + 2 * self.count * self.data / left

    @property
    def bic(self) -> float:
        """Bayesian criterion (schwarz1978estimating), likewise."""
        return self.deviance + self.count * float(np.log(self.data))

    def plot(self, *others: Fit) -> Figure:
        """Return a figure of the data with error bars, the fit and its residuals.

        Args:
            others: fits to the same data, which are drawn too.

        Raises:
            FwpError: a fit to other data.
        """
        # draws, which nothing else here does
        from .fitting_plot import figure_of  # noqa: PLC0415

        return figure_of(named_fits([self, *others]))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: criteria, parameters and their intervals."""
        head, *lines = self.report().splitlines()
        rows = [(name, short(value), self._ends(name)) for name, value in
                self.parameters.items()]  # fmt: skip
        told = [line for line in lines if not line.startswith("  ")]
        return html_text.page(
            head, html_text.table(("parameter", "value", "interval"), rows),
            *map(html_text.line, told),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        values = ", ".join(f"{n}={short(v)}" for n, v in self.parameters.items())
        told = "chi2" if self.weighted else "sum of squares"
        return short_reprs.screen(
            f"<Fit of {self.model.name}: {values}; {told} {self.chi_square:.4g} with "
            f"{self.freedom} degrees of freedom>"
        )

    def report(self) -> str:
        """Return the fit in words and numbers."""
        what = "chi square" if self.weighted else "sum of squares"
        rows = len(self.measured)
        lines = [
            f"{self.model.name}, started from {self.model.parameter_set!r}: {what} "
            f"{self.chi_square:.4g} with {self.freedom} degrees of freedom, {rows} rows"
        ]
        if self.data < rows:
            lines.append(
                f"{rows - self.data} first responses are 1 by definition and no data"
            )
        reduced = f"chi2/dof {self.reduced_chi_square:.4g}, " if self.weighted else ""
        noise = "" if self.weighted else ", one of them the size of the noise,"
        lines.append(
            f"{reduced}AICc {self.aicc:.4g}, BIC {self.bic:.4g} ({self.count} parameters"
            f"{noise} of {self.data} data)"
        )
        for name, value in self.parameters.items():
            line = f"  {name:12}{short(value):>12}   {self._ends(name)}"
            if name in self.searched:
                low, high = map(short, self.searched[name])
                line += f"; searched {low} to {high}"
            lines.append(line)
        lines.append(f"intervals: {self.method}")
        if self.correlation[0] > 0.95:
            lines.append(
                f"{self.correlation[1]} are correlated ({self.correlation[0]:.3f}): "
                "these data hardly tell them apart"
            )
        if self.at_bound:
            lines.append(f"at a bound of the search: {', '.join(self.at_bound)} (not "
                         "counted as free)")  # fmt: skip
        if self.without_effect:
            lines.append(
                f"without effect on these data: {', '.join(self.without_effect)}"
            )
        return "\n".join(lines)

    def _ends(self, name: str) -> str:
        """Return the interval of a parameter in words."""
        if self.interval[name] is None:
            return "not determined by these data"
        low, high = map(short, self.interval[name])
        return f"{self.level:.0%}: {low} to {high}"

    def record(self) -> dict:
        """Return the fit as plain numbers, lists and texts in SI units, as JSON takes
        them."""

        def pair(values):
            return None if values is None else [float(value) for value in values]

        return {
            "model": self.model.name,
            "parameter_set": self.model.parameter_set,
            "parameters": {
                name: {
                    "value": float(value), "unit": unit_of(value),
                    "interval": pair(self.interval[name]),
                    "searched": pair(self.searched.get(name)),
                    "at_bound": name in self.at_bound,
                }
                for name, value in self.parameters.items()
            },
            "level": self.level, "method": self.method, "weighted": self.weighted,
            "chi_square": self.chi_square, "freedom": self.freedom, "data": self.data,
            "count": self.count, "chi_square_per_freedom": _finite(
                self.reduced_chi_square),
            "AICc": _finite(self.aicc), "BIC": self.bic, "scale": self.scale,
            "without_effect": list(self.without_effect),
            "measured": self.measured.tolist(), "predicted": self.predicted.tolist(),
        }  # fmt: skip


def named_fits(fits) -> dict[str, Fit]:
    """Return fits to the same data by name: of the model, with its set where two are
    alike.

    Raises:
        FwpError: no fits, or fits to different data.
    """
    if not isinstance(fits, Mapping | list | tuple) or not fits:
        raise FwpError(
            f"fits must be a list of results of fit, or a dict of them, got {shown(fits)}"
        )
    values = list(fits.values()) if isinstance(fits, Mapping) else list(fits)
    for value in values:
        if not isinstance(value, Fit):
            raise FwpError(f"fits must hold results of fit, got {shown(value)}")
    names = [value.model.name for value in values]
    if len(set(names)) < len(names):
        names = [f"{value.model.name}/{value.model.parameter_set}" for value in values]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    if isinstance(fits, Mapping):
        names = [str(name) for name in fits]
    found = dict(zip(names, values, strict=True))
    for name, value in found.items():
        _same_data(values[0], value, name)
    return found


def _same_data(one: Fit, other: Fit, name: str) -> None:
    """Raise `FwpError` unless two fits are to the same rows, errors and scale."""
    if one.table is None or other.table is None or one.table.kind != other.table.kind:
        raise FwpError(f"fits must be to the same data: {name!r} is to other ones")
    both = [found.table.columns for found in (one, other) if found.table is not None]
    alike = both[0].keys() == both[1].keys() and all(
        np.array_equal(values, both[1][column]) for column, values in both[0].items()
    )
    if not alike or one.scale != other.scale:
        what = "other data" if not alike else f"the scale {other.scale!r}"
        raise FwpError(
            f"fits must be to the same data, errors and scale: {name!r} has {what}"
        )


def short(value) -> str:
    """Return a number or quantity with four digits."""
    best = getattr(value, "in_best_unit", None)
    return best(precision=4) if best else f"{value:.4g}"


def unit_of(value) -> str:
    """Return the SI unit of a quantity, "" of a number."""
    if not isinstance(value, b2.Quantity) or b2.have_same_dimensions(value, 1):
        return ""
    return repr(b2.get_unit(value.dim))


def _finite(number: float) -> float | None:
    return number if np.isfinite(number) else None


def _correlation(spread: np.ndarray, names: Sequence[str]) -> tuple[float, str]:
    size = np.sqrt(np.diag(spread))
    table = np.abs(spread / np.maximum(np.outer(size, size), 1e-300))
    table = np.tril(table, -1)
    i, j = map(int, np.unravel_index(np.argmax(table), table.shape))
    return float(table[i, j]), f"{names[i]} and {names[j]}"
