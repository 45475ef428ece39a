"""`fwp.run(synapse=)` with synapses whose error is the voltage of their own cell."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.characterise import memory_agreement
from fwp_neuro.circuits import AP5, CNQX
from fwp_neuro.circuits.spiking import voltage_form
from fwp_neuro.circuits.spiking.voltage_form import VoltageCircuit
from fwp_neuro.devices import simulate
from fwp_neuro.model_scripts import load_model

MODEL = load_model("local_delta_memory")
LOCAL = tuple(MODEL.MECHANISMS)
ms = b2.ms
SHORT = fwp.circuits.Timeline(settle=60 * ms, write=150 * ms, gap=50 * ms, query=100 * ms,
                              read=50 * ms, rest=50 * ms)  # fmt: skip
SMALL = {"cells": 20, "timeline": SHORT, "device": "numpy"}
#: a key trace that short tokens fill
QUICK = {**SMALL, "constants": {"tau_x": 20 * ms}}


@pytest.fixture
def short_setup(monkeypatch):
    """Cells look for their operating points for a moment."""
    monkeypatch.setattr(voltage_form, "SETUP", 0.4)


def given(tokens=2, beta=0.6, values=1.0):
    rng = np.random.default_rng(0)
    key = np.array([[0.8, 0.6], [0.6, 0.8]])[:tokens]
    value = values * rng.uniform(-1, 1, (tokens, 2))
    return fwp.Program(key, value, key[::-1].copy(), beta=np.full(tokens, beta))


def distance(one, other):
    return np.sqrt(((one - other) ** 2).mean()) / other.std()


@pytest.mark.parametrize("mechanism", LOCAL)
def test_the_circuit_is_that_of_the_model_which_connect_makes_on_the_same_seed(mechanism):
    p = MODEL.Parameters(mechanism=mechanism, tokens=1, dim=2, heads=2, cells=20, setup=0,
                         device="numpy", seed=3)  # fmt: skip
    program = MODEL.program_of(p)
    read, weights, _ = MODEL.spiking(MODEL.Plan(p, program))
    circuit = VoltageCircuit(program, fwp.rule("delta"), fwp.synapses.get(mechanism),
                             cells=20)  # fmt: skip
    build, size, _ = circuit.builder(circuit.tables())
    found, _ = simulate(build, size, device="numpy", dt=circuit.dt, seed=3)
    found = circuit.in_units(found)
    assert np.abs(weights).max() > 0.3
    # each draws the same spikes; the model looks every 5 ms, the circuit every step
    np.testing.assert_allclose(found["last"]["w"], weights, rtol=0, atol=1e-9)
    assert distance(found["readout"], read) < 0.01


@pytest.mark.slow
@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
def test_a_compiled_program_fed_other_numbers_is_the_circuit_of_these(short_setup):
    """The set-up, the first programme and those after it are one program."""
    for values, seed, drugs in ((1.0, 0, []), (0.5, 4, []), (3.0, 4, [AP5(0.5)])):
        options = {**QUICK, "seed": seed, "drugs": drugs}
        one, other = (
            fwp.run(given(values=values), "delta", "spiking", synapse="anti_hebbian",
                    **{**options, "device": device})
            for device in ("numpy", "cpp_standalone")
        )  # fmt: skip
        for name in ("readout", "final_weights"):
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", LOCAL)
def test_it_agrees_with_delta_as_the_model_does(mechanism):
    p = MODEL.Parameters(mechanism=mechanism)
    program = MODEL.program_of(p)
    ran = fwp.run(program, "delta", "spiking", synapse=mechanism, record_spikes=False)
    found = fwp.compare(fwp.run(program, "delta"), ran)
    model = MODEL.run(p).measures.sel(run="circuit").values
    assert found.nrmse < 0.07 and found.slope == pytest.approx(1, abs=0.03)
    assert found.nrmse == pytest.approx(model[0], rel=0.5)
    assert found.slope == pytest.approx(model[1], abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", LOCAL)
def test_the_fitted_rule_is_delta(mechanism):
    one = memory_agreement.measure(mechanism, "delta", cells=100)
    assert one.coding == "voltage" and one.nrmse < 0.1, one
    assert one.slope == pytest.approx(1, abs=0.05), one
    assert one.gain == pytest.approx(1, abs=0.05), one
    assert one.erase == pytest.approx(1, abs=0.07), one
    assert one.decay == pytest.approx(1, abs=0.03), one


def test_what_it_says_and_what_it_records(short_setup):
    names = ("w", "V", "theta", "x", "recalled", "g_value", "opening")
    ran = fwp.run(given(), "delta", "spiking", synapse="anti_hebbian", **QUICK,
                  record=names, record_every=10 * ms)  # fmt: skip
    said = ran.provenance["options"]
    assert said["form"] == said["coding"] == "voltage" and said["value_cells"] == 1
    assert "bell1997synaptic" in ran.provenance["citations"]
    sizes = dict(ran.dataset.sizes)
    assert ran["V"].dims == ("time", "channel", "post") and sizes["time"] == 83
    assert ran["w"].dims == ("time", "post", "pre")
    np.testing.assert_allclose(ran["w"][-1], ran["final_weights"], atol=1e-9)
    theta, V = ran["theta"].values, ran["V"].values
    assert (theta == theta[0]).all() and 1e-6 < np.ptp(theta[0]) < 1e-3
    beyond = (V - theta)[:, 1] - (V - theta)[:, 0]
    one = float(beyond[5, 0] / ran["recalled"].values[5, 0])
    np.testing.assert_allclose(beyond, one * ran["recalled"].values, atol=1e-12)
    gate = ran["opening"].values
    assert set(ran["population"].values) == {"key", "teacher"}
    assert (gate[7:20] > 0).all() and (gate[22:40] == 0).all()


def test_ap5_stops_the_anti_hebbian_write_and_cnqx_the_read(short_setup):
    def last(**options):
        ran = fwp.run(given(1), "delta", "spiking", synapse="anti_hebbian", **QUICK,
                      **options)  # fmt: skip
        return ran["final_weights"].values, ran["readout"].values

    w, y = last()
    assert (last(drugs=[AP5(1.0)])[0] == 0).all()
    same, none = last(drugs=[CNQX(1.0, window="read")])
    np.testing.assert_allclose(same, w, atol=0.05)
    assert np.abs(none).max() < 0.05 * np.abs(y).max()


@pytest.mark.slow
def test_what_is_inhibition_is_recalled_under_cnqx(short_setup):
    def run(*drugs):
        ran = fwp.run(given(1), "delta", "spiking", synapse="mikulasch_2021", **SMALL,
                      drugs=[AP5(1.0), *drugs])  # fmt: skip
        return ran["final_weights"].values, ran["readout"].values

    w, y = run()
    same, read = run(CNQX(1.0, window="read"))
    np.testing.assert_array_equal(same, w)
    assert np.corrcoef(read.ravel(), y.ravel())[0, 1] > 0.95
    # half of a value arrives
    np.testing.assert_allclose(run(CNQX(0.5, window="write"))[0], w / 2, rtol=0.03)


@pytest.mark.slow
def test_larger_numbers_are_scaled_and_several_value_cells_share_a_channel(short_setup):
    one = given(1, values=3.0, beta=0.4)
    one = one.replace(key=[[1.0, 0.5]], query=[[0.5, 1.0]])
    large = one.replace(key=2 * one["key"], query=2 * one["query"], beta=one["beta"] / 4)
    ran = [fwp.run(each, "delta", "spiking", synapse="anti_hebbian", **QUICK)
           for each in (one, large)]  # fmt: skip
    np.testing.assert_allclose(ran[0]["final_weights"], 2 * ran[1]["final_weights"])
    many = fwp.run(one, "delta", "spiking", synapse="anti_hebbian", **QUICK,
                   value_cells=8)  # fmt: skip
    assert many.provenance["options"]["value_cells"] == 8
    exact = fwp.run(one, "delta")["readout"].values
    assert distance(many["readout"].values, exact) < 0.25


@pytest.mark.parametrize(("rule", "synapse", "coding", "own"), [
    ("delta", "anti_hebbian", "auto", True), ("hebb", "anti_hebbian", "auto", False),
    ("delta", "anti_hebbian", "volleys", False), ("delta", "pair_stdp", "auto", False),
    ("delta", "mikulasch_2021", "voltage", True),
])  # fmt: skip
def test_other_rules_and_codings_run_as_before(rule, synapse, coding, own):
    rule, synapse = fwp.rule(rule), fwp.synapses.get(synapse)
    assert voltage_form.wanted(given(), rule, synapse, coding) == own
    branch = fwp.synapses.get("mikulasch_2021", "feed_forward")
    assert not voltage_form.wanted(given(), fwp.rule("delta"), branch, "auto")


@pytest.mark.parametrize(("change", "sentence"), [
    ({"rule": "hebb", "coding": "voltage"}, "takes off nothing that is recalled"),
    ({"synapse": "pair_stdp", "coding": "voltage"}, "coding 'voltage' is none of"),
    ({"dt": 2 * ms}, "too long for receptors of 5 ms"),
    ({"cells": float("inf")}, "cells=inf"),
    (SMALL, "is too short for the write of 'anti_hebbian'"),
    ({"constants": {"eta": 1.0}}, "'eta' of 'anti_hebbian' follows from its cells"),
    ({"beta": 1.0}, "beta |k|^2 must lie between 0 and"),
    ({"layout": "synapse"}, "option layout shapes the circuits"),
    ({"drugs": AP5()}, "drugs must be a list"),
    ({"record": ["y"], "record_every": 1 * ms}, "variable to record"),
    ({"initial_weights": np.ones((2, 2))}, "takes no initial weights"),
])  # fmt: skip
def test_one_sentence_says_what_is_wrong(change, sentence):
    options = {"rule": "delta", "synapse": "anti_hebbian", **change}
    program = given(beta=options.pop("beta", 0.6))
    with pytest.raises(fwp.FwpError) as said:
        fwp.run(program, options.pop("rule"), "spiking", **options)
    assert sentence in str(said.value)
