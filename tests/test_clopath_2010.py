"""Voltage-based plasticity: Brian2 text, oracle and NEST's numbers agree; its limits
hold."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.clopath_2010 import targets
from fwp_neuro.synapses.clopath_2010.events import weights

ms, Hz = b2.ms, b2.Hz


@pytest.fixture(scope="module")
def model():
    return fwp.synapses.get("clopath_2010")


@pytest.mark.parametrize("name", ["nest_example", "paper_literal"])
def test_brian2_text_tends_to_the_oracle_in_proportion_to_the_step(name):
    model = fwp.synapses.get("clopath_2010", name)
    exact = targets.percent(model, weights(model, *targets.trains([50]), 1e-5))
    off = [targets.injected(model, [50], dt * ms) - exact for dt in (0.1, 0.05)]
    assert np.abs(off[1] / exact).max() < 0.01
    assert off[0] / off[1] == pytest.approx(np.full((1, 2), 2), abs=0.15)


def test_halving_the_step_changes_a_write_by_less_than_a_hundredth(model):
    one, half = (targets.injected(model, [50], dt * ms) - 100 for dt in (0.1, 0.05))
    assert one == pytest.approx(half, rel=0.01)


def test_without_nmda_no_weight_changes(model):
    blocked = model.changed(nmda=0)
    lags = [-10, 10] * ms
    assert (
        fwp.synapses.stdp_curve(blocked, lags=lags, pairs=5, frequency=50 * Hz) == 1
    ).all()
    assert (targets.injected(blocked, [50], 0.1 * ms) == 100).all()


def test_slow_pairs_depress_and_fast_ones_potentiate_as_in_slices(model):
    change = {
        rate: fwp.synapses.stdp_curve(
            model, lags=[-10, 10] * ms, pairs=5, frequency=rate * Hz, repeats=15
        )
        for rate in (10, 50)
    }
    assert change[10][0] < 0.7 and abs(change[10][1] - 1) < 0.05
    assert (change[50] > 1.3).all()


def test_the_delay_keeps_a_spike_from_counting_itself(model):
    lags = 10 * ms
    with_delay, without = (
        fwp.synapses.stdp_curve(m, lags=lags, pairs=1, repeats=75)
        for m in (model, model.changed(delay=0 * ms))
    )
    assert with_delay == pytest.approx(1.01, abs=0.01) and without > 1.5
    literal = fwp.synapses.get("clopath_2010", "paper_literal")
    given = fwp.synapses.stdp_curve(literal, lags=lags, pairs=1, repeats=75)
    assert given == pytest.approx(1.79, abs=0.03)


def test_a_delayed_variable_repeats_the_other_one_exactly_so_much_later(model):
    rng = np.random.default_rng(3)
    pre, post = ((rng.random((600, 2)) < 0.02).astype(float) for _ in range(2))
    record = ["u_minus", "late_minus"]
    found = injected.run(
        model, pre, post, dt=0.1 * ms, record=record, record_every=0.1 * ms
    )
    assert (found["late_minus"][40:] == found["u_minus"][:-40]).all()
    assert np.ptp(found["u_minus"]) > 5e-3


def test_it_refuses_trains_that_do_not_pair(model):
    with pytest.raises(fwp.FwpError, match="2 presynaptic trains do not pair with 1"):
        weights(model, [[0], [0]], [[0.01]], 1e-4)
    with pytest.raises(fwp.FwpError, match="unknown steps 'nets'; did you mean 'nest'"):
        weights(model, [[0]], [[0.01]], 1e-4, "nets")


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_every_device_gives_the_same_weights(device, model):
    rng = np.random.default_rng(4)
    pre, post = ((rng.random((1500, 3)) < 0.004).astype(float) for _ in range(2))
    found = {
        d: injected.run(model, pre, post, dt=0.1 * ms, device=d)
        for d in ("numpy", device)
    }
    assert found[device]["weight"] == pytest.approx(found["numpy"]["weight"], abs=1e-12)
    assert np.ptp(found["numpy"]["weight"]) > 1e-4


def test_the_step_of_the_protocol_is_a_time():
    with pytest.raises(fwp.FwpError, match="dt must be a time such as"):
        fwp.synapses.stdp_curve("clopath_2010", lags=10 * ms, pairs=1, dt=0.05)
    with pytest.raises(
        fwp.FwpError, match="dt is 1 ms; it must be above 0 and at most 0.2 ms"
    ):
        fwp.synapses.stdp_curve("clopath_2010", lags=10 * ms, pairs=1, dt=1 * ms)
