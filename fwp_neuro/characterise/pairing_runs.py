"""Run a plasticity rule as its experiment says."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..circuits import injected
from ..synapses.coding import Experiment


def run(model, how: Experiment, pre, post, start, **options):
    """Run a model on spikes from a value of the state that memory is kept in."""
    initial = dict(how.initial)
    if how.state:  # as an array, which takes the variable's unit
        initial[how.state] = start if np.ndim(start) else np.array([start])
    return injected.run(
        model, pre, post, dt=how.dt * b2.second, initial=initial, **options
    )


def resting(model, how: Experiment) -> float:
    """Return the effective weight before anything happens."""
    silence = np.zeros((1, 1))
    return float(run(model, how, silence, silence, how.start, pairing="one")["weight"][0])
