"""The point spine: Ellwood's curve, its linear filters against a solver, Brian2 against
filters."""

import brian2 as b2
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses import spine_calcium
from fwp_neuro.synapses.calcium_readouts import READOUTS
from fwp_neuro.synapses.point_spine import events as point_spine

ms, mV = b2.ms, b2.mV
SETS = synapses.parameter_sets("point_spine")


def trains(cells, steps=2500, seed=0, rate=0.003):
    return (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)


@pytest.mark.parametrize("readout", SETS)
def test_brian2_text_is_its_filters(readout):
    model = synapses.get("point_spine", readout)
    pre, post = trains(2, seed=1), trains(3, seed=2)
    found = injected.run(model, pre, post, dt=0.1 * ms)["weight"]
    expected = point_spine.changed_weight(model, pre[:, None], post[..., None], 1e-4)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert np.ptp(found) > 1e-2


def test_the_filters_solve_the_equations():
    """One burst, integrated by an adaptive solver from the text of the paper."""
    model = synapses.get("point_spine", "linear")
    fire, back = np.array([5, 9, 30]) * 1e-3, np.array([8, 33]) * 1e-3

    def shape(t, rise, decay):
        peak = rise * decay / (decay - rise) * np.log(decay / rise)
        course = np.where(t > 0, np.exp(-t / decay) - np.exp(-t / rise), 0)
        return course / (np.exp(-peak / decay) - np.exp(-peak / rise))

    def slope(t, ca):
        s = min(2.0, shape(t - fire, 2e-3, 26e-3).sum())
        v = -75 + 44.3 * shape(t - back, 0.7e-3, 5.26e-3).sum()
        return 21.0 * s / (1 + np.exp(-0.075 * (v + 10))) * (130 - v) - ca / 15e-3

    exact = solve_ivp(
        slope, (0, 0.06), [0.0], max_step=2e-4, rtol=1e-8, dense_output=True
    )
    dt = 0.02e-3
    tables = [np.zeros(3000) for _ in range(2)]
    for table, times in zip(tables, (fire, back), strict=True):
        table[np.round(times / dt).astype(int)] = 1
    found = point_spine.calcium(model, *tables, dt)
    at = np.arange(400, 3000, 100)
    # a spike acts on the state of the next step, and a drive holds for a step: half a
    # step late
    assert found[at + 1] == pytest.approx(exact.sol((at - 0.5) * dt)[0], rel=1e-3)


def test_the_linear_write_is_the_integral_of_an_outer_product():
    model = synapses.get("point_spine", "linear").changed(tau_ca=5 * ms)
    p, dt = model.parameters, 1e-4
    pre, post = trains(4, 5000, seed=3), trains(3, 5000, seed=4)
    pre[1500:], post[1500:] = 0, 0
    write = point_spine.changed_weight(model, pre[:, None], post[..., None], dt) - 1
    s, v = spine_calcium.opening(p, pre, dt), spine_calcium.voltage(p, post, dt)
    f = (0.13 - v) / (1 + np.exp(-75 * (v + 0.01)))
    # dw = eta ca / p_pair with ca filtered by tau (1 - e) / (1 - e) = tau
    expected = np.einsum("ti,tj->ij", f, s) * dt * 21e3 * 5e-3 / p["p_pair"]
    assert write == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("readout", SETS)
def test_ap5_prevents_every_write_exactly(readout):
    model = synapses.get("point_spine", readout).changed(nmda=0)
    found = injected.run(model, trains(2, seed=1), trains(2, seed=2), dt=0.1 * ms)[
        "weight"
    ]
    assert (found == 1).all()


def test_half_the_step_changes_the_write_by_less_than_a_percent():
    coarse_pre, coarse_post = trains(3, 5000, 5), trains(3, 5000, 6)
    coarse_pre[4000:], coarse_post[4000:] = 0, 0  # the end cuts no calcium off
    for readout in SETS:
        model, found = synapses.get("point_spine", readout), []
        for parts in (1, 2):
            pre, post = (np.zeros((5000 * parts, 3)) for _ in range(2))
            pre[::parts], post[::parts] = coarse_pre, coarse_post
            found.append(point_spine.changed_weight(model, pre, post, 1e-4 / parts) - 1)
        assert found[1] == pytest.approx(found[0], rel=0.01), readout
        assert (found[0] > 0.01).all()


def test_a_spine_is_calibrated_to_its_own_peaks():
    model = synapses.get("point_spine")
    assert model.parameters["p_pair"] / model.parameters["p_pre"] == pytest.approx(
        5.92, abs=0.02
    )
    shifted = model.changed(E_rest=-65 * mV)
    ratio = shifted.parameters["p_pair"] / shifted.parameters["p_pre"]
    assert ratio == pytest.approx(5.27, abs=0.03)  # at -65 mV
    fixed = model.changed(E_rest=-65 * mV, p_pair=model.parameters["p_pair"])
    assert fixed.parameters["p_pair"] == model.parameters["p_pair"]
    assert fixed.parameters["p_pre"] == shifted.parameters["p_pre"]
    drugged = model.changed(nmda=0.3)  # a drug does not calibrate anew
    assert drugged.parameters["p_pair"] == model.parameters["p_pair"]


def test_pairs_that_follow_slowly_add_up():
    for rate, pairs in ((1, 7), (5, 3)):
        one, many = (
            synapses.stdp_curve(
                "point_spine", lags=4 * ms, pairs=n, frequency=rate * b2.Hz
            )
            - 1
            for n in (1, pairs)
        )
        assert many == pytest.approx(pairs * one, rel=1e-2)


def test_readouts_saturate_where_they_say():
    ca = np.linspace(0, 50, 11)
    for name, readout in READOUTS.items():
        r = readout(ca, 1.0, 6.0)
        assert (np.diff(r) >= 0).all() and r[0] == 0
        assert (r.max() <= 1) == (name in ("step", "hill_2", "hill_4"))
    assert READOUTS["hill_4"](np.array(6.0), 1.0, 6.0) == 0.5
    assert READOUTS["hill_4"](np.array(3.0), 1.0, 6.0, 0.5) == 0.5


def test_a_rise_must_be_shorter_than_its_decay():
    with pytest.raises(
        fwp.FwpError, match="a rise shorter than its decay, got 30 and 26 ms"
    ):
        synapses.get("point_spine").changed(tau_rise=30 * ms)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_the_same_spikes_give_the_same_weights_on_every_device(device):
    model = synapses.get("point_spine")
    spikes = trains(2, seed=1), trains(3, seed=2)
    reference, found = (
        injected.run(model, *spikes, dt=0.1 * ms, device=d)["weight"]
        for d in ("numpy", device)
    )
    assert found == pytest.approx(reference, rel=1e-12)
