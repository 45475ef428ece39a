"""Graupner & Brunel at the cost of its events: the steps since the last spike are made up
for at the next one.

Between spikes a synapse depends on nothing but itself. While its calcium is above a
threshold the steps of the text are repeated one by one (they are few); below both the
efficacy follows the cubic term alone, of which n Euler steps of h = dt/tau are the flow
of

    drho/ds = F(rho) (1 - h F'(rho)/2),    F = -rho (1 - rho)(rho_star - rho)

over a time n h up to terms of h^2, which is integrated by Runge-Kutta steps of 0.01 at
most: exact to 1e-14. Noise is drawn once for all steps in between: its variance follows
the steps, v <- (1 + h F')^2 v + (sigma^2 h) times the thresholds that calcium is above.
Without noise the numbers are those of the text, with noise their distribution is.
Backward error analysis as in Hairer, Lubich & Wanner 2006, Geometric Numerical
Integration, chapter IX.
"""

from __future__ import annotations

from collections.abc import Collection
from inspect import signature
from typing import Any

import brian2 as b2
import numpy as np

from ..synapse_class import ByEvents, Equations, Renewal, Synapse

_IN_C = """
QUALIFIERS double VARIANT(double rho, double n, double over_d, double over_p, double h,
                          double gamma_d, double gamma_p, double star, double noise) {
    double k = 0, spread = 0, a_d, a_p, slope, left, s, r, f[4];
    while (k < n && (k < over_d || k < over_p)) {
        a_d = over_d - k < 0 ? 0 : (over_d - k > 1 ? 1 : over_d - k);
        a_p = over_p - k < 0 ? 0 : (over_p - k > 1 ? 1 : over_p - k);
        slope = -star + 2*(1 + star)*rho - 3*rho*rho - gamma_p*a_p - gamma_d*a_d;
        spread = (1 + h*slope)*(1 + h*slope)*spread + noise*h*(a_d + a_p);
        rho += h*(-rho*(1 - rho)*(star - rho) + gamma_p*(1 - rho)*a_p
                  - gamma_d*rho*a_d);
        k += 1;
    }
    left = (n - k)*h;
    while (left > 0) {
        s = left > 0.01 ? 0.01 : left;
        for (int i = 0; i < 4; i++) {
            r = i == 0 ? rho : rho + (i == 3 ? s : s/2)*f[i - 1];
            slope = -star + 2*(1 + star)*r - 3*r*r;
            f[i] = -r*(1 - r)*(star - r)*(1 - h/2*slope);
        }
        spread *= (1 + s*slope)*(1 + s*slope);
        rho += s/6*(f[0] + 2*f[1] + 2*f[2] + f[3]);
        left -= s;
    }
    return RESULT;
}
"""
_IN_CYTHON = """
cdef double VARIANT(double rho, double n, double over_d, double over_p, double h,
                    double gamma_d, double gamma_p, double star, double noise):
    cdef double k, spread, a_d, a_p, slope, left, s, r, f0, f1, f2, f3
    k, spread = 0, 0
    while k < n and (k < over_d or k < over_p):
        a_d = 0 if over_d - k < 0 else (1 if over_d - k > 1 else over_d - k)
        a_p = 0 if over_p - k < 0 else (1 if over_p - k > 1 else over_p - k)
        slope = -star + 2*(1 + star)*rho - 3*rho*rho - gamma_p*a_p - gamma_d*a_d
        spread = (1 + h*slope)*(1 + h*slope)*spread + noise*h*(a_d + a_p)
        rho += h*(-rho*(1 - rho)*(star - rho) + gamma_p*(1 - rho)*a_p - gamma_d*rho*a_d)
        k += 1
    left = (n - k)*h
    while left > 0:
        s = 0.01 if left > 0.01 else left
        f0 = -rho*(1 - rho)*(star - rho)
        f0 *= 1 - h/2*(-star + 2*(1 + star)*rho - 3*rho*rho)
        r = rho + s/2*f0
        f1 = -r*(1 - r)*(star - r)*(1 - h/2*(-star + 2*(1 + star)*r - 3*r*r))
        r = rho + s/2*f1
        f2 = -r*(1 - r)*(star - r)*(1 - h/2*(-star + 2*(1 + star)*r - 3*r*r))
        r = rho + s*f2
        slope = -star + 2*(1 + star)*r - 3*r*r
        f3 = -r*(1 - r)*(star - r)*(1 - h/2*slope)
        spread *= (1 + s*slope)*(1 + s*slope)
        rho += s/6*(f0 + 2*f1 + 2*f2 + f3)
        left -= s
    return RESULT
"""


def _flow(rho, h, star):
    slope = -star + 2 * (1 + star) * rho - 3 * rho**2
    return -rho * (1 - rho) * (star - rho) * (1 - h / 2 * slope), slope


