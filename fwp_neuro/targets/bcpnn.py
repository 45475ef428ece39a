"""BCPNN: stationary probabilities, signs of the weight, forgetting, the gate, linear attention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .base import Row

MODEL = "bcpnn"
RULE = "closed form of the rule (Tully, Hennig & Lansner 2014; Fiebig & Lansner 2017)"


def rows(quick: bool) -> Iterator[Row]:
    """Compare the oracle with what follows from the equations; Brian2 with the oracle in tests."""
    from brian2 import Hz, ms, second

    from ..synapses import parameter_sets
    from ..synapses.plasticity import bcpnn_oracle as oracle
    from ..synapses.registry import get

    rate, rng = 10.0, np.random.default_rng(0)
    for chosen in parameter_sets(MODEL):
        model = get(MODEL, chosen)
        tau_p, f_max, eps, kappa = model.numbers("tau_p", "f_max", "eps", "kappa")
        end = 12 * tau_p / kappa
        times = np.arange(0.5, end * rate) / rate
        p_i = _mean(oracle.traces(model, times, [], end + np.arange(20) / 20 / rate)[:, 7])
        yield Row(MODEL, f"P - eps at 10 Hz, in rate/f_max, {chosen}", (p_i - eps) * f_max / rate,
                  1, 0.02, RULE, basis="closed form")  # fmt: skip
    model = get(MODEL, "tully_2014").changed(tau_p=20 * second, f_max=50 * Hz)
    end = 40.0 if quick else 160.0
    pairs = {"independent": [], "correlated": [], "taking turns": []}
    for _ in range(4 if quick else 16):
        pre, post = (np.sort(rng.uniform(0, end, rng.poisson(rate * end))) for _ in range(2))
        pairs["independent"].append((pre, post))
        pairs["correlated"].append((pre, pre))
        turn = pre // 1.0 % 2 == 0
        pairs["taking turns"].append((pre[turn], pre[~turn]))
    weights = {
        name: _mean([oracle.weight(oracle.traces(model, *one, [end])[0]) for one in many])
        for name, many in pairs.items()
    }
    law = "w = log(P_ij/(P_i P_j)): 0 where independent, its sign that of the correlation"
    yield Row(MODEL, "w of independent Poisson trains, 10 Hz", weights["independent"], 0,
              0.3 if quick else 0.15, law, basis="closed form")  # fmt: skip
    # equal trains: P_ij/(P_i P_j) = 1 + 1/(rate (tau_zi + tau_zj)) but for eps
    p, z = rate / 50 + 0.01, 1 / (50**2 * 2 * 10e-3)
    expected = np.log((p**2 + rate * z) / p**2)
    yield Row(MODEL, "w of equal Poisson trains, 10 Hz", weights["correlated"], expected,
              0.1 * expected, law, basis="closed form")  # fmt: skip
    yield Row(MODEL, "w of trains that take turns of 1 s", weights["taking turns"], -0.5, 0, law,
              "at most", basis="own bound")  # fmt: skip
    yield from _programme(get(MODEL), oracle, rng, ms)


def _programme(model, oracle, rng, ms) -> Iterator[Row]:
    """Yield the rows that read P_ij as linear attention with a forget gate."""
    ours = "P_ij as linear attention with alpha = exp(-kappa dt/tau_p): our reading, exact limit"
    faint = model.changed(eps=1e-12)
    pij = oracle.traces(faint, [0.01, 0.02], [0.015, 0.022], [2, 3])[:, 9]
    yield Row(
        MODEL, "P_ij one tau_p later", pij[1] / pij[0], np.exp(-1), 1e-5, RULE, basis="closed form"
    )
    short = faint.changed(tau_zi_ampa=0.25 * ms, tau_zj_ampa=0.25 * ms, tau_e=0.5 * ms)
    pre, post = (np.sort(rng.uniform(0, 3, 60)) for _ in range(2))
    sums = oracle.decayed_products(short, pre, post, 3.2)
    exact = oracle.traces(short, pre, post, [3.2])[0, 9]
    yield Row(MODEL, "P_ij over the decayed sum of k v, short tau_z and tau_e", exact / sums, 1,
              2e-3, ours, basis="closed form")  # fmt: skip
    shut = oracle.traces(model.changed(kappa=0), pre, post, [3.2])[0]
    eps = float(model.parameters["eps"])
    yield Row(
        MODEL, "change of P_ij with kappa = 0", shut[9] - eps**2, 0, 0, RULE, basis="closed form"
    )


def _mean(values) -> float:
    return float(np.mean(values))
