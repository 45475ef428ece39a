"""Calcium control: Brian2 text against the oracle, figure 3, AP5, an oracle of fine
steps."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.shouval_2002 import events as oracle

ms, Hz, mV = b2.ms, b2.Hz, b2.mV
NAME = "shouval_2002"
PRE, POST = np.array([10.0, 60, 110, 180, 184]), np.array([20.0, 55, 117, 179, 198])


def on_brian2(model, dt=0.25, device="numpy", pre=PRE, post=POST, until=350):
    steps = int(until / dt)
    tables = []
    for times in (pre, post):
        tables.append(np.zeros((steps, 1)))
        # a spike acts at the end of its step
        tables[-1][np.round(times / dt).astype(int) - 1] = 1
    found = injected.run(model, *tables, dt=dt * ms, device=device)
    return found["weight"][0, 0] / model.initial["w"]


@pytest.mark.parametrize("chosen", ["pairing", "frequency"])
def test_brian2_text_is_the_oracle(chosen):
    model = synapses.get(NAME, chosen)
    exact = oracle.changed_weight(model, PRE / 1e3, POST / 1e3, until=0.35)
    assert on_brian2(model) - 1 == pytest.approx(exact - 1, rel=0.01)
    assert abs(exact - 1) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    model = synapses.get(NAME)
    assert on_brian2(model, device=device) == pytest.approx(on_brian2(model), abs=1e-12)


def test_halving_the_step_changes_a_write_by_less_than_a_percent():
    model = synapses.get(NAME)
    coarse, fine = (on_brian2(model, dt) - 1 for dt in (0.5, 0.25))
    assert coarse == pytest.approx(fine, rel=0.01)


def test_oracle_by_small_euler_steps():
    """The published equations, stepped as they stand."""
    model = synapses.get(NAME)
    p = {name: float(value) for name, value in model.parameters.items()}
    dt, end = 0.01e-3, 0.35
    w = open_f = open_s = slow = fast = bap_f = bap_s = ca = 0.0
    w = 0.25
    pre, post = PRE[:3] / 1e3, POST[:3] / 1e3 + p["delay_bap"]
    for step in range(round(end / dt)):
        t = step * dt
        if np.abs(pre - t).min() < dt / 2:
            opens = p["P0"] * (1 - open_f - open_s)
            open_f, open_s = open_f + p["I_f"] * opens, open_s + (1 - p["I_f"]) * opens
            slow, fast = slow + p["epsp"] / 0.6968, fast + p["epsp"] / 0.6968
        if np.abs(post - t).min() < dt / 2:
            bap_f, bap_s = 0.75 * p["V_bap"], 0.25 * p["V_bap"]
        v = 1e3 * (p["V_rest"] + slow - fast + bap_f + bap_s)
        drive = (open_f + open_s) * (130 - v) / (1 + np.exp(-0.062 * v) / 3.57) / 500e-3
        tau = 0.1 / (1e-5 + ca**3) + 1
        sig = [1 / (1 + np.exp(-80 * (ca - alpha))) for alpha in (0.55, 0.35)]
        w += dt / tau * (0.25 + sig[0] - 0.25 * sig[1] - w)
        ca += dt * (drive - ca / 0.05)
        open_f, open_s = open_f * (1 - dt / 0.05), open_s * (1 - dt / 0.2)
        slow, fast = slow * (1 - dt / 0.05), fast * (1 - dt / 0.005)
        bap_f, bap_s = bap_f * (1 - dt / 0.003), bap_s * (1 - dt / 0.025)
    exact = oracle.changed_weight(model, pre, POST[:3] / 1e3, until=end)
    assert w / 0.25 - 1 == pytest.approx(exact - 1, rel=0.01)


def test_full_ap5_changes_no_weight_at_all():
    model = synapses.get(NAME).changed(nmda=0)
    assert on_brian2(model, 0.5) == 1
    found = synapses.stdp_curve(model, lags=[-10, 10] * ms, pairs=5)
    assert found == pytest.approx(1, abs=1e-15)


def test_omega_and_eta_are_the_computed_values():
    model = synapses.get(NAME)
    ca = np.array([0, 0.35, 0.45, 0.55, 0.6, 1.0])
    assert oracle.omega(model, ca) == pytest.approx(
        [0.25, 0.125, 0.0004, 0.5, 0.982, 1], abs=5e-4
    )
    times = 1 / oracle.eta(model, ca)
    assert times == pytest.approx([1e4, 3.33, 2.10, 1.60, 1.46, 1.10], rel=5e-3)


def test_depression_at_intermediate_and_potentiation_at_high_calcium():
    """Figure 3: by holding potential, by timing (with depression at long lags), by
    frequency."""
    model = synapses.get(NAME)
    assert oracle.clamped(model, -65 * mV, 40) == pytest.approx(1, abs=0.01)
    assert (
        oracle.clamped(model, -55 * mV, 40)
        < 0.7
        < 1.5
        < oracle.clamped(model, -30 * mV, 40)
    )
    early, paired, late = synapses.stdp_curve(model, lags=[-10, 10, 80] * ms, pairs=40)
    assert early < 0.9 and late < 0.9 and paired > 1.3
    alone = synapses.get(NAME, "frequency")
    low, high = (
        oracle.changed_weight(alone, np.arange(40) / f, np.zeros(0)) for f in (1, 20)
    )
    assert low < 0.9 and high > 1.5


def test_it_refuses():
    with pytest.raises(fwp.FwpError, match="parameter set of 'shouval_2002'"):
        synapses.get(NAME, "pairs")
    with pytest.raises(fwp.FwpError, match="need interval"):
        synapses.stdp_curve(NAME, lags=5 * ms, groups=2)
