"""Short-term potentiation: induction by NMDA, two kinds of decay, and where it is
expressed."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.characterise import rank_argument
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.potentiation import events as potentiation_events
from fwp_neuro.synapses.potentiation import synapse as potentiation
from fwp_neuro.targets.mongillo_2008 import KEYS, VALUES

ms, Hz = b2.ms, b2.Hz
MODELS = ("short_term_potentiation", "use_dependent_potentiation")
TRAIN = 1 + np.arange(10) / 50  # a 50 Hz train


def trains(steps=500, cells=3, seed=3):
    return (np.random.default_rng(seed).random((steps, cells)) < 0.03).astype(float)


def times(table, dt=1e-3):
    return [np.flatnonzero(column) * dt for column in table.T]


def brian(model, device="numpy", dt=1 * ms):
    pre, post = trains(), trains(cells=2, seed=4)
    again = round(float(1 * ms / dt))
    finer = [np.zeros((len(table) * again, table.shape[1])) for table in (pre, post)]
    for fine, table in zip(finer, (pre, post), strict=True):
        fine[::again] = table
    return injected.run(model, *finer, dt=dt, device=device), pre, post


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("expression", potentiation.SETS)
def test_brian2_text_is_its_oracle(name, expression):
    model = fwp.synapses.get(name, expression)
    found, pre, post = brian(model)
    runs = [
        [potentiation_events.respond(model, a, b) for a in times(pre)]
        for b in times(post)
    ]
    weights = np.array([[run[0] for run in line] for line in runs])
    sent = np.array([[run[2][-1] for run in line] for line in runs])
    assert found["weight"] == pytest.approx(weights, abs=1e-12) and np.ptp(weights) > 0.01
    assert found["transmitted"] == pytest.approx(sent, abs=1e-12)
    halved = brian(model, dt=0.5 * ms)[0]["weight"]
    assert halved - 1 == pytest.approx(found["weight"] - 1, rel=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_devices_agree(device):
    model = fwp.synapses.get("short_term_potentiation", "both")
    found = [brian(model, one)[0] for one in ("numpy", device)]
    for name in ("weight", "transmitted"):
        assert found[1][name] == pytest.approx(found[0][name], rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_ap5_blocks_every_write_and_no_read(name):
    for expression in potentiation.SETS:
        model = fwp.synapses.get(name, expression)
        blocked = model.changed(nmda=0.0)
        found, pre, _ = brian(blocked)
        assert (found["weight"] == 1).all()
        spikes = times(pre)[0]
        assert np.array_equal(
            potentiation_events.transmitted(model, spikes, 0.5),
            potentiation_events.transmitted(blocked, spikes, 0.5),
        )
        curve = fwp.synapses.stdp_curve(blocked, lags=[-10, 5, 50] * ms, frequency=5 * Hz)
        assert (curve == 1).all()


def test_it_decays_by_itself_or_by_use_only():
    hour = np.array([3600.0])
    passive, used = (fwp.synapses.get(name, "post_ampa") for name in MODELS)
    U = float(passive.parameters["U"])
    left = potentiation_events.transmitted(passive, hour, 0.5) / U - 1
    assert left == pytest.approx(0.5 * np.exp(-3600 / 96), abs=1e-12)
    assert potentiation_events.transmitted(used, 6 * hour, 0.5) / U - 1 == pytest.approx(
        0.5, rel=1e-9
    )
    tests = 1 + 15.0 * np.arange(51)
    course = potentiation_events.transmitted(used, tests, 0.5) / U - 1
    assert course == pytest.approx(0.5 * 0.98 ** np.arange(51), rel=1e-9)
    silenced = potentiation_events.respond(used, np.array([]), np.array([0.01]), 0.5)[0]
    assert silenced == 1.5  # postsynaptic spikes alone erase nothing


def test_expression_is_gain_or_filter():
    for name in MODELS:
        ratios, late = {}, {}
        for expression in potentiation.SETS:
            model = fwp.synapses.get(name, expression)
            if name == MODELS[1]:
                model = model.changed(loss=0.0)
            rest = potentiation_events.transmitted(model, TRAIN)
            raised = potentiation_events.transmitted(model, TRAIN, 1.0) / rest
            p0 = potentiation_events.transmitted(model, TRAIN, 1.0)
            ratios[expression], late[expression] = (
                p0[1] / p0[0] / (rest[1] / rest[0]),
                raised[-1],
            )
            decay = np.exp(-1 / 96) if name == MODELS[0] else 1.0
            # the first response, always
            assert raised[0] == pytest.approx(1 + decay, rel=1e-9)
        assert ratios["post_ampa"] == pytest.approx(1, rel=2e-3)
        assert ratios["pre_release"] < ratios["both"] < 0.95
        assert late["post_ampa"] == pytest.approx(2, rel=2e-2)
        assert late["pre_release"] < 1.2 < late["both"] < late["post_ampa"]


def test_release_is_what_the_expression_changes():
    spikes = TRAIN * b2.second
    for expression, changes in (("post_ampa", False), ("pre_release", True)):
        model = fwp.synapses.get(MODELS[0], expression)
        plain = fwp.synapses.short_term(model, spike_times=spikes)
        raised = fwp.synapses.short_term(model, spike_times=spikes, potentiation=0.5)
        assert np.array_equal(plain, raised) != changes


def test_knock_out_of_gluR1_leaves_the_slow_part():
    model = fwp.synapses.get(MODELS[0]).changed(A_fast=0.0)
    curve = fwp.synapses.stdp_curve(model, lags=5 * ms, pairs=4, frequency=100 * Hz)
    whole = fwp.synapses.stdp_curve(MODELS[0], lags=5 * ms, pairs=4, frequency=100 * Hz)
    assert (curve - 1) / (whole - 1) == pytest.approx(1 / 3, rel=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_a_hebbian_memory_stores_two_items_that_share_presynaptic_cells(name):
    model = fwp.synapses.get(name, "post_ampa")
    stored, swapped = (
        rank_argument.recall(model, KEYS, v) for v in (VALUES, VALUES[::-1])
    )
    assert rank_argument.told_apart(stored, VALUES) > 0.95
    assert rank_argument.told_apart(swapped, VALUES) < -0.95
