"""From the gains of one token to the rates of one window, for the integrator that really
runs.

A window of n Euler steps of dw/dt = -decay w + (drive - erase u) s, u = W x, overlap
kappa = x.s:

    off the direction s :  f   = 1 - dt decay              after n steps: f^n
    along s             :  f_s = f - dt erase kappa        after n steps: f_s^n
    what is written     :  dt drive (1 - f_s^n) / (1 - f_s)

Solving f^n = c, f_s^n = c - e kappa, written = a for the rates makes the window equal the
discrete statement to rounding at any dt ("integrator-aware"). The textbook relation puts
exponentials of the ODE in their place and is therefore off by O(dt) when integrated by
Euler ("exponential"). With an AMPA lag u follows W x through tau du/dt = W x - u; then a
step is a linear map of (u, W x), and ``erase`` is the root for which n steps of that map
erase e along s.
"""

from __future__ import annotations

import numpy as np

from ...errors import FwpError

RELATIONS = ("integrator-aware", "exponential")
_TINY = 1e-12
#: why a first-order write has a strength below 1
NEVER_PAST = (
    "has no first-order continuous counterpart while the teacher is fixed at the value "
    "(a write moves toward it and never past it, several writes along one key multiply "
    "positive factors, and a loop that is stopped at its overshoot stays below 2)"
)


def check(numbers: dict[str, np.ndarray], line: str, side: str | None = "pre") -> None:
    """Refuse gains that no first-order continuous dynamics can reach with a teacher that
    is fixed at the value.

    Raises:
        FwpError: decay factor <= 0, or c - e kappa <= 0 (for the delta rule beta*|k|^2 >=
            1).
    """
    letter, word = ("v", "value") if side == "post" else ("k", "key")
    keep, left = numbers["keep"], numbers["keep"] - numbers["erase"] * numbers["overlap"]
    for bad, name, why in (
        (keep, "decay factor", "a factor <= 0 needs an infinitely fast turnover; raise "
                               "it"),
        (
            left,
            f"1 - beta*|{letter}|^2",
            f"beta*|{letter}|^2 >= 1 {NEVER_PAST}; lower the write strength or the "
            f"{word} norm, use write='held_target'",
        ),
    ):  # fmt: skip
        if (bad <= _TINY).any():
            token, head = np.argwhere(bad <= _TINY)[0][:2]
            value = bad[token, head].min()
            raise FwpError(
                f"statement {line!r}, token {token}: {name} is {value:.4g} where the "
                f"circuit needs > 0: {why}, or use dynamics='event'"
            )


#: the part of an error that a window may take away where a prediction is held
_MOST_TAKEN = 0.9


def held(
    numbers: dict[str, np.ndarray], kind: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the numbers of a phase whose prediction is sampled and held, and the gain
    on the held prediction.

    The sum y0 that a window starts with is held over it, and what is written is driven
    by a - (e - e') y0 with a smaller gain e' on the sum itself. For any e' the window
    ends at the statement, also where e kappa >= 1 (beta |k|^2 of the delta rule).

    Args:
        numbers: from `ode_windows.evaluate`.
        kind: "held_target": e' is e, and where e kappa is above .9 the gain of that (for
            the delta rule the teacher is over-driven to y0 + (e/e')(v - y0)).
            "held_error": e' is 0, so that the error at the start is written as it is.
    """
    gain = numbers["erase"]
    part = np.zeros_like(gain * numbers["overlap"])
    if kind == "held_target":
        most = _MOST_TAKEN * numbers["keep"]
        share = gain * numbers["overlap"]
        part = np.where(share > most, most / np.where(share > most, share, 1), 1.0)
    smaller = gain * part
    return {**numbers, "erase": smaller}, gain - smaller


def rates(
    numbers: dict[str, np.ndarray],
    steps: int,
    dt: float,
    relation: str,
    lag: float | None = None,
) -> dict[str, np.ndarray]:
    """Return the rates of one phase for the integrator that runs it.

    Everything is computed from logarithms of the factors (expm1, log1p), so that gains
    near 0 and decays near 1 keep their full precision.

    Args:
        numbers: from `ode_windows.evaluate`, each [token, head, 1 or dim].
        steps: Euler steps in the window.
        dt: time step in seconds.
        relation: "integrator-aware" or "exponential".
        lag: AMPA time constant in seconds, or None for none.

    Returns:
        ``decay`` and ``erase`` (1/s), and ``written`` (s): what a drive of 1/s writes in
        a window, so that the drive rate is drive / written. [token, head, 1 or dim]
    """
    keep, gain, kappa = (numbers[name] for name in ("keep", "erase", "overlap"))
    # part of what is left by the decay that is erased along s
    share = gain * kappa / keep
    log_keep, log_left = np.log(keep), np.log1p(-share)
    log_target = log_keep + log_left  # c - e kappa
    window = steps * dt
    if relation == "exponential":
        erase = gain / keep * _ratio(-log_left, share, 1.0) / window
        written = window * _ratio(np.expm1(log_target), log_target, 1.0)
        return {"decay": -log_keep / window, "erase": erase, "written": written}
    decay = -np.expm1(log_keep / steps) / dt
    if lag is not None and (gain != 0).any():
        erase, written = _lagged(keep, gain, kappa, steps, dt, dt / lag)
        return {"decay": decay, "erase": erase, "written": written}
    f = np.exp(log_keep / steps)
    erase = gain / keep * f * _ratio(-np.expm1(log_left / steps), share, 1 / steps) / dt
    written = dt * _ratio(np.expm1(log_target), np.expm1(log_target / steps), steps)
    return {"decay": decay, "erase": erase, "written": written}


def _ratio(above: np.ndarray, below: np.ndarray, limit: float) -> np.ndarray:
    """above / below, and the limit where both vanish."""
    zero = below == 0
    return np.where(zero, limit, above / np.where(zero, 1, below))


def _lagged(keep, gain, kappa, steps, dt, h):
    """Erase rate, and what a drive of 1/s writes, for sums u that start settled on W
    x."""
    keep, gain, kappa = np.broadcast_arrays(keep, gain, kappa)
    f = np.exp(np.log(keep) / steps)
    one = np.zeros((*keep.shape, 4, 4))  # a step of (u, W x, change of W along s, 1)
    one[..., 0, 0], one[..., 0, 1] = 1 - h, h
    one[..., 1, 1], one[..., 2, 2], one[..., 3, 3] = f, f, 1
    one[..., 1, 3], one[..., 2, 3] = dt * kappa, dt

    def window(erase):
        """What a window adds along s for W x = 1 without a drive; and for a drive of 1/s
        alone."""
        one[..., 1, 0], one[..., 2, 0] = -erase * dt * kappa, -erase * dt
        change = np.linalg.matrix_power(one, steps)[..., 2, :]
        return change[..., 0] + change[..., 1], change[..., 3]

    def short(erase):
        return (window(erase)[0] + gain) * gain > 0  # erases less than wanted

    low, high = np.zeros(keep.shape), gain / f ** (steps - 1) / (steps * dt)
    for _ in range(30):
        less = short(high)
        if not less.any():
            break
        high = np.where(less, 1.3 * high, high)
    else:
        token = np.argwhere(less)[0][0]
        raise FwpError(
            f"token {token}: no write rate erases {(gain * kappa)[less][0]:.4g} within a "
            f"window of {steps * dt:g} s behind an AMPA lag of {dt / h:g} s: lengthen "
            "the window"
        )
    for _ in range(60):
        middle = (low + high) / 2
        less = short(middle)
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return high, window(high)[1]
