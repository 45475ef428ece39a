"""Writes that use only what is at a spine: their texts, their closed forms, their
memory."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.model_scripts import load_model
from fwp_neuro.synapses.anti_hebbian import targets as anti_hebbian
from fwp_neuro.synapses.balanced_cells import presentation, rate_for, written
from fwp_neuro.synapses.mikulasch_2021 import targets as mikulasch

MODEL = load_model("local_delta_memory")
LOCAL = tuple(MODEL.MECHANISMS)
DT = 0.5e-3


@pytest.fixture(autouse=True)
def _without_a_compiler(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def given(name, parameters, *, gate=1.0, slide=0.0, steps=200, **changes):
    """Return weight, threshold, spikes [side, step] and volts of one synapse."""
    rng = np.random.default_rng(4)
    pre, post = rng.random((2, steps)) < 0.05
    volts = -65e-3 + 5e-3 * rng.standard_normal(steps)
    dt = DT * b2.second
    course = b2.TimedArray(volts * b2.volt, dt=dt)
    fire = b2.TimedArray(np.stack([pre, post], 1).astype(float), dt=dt)
    space = {"fire": fire, "course": course}
    inputs = b2.NeuronGroup(1, "", threshold="fire(t, 0) > 0.5", reset="", dt=dt,
                            namespace=space)  # fmt: skip
    cells = b2.NeuronGroup(
        1, "v = course(t) : volt (constant over dt)\nwrite : 1\nfind : 1",
        threshold="fire(t, 1) > 0.5", reset="", dt=dt, namespace=space,
    )  # fmt: skip
    cells.write, cells.find = gate, slide
    model = fwp.synapses.get(name, parameters).changed(**changes)
    names = {"membrane": "v", "gate": "write", "homeostasis": "find"}
    made = connect(model, inputs, cells, names=names)
    seen = made.monitor("w", dt=dt)
    network = b2.Network(inputs, cells, *made.objects, seen)
    network.run((steps - 0.5) * dt)
    return made.values("w")[0], float(cells.theta_[0]), (pre, post), volts


def test_the_anti_hebbian_text_falls_by_voltage_times_trace():
    model = fwp.synapses.get("anti_hebbian")
    w, theta, (pre, _), volts = given("anti_hebbian", "electrosensory")
    eta, tau, start = model.numbers("eta", "tau_x", "theta_start")
    x, expected = 0.0, 1.0
    for spike, v in zip(pre, volts, strict=True):
        expected -= eta * DT * (v - start) * x * (1 - DT / (2 * tau))  # rk2 of the trace
        x = x * np.exp(-DT / tau) + spike
    assert theta == start
    assert w == pytest.approx(expected, abs=1e-8) and abs(w - 1) > 1e-3


@pytest.mark.parametrize(("parameters", "side"), [("inhibition", 0), ("feed_forward", 1)])
def test_dendritic_balance_writes_the_voltage_at_each_spike(parameters, side):
    changes = {"eta": 0.01 / b2.mV}
    w, _, spikes, volts = given("mikulasch_2021", parameters, **changes)
    expected = 1.0
    for spike, v in zip(spikes[side], volts, strict=True):
        share = expected if side else 1.0
        expected = max(0.0, expected + spike * 10.0 * (v + 65e-3) / share)
    assert w == pytest.approx(expected, rel=1e-9) and abs(w - 1) > 1e-4


@pytest.mark.parametrize("name", LOCAL)
def test_a_shut_gate_writes_nothing_and_homeostasis_finds_the_mean_voltage(name):
    sets = {"anti_hebbian": "electrosensory", "mikulasch_2021": "inhibition"}
    w, theta, _, volts = given(name, sets[name], gate=0.0, slide=1.0,
                               tau_theta=20 * b2.ms)  # fmt: skip
    keep, expected = np.exp(-DT / 20e-3), -65e-3
    for v in volts:
        expected = v + (expected - v) * keep
    assert w == 1 and theta == pytest.approx(expected, abs=1e-5)
    assert theta != -65e-3


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95])
def test_the_rate_of_a_share_is_that_of_the_late_loop(share):
    rate = float(rate_for(share, 0.3, 0.015))
    w, e, dt = 0.0, 1.0, 1e-5
    for _ in range(30000):
        w, e = w + dt * rate * e, e + dt / 0.015 * (1 - w - e)
    assert w == pytest.approx(share, abs=2e-5)
    assert float(written(rate, 0.3, 0.015)) == pytest.approx(share, abs=1e-9)
    assert rate < -np.log1p(-share) / 0.3  # it writes more than a loop without lag
    with pytest.raises(fwp.FwpError, match="must lie between 0 and"):
        rate_for(1.0, 0.3, 0.015)


@pytest.mark.parametrize("case", anti_hebbian.closed_forms(0.015))
def test_drugs_act_on_the_anti_hebbian_write_as_its_closed_form_says(case):
    target = anti_hebbian.closed_forms(0.015)[case]
    assert anti_hebbian.treated(case) == pytest.approx(target, rel=0.005)
    # at the conductance of the circuit driving forces and shunts change a little
    assert anti_hebbian.treated(case, 0.02) == pytest.approx(target, rel=0.02)


@pytest.mark.parametrize("case", mikulasch.CASES)
def test_drugs_act_on_a_balanced_branch_as_its_closed_form_says(case):
    options, target = mikulasch.CASES[case]
    for value, within in ((0.002, 0.015), (0.005, 0.05)):
        found = presentation("mikulasch_2021", 0.8, new=0.8, value=value, **options)
        assert found == pytest.approx(target, rel=within)


def measures(**options):
    found = MODEL.run(MODEL.Parameters(**options)).measures.sel(run="circuit")
    return {str(name): float(found.sel(measure=name)) for name in found.measure.values}


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("mechanism", LOCAL)
def test_mean_rates_run_the_delta_rule(mechanism, replacement):
    options = {"mechanism": mechanism, "spikes": "none", "replacement": replacement}
    found = measures(**options, heads=4, setup=2)
    assert found["nRMSE"] < 0.03 and found["weights nRMSE"] < 0.03
    assert found["slope"] == pytest.approx(1, abs=0.015)


@pytest.mark.parametrize("mechanism", LOCAL)
def test_cells_that_find_their_operating_point_lose_nothing_to_its_spread(mechanism):
    options = {"mechanism": mechanism, "spikes": "none", "spread": 0.1, "heads": 4}
    assert measures(**options)["nRMSE"] < 0.03
    own, nominal = (
        measures(**options, setup=0, own=own)["nRMSE"] for own in (True, False)
    )
    assert 0.03 < own < 0.1 and nominal > 0.2


@pytest.mark.parametrize("mechanism", LOCAL)
def test_the_network_of_regular_cells_is_the_numpy_form(mechanism):
    options = {"mechanism": mechanism, "tokens": 2, "dim": 3, "heads": 1, "setup": 2}
    read = [
        MODEL.run(MODEL.Parameters(**options, spikes=spikes, device="numpy"))
        .readout.sel(run="circuit").values for spikes in ("regular", "none")
    ]  # fmt: skip
    assert np.abs(read[0] - read[1]).max() < 0.03 * np.abs(read[1]).max()


@pytest.mark.slow
@pytest.mark.parametrize(("options", "most"), [
    ({"spikes": "regular"}, 0.05),
    ({"spikes": "regular", "spread": 0.1}, 0.1),
    ({"spikes": "regular", "release": 0.25}, 0.1),
    ({}, 0.12),
])  # fmt: skip
@pytest.mark.parametrize("mechanism", LOCAL)
def test_the_network_of_poisson_cells_keeps_to_its_bounds(mechanism, options, most):
    found = measures(mechanism=mechanism, **options)
    assert found["nRMSE"] < most and found["slope"] == pytest.approx(1, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("drug", [{"ap5": 0.5}, {"cnqx": 0.5}])
def test_the_network_under_drugs_is_the_numpy_form_under_drugs(drug):
    p = MODEL.Parameters(tokens=2, dim=4, heads=1, setup=2, spikes="regular", **drug)
    network, numpy = (MODEL.run(one).readout.sel(run="circuit").values
                      for one in (p, replace(p, spikes="none")))  # fmt: skip
    assert np.abs(network - numpy).max() < 0.05 * np.abs(numpy).max()


@pytest.mark.parametrize(("wrong", "said"), [
    ({"mechanism": "hebb"}, "mechanism"), ({"spikes": "late"}, "spikes"),
    ({"beta": 1.0}, "beta"), ({"release": 0.0}, "release"), ({"cells": 0}, "cells"),
    ({"dt": 2.0}, "5 ms"), ({"spread": -0.1}, "spread"),
])  # fmt: skip
def test_what_makes_no_memory_is_refused(wrong, said):
    with pytest.raises(fwp.FwpError, match=said):
        MODEL.run(MODEL.Parameters(**wrong))
