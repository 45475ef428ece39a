"""Plasticity models on injected spikes: their Brian2 text gives the weights of their
oracle."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.pair_stdp import events as stdp_pair

ms = b2.ms


def trains(cells=3, steps=400, rate=0.05, seed=0):
    """Random spikes [step, cell]."""
    return (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)


def times(table, dt=1e-3):
    """Spike times in seconds of every cell of a table."""
    return [np.flatnonzero(column) * dt for column in table.T]


@pytest.mark.parametrize("device", ["numpy"])
def test_pair_stdp_is_its_oracle(device):
    model = fwp.synapses.get("pair_stdp")
    pre, post = trains(seed=1), trains(2, seed=2)
    found = injected.run(model, pre, post, dt=1 * ms, device=device)["weight"]
    expected = [
        [stdp_pair.changed_weight(model, a, b) for a in times(pre)] for b in times(post)
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert np.ptp(found) > 1e-3