def _follow(rho, n, over_d, over_p, h, gamma_d, gamma_p, star, noise):
    """Return the efficacy and its variance after so many steps of the text."""
    rho, n, over_d, over_p = (
        np.array(one, float) for one in np.broadcast_arrays(rho, n, over_d, over_p)
    )
    shape, spread = rho.shape, np.zeros(rho.size)
    rho, n, over_d, over_p = (one.ravel() for one in (rho, n, over_d, over_p))
    steps = np.minimum(n, np.ceil(np.maximum(np.maximum(over_d, over_p), 0)))
    for k in range(int(steps.max(initial=0))):
        on = np.flatnonzero(steps > k)
        r = rho[on]
        a_d, a_p = (np.clip(one[on] - k, 0, 1) for one in (over_d, over_p))
        slope = -star + 2 * (1 + star) * r - 3 * r**2 - gamma_p * a_p - gamma_d * a_d
        spread[on] = (1 + h * slope) ** 2 * spread[on] + noise * h * (a_d + a_p)
        rho[on] += h * (-r * (1 - r) * (star - r) + gamma_p * (1 - r) * a_p
                        - gamma_d * r * a_d)  # fmt: skip
    left = (n - steps) * h
    parts = max(1, int(np.ceil(left.max(initial=0) / 0.01)))
    s = left / parts
    for _ in range(parts):
        a, _slope = _flow(rho, h, star)
        b, _slope = _flow(rho + s / 2 * a, h, star)
        c, _slope = _flow(rho + s / 2 * b, h, star)
        d, slope = _flow(rho + s * c, h, star)
        spread = spread * (1 + s * slope) ** 2
        rho = rho + s / 6 * (a + 2 * b + 2 * c + d)
    return rho.reshape(shape), spread.reshape(shape)


def _in(text: str, name: str, result: str, qualifiers: str = "") -> str:
    for old, new in (("VARIANT", name), ("RESULT", result), ("QUALIFIERS", qualifiers)):
        text = text.replace(old, new)
    return text


def _function(name: str, result: str, number: int):
    """Return a function for Brian2 code: the efficacy after n steps, or its variance."""

    def call(rho, n, over_d, over_p, h, gamma_d, gamma_p, star, noise):
        return _follow(rho, n, over_d, over_p, h, gamma_d, gamma_p, star, noise)[number]

    call.__name__ = name
    made = b2.check_units(**dict.fromkeys(signature(call).parameters, 1), result=1)(call)
    # without it Brian2 writes a text of what a function returns at each call
    made = b2.implementation("numpy", discard_units=True)(made)
    for target, qualifiers in (("cuda", "__host__ __device__"), ("cpp", "static inline")):
        made = b2.implementation(target, _in(_IN_C, name, result, qualifiers))(made)
    return b2.implementation("cython", _in(_IN_CYTHON, name, result))(made)


FUNCTIONS: dict[str, Any] = {
    "efficacy_after": _function("efficacy_after", "rho", 0),
    "variance_after": _function("variance_after", "spread", 1),
}
_SYNAPSE = """
c_last : 1
since : second
until : second
rho_kept : 1
rho = rho_kept : 1
c = c_last*exp(-(t - since)/tau_Ca) : 1
"""
_ARGUMENTS = (
    "rho_kept, steps, over_d, over_p, dt/tau, gamma_d, gamma_p, rho_star, sigma**2"
)


def _made_up(now: str, noise: bool) -> str:
    """Return code that makes up for the steps until now, the time of the next one."""
    over = "tau_Ca*log((c_last + 1e-99)/theta_{0})/dt - floor((until - since)/dt + 0.5)"
    drawn = " + sqrt(spread)*randn()" if noise else ""
    return "\n".join([
        f"steps = floor(({now} - until)/dt + 0.5)",
        f"over_d = {over.format('d')}",
        f"over_p = {over.format('p')}",
        *([f"spread = variance_after({_ARGUMENTS})"] if noise else []),
        f"rho_kept = efficacy_after({_ARGUMENTS}){drawn}",
        f"until = {now}",
    ])  # fmt: skip


def by_events(model: Synapse, known: Equations, given: Collection[str]):
    """Return the model in the form that is touched at spikes only, or None.

    Args:
        model: the rule, or one that was made from it.
        known: the rule's own text; another one has no such form here.
        given: names of which the value is not in the parameters.
    """
    names = {"tau_Ca", "theta_d", "theta_p", "gamma_d", "gamma_p", "tau", "rho_star"}
    if model.equations != known or names & set(given) or model.varying:
        return None
    noise = bool(float(model.parameters["sigma"])) or "sigma" in given
    first = _made_up("t + dt", noise)
    text = Equations(
        synapse=_SYNAPSE,
        on_pre=f"{first}\n{known.on_pre}",
        on_post=f"{first}\n{known.on_post}",
        method=known.method,
        delay=known.delay,
        renewal=Renewal({}, _made_up("t", noise)),
    )
    return ByEvents(text, ("rho",), {"until": "t"}, FUNCTIONS)
