"""Behavioural time scale plasticity: Brian2 text against the oracle, kernels, signs, the
memory."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import model_scripts, synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.behavioural_time_scale import events as oracle
from fwp_neuro.synapses.behavioural_time_scale import synapse as btsp

ms, Hz, second = b2.ms, b2.Hz, b2.second
NAME = "behavioural_time_scale"
BURST = dict(pre_spikes=10, burst_frequency=20 * Hz)
PRE, POST = np.array([0.1, 0.15, 0.2, 1.0, 2.2]), np.array([0.9, 1.1, 2.0])


def on_brian2(model, dt=5, device="numpy", starts=(1.0, 3.0)):
    """Weights after 3 s of spikes and plateaus, from each of some weights before."""
    steps = 3000 // dt
    tables = []
    for times in (PRE, POST):
        table = np.zeros((steps, len(starts)))
        # a spike acts from the end of its step on
        table[np.round(times * 1e3 / dt).astype(int) - 1] = 1
        tables.append(table)
    return injected.run(
        model,
        *tables,
        dt=dt * ms,
        pairing="one",
        initial={"w": np.array(starts)},
        device=device,
    )["weight"]


@pytest.mark.parametrize("chosen", btsp.SETS)
def test_brian2_text_is_the_oracle(chosen):
    model = synapses.get(NAME, chosen)
    starts = np.array([1.0, 3.0])
    exact = oracle.changed_weight(model, PRE, POST, starts, until=3.0)
    change = exact - starts
    assert on_brian2(model) - starts == pytest.approx(
        change, abs=0.01 * np.abs(change).max()
    )
    assert np.abs(change).max() > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    model = synapses.get(NAME)
    assert on_brian2(model, device=device) == pytest.approx(on_brian2(model), abs=1e-12)


def test_halving_the_step_changes_a_write_by_less_than_a_percent():
    model = synapses.get(NAME)
    coarse, fine = (on_brian2(model, dt) - (1, 3) for dt in (10, 5))
    assert coarse == pytest.approx(fine, abs=0.01 * np.abs(fine).max())


@pytest.mark.parametrize("chosen", ["milstein_2021_mean", "bittner_2017"])
def test_full_ap5_changes_no_weight_at_all(chosen):
    model = synapses.get(NAME, chosen).changed(nmda=0)
    assert (on_brian2(model, 10) == (1, 3)).all()
    assert synapses.stdp_curve(model, lags=[-1, 0.5] * second, pairs=1) == pytest.approx(
        1, abs=0
    )


def test_kernel_has_the_two_time_constants():
    model, lags = synapses.get(NAME, "bittner_2017"), np.array([0.5, 1, 2, 3])
    way = dict(pairs=5, frequency=1 / (15 * second), **BURST)
    sides = [
        synapses.stdp_curve(model, lags=sign * lags * second, **way) - 1
        for sign in (1, -1)
    ]
    assert oracle.decay_times(lags, *sides) == pytest.approx((1.31, 0.69), rel=0.01)
    one = synapses.stdp_curve(model, lags=[1, -1] * second, pairs=1) - 1
    assert one == pytest.approx(0.03 * np.exp([-1 / 1.31, -1 / 0.69]), rel=1e-12)


def test_traces_peak_at_one_and_overlap_decays_with_them():
    model, lags = synapses.get(NAME), np.array([1, 1.5, 2, 3])
    pre, post = np.arange(10) * 0.05, np.array([0.5])
    _, et, instructive = oracle.traces(model, pre, post, 6.0)
    assert et.max() == pytest.approx(1, abs=2e-3)
    assert instructive.max() == pytest.approx(1, abs=2e-3)
    sides = [oracle.overlap(model, sign * lags, **BURST) for sign in (1, -1)]
    assert oracle.decay_times(lags, *sides) == pytest.approx((0.8639, 0.5428), rel=1e-3)
    slower = model.changed(tau_ET=2 * second)  # the normalisation follows
    _, et, _ = oracle.traces(slower, pre, post, 6.0)
    assert et.max() == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("sign", ["plus", "minus"])
def test_q_is_a_sigmoid_from_zero_to_one(sign):
    model = synapses.get(NAME)
    x = np.linspace(0, 1, 11)
    found = oracle.q(model, sign, x)
    assert found[0] == 0 and found[-1] == pytest.approx(1) and (np.diff(found) > 0).all()


def test_weak_weights_potentiate_and_strong_ones_depress():
    for chosen in ("milstein_2021_mean", "milstein_2021_network"):
        weak, strong = (
            synapses.stdp_curve(
                NAME, chosen, lags=0.2 * second, pairs=1, start=w, **BURST
            )
            for w in (1, 4)
        )
        assert weak > 1.5 and strong < 0.9


def test_a_long_plateau_leads_to_the_balance_of_both_rates():
    model = synapses.get(NAME).changed(plateau=20 * second)
    onset, pre = np.array([0.0]), np.arange(0, 20, 0.05)
    weight = oracle.changed_weight(model, pre, onset, [0.0, 4.0], until=20.0)
    k_plus, k_minus, most = model.numbers("k_plus", "k_minus", "W_max")
    assert weight == pytest.approx(most * k_plus / (k_plus + k_minus), abs=1e-6)


def test_it_refuses():
    with pytest.raises(fwp.FwpError, match="parameter set of 'behavioural_time_scale'"):
        synapses.get(NAME, "milstein_2021")
    with pytest.raises(fwp.FwpError, match="bursts need burst_frequency"):
        synapses.stdp_curve(NAME, lags=1 * second, pairs=1, pre_spikes=10)


def test_one_plateau_writes_a_place_field_and_another_one_moves_it():
    script = model_scripts.load_model("milstein_2021_one_shot_memory")
    parameters = script.Parameters(inputs=40, cells=3, dt=20.0, rate=30.0)
    data = script.run(parameters)
    assert data.weights.shape == (5, 3, 40)
    assert (data.weights.sel(lap="before") == 1).all()
    found = script.measures(data)
    assert -30 < found["first peak"] < 0  # fields peak before the plateau's place
    assert found["recall first"] == found["recall second"] == 1
    assert found["weak inputs"] > 0.05 and found["strong inputs"] < -0.05
    assert "moved the peak by" in script.report(data)
    again = script.run(parameters)
    assert (again.weights == data.weights).all()


def test_the_memory_refuses():
    script = model_scripts.load_model("milstein_2021_one_shot_memory")
    with pytest.raises(fwp.FwpError, match="never erases"):
        script.build(script.Parameters(parameter_set="bittner_2017"))
    with pytest.raises(fwp.FwpError, match="speed"):
        script.build(script.Parameters(speed=0))
