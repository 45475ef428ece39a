"""BCPNN: stationary probabilities, signs of the weight, forgetting, the gate, linear
attention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, ms, second

from ...targets.rows import Row
from .. import parameter_sets
from ..registered_synapses import get
from . import events as oracle

MODEL = "bcpnn"
#: standard deviation of w between pairs of Poisson trains of 40 s, of 24 pairs each
SCATTER = {"independent": 0.075, "equal": 0.044}
RULE = "closed form of the rule (Tully, Hennig & Lansner 2014; Fiebig & Lansner 2017)"


def rows(quick: bool) -> Iterator[Row]:
    """Compare the oracle with what follows from the equations; Brian2 with the oracle in
    tests."""
    rate, rng = 10.0, np.random.default_rng(0)
    for chosen in parameter_sets(MODEL):
        model = get(MODEL, chosen)
        tau_p, f_max, eps, kappa = model.numbers("tau_p", "f_max", "eps", "kappa")
        end = 12 * tau_p / kappa
        times = np.arange(0.5, end * rate) / rate
        p_i = _mean(
            oracle.traces(model, times, [], end + (np.arange(20) / 20 - 1) / rate)[:, 7]
        )
        yield Row(MODEL, "P - eps at 10 Hz, in rate/f_max, "
                         f"{chosen}", (p_i - eps) * f_max / rate,
                  1, 1e-3, RULE, strength="closed form")  # fmt: skip
    model = get(MODEL, "tully_2014").changed(tau_p=20 * second, f_max=50 * Hz)
    end = 40.0 if quick else 160.0
    pairs = {"independent": [], "correlated": [], "taking turns": []}
    for _ in range(4 if quick else 16):
        pre, post = (
            np.sort(rng.uniform(0, end, rng.poisson(rate * end))) for _ in range(2)
        )
        pairs["independent"].append((pre, post))
        pairs["correlated"].append((pre, pre))
        turn = pre // 1.0 % 2 == 0
        pairs["taking turns"].append((pre[turn], pre[~turn]))
    weights = {
        name: _mean([oracle.weight(oracle.traces(model, *one, [end])[0]) for one in many])
        for name, many in pairs.items()
    }
    law = (
        "w = log(P_ij/(P_i P_j)) of Poisson trains after a time T; tolerance 3 standard "
        "errors"
    )
    # the mean of P has reached the share 1 - exp(-T/tau_p) of its rise from eps; equal
    # trains add rate/(f_max^2 (tau_zi + tau_zj)) to that of P_ij
    p, eps, reached = rate / 50, float(model.parameters["eps"]), -np.expm1(-end / 20)
    one, both = eps + p * reached, p * (p + 2 * eps)
    independent, equal = (
        np.log((eps**2 + rise * reached) / one**2)
        for rise in (both, both + rate / (50**2 * 2 * 10e-3))
    )
    few = np.sqrt(len(pairs["independent"]))
    yield Row(MODEL, "w of independent Poisson trains, 10 Hz", weights["independent"],
              independent, 3 * SCATTER["independent"] / few, law,
              strength="closed form")  # fmt: skip
    yield Row(MODEL, "w of equal Poisson trains, 10 Hz", weights["correlated"], equal,
              3 * SCATTER["equal"] / few, law, strength="closed form")  # fmt: skip
    yield Row(MODEL, "w of trains that take turns of 1 s", weights["taking turns"], -0.5,
              0, law, "at most", strength="own bound", set_after=True)  # fmt: skip
    yield from _programme(get(MODEL), oracle, rng, ms)


def _programme(model, oracle, rng, ms) -> Iterator[Row]:
    """Yield the rows that read P_ij as linear attention with a forget gate."""
    ours = (
        "P_ij as linear attention with alpha = exp(-kappa dt/tau_p): our reading, exact "
        "limit"
    )
    faint = model.changed(eps=1e-12)
    pij = oracle.traces(faint, [0.01, 0.02], [0.015, 0.022], [2, 3])[:, 9]
    yield Row(
        MODEL,
        "P_ij one tau_p later",
        pij[1] / pij[0],
        np.exp(-1),
        1e-5,
        RULE,
        strength="closed form",
    )
    short = faint.changed(tau_zi_ampa=0.25 * ms, tau_zj_ampa=0.25 * ms, tau_e=0.5 * ms)
    pre, post = (np.sort(rng.uniform(0, 3, 60)) for _ in range(2))
    sums = oracle.decayed_products(short, pre, post, 3.2)
    exact = oracle.traces(short, pre, post, [3.2])[0, 9]
    yield Row(MODEL, "P_ij over the decayed sum of k v, short tau_z and "
                     "tau_e", exact / sums, 1,
              2e-3, ours, strength="closed form")  # fmt: skip
    shut = oracle.traces(model.changed(kappa=0), pre, post, [3.2])[0]
    eps = float(model.parameters["eps"])
    yield Row(
        MODEL,
        "change of P_ij with kappa = 0",
        shut[9] - eps**2,
        0,
        0,
        RULE,
        strength="closed form",
    )


def _mean(values) -> float:
    return float(np.mean(values))
