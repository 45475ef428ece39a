"""Triplet rule: Brian2 text against exact oracle and sums by hand, reductions, errors."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses import pairing
from fwp_neuro.synapses.triplet_stdp import events as stdp_triplet_events
from fwp_neuro.synapses.triplet_stdp import synapse as stdp_triplet
from fwp_neuro.targets import sjostrom

ms, Hz = b2.ms, b2.Hz


def trains(seed, cells=2, steps=300, rate=0.06):
    return (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)


def compare(chosen, device):
    model = synapses.get("triplet_stdp", chosen)
    pre, post = trains(1), trains(2, 3)
    found = injected.run(model, pre, post, dt=1 * ms, device=device)["weight"]
    at = [[np.flatnonzero(column) * 1e-3 for column in table.T] for table in (pre, post)]
    expected = [
        [stdp_triplet_events.changed_weight(model, a, b) for a in at[0]] for b in at[1]
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert np.ptp(found) > 1e-2


@pytest.mark.parametrize("chosen", stdp_triplet.SETS)
def test_brian2_text_is_the_oracle(chosen):
    compare(chosen, "numpy")


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    compare("visual_cortex_all_to_all_full", device)


@pytest.mark.parametrize("nearest", [False, True])
def test_triplets_are_sums_over_spikes(nearest):
    """Equations 3 and 4 written as sums over earlier spikes."""
    chosen = "hippocampal_culture_" + ("nearest_full" if nearest else "all_to_all_full")
    model = synapses.get("triplet_stdp", chosen)
    p = {name: float(value) for name, value in model.parameters.items()}
    rng = np.random.default_rng(3)
    pre, post = (np.sort(rng.random(6)) * 0.2 for _ in range(2))

    def trace(spikes, now, tau):
        kernel = np.exp(-(now - spikes[spikes < now]) / tau)
        return (kernel.max(initial=0) if nearest else kernel.sum()).item()

    w = 1.0
    for now in pre:
        gain = p["A2_minus"] + p["A3_minus"] * trace(pre, now, p["tau_x"])
        w -= trace(post, now, p["tau_minus"]) * gain
    for now in post:
        gain = p["A2_plus"] + p["A3_plus"] * trace(post, now, p["tau_y"])
        w += trace(pre, now, p["tau_plus"]) * gain
    assert stdp_triplet_events.changed_weight(model, pre, post) == pytest.approx(
        w, abs=1e-14
    )


def test_without_triplet_terms_it_is_the_pair_rule():
    pair = synapses.get("pair_stdp")
    triplet = synapses.get("triplet_stdp").changed(
        A2_plus=pair.parameters["A_plus"], A2_minus=pair.parameters["A_minus"], A3_plus=0,
        A3_minus=0, tau_plus=pair.parameters["tau_plus"],
        tau_minus=pair.parameters["tau_minus"],
    )  # fmt: skip
    lags = [-30, -5, 0, 12] * ms
    both = [
        synapses.stdp_curve(m, lags=lags, pairs=9, frequency=15 * Hz)
        for m in (pair, triplet)
    ]
    assert both[0] == pytest.approx(both[1], abs=1e-14)


def test_frequency_dependence_has_the_error_of_the_paper():
    found = sjostrom.changes("triplet_stdp", "visual_cortex_nearest_full", pairs=60)
    assert sjostrom.error(found) == pytest.approx(0.22, abs=0.03)
    pair = sjostrom.changes("pair_stdp", None, pairs=60)
    assert sjostrom.error(pair) > 5
    # depression turns into potentiation
    assert found[-10, 10] < -0.3 and found[-10, 50] > 0.5


def test_groups_of_pairs():
    pre, post = pairing.grouped_pairs(-0.01, 2, 20, groups=3, interval=10 * b2.second)
    assert pre == pytest.approx([0.01, 0.06, 10.01, 10.06, 20.01, 20.06])
    assert post == pytest.approx(pre - 0.01)
    with pytest.raises(fwp.FwpError, match="need interval, a time such as"):
        synapses.stdp_curve("triplet_stdp", lags=5 * ms, groups=2)
    with pytest.raises(fwp.FwpError, match="longer than the 59.005 s of a group"):
        synapses.stdp_curve("triplet_stdp", lags=5 * ms, groups=2, interval=1 * b2.second)
    with pytest.raises(fwp.FwpError, match="interval must be a time"):
        synapses.stdp_curve("triplet_stdp", lags=5 * ms, groups=2, interval=10)
