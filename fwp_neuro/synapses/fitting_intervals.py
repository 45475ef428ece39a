"""Intervals of fitted parameters: from the covariance, the profile, or a bootstrap.

All work in the coordinates of the search (logarithms of positive parameters) and in units
of the noise: 1 where errors are given, else the residuals' own size with as many degrees
of freedom.

covariance  the optimum plus and minus a normal (without errors: Student) quantile of standard
            errors from (J^T J)^-1.
profile     where the sum of squares, minimised over all other parameters, has risen by the square
            of that quantile (Venzon & Moolgavkar 1988, Appl. Stat. 37:87).
bootstrap   the profile's interval with quantiles from tables that are drawn from the fitted curve
            plus noise: of each the signed root of the rise of its sum of squares at the
            truth, in units of its own noise (DiCiccio, Martin & Stern 2001, Can. J. Stat.
            29:67). A plain percentile interval of so few data is too narrow, one from
            errors in units of their standard errors held decay times of paired pulses in
            92 % of tables only.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from .fitting_predict import Predictor
from .fitting_ranges import Box
from .fitting_search import cost, jacobian, minimise

# singular value, against the largest, below which a direction is not determined
_NULL = 1e-6
_PART = 1e-3  # share of a parameter in such a direction from which it takes part


@dataclass(frozen=True)
class Problem:
    """Least squares of one table: weighted residuals of points in a box.

    Attributes:
        predictor: predictions for parameters in SI units.
        box: the coordinates.
        measured: [row].
        sem: standard errors [row], or the size of the data.
        known: whether these are given.
        level: probability of intervals.
    """

    predictor: Predictor
    box: Box
    measured: np.ndarray
    sem: np.ndarray
    known: bool
    level: float

    def curve(self, x, measured=None) -> np.ndarray:
        """Return predictions at points [point, row]."""
        measured = self.measured if measured is None else measured
        found = self.predictor(self.box.numbers(x))
        return self.predictor.scaled(found, measured, self.sem**-2.0)

    def residuals(self, x, which=None, measured=None) -> np.ndarray:
        """Return weighted residuals at points [point, datum].

        ``measured`` [problem, row] are tables of which ``which`` [point] are taken.
        """
        measured = self.measured if measured is None else measured[which]
        found = (self.curve(x, measured) - measured) / self.sem
        return found[:, self.predictor.counted]

    def minimise(
        self, x, low=None, high=None, measured=None, exact: float = 1e-9, most: int = 80
    ):
        """Return the optima from starts [problem, coordinate], and their costs."""
        low = self.box.low if low is None else low
        high = self.box.high if high is None else high
        return minimise(
            lambda points, which: self.residuals(points, which, measured),
            x, low, high, self.box.logarithmic, exact, most,
        )  # fmt: skip

    def slopes(self, x, measured=None) -> np.ndarray:
        """Return the derivatives of the residuals at points [point, datum,
        coordinate]."""
        low, high = (
            np.broadcast_to(end, x.shape) for end in (self.box.low, self.box.high)
        )
        return jacobian(
            lambda points, which: self.residuals(points, which, measured),
            x, np.arange(len(x)), low, high,
        )  # fmt: skip

    def quantile(self, freedom: int) -> float:
        """Return how many standard errors an interval reaches to either side."""
        return float((norm.ppf if self.known else t(freedom).ppf)(0.5 + self.level / 2))


@dataclass(frozen=True)
class Optimum:
    """What is known of an optimum.

    Attributes:
        x: [coordinate].
        cost: half the sum of squares.
        ends: -1 or 1 for parameters at a bound, which are not free there [coordinate].
        determined: whether the data fix a parameter that is at no bound [coordinate].
        covariance: of these, in units of the noise; 0 elsewhere [coordinate, coordinate].
        freedom: data minus directions that they determine (and factors).
        noise: size of the errors in units of ``sem``.
    """

    x: np.ndarray
    cost: float
    ends: np.ndarray
    determined: np.ndarray
    covariance: np.ndarray
    freedom: int
    noise: float

    @property
    def errors(self) -> np.ndarray:
        """Standard errors [coordinate]."""
        return self.noise * np.sqrt(np.diag(self.covariance))


def examine(problem: Problem, x: np.ndarray) -> Optimum:
    """Return which parameters the data determine at an optimum, and how well."""
    ends = problem.box.ends(x)
    slope = problem.slopes(x[None])[0]
    determined, covariance, rank = resolve(slope, ends == 0)
    data = int(problem.predictor.counted.sum())
    freedom = data - rank - len(problem.predictor.factors)
    lowest = float(cost(problem.residuals(x[None]))[0])
    noise = 1.0 if problem.known else np.sqrt(2 * lowest / max(freedom, 1))
    return Optimum(x, lowest, ends, determined, covariance, freedom, noise)


def resolve(slope: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return which parameters derivatives determine, their covariance, and the rank.

    The columns of ``slope`` [datum, coordinate], which are derivatives by logarithms (or
    by signed parameters in units of their size) of data in units of their errors, are
    scaled to length 1. What takes part in a direction without singular value is not
    determined.
    """
    size = len(free)
    length = np.linalg.norm(slope, axis=0)
    felt = free & (length > 1e-8 * max(length.max(initial=0), 1e-300))
    places = np.flatnonzero(felt)
    determined, covariance = np.zeros(size, dtype=bool), np.zeros((size, size))
    if not len(places):
        return determined, covariance, 0
    _, values, directions = np.linalg.svd(
        slope[:, places] / length[places], full_matrices=False
    )
    seen = values > _NULL * values[0]
    null = 1 - (directions[seen] ** 2).sum(0)  # squared share of what no direction sees
    inside = places[null < _PART**2]
    determined[inside] = True
    part = directions[seen] / values[seen, None]
    whole = (part.T @ part) / np.outer(length[places], length[places])
    keep = np.isin(places, inside)
    covariance[np.ix_(inside, inside)] = whole[np.ix_(keep, keep)]
    return determined, covariance, int(seen.sum())


