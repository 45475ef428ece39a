"""What a spiking run records on request: each trace equals the same value found in
another way."""

import brian2 as b2
import numpy as np
import pytest
from programs import random_program
from recorded_trace_cases import (
    ALL,
    CELLS,
    DT,
    HEADS,
    POST,
    PRE,
    STEPS,
    TOKEN,
    TOKENS,
    WAYS,
    run,
)
from test_spiking import SHORT

import fwp_neuro as fwp
from fwp_neuro.circuits.collector import Collector, Port, Record
from fwp_neuro.circuits.spiking.circuit_plan import ports
from fwp_neuro.circuits.token_schedule import make
from fwp_neuro.states import Keep

ms = b2.ms
BIOPHYSICAL = [way for way in WAYS if way != "generic"]


def numbers(way):
    """Return the parameters of the synapse model, as plain numbers."""
    model = fwp.synapses.get(
        WAYS[way][1].get("synapse", "two_compartment_nmda"), kind="circuit"
    )
    return {name: float(value) for name, value in model.parameters.items()}


def low_pass(way, population, tau, shape):
    """Filter the recorded spikes of a population: [step, *shape], the value before each
    step."""
    recording, p = run(way), numbers(way)
    fired, decay = recording.spikes(population), np.exp(-DT / tau)
    kick = (1 - decay) / (CELLS * p["rate"] * DT)
    steps = np.rint(fired["time"].values / DT).astype(int)
    trace, counts = np.zeros((STEPS + 1, *shape)), np.zeros((STEPS + 1, *shape))
    where = (fired["cell_head"].values, fired["dimension"].values)
    sign = fired["cell_sign"].values
    if len(shape) == 3:  # ON and OFF apart
        where, sign = (where[0], (1 - sign) // 2, where[1]), np.ones_like(sign)
    np.add.at(counts, (steps, *where), sign)
    if population == "teacher":
        trace[0] = p["value_baseline"]
    for n in range(STEPS):
        trace[n + 1] = trace[n] * decay + kick * counts[n]
    return trace


# ---------------------------------------------------------------------- what a run gives


@pytest.mark.parametrize("way", WAYS)
def test_recording_more_changes_nothing_else(way):
    more, less = run(way), run(way, None)
    for name in less.dataset.variables:
        assert np.array_equal(more[name], less[name]), name
    assert more.duration == less.duration == pytest.approx(TOKENS * TOKEN)


@pytest.mark.parametrize("way", WAYS)
def test_names_dims_and_units(way, tmp_path):
    recording = run(way)
    asked = recording.provenance["options"]["record"]
    for name in asked:
        trace = recording[name]
        assert (
            trace.dims[0] == "time" and "head" in trace.dims and trace.attrs["long_name"]
        )
        voltage, rate = name[0] == "V", name in ("gate", "write")
        expected = "V" if voltage else "Hz" if rate else "1"
        if name[:2] == "g_":
            expected = "leak conductance"
        assert trace.attrs["units"].removesuffix(" x (E_exc - E_leak)") == expected, name
    assert {recording[name].attrs["units"] for name in ("time", "token_start")} == {"s"}
    np.testing.assert_array_equal(
        recording["time"], np.round(np.arange(STEPS + 1) * DT, 12)
    )
    np.testing.assert_allclose(
        recording["token_start"], np.arange(TOKENS) * TOKEN, atol=1e-12
    )
    again = fwp.load(recording.save(tmp_path / "run.nc"))
    assert again.dataset.identical(recording.dataset)


@pytest.mark.parametrize("way", WAYS)
def test_weights_at_token_ends_are_the_snapshots(way):
    recording = run(way)
    for token in range(TOKENS):
        end = round((token + 1) * TOKEN, 12)
        found = recording.sel(time=end)["w"].values
        assert np.abs(found).max() > 0.05
        np.testing.assert_allclose(found, recording["weights"].values[token], atol=1e-14)
    if way != "generic":
        both = (
            recording["w_channel"].values * recording.provenance["options"]["value_scale"]
        )
        np.testing.assert_allclose(
            both[:, :, 0] - both[:, :, 1], recording["w"], atol=1e-12
        )


@pytest.mark.parametrize("way", ["population", "synapse", "generic"])
def test_coarse_samples_are_some_of_the_fine_ones(way):
    fine, coarse = run(way), run(way, every=4.5)
    for name in coarse.provenance["options"]["record"]:
        np.testing.assert_array_equal(coarse[name].values, fine[name].values[::9])
    assert len(coarse["time"]) == STEPS // 9 + 1


def test_an_interval_alone_keeps_its_meaning():
    alone, all_ = run("population", "alone", 2), run("population")
    for name in ("V_basal", "V_apical", "drive"):
        np.testing.assert_array_equal(alone[name], all_[name][::4])
    np.testing.assert_array_equal(alone["weight_course"], all_["w"][::4])
    assert "V" not in alone and "weight_course" not in run("synapse", "alone", 2)
    with pytest.raises(
        fwp.FwpError, match="'sample_time' is now 'time'.*rec\\['time'\\]"
    ):
        alone["sample_time"]


# --------------------------------------------------------------------- laws of the traces


@pytest.mark.parametrize("way", BIOPHYSICAL)
def test_conductances_are_sums_of_weights_and_traces(way):
    recording, p = run(way), numbers(way)
    excitation, inhibition = (recording[n].values for n in ("g_ampa", "g_inhibition"))
    drive, basal = recording["drive"].values, recording["g_basal"].values
    np.testing.assert_allclose(
        excitation - inhibition, p["conductance"] * drive, atol=1e-12
    )
    np.testing.assert_allclose(
        basal, p["conductance"] * (p["value_baseline"] + drive), atol=1e-12
    )
    np.testing.assert_allclose(
        recording["g_apical"], p["conductance"] * recording["teacher"], atol=1e-12
    )
    if way in ("synapse", "opponent"):
        return
    rows = slice(None)
    # at the end of a token weights are sampled before their turnover
    if "alpha" in recording:
        ends = np.rint(np.arange(1, TOKENS + 1) * TOKEN / DT).astype(int)
        rows = np.setdiff1d(np.arange(STEPS + 1), ends)
    w, x = recording["w_channel"].values, recording["x_ampa"].values
    total = np.einsum("thcij,thj->thci", w, x) * p["conductance"]
    if way == "drugs":
        total = 0.3 * total
    assert total.max() > 0.05
    np.testing.assert_allclose(excitation[rows], total[rows], atol=1e-12)


def test_excitation_of_single_key_cells_is_that_of_their_spikes():
    """Weights of single cells, which do not change without a write."""
    changes = {"beta": 0.0}
    rng = np.random.default_rng(3)
    program = random_program(TOKENS, 1, PRE, POST, **changes)
    weights = rng.uniform(-0.3, 0.3, (1, POST, PRE))
    recording = fwp.run(
        program, "delta", "spiking", initial_weights=weights, cells=CELLS, device="numpy",
        layout="synapse", timeline=SHORT, record="g_ampa", record_every=DT * b2.second,
    )  # fmt: skip
    p, fired = numbers("synapse"), recording.spikes("key")
    decay, counts = np.exp(-DT / p["tau_ampa"]), np.zeros((STEPS + 1, PRE))
    steps = np.rint(fired["time"].values / DT).astype(int)
    np.add.at(counts, (steps, fired["dimension"].values), 1)
    x = np.zeros((STEPS + 1, PRE))
    for n in range(STEPS):
        x[n + 1] = x[n] * decay + (1 - decay) / (CELLS * p["rate"] * DT) * counts[n]
    for channel, sign in ((0, 0.5), (1, -0.5)):
        expected = p["conductance"] * x @ (p["weight_baseline"] + sign * weights[0]).T
        np.testing.assert_allclose(
            recording["g_ampa"][:, 0, channel], expected, atol=1e-12
        )


@pytest.mark.parametrize("way", ["population", "regular", "synapse", "opponent", "drugs"])
def test_traces_are_the_filtered_spikes(way):
    recording, p = run(way), numbers(way)
    for name, population, tau, shape in (
        ("x_nmda", "key", "tau_nmda", (HEADS, PRE)),
        ("x_ampa", "key", "tau_ampa", (HEADS, PRE)),
        ("teacher", "teacher", "tau_teacher", (HEADS, 2, POST)),
    ):
        if name in recording:
            expected = low_pass(way, population, p[tau], shape)
            assert np.abs(expected).max() > 0.3
            np.testing.assert_allclose(recording[name], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("way", BIOPHYSICAL)
def test_the_block_is_that_of_the_voltage(way):
    recording = run(way)
    basal, apical = recording["V_basal"].values, recording["V_apical"].values
    np.testing.assert_array_equal(recording["V"].sel(compartment="basal"), basal)
    np.testing.assert_array_equal(recording["V"].sel(compartment="apical"), apical)
    p = numbers(way)

    def unblocked(volt):
        if way == "linear":
            return (volt - p["E_leak"]) / (p["E_exc"] - p["E_leak"])
        return fwp.synapses.magnesium_block(volt * b2.volt, "jahr_stevens_1990")

    np.testing.assert_allclose(recording["unblocked"], unblocked(apical), atol=1e-12)
    if "delta" in WAYS[way][0]:
        error = unblocked(apical) - unblocked(basal)
        np.testing.assert_allclose(recording["error"], error, atol=1e-12)


@pytest.mark.parametrize(
    "way", ["population", "rates", "synapse", "opponent", "drugs", "linear"]
)
def test_weights_follow_gate_trace_and_error(way):
    recording = run(way)
    gate, error = recording["gate"].values[:, :, None, None], recording["error"].values
    blocked = 0.6 if way == "drugs" else 1
    write = recording["write"].values
    np.testing.assert_allclose(write, gate * error, atol=1e-12)
    assert gate.max() > blocked and (gate == 0).any()
    w, x = recording["w_channel"].values, recording["x_nmda"].values
    steps = np.diff(w, axis=0)
    rows = np.arange(STEPS) % round(TOKEN / DT) > 0  # turnover falls between two samples
    expected = (write[..., None] * x[:, :, None, None] * DT)[:-1]
    assert np.abs(expected).max() > 1e-4
    if way == "synapse":  # each cell has its own trace, and theirs is the mean
        expected = expected.sum((0,)), steps[rows].sum(0)
        np.testing.assert_allclose(expected[1], expected[0], atol=0.02)
        return
    np.testing.assert_allclose(steps[rows], expected[rows], atol=1e-12)


def test_generic_activities_are_counts_of_spikes():
    recording, p = run("generic"), numbers("population")
    for name, population, window, dim in (
        ("k", "key", 0.05, PRE), ("q", "query", 0.04, PRE), ("v", "teacher", 0.05, POST)
    ):  # fmt: skip
        fired = recording.spikes(population)
        counts = np.zeros((TOKENS, HEADS, dim))
        token = (fired["time"].values / TOKEN).astype(int)
        where = (token, fired["cell_head"].values, fired["dimension"].values)
        np.add.at(counts, where, fired["cell_sign"].values)
        for n in range(TOKENS):
            end = recording.sel(time=round((n + 1) * TOKEN, 12))[name]
            np.testing.assert_allclose(
                end, counts[n] / (CELLS * p["rate"] * window), atol=1e-12
            )


@pytest.mark.slow
@pytest.mark.parametrize("way", ["population", "synapse", "generic"])
def test_devices_agree(way):
    kind = {"key_cells": "integrate_and_fire"}
    one, other = (
        run(way, every=5.0, device=device, **kind) for device in ("numpy", "cython")
    )
    for name in one.dataset.data_vars:
        np.testing.assert_allclose(one[name].values, other[name].values, atol=1e-9)


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("way", "options", "sentence"),
    [
        ("population", {"record": ["w"]}, "record needs record_every, a time such as "
                                          "1\\*ms"),
        ("population", {"record": [], "record_every": 1 * ms}, "record names nothing"),
        ("population", {"record": 3, "record_every": 1 * ms},
         "record must be names such as"),
        ("population", {"record": ["x_nmd"], "record_every": 1 * ms},
         "to record of the biophysical form: 'x_nmd'; did you mean 'x_nmda'.*legal: w, "
         "w_cha"),
        ("synapse", {"record": ["x_ampa"], "record_every": 1 * ms}, "legal: .*x_nmda, V"),
        ("generic", {"record": ["g_ampa"], "record_every": 1 * ms},
         "rule 'gated_delta' in the generic form .*'g_ampa'.*\\(legal: w, k, q, v\\)"),
        ("generic", {"record_every": 1 * ms}, "record_every alone samples voltages, but "
                                              "rule 'gat"),
        ("population", {"record": "w", "record_every": 0.7 * ms},
         "whole number of time steps"),
        ("population", {"record_spikes": ["keys"]}, "population of record_spikes: "
                                                    "'keys'"),
        ("population", {"record_spikes": 2}, "record_spikes must be True, False or "
                                             "populations"),
    ],
)  # fmt: skip
def test_refusals(way, options, sentence):
    rule, usual = WAYS[way]
    program = random_program(TOKENS, HEADS, PRE, POST, beta=0.5, alpha=0.9)
    with pytest.raises(fwp.FwpError, match=sentence) as refusal:
        fwp.run(
            program,
            rule,
            "spiking",
            **{"cells": 2, "device": "numpy", **usual, **options},
        )
    assert "\n" not in str(refusal.value)


def test_a_trace_never_takes_the_name_of_something_else():
    rule = fwp.Rule("gated_write", "w += gate*v*k", gates={"gate": "shared"})
    program = random_program(2, 1, PRE, POST, gate=0.5)
    recording = fwp.run(
        program, rule, "spiking", cells=2, device="numpy", timeline=SHORT,
        record=["gate"], record_every=1 * ms,
    )  # fmt: skip
    assert recording["gate"].ndim <= 1 and recording["gate_trace"].dims[0] == "time"
    assert recording["gate_trace"].attrs["units"] == "Hz"


# ---------------------------------------------------------------------- another builder


def test_a_builder_of_another_circuit_uses_the_collector():
    """Two cells drive three; a weight grows by 1 in every token."""
    schedule = make(SHORT, 0.5 * ms, 2)

    def shaped(array):
        return array.reshape(len(array), 1, 2, 3).swapaxes(2, 3)

    legal = {
        "w": Port("synapse", "w", ("post", "pre"), shaped, "weight"),
        "g": Port(
            "post", "g*siemens", ("post",), lambda a: a[:, None], "conductance", "siemens"
        ),
    }
    collector = Collector(
        schedule, Keep("snapshots", "asked for", np.ones((1, 1, 2))), legal,
        Record(("w", "g"), 20, ("key",)),
    )  # fmt: skip
    with fwp.devices.brian2_state.runtime("numpy", 0.5 * ms, 0):
        namespace = {}
        pre = b2.NeuronGroup(
            2, "rate = 1*Hz : Hz" + collector.equations("pre"), threshold="t < 1*ms",
            namespace=namespace, **collector.probing.events(namespace),
        )  # fmt: skip
        post = b2.NeuronGroup(3, "g = 2.0 : 1" + collector.equations("post"))
        made = b2.Synapses(
            pre,
            post,
            "w : 1" + collector.equations("synapse"),
            **collector.probing.pathway("w"),
        )
        made.connect()
        made.w = "0.1*i + 0.01*j"
        made.run_regularly(
            "w += int(t > 0*ms)", dt=collector.token, when="start", order=0
        )
        collector.population("key", pre, 1, head=1, dimension=2)
        collector.weights(made, {"w": "w"}, when="start", order=1)
        collector.traces("synapse", made, when="start", order=6)
        collector.traces("post", post, when="end", order=0)
        network = b2.Network(pre, post, made, *collector.attach(pre, post, made, 1))
        network.run(2 * collector.token + collector.dt, namespace={})
        found = collector.found({"w": shaped}, lambda array: array[..., None, :])
    start = np.array([[0.0, 0.1], [0.01, 0.11], [0.02, 0.12]])
    np.testing.assert_allclose(found["snapshots"]["w"][:, 0], [start + 1, start + 2])
    sums = [(start + n).sum(1) for n in (1, 2)]
    np.testing.assert_allclose(found["probe_readout"][:, 0, 0], sums)
    dims, w, attrs = found["recorded"]["w"]
    assert dims == ("time", "head", "post", "pre") and attrs["units"] == "1"
    np.testing.assert_allclose(w[[0, -1], 0], [start, start + 2])
    assert (
        found["recorded"]["g"][2]["units"] == "S"
        and (found["recorded"]["g"][1] == 2).all()
    )
    assert found["recorded"]["spike_cell"][1].tolist() == [0, 1, 0, 1]
    assert found["coords"]["population"][1].tolist() == ["key", "key"]
    assert found["duration"] == pytest.approx(2 * TOKEN)


def test_every_port_is_tested_here():
    plan = type("plan", (), {"weights": np.zeros((1, 1, 1)), "own": False, "cells": 1,
                             "realism": None})  # fmt: skip
    model = fwp.synapses.get("two_compartment_nmda", kind="circuit")
    assert set(ports(plan, model)) == {*ALL, "x_ampa", "weight_course"}
