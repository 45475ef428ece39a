"""From the gains of one token to the rates of one window, for the integrator that really runs.

A window of n Euler steps of dw/dt = -decay w + (drive - erase u) s, u = W x, overlap kappa = x.s:

    off the direction s :  f   = 1 - dt decay              after n steps: f^n
    along s             :  f_s = f - dt erase kappa        after n steps: f_s^n
    what is written     :  dt drive (1 - f_s^n) / (1 - f_s)

Solving f^n = c, f_s^n = c - e kappa, written = a for the rates makes the window equal the discrete
statement to rounding at any dt ("integrator-aware"). The textbook relation puts exponentials of the
continuous ODE in their place and is therefore off by O(dt) when integrated by Euler ("exponential").
With an AMPA lag u follows W x through tau du/dt = W x - u; then (u, W x) obey a 2 x 2 linear map a
step, and ``erase`` is the root for which n steps of that map give c - e kappa.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from ..errors import FwpError

RELATIONS = ("integrator-aware", "exponential")
_TINY = 1e-12


def check(numbers: dict[str, np.ndarray], line: str) -> None:
    """Refuse gains that no first-order continuous dynamics can reach.

    Raises:
        FwpError: decay factor <= 0, or c - e kappa <= 0 (for the delta rule beta*|k|^2 >= 1).
    """
    keep, left = numbers["keep"], numbers["keep"] - numbers["erase"] * numbers["overlap"]
    for bad, name, why in (
        (keep, "decay factor", "a factor <= 0 needs an infinitely fast turnover"),
        (left, "1 - beta*|k|^2", "beta*|k|^2 >= 1 has no first-order continuous counterpart"),
    ):
        if (bad <= _TINY).any():
            token, head = np.argwhere(bad <= _TINY)[0][:2]
            value = bad[token, head].min()
            raise FwpError(
                f"statement {line!r}, token {token}: {name} is {value:.4g} where the circuit needs > 0: {why}; "
                "lower the write strength or the key norm, or use dynamics='event'"
            )


def rates(
    numbers: dict[str, np.ndarray], steps: int, dt: float, relation: str, lag: float | None = None
) -> dict[str, np.ndarray]:
    """Return decay, erase and drive rates (1/s) for one phase.

    Args:
        numbers: from `phases.evaluate`, each [token, head, 1 or dim].
        steps: Euler steps in the window.
        dt: time step in seconds.
        relation: "integrator-aware" or "exponential".
        lag: AMPA time constant in seconds, or None for none.
    """
    keep, gain, kappa, drive = (numbers[name] for name in ("keep", "erase", "overlap", "drive"))
    target = keep - gain * kappa
    window = steps * dt
    if relation == "exponential":
        decay = -np.log(keep) / window
        total = -np.log(target) / window
        small = np.abs(kappa) < _TINY
        erase = np.where(small, gain / (window * keep), (total - decay) / np.where(small, 1, kappa))
        slow = np.abs(total) < _TINY
        written = np.where(slow, window, (1 - target) / np.where(slow, 1, total))
        return {"decay": decay, "erase": erase, "drive": drive / written}
    f = keep ** (1 / steps)
    decay = (1 - f) / dt
    if lag is not None and (gain * kappa != 0).any():
        erase, written = _lagged(f, target, kappa, steps, dt, dt / lag)
        return {"decay": decay, "erase": erase, "drive": drive / written}
    f_s = target ** (1 / steps)
    small = np.abs(kappa) < _TINY
    limit = gain / (steps * f ** (steps - 1) * dt)
    erase = np.where(small, limit, (f - f_s) / (dt * np.where(small, 1, kappa)))
    return {"decay": decay, "erase": erase, "drive": drive / (dt * _geometric(f_s, steps))}


def _geometric(f: np.ndarray, steps: int) -> np.ndarray:
    """Sum of f^m for m < steps, also at f = 1."""
    one = np.abs(1 - f) < 1e-9
    near = steps + (f - 1) * steps * (steps - 1) / 2
    return np.where(one, near, (1 - f**steps) / np.where(one, 1, 1 - f))


def _lagged(f, target, kappa, steps, dt, h):
    f, target, kappa = np.broadcast_arrays(f, target, kappa)
    erase, written = np.zeros(f.shape), np.zeros(f.shape)
    for at in np.ndindex(f.shape):
        erase[at], written[at] = _lagged_one(f[at], target[at], kappa[at], steps, dt, h)
    return erase, written


def _lagged_one(f, target, kappa, steps, dt, h):
    """Root of the discrete 2 x 2 propagator of (u, W x): u starts settled on W x."""

    def window(erase):
        one = np.array([[1 - h, h], [-erase * dt * kappa, f]])
        power, total = np.eye(2), 0.0
        for _ in range(steps):
            total += power[1, 1]
            power = power @ one
        return power[1].sum(), dt * total

    if abs(kappa) < _TINY or abs(target - f**steps) < _TINY:
        return 0.0, window(0.0)[1]
    first = (f - target ** (1 / steps)) / (dt * kappa)
    high = first
    start = window(0.0)[0] - target
    while (window(high)[0] - target) * start > 0:
        high *= 1.3
        if high > 1e3 * first:
            raise FwpError(
                f"no write rate reaches 1 - beta*|k|^2 = {target:.4g} within a window of {steps * dt:g} s "
                f"behind an AMPA lag of {dt / h:g} s: lengthen the window"
            )
    root = brentq(lambda erase: window(erase)[0] - target, 0.0, high, xtol=1e-14 * high, rtol=1e-14)
    return root, window(root)[1]
