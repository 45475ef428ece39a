"""What a fit found, and its report in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .fitting_intervals import Optimum, Problem
from .synapse_class import Synapse


@dataclass(frozen=True)
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
        )

    @property
    def residuals(self) -> np.ndarray:
        """Measured minus predicted [row]."""
        return self.measured - self.predicted

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


def short(value) -> str:
    """Return a number or quantity with four digits."""
    best = getattr(value, "in_best_unit", None)
    return best(precision=4) if best else f"{value:.4g}"


def _correlation(spread: np.ndarray, names: Sequence[str]) -> tuple[float, str]:
    size = np.sqrt(np.diag(spread))
    table = np.abs(spread / np.maximum(np.outer(size, size), 1e-300))
    table = np.tril(table, -1)
    i, j = map(int, np.unravel_index(np.argmax(table), table.shape))
    return float(table[i, j]), f"{names[i]} and {names[j]}"