def by_covariance(problem: Problem, best: Optimum) -> np.ndarray:
    """Return the ends of the intervals [lower or upper, coordinate], within the box."""
    step = problem.quantile(best.freedom) * best.errors
    return np.clip([best.x - step, best.x + step], problem.box.low, problem.box.high)


def by_profile(
    problem: Problem, best: Optimum, which: np.ndarray, aims=None
) -> np.ndarray:
    """Return the ends of the profile-likelihood intervals [lower or upper, coordinate].

    Only for coordinates ``which`` [coordinate]; the others keep the optimum. An end that
    the data do not fix is the bound. ``aims`` [lower or upper, coordinate] is how far the
    root of the rise of the sum of squares goes, in units of the noise; the normal or
    Student quantile if None.
    """
    box, places = problem.box, np.flatnonzero(which)
    ends = np.repeat(best.x[None], 2, axis=0)
    if not len(places):
        return ends
    tasks = [(s, p) for p in places for s in (0, 1)]
    side, place = (np.array(column) for column in zip(*tasks, strict=True))
    aims = np.full(ends.shape, problem.quantile(best.freedom)) if aims is None else aims
    aim = aims[side, place]
    rows, sign = np.arange(len(tasks)), np.where(side, 1.0, -1.0)
    bound = np.where(side, box.high[place], box.low[place])
    room = np.abs(bound - best.x[place])
    guess = np.where(best.errors[place] > 0, aim * best.errors[place], room / 20)
    near, far = np.zeros(len(tasks)), np.full(len(tasks), np.inf)
    rise_near, rise_far = np.zeros(len(tasks)), np.full(len(tasks), np.inf)
    x, at = np.repeat(best.x[None], len(tasks), axis=0), np.minimum(guess, room)
    open_ = room > 0
    for _ in range(30):
        now = rows[open_]
        if not len(now):
            break
        held = x[now].copy()
        held[np.arange(len(now)), place[now]] = (best.x[place] + sign * at)[now]
        low, high = (
            np.repeat(end[None], len(now), axis=0) for end in (box.low, box.high)
        )
        low[np.arange(len(now)), place[now]] = high[np.arange(len(now)), place[now]] = (
            held[np.arange(len(now)), place[now]]
        )
        x[now], costs = problem.minimise(held, low, high, exact=1e-6)
        rise = np.sqrt(2 * np.maximum(costs - best.cost, 0)) / max(best.noise, 1e-300)
        below = rise < aim[now]
        up, down = now[below], now[~below]
        near[up], rise_near[up] = at[up], rise[below]
        far[down], rise_far[down] = at[down], rise[~below]
        open_[now[np.abs(rise - aim[now]) < 2e-3 * aim[now]]] = False
        open_[up[at[up] >= room[up]]] = False  # flat up to the bound
        open_ &= ~(far - near < 1e-6 * np.maximum(far, 1e-6))
        stop = at.copy()
        at = _next(near, far, rise_near, rise_far, aim, room)
        at = np.where(open_, at, stop)
    ends[side, place] = best.x[place] + sign * np.minimum(at, room)
    return ends


def _next(near, far, rise_near, rise_far, aim, room) -> np.ndarray:
    """Return where to look next: further out, or between two points by the rise, almost
    linear."""
    with np.errstate(all="ignore"):
        further = near * np.clip(1.1 * aim / np.maximum(rise_near, 1e-9), 1.3, 4)
        share = (aim - rise_near) / (rise_far - rise_near)
        between = near + np.clip(np.where(np.isfinite(share), share, 0.5), 0.05, 0.95) * (
            far - near
        )
    return np.minimum(
        np.where(np.isfinite(far), between, np.maximum(further, 1e-9)), room
    )


def by_bootstrap(problem: Problem, best: Optimum, repeats: int, rng) -> np.ndarray:
    """Return the ends of the bootstrap intervals [lower or upper, coordinate], within the
    box."""
    curve, places = problem.curve(best.x[None])[0], np.flatnonzero(best.determined)
    drawn = curve + best.noise * problem.sem * rng.standard_normal((repeats, len(curve)))
    starts = np.repeat(best.x[None], repeats, axis=0)
    found, costs = problem.minimise(starts, measured=drawn, exact=1e-4)
    noise = np.ones(repeats) if problem.known else np.sqrt(2 * costs / best.freedom)
    aims = np.full((2, len(best.x)), problem.quantile(best.freedom))
    for place in places:  # the tables that were drawn have the optimum for their truth
        off = found[:, place] - best.x[place]
        along = best.covariance[place] / best.covariance[place, place]
        held = np.clip(found - off[:, None] * along, problem.box.low, problem.box.high)
        held[:, place] = best.x[place]
        low, high = (np.repeat(end[None], repeats, axis=0) for end in
                     (problem.box.low, problem.box.high))  # fmt: skip
        low[:, place] = high[:, place] = best.x[place]
        more = problem.minimise(held, low, high, drawn, exact=1e-3)[1] - costs
        root = np.sign(off) * np.sqrt(2 * np.maximum(more, 0)) / np.maximum(noise, 1e-300)
        share = 0.5 + np.array([problem.level, -problem.level]) / 2
        aims[:, place] = np.quantile(root, share, method="weibull") * [1, -1]
    return by_profile(problem, best, best.determined, np.maximum(aims, 0.1))
