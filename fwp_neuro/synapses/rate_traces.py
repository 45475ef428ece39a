"""Rates of cells for rate-based rules: filtered spikes, or the linear output of the
synapses.

    dx/dt = -x/tau_x, x <- x + 1/(tau_x r_one) at a presynaptic spike: x is the rate in
    units of r_one; y likewise for the postsynaptic cell, or y = sum_j w_ij x_j

As everywhere, within a time step the synapses first see x and y of its start, then x and
y decay, then spikes kick them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import Hz, ms

from .linear_filter import filtered as decaying

PRE = "dx/dt = -x/tau_x : 1"
PRE_SPIKE = "x += 1/(tau_x*r_one)"
POST = "dy/dt = -y/tau_x : 1"
POST_SPIKE = "y += 1/(tau_x*r_one)"
LINEAR_POST = "y : 1"
LINEAR = "y_post = w*x_pre : 1 (summed)"
SOURCES = {
    "tau_x": "modelling choice of this package: window in which spikes are counted as a "
    "rate",
    "r_one": "modelling choice of this package: the rate that stands for 1",
}


def trace_parameters() -> dict:
    """Return the parameters of the filters."""
    return {"tau_x": 50 * ms, "r_one": 10 * Hz}


def filtered(model, spikes: np.ndarray, dt: float) -> np.ndarray:
    """Return the rate [step, cell] at the start of each step for spikes [step, cell]."""
    tau, one = model.numbers("tau_x", "r_one")
    return decaying(spikes, tau, dt, 1 / (tau * one))


def follow(
    update: Callable,
    w: np.ndarray,
    x: np.ndarray,
    y: np.ndarray | None,
    dt: float,
    state=None,
) -> tuple[np.ndarray, np.ndarray]:
    """Step a rule through signals that are constant in each step.

    Args:
        update: (w, x, y, dt, state) -> new (w, state).
        w: [post, pre] at the start.
        x: [step, pre].
        y: [step, post], or None for y = w x.
        dt: seconds.
        state: of the postsynaptic cells, such as a threshold [post].

    Returns:
        w [step, post, pre] after each step, and the state likewise.
    """
    weights, states = [], []
    for step in range(len(x)):
        output = w @ x[step] if y is None else y[step]
        w, state = update(w, x[step], output, dt, state)
        weights.append(w)
        states.append(state)
    return np.array(weights), np.array(states)
