"""Least squares over a box, for many problems at once.

Levenberg-Marquardt steps, clipped to the box. One call follows a batch of problems side
by side:
the starts of a search, the repetitions of a bootstrap, the points of a profile.
Derivatives are central differences, so that one evaluation of the model for many
parameter sets gives them all. Every coordinate of the box is scaled to about 1 (see
`fwp_neuro.synapses.fitting_ranges`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_STEP = 1e-4  # of central differences: errors of 1e-8 by curvature, of 1e-12 by rounding
_LONGEST = 3.0  # step of one iteration in a coordinate that is a logarithm


def cost(residuals: np.ndarray) -> np.ndarray:
    """Return half the sum of squares [problem]; infinite where the model has no
    answer."""
    with np.errstate(all="ignore"):
        found = 0.5 * np.sum(residuals**2, axis=1)
    return np.where(np.isfinite(found), found, np.inf)


def jacobian(residuals: Callable, x, which, low, high) -> np.ndarray:
    """Return the derivatives of the residuals [problem, row, coordinate].

    Args:
        residuals: (points [problem, coordinate], numbers of their problems) -> [problem,
            row].
        x: points [problem, coordinate].
        which: numbers of the problems [problem].
        low, high: the box [problem, coordinate]; no point outside it is asked for.
    """
    problems, size = x.shape
    ends = np.minimum(x + _STEP, high), np.maximum(x - _STEP, low)
    points = np.repeat(x, 2 * size, axis=0).reshape(problems, size, 2, size)
    for side, end in enumerate(ends):
        points[:, np.arange(size), side, np.arange(size)] = end
    found = residuals(points.reshape(-1, size), np.repeat(which, 2 * size))
    found = found.reshape(problems, size, 2, -1)
    apart = np.where(ends[0] > ends[1], ends[0] - ends[1], np.inf)
    slope = (found[:, :, 0] - found[:, :, 1]) / apart[:, :, None]
    return np.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0).transpose(0, 2, 1)


def minimise(
    residuals: Callable, x, low, high, logarithmic, exact: float = 1e-9, most: int = 80
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points where each problem's sum of squares ends [problem, coordinate],
    and costs.

    Args:
        residuals: see `jacobian`.
        x: starts [problem, coordinate].
        low, high: the box [problem, coordinate]; where both are equal the coordinate is
            held.
        logarithmic: whether a coordinate is a logarithm [coordinate]; its steps are
            limited.
        exact: a problem ends when a step moves no coordinate by more.
        most: iterations.
    """
    x, low, high = np.clip(x, low, high), *np.broadcast_arrays(low, high)
    low, high = (np.broadcast_to(end, x.shape) for end in (low, high))
    problems, size = x.shape
    value = residuals(x, np.arange(problems))
    best, damping = cost(value), np.full(problems, 1e-2)
    normal, gradient = np.zeros((problems, size, size)), np.zeros((problems, size))
    scale, stale = np.full((problems, size), 1e-12), np.ones(problems, dtype=bool)
    going = np.isfinite(best)
    for _ in range(most):
        now = np.flatnonzero(going)
        if not len(now):
            break
        fresh = now[stale[now]]
        if len(fresh):
            slope = jacobian(residuals, x[fresh], fresh, low[fresh], high[fresh])
            normal[fresh] = slope.transpose(0, 2, 1) @ slope
            gradient[fresh] = np.einsum("brp,br->bp", slope, value[fresh])
            scale[fresh] = np.maximum(
                scale[fresh], np.diagonal(normal[fresh], axis1=1, axis2=2)
            )
            stale[fresh] = False
        held = (low[now] >= high[now]) | ((x[now] <= low[now]) & (gradient[now] > 0))
        held |= (x[now] >= high[now]) & (gradient[now] < 0)
        step = _step(normal[now], gradient[now], held, damping[now, None] * scale[now])
        step = np.where(logarithmic, np.clip(step, -_LONGEST, _LONGEST), step)
        point = np.clip(x[now] + step, low[now], high[now])
        moved = np.abs(point - x[now]).max(axis=1)
        tried = residuals(point, now)
        after = cost(tried)
        better = after < best[now]
        gained = best[now] - after
        won, lost = now[better], now[~better]
        small = better & (gained <= 1e-13 * best[now])
        x[won], value[won], best[won] = point[better], tried[better], after[better]
        stale[won] = True
        damping[won] = np.maximum(damping[won] / 10, 1e-10)
        damping[lost] *= 6
        going[now[(moved < exact) | small]] = False
        going[lost[damping[lost] > 1e9]] = False
    return x, best


def _step(normal, gradient, held, damping) -> np.ndarray:
    """Return the damped step of each problem in the coordinates that are not held."""
    free = ~held
    matrix = normal * (free[:, :, None] & free[:, None, :])
    at = np.arange(normal.shape[1])
    matrix[:, at, at] += np.where(free, damping, 1.0)
    return -np.linalg.solve(matrix, (gradient * free)[:, :, None])[:, :, 0]
