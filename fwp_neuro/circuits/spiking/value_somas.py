"""Integrate-and-fire cells that read out a value, driven through their f-I curve.

    tau dV/dt = E_L - V + drive + [Delta_T exp((V - V_T)/Delta_T) - w] + noise
    [tau_w dw/dt = a (V - E_L)/g_L - w;  w <- w + b/g_L at a spike]

A spike resets V to E_L. "lif" is a leaky integrate-and-fire cell with its threshold at
V_T; "adex", with what is in brackets, is the adaptive exponential cell of Brette &
Gerstner 2005, which spikes at 20 mV. Both have the numbers of that paper. White noise
gives an undisturbed membrane a standard deviation of 4 mV (a choice); without it the
cells of a value would fire as one.

The drive is the one that makes cells fire at the wanted rate in the read window of a
query, measured on the cells themselves: from the value baseline they are stepped to each
drive when what the query recalls arrives, and counted while it is read. So the curve
contains what adaptation leaves of a step by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import mV
from scipy.interpolate import UnivariateSpline

from ...errors import FwpError

#: of the cells
PAPERS = "brette2005adaptive"
#: brette2005adaptive, table 1, but for `fluctuation`, which is a choice
PARAMETERS: dict[str, Any] = {
    "C_m": 281 * b2.pF, "g_L": 30 * b2.nS, "E_L": -70.6 * mV, "V_T": -50.4 * mV,
    "Delta_T": 2 * mV, "tau_w": 144 * b2.ms, "a": 4 * b2.nS, "b": 80.5 * b2.pA,
    "V_peak": 20 * mV, "fluctuation": 4 * mV,
}  # fmt: skip
#: drives of a curve, and wanted rates up to so many times that of the value baseline
_LEVELS, MOST, _STEPS = 40, 3.0, 600
#: cells of the first curve; spikes of the second one at the value baseline
_FEW, _SPIKES, _CELLS = 200, 20000, 4000
_SETTLED = 0.6


@dataclass(frozen=True)
class FiringCurve:
    """How integrate-and-fire cells answer a drive.

    Attributes:
        drives: in volts, that make cells fire at (n + 1/2) `step`, n = 0, 1, ...
        step: Hz.
        baseline, adaptation: drive, and mean w, at the value baseline, volts.
        fano: variance over mean of the spikes of a cell in the read window there; 1 for
            Poisson cells.
    """

    drives: np.ndarray
    step: float
    baseline: float
    adaptation: float
    fano: float


def numbers() -> dict[str, Any]:
    """Return what the equations of the cells need."""
    p = PARAMETERS
    tau = p["C_m"] / p["g_L"]
    return {
        "soma_tau": tau, "soma_rest": p["E_L"], "soma_knee": p["V_T"],
        "soma_width": p["Delta_T"], "soma_slow": p["tau_w"],
        "soma_share": float(p["a"] / p["g_L"]), "soma_jump": p["b"] / p["g_L"],
        "soma_peak": p["V_peak"], "soma_noise": p["fluctuation"],
    }  # fmt: skip


def somas(kind: str) -> tuple[str, str, str]:
    """Return equations, threshold and reset of a "lif" or an "adex" cell, which has a
    variable ``drive``."""
    adaptive = kind == "adex"
    more = " + soma_width*exp((V - soma_knee)/soma_width) - w" * adaptive
    lines = [f"dV/dt = (soma_rest - V + drive{more})/soma_tau"
             " + soma_noise*sqrt(2/soma_tau)*xi : volt"]  # fmt: skip
    if not adaptive:
        return lines[0], "V > soma_knee", "V = soma_rest"
    lines += ["dw/dt = (soma_share*(V - soma_rest) - w)/soma_slow : volt"]
    return "\n".join(lines), "V > soma_peak", "V = soma_rest\nw += soma_jump"


class _Cells:
    """The same cells in NumPy, stepped as Brian2 does (Euler)."""

    def __init__(self, kind: str, dt: float, shape, rng):
        self.n = {name: float(value) for name, value in numbers().items()}
        self.adaptive, self.dt, self.rng = kind == "adex", dt, rng
        self.V = start_voltages(rng, shape)
        self.w = np.zeros(shape)

    def count(self, drive, steps: int) -> np.ndarray:
        """Return how often each cell fires in so many steps with this drive."""
        n, fired = self.n, np.zeros(self.V.shape)
        kick = n["soma_noise"] * np.sqrt(2 * self.dt / n["soma_tau"])
        peak = n["soma_peak" if self.adaptive else "soma_knee"]
        for _ in range(steps):
            pull = n["soma_rest"] - self.V + drive
            if self.adaptive:
                pull += n["soma_width"] * np.exp((self.V - n["soma_knee"])
                                                 / n["soma_width"]) - self.w  # fmt: skip
                change = n["soma_share"] * (self.V - n["soma_rest"]) - self.w
                self.w += self.dt / n["soma_slow"] * change
            self.V += self.dt / n["soma_tau"] * pull
            self.V += kick * self.rng.standard_normal(self.V.shape)
            above = self.V > peak
            self.V[above] = n["soma_rest"]
            self.w[above] += n["soma_jump"] * self.adaptive
            fired += above
        return fired


def start_voltages(rng, shape) -> np.ndarray:
    """Return voltages between reset and threshold, so that cells are out of step."""
    low, high = (float(PARAMETERS[name]) for name in ("E_L", "V_T"))
    return rng.uniform(low, high, shape)


def _largest(kind: str, rate: float, dt: float) -> float:
    """Return a drive that makes cells fire faster than `MOST` times the rate, volts."""
    n = {name: float(value) for name, value in numbers().items()}
    free = 1 / (MOST * rate)
    if free < 4 * dt:
        raise FwpError(
            f"SpikingValues rate={rate:.4g} Hz is too fast for integrate-and-fire cells, "
            f"which must fire {MOST:g} times as fast, once in four time steps dt="
            f"{dt * 1000:.4g} ms at most: lower it, or take a smaller dt"
        )
    over = (n["soma_knee"] - n["soma_rest"]) / (1 - np.exp(-free / n["soma_tau"]))
    slow = n["soma_jump"] * n["soma_slow"] * MOST * rate if kind == "adex" else 0.0
    return 1.3 * (over + slow) + 0.01


@lru_cache(maxsize=32)
def firing_curve(
    kind: str, rate: float, dt: float, before: int, window: int
) -> FiringCurve:
    """Return the curve of cells that fire at ``rate`` Hz at the value baseline.

    Args:
        kind: "lif" or "adex"; dt: in s.
        before, window: time steps from the step to the read window, and of the read
            window.

    Raises:
        FwpError: cells cannot fire that fast.

    Example:
        >>> firing_curve("lif", 50.0, 1e-3, 50, 100).fano < 0.7
        True
    """
    rng, settled = np.random.default_rng(0), round(_SETTLED / dt)
    levels = np.linspace(-0.01, _largest(kind, rate, dt), _LEVELS)
    few = _Cells(kind, dt, (_LEVELS, _FEW), rng)
    few.count(levels[:, None], settled // 2)
    steady = few.count(levels[:, None], settled).mean(1) / (settled * dt)
    baseline = _drives(levels, steady, steady / (settled * dt * _FEW), [rate])[0]
    each = int(np.clip(_SPIKES / (rate * window * dt), _FEW, _CELLS))
    one = _Cells(kind, dt, (each,), rng)
    one.count(baseline, settled)
    adaptation = float(one.w.mean())
    many = _Cells(kind, dt, (_LEVELS + 1, each), rng)
    many.V, many.w = (np.tile(each, (_LEVELS + 1, 1)) for each in (one.V, one.w))
    drive = np.append(levels, baseline)[:, None]
    many.count(drive, before)
    counts = many.count(drive, window)
    found = counts.mean(1) / (window * dt)
    spread = counts.var(1) / each / (window * dt) ** 2
    step = MOST * rate / _STEPS
    wanted = (np.arange(_STEPS) + 0.5) * step
    return FiringCurve(_drives(levels, found[:-1], spread[:-1], wanted), step,
                       float(baseline), adaptation,
                       float(counts[-1].var() / counts[-1].mean()))  # fmt: skip


def _drives(levels, rates, variance, wanted) -> np.ndarray:
    """Return the drives at which a curve that was measured reaches the wanted rates."""
    # a level that counted next to no spikes says no more than its neighbours
    least = np.median(variance[rates > 0]) / 4
    curve = UnivariateSpline(levels, rates, w=1 / np.sqrt(np.maximum(variance, least)),
                             s=len(levels))  # fmt: skip
    fine = np.linspace(levels[0], levels[-1], 4000)
    rising = np.maximum.accumulate(np.maximum(curve(fine), 0))
    # steps of nothing, so that each rate has one drive
    return np.interp(wanted, rising + 1e-9 * np.arange(len(fine)), fine)
