"""What a protocol does to the efficacy rho of Graupner & Brunel: analytic, and
simulated."""

from __future__ import annotations

import math

import numpy as np

from ...errors import pick
from ...validation import generator, whole
from ..calcium_thresholds import calcium_events, segments
from ..pairing import bursts, takes_bursts
from ..synapse_class import Synapse

WAYS = ("analytic", "simulation")
#: longest step of the cubic term, in units of tau: an RK4 step of that length is exact to
#: 1e-8
_STEP = 0.1


def course(
    model: Synapse, pre: np.ndarray, post: np.ndarray, until: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return segment lengths [s] and whether calcium is above (theta_d, theta_p) in each.

    The course ends at the time ``until``, by default when calcium has decayed.
    """
    tau, c_pre, c_post, delay, nmda = model.numbers(
        "tau_Ca", "C_pre", "C_post", "D", "nmda"
    )
    times, jumps = calcium_events(pre, post, delay, nmda * c_pre, nmda * c_post)
    end = 50 * tau if until is None else until - times[-1]
    return segments(times, jumps, tau, model.numbers("theta_d", "theta_p"), end)


def analytic(model: Synapse, pre: np.ndarray, post: np.ndarray) -> tuple[float, float]:
    """Return the probabilities that the protocol moves a synapse UP, and DOWN.

    rho relaxes from rho_0 to Gamma_p/(Gamma_p + Gamma_d), where Gamma is a rate gamma
    times the time above its threshold, with Gaussian noise.
    """
    lengths, above = course(model, pre, post)
    depressing, potentiating = lengths @ above
    gamma_d, gamma_p, tau, sigma, star = model.numbers(
        "gamma_d", "gamma_p", "tau", "sigma", "rho_star"
    )
    down, up = gamma_d * depressing, gamma_p * potentiating
    total = down + up
    if total == 0:
        return 0.0, 0.0
    left = math.exp(-total / tau)
    spread = sigma * math.sqrt((depressing + potentiating) / total * (1 - left**2))

    def above_star(start: float) -> float:
        mean = up / total + (start - up / total) * left
        if spread == 0:
            return float(mean > star)
        return 0.5 * (1 + math.erf((mean - star) / spread))

    return above_star(0.0), 1 - above_star(1.0)


def simulate(
    model: Synapse,
    pre: np.ndarray,
    post: np.ndarray,
    start: np.ndarray,
    rng: np.random.Generator,
    bistable: bool = True,
    until: float | None = None,
) -> np.ndarray:
    """Return rho [synapse] at the end of the protocol, from ``start`` [synapse].

    ``until`` is as for `course`.

    Between two crossings of a threshold rho is an Ornstein-Uhlenbeck process and is drawn
    exactly; the cubic term (left away if not ``bistable``) acts in half steps before and
    after.
    """
    gamma_d, gamma_p, tau, sigma, star = model.numbers(
        "gamma_d", "gamma_p", "tau", "sigma", "rho_star"
    )
    rho = np.array(start, dtype=float)
    for length, (d, p) in zip(*course(model, pre, post, until), strict=True):
        if bistable:
            rho = _cubic(rho, length / 2 / tau, star)
        down, up = gamma_d * d, gamma_p * p
        total = down + up
        left = math.exp(-total * length / tau)
        if total > 0:
            rho = up / total + (rho - up / total) * left
            variance = sigma**2 * (int(d) + int(p)) / (2 * total) * (1 - left**2)
        else:  # rates of zero leave noise alone
            variance = sigma**2 * (int(d) + int(p)) * length / tau
        if variance > 0:
            rho = rho + math.sqrt(variance) * rng.standard_normal(rho.shape)
        if bistable:
            rho = _cubic(rho, length / 2 / tau, star)
    return rho


def _cubic(rho: np.ndarray, time: float, star: float) -> np.ndarray:
    """Follow drho/ds = -rho (1 - rho)(star - rho) for a time in units of tau."""

    def slope(r):
        return -r * (1 - r) * (star - r)

    steps = max(1, math.ceil(time / _STEP))
    h = time / steps
    for _ in range(steps):
        a = slope(rho)
        b = slope(rho + h / 2 * a)
        c = slope(rho + h / 2 * b)
        rho = rho + h / 6 * (a + 2 * b + 2 * c + slope(rho + h * c))
    return rho


def ratio(up: float, down: float, beta: float, b: float) -> float:
    """Return the mean weight after / before, from the probabilities of going up and
    down."""
    before = beta + (1 - beta) * b
    now_up = beta * up + (1 - beta) * (1 - down)
    return (1 - now_up + now_up * b) / before


@takes_bursts
def curve(
    model: Synapse,
    lags: np.ndarray,
    pairs: int,
    frequency: float,
    method: str = "analytic",
    synapses: int = 4000,
    seed: int = 0,
    bistable: bool = True,
    **protocol,
) -> np.ndarray:
    """Return the mean weight ratio at each lag (seconds).

    Options: ``method`` "analytic" or "simulation" (of so many ``synapses`` with a
    ``seed``, with the cubic term if ``bistable``); the others, such as post_spikes=2,
    burst_frequency=87*Hz, are those of `pairing.bursts`.
    """
    pick(method, WAYS, "method")
    beta, b, star = model.numbers("beta", "b", "rho_star")
    rng, half = generator(seed), whole(synapses, "synapses", 2) // 2
    found = []
    for lag in lags:
        trains = bursts(lag, pairs, frequency, **protocol)
        if method == "analytic":
            up, down = analytic(model, *trains)
        else:
            start = np.repeat([0.0, 1.0], half)
            final = simulate(model, *trains, start, rng, bistable).reshape(2, half)
            up, down = float((final[0] > star).mean()), float((final[1] < star).mean())
        found.append(ratio(up, down, beta, b))
    return np.array(found)
