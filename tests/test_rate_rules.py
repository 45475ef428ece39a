"""Oja, BCM, Vogels and scaling: Brian2 text against oracles, and closed-form fixed
points."""

import brian2 as b2
import numpy as np
import pytest

from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.bcm import events as bcm
from fwp_neuro.synapses.bcm import targets as bcm_rows
from fwp_neuro.synapses.homeostatic_scaling import events as homeostatic_scaling
from fwp_neuro.synapses.oja import events as oja
from fwp_neuro.synapses.oja import targets as oja_rows
from fwp_neuro.synapses.rate_traces import filtered
from fwp_neuro.synapses.vogels_2011 import events as vogels_2011

ms, Hz, second = b2.ms, b2.Hz, b2.second
RATE_RULES = {"oja": oja.course, "bcm": lambda *given: bcm.course(*given)[0]}


def spikes(cells, seed, steps=800, rate=0.03):
    return (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)


def fast(name, chosen):
    """A model that changes weights within a second."""
    if name == "homeostatic_scaling":
        return synapses.get(name, chosen).changed(tau_h=1 * second)
    if name == "bcm":  # a faster rule would outrun its threshold
        return synapses.get(name, chosen).changed(eta=0.2 * Hz, tau_theta=0.1 * second)
    return synapses.get(name, chosen).changed(eta=2 * Hz)


def compare(name, chosen, device="numpy"):
    model, pre, post, dt = fast(name, chosen), spikes(3, 1), spikes(2, 2), 1e-3
    start = np.array([[0.1, 0.3, 0.2], [0.5, 0.1, 0.4]])
    found = injected.run(
        model, pre, post, dt=dt * second, initial={"w": start}, device=device
    )
    x = filtered(model, pre, dt)
    y = filtered(model, post, dt) if chosen == "spikes" else None
    exact = RATE_RULES[name](model, start, x, y, dt)[-1]
    change = np.abs(exact - start).max()
    assert change > 0.05
    assert found["weight"] == pytest.approx(exact, abs=2e-3 * change)


@pytest.mark.parametrize("chosen", ["spikes", "linear"])
@pytest.mark.parametrize("name", RATE_RULES)
def test_brian2_text_of_rate_rules_is_the_oracle(name, chosen):
    compare(name, chosen)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    compare("bcm", "linear", device)


@pytest.mark.parametrize("name", [*RATE_RULES, "homeostatic_scaling"])
@pytest.mark.parametrize("chosen", ["spikes", "linear"])
def test_halving_the_step_changes_a_write_by_less_than_a_percent(name, chosen):
    model, coarse = fast(name, chosen), [spikes(2, 4, 900, 0.01), spikes(2, 5, 900, 0.01)]
    fine = [np.repeat(one, 2, axis=0) for one in coarse]
    for one in fine:
        one[::2] = 0  # a spike acts at the end of its step
    changes = [
        injected.run(model, *both, dt=dt * ms, initial={"w": 0.3})["weight"] - 0.3
        for both, dt in ((coarse, 0.3), (fine, 0.15))
    ]
    assert changes[0] == pytest.approx(changes[1], abs=0.01 * np.abs(changes[1]).max())


def test_brian2_text_of_vogels_is_the_oracle():
    model = synapses.get("vogels_2011").changed(eta=0.3)
    pre, post = spikes(3, 6), spikes(2, 7)
    found = injected.run(model, pre, post, dt=1 * ms)["weight"]
    at = [[np.flatnonzero(column) * 1e-3 for column in table.T] for table in (pre, post)]
    exact = [[vogels_2011.changed_weight(model, a, b) for a in at[0]] for b in at[1]]
    assert found == pytest.approx(np.array(exact), abs=1e-12)
    assert found.min() == 0 or np.ptp(found) > 0.05


def test_brian2_text_of_scaling_is_the_closed_form():
    model, post = fast("homeostatic_scaling", "spikes"), spikes(2, 8)
    found = injected.run(model, spikes(1, 9), post, dt=1 * ms)["weight"]
    # a spike acts at the end of its step, and the rate is constant within one: dt/(2
    # tau_r) off
    at = [(np.flatnonzero(column) + 1) * 1e-3 for column in post.T]
    exact = [[homeostatic_scaling.factor(model, times, 0.8)] for times in at]
    assert found == pytest.approx(np.array(exact), rel=5e-5)
    linear = fast("homeostatic_scaling", "linear")
    pre, start = spikes(2, 10), np.array([[0.2, 0.4]])
    found = injected.run(linear, pre, post[:, :1], dt=1 * ms, initial={"w": start})[
        "weight"
    ]
    exact = homeostatic_scaling.course(linear, start, filtered(linear, pre, 1e-3), 1e-3)[
        -1
    ]
    assert found == pytest.approx(exact, rel=1e-3)
    assert found[0, 1] / found[0, 0] == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize("alpha", [1.0, 4.0])
def test_oja_finds_the_first_principal_component(alpha):
    aligned, length = oja_rows.learned(alpha, 15000, seed=2)
    assert aligned > 0.999 and length == pytest.approx(1, abs=0.02)


def test_oja_with_a_given_output_goes_to_its_regression():
    """w -> <x y>/(alpha <y^2>) where the output does not depend on w."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(20000, 1))
    x = y @ [[2.0, -1.0]] + rng.normal(size=(20000, 2))
    model = synapses.get("oja").changed(alpha=0.5)
    weights = oja.course(model, np.zeros((1, 2)), x, y, 0.02)[10000:, 0].mean(0)
    assert weights == pytest.approx([4, -2], abs=0.1)


def test_bcm_threshold_meets_its_answer_and_the_cell_selects():
    answers, threshold = bcm_rows.learned(1, 600)
    assert answers == pytest.approx([1], abs=1e-3) and threshold == pytest.approx(
        1, abs=1e-3
    )
    answers, threshold = bcm_rows.learned(2, 1000)
    assert answers == pytest.approx([2, 0], abs=0.05) and threshold == pytest.approx(
        2, rel=0.03
    )


def test_vogels_window_is_symmetric_around_a_constant_depression():
    model = synapses.get("vogels_2011")
    tau, rho, eta = model.numbers("tau", "rho_0", "eta")
    lags = np.array([-15, 15, 200])
    found = synapses.stdp_curve(model, lags=lags * ms, pairs=1)
    window = eta * (np.exp(-np.abs(lags) * 1e-3 / tau) - 2 * rho * tau)
    assert found == pytest.approx(1 + window, abs=1e-12)


def test_vogels_drift_is_zero_at_the_target_rate():
    """Independent Poisson trains: drift eta nu_pre (2 tau nu_post - alpha)."""
    model, rng, seconds = (
        synapses.get("vogels_2011").changed(eta=1e-4),
        np.random.default_rng(1),
        40,
    )
    drifts = []
    for post_rate in (2.0, 3.0, 12.0):
        ends = [
            vogels_2011.changed_weight(
                model, *(np.sort(rng.random(rng.poisson(rate * seconds)) * seconds)
                         for rate in (20.0, post_rate))
            )
            for _ in range(30)
        ]  # fmt: skip
        expected = 1e-4 * seconds * 20 * (2 * 0.02 * post_rate - 0.12)
        drifts.append((np.mean(ends) - 1 - expected) / (np.std(ends) / 30**0.5))
    assert np.abs(drifts).max() < 4
