"""Hebbian key-value memory of spiking cells: outer product with a bound, inverted Oja decay.

    dW/dt = gate [gamma_plus (w_max - W) v k - gamma_minus W k^2]/step

with traces of the presynaptic (key) and postsynaptic (value) spikes in units of one spike a step:

    dk/dt = -k/tau_trace,   k <- k + 1 - exp(-step/tau_trace) at a presynaptic spike

and likewise v. Source: Limbacher, Oezdenizci & Legenstein, Memory-Dependent Computation and
Learning in Spiking Neural Networks Through Hebbian Plasticity, IEEE TNNLS 36:2551 (2025),
doi:10.1109/TNNLS.2023.3341446, arXiv:2205.11276; constants of the published code
(IGITUGraz/MemoryDependentComputation), which takes one step of the rule per ms. Here time is
continuous; its 1 ms steps come out as steps of that size do (`published_steps` in the oracle).
As a fast-weight programme: writes + (w_max - W) o (v k'), erases - W o (1 (k^2)'): of the delta
rule's W k k' only what a synapse can know by itself (its own column), so that old values under the
very same key fade but cross-talk between keys is not corrected. No passive decay.
"""

from __future__ import annotations

import numpy as np
from brian2 import ms

from ..model import Entry, Equations, Synapse, register
from .pairing import merged, pairs_of_spikes

EQUATIONS = Equations(
    synapse="""
dw/dt = gate*(gamma_plus*(w_max - w)*v*k - gamma_minus*w*k**2)/step : 1 (clock-driven)
dk/dt = -k/tau_trace : 1 (clock-driven)
dv/dt = -v/tau_trace : 1 (clock-driven)
""",
    on_pre="k += 1 - exp(-step/tau_trace)",
    on_post="v += 1 - exp(-step/tau_trace)",
    method="rk4",
)
_CODE = (
    "published code of Limbacher et al., IGITUGraz/MemoryDependentComputation (dfe7d03), "
    "memorizing_associations_task.py"
)
SETS = ("memorizing_associations",)
_SUMMARY = "Hebbian key-value memory: bounded outer product, decay of a column by its key"


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    return Synapse(
        "limbacher_2022",
        parameters,
        "plasticity",
        _SUMMARY,
        EQUATIONS,
        {"gamma_plus": 0.3, "gamma_minus": 0.3, "w_max": 1.0, "tau_trace": 20 * ms,
         "step": 1 * ms, "gate": 1.0},
        {"": _CODE, "step": _CODE + ": its time step", "gate": "1 where the memory is written, 0 "
         "where it is only read (the published reading layer has no plasticity)"},
        "limbacher2025memory",
        "gammas are per step of 1 ms, traces in units of one spike a step; weights start at 0; "
        "one tau_trace for keys and values, as published",
        signed=("gate",),
    )  # fmt: skip


def weight_at(model: Synapse, pre, post, end: float, start: float = 0.0) -> float:
    """Return the weight at ``end`` (seconds) after spikes at given times: exact.

    Between spikes k and v decay alike, so that both terms of the rule fall as exp(-2 t/tau_trace)
    and the weight moves towards gamma_plus v w_max/(gamma_plus v + gamma_minus k) along a line.
    """
    plus, minus, w_max, tau, step, gate = model.numbers(
        "gamma_plus", "gamma_minus", "w_max", "tau_trace", "step", "gate"
    )
    jump = 1 - np.exp(-step / tau)
    w, k, v, now = start, 0.0, 0.0, 0.0
    for time, is_pre in [*merged(np.asarray(pre), np.asarray(post)), (end, None)]:
        if time > end:
            break
        write, erase = plus * v * k, minus * k * k
        if k > 0:
            share = -np.expm1(-2 * (time - now) / tau) * tau / 2 * gate / step
            target = write * w_max / (write + erase)
            w = target + (w - target) * np.exp(-(write + erase) * share)
        fade = np.exp(-(time - now) / tau)
        k, v, now = k * fade + jump * (is_pre is True), v * fade + jump * (is_pre is False), time
    return float(w)


def published_steps(model: Synapse, pre: np.ndarray, post: np.ndarray, start=0.0) -> np.ndarray:
    """Return weights [post, pre] by the published steps for spikes [step, cell]."""
    plus, minus, w_max, tau, step = model.numbers(
        "gamma_plus", "gamma_minus", "w_max", "tau_trace", "step"
    )
    fade = np.exp(-step / tau)
    k, v = np.zeros(pre.shape[1]), np.zeros(post.shape[1])
    w = np.full((len(v), len(k)), float(start))
    for keys, values in zip(pre, post, strict=True):
        k, v = fade * k + (1 - fade) * keys, fade * v + (1 - fade) * values
        w = w + plus * (w_max - w) * np.outer(v, k) - minus * w * k**2
    return w


def curve(model: Synapse, lags, pairs: int, frequency: float, start: float = 0.25) -> np.ndarray:
    """Return the weight after the pairs over ``start``, the weight before, at each lag."""
    found = []
    for lag in lags:
        pre, post = pairs_of_spikes(lag, pairs, frequency)
        found.append(weight_at(model, pre, post, pairs / frequency + abs(lag), start) / start)
    return np.array(found)


register("limbacher_2022", Entry(make, SETS, "plasticity", _SUMMARY, stdp=curve))
