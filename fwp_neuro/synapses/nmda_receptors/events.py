"""Gates of NMDA receptors at given spikes, their mean in regular trains, and the bias of
the jump."""

from __future__ import annotations

import numpy as np

from ..synapse_class import Synapse
from .synapse import maker


def gating(model: Synapse, spikes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the gate s just before times ``at`` (seconds, increasing) of spikes.

    The jump form is exact; the others are a quadrature with a relative error below 1e-9.
    """
    marks = np.unique(np.concatenate([np.asarray(spikes, float), np.asarray(at, float)]))
    fire = set(np.asarray(spikes, float).tolist())
    s = x = 0.0
    before, found = marks[0], {}
    for now in marks:
        s, x = _between(model, s, x, now - before)
        before, found[now] = now, s
        if now in fire:
            if model.name == "nmda_jump":
                k0, k1 = model.numbers("k0", "k1")
                s += k0 + k1 * s
            else:
                x += 1
    return np.array([found[now] for now in at])


def _between(model: Synapse, s: float, x: float, span: float) -> tuple[float, float]:
    """Return gate and rise variable after a time without spikes."""
    rise, decay, alpha = model.numbers("tau_rise", "tau_nmda", "alpha")
    if model.name == "nmda_jump" or span == 0:
        return s * np.exp(-span / decay), x
    # pieces of at most a rise time, four of them resolved by eight Gauss-Legendre points
    # each
    nodes, weights = np.polynomial.legendre.leggauss(8)
    pieces = np.linspace(0, span, max(2, int(np.ceil(span / rise)) + 1))
    middle, half = (pieces[1:] + pieces[:-1]) / 2, np.diff(pieces) / 2
    t = (middle[:, None] + half[:, None] * nodes).ravel()

    def exponent(t):
        return t / decay + alpha * x * rise * -np.expm1(-t / rise)

    drive = alpha * x * np.exp(-t / rise + exponent(t) - exponent(span))
    grown = ((half[:, None] * weights).ravel() * drive).sum()
    return s * np.exp(-exponent(span)) + grown, x * np.exp(-span / rise)


def mean_gate(model: Synapse, rate: float, spikes: int = 60, last: int = 10) -> float:
    """Return the time average of the gate over the last periods of a regular train
    (Hz)."""
    times = np.arange(spikes) / rate
    nodes, weights = np.polynomial.legendre.leggauss(40)
    period = (times[-last:, None] + (nodes + 1) / 2 / rate).ravel()
    return float(gating(model, times, period).reshape(last, -1).mean(0) @ weights / 2)


def bias(jump: Synapse, rate: float) -> float:
    """Return mean gate of the jump form / exact mean gate - 1, for a regular train
    (Hz)."""
    shared = {n: jump.parameters[n] for n in ("tau_rise", "tau_nmda", "alpha")}
    exact = maker("nmda_per_cell")(jump.parameter_set).changed(**shared)
    return mean_gate(jump, rate) / mean_gate(exact, rate) - 1
