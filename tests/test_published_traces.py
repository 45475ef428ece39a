"""What circuits of published synapses record: every variable of a synapse's text, in its
unit."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits.protocols import undriven
from fwp_neuro.circuits.spiking import synapse_form
from fwp_neuro.circuits.spiking.synapse_form import PublishedCircuit, transmitting
from fwp_neuro.circuits.token_schedule import Timeline
from fwp_neuro.synapses import compose

ms, second = b2.ms, b2.second
WINDOWS = {"write": 0.3 * second, "gap": 0.05 * second, "read": 0.3 * second,
           "rest": 0.05 * second}  # fmt: skip
TOKENS, HEADS, PRE, POST, CELLS, VALUES = 2, 2, 3, 2, 2, 3
#: 1 written, and read, as the calibration of so small a circuit would be noise
CALIBRATED = (1e-9, 0.5)
RUN = [name for name in fwp.synapses.names("plasticity")
       if not undriven(fwp.synapses.get(name))]  # fmt: skip
COMPOSED = {
    "with_release": lambda: compose("pair_stdp", "tsodyks_markram", "ampa"),
    "gated": lambda: compose("vogels_2011", "tsodyks_markram_to_U", "nmda_per_synapse"),
    "kinetic": lambda: compose("oja", None, "gaba_a_kinetic"),
}
QUICK = ("pair_stdp", "use_dependent_potentiation", "with_release", "gated")


def program(scale=2.0):
    rng = np.random.default_rng(3)
    key = rng.uniform(0.1, 1, (TOKENS, HEADS, PRE))
    value = scale * rng.uniform(-1, 1, (TOKENS, HEADS, POST))
    return fwp.Program(key, value, key[::-1].copy(), beta=np.full((TOKENS, HEADS), 0.5))


def model(name):
    return COMPOSED[name]() if name in COMPOSED else fwp.synapses.get(name)


def run(synapse, monkeypatch, **changes):
    monkeypatch.setattr(PublishedCircuit, "calibrated", lambda *_: CALIBRATED)
    usual = {"cells": CELLS, "value_cells": VALUES, "device": "numpy", "seed": 2,
             "timeline": Timeline(**WINDOWS)}  # fmt: skip
    return fwp.run(
        program(), "hebb", "spiking", synapse=synapse, **{**usual, **changes}
    )


def offered(synapse):
    """Names that may be recorded, and the unit that the text says."""
    ready = PublishedCircuit(program(), fwp.rules.rule("hebb"), synapse, cells=CELLS,
                             value_cells=VALUES)  # fmt: skip
    text = ready.synapse.equations
    dims = {n: one.dim for part in (text.synapse, text.pre, text.post)
            for n, one in b2.Equations(part).items()}  # fmt: skip
    dims |= {"w": 1, "w_channel": 1, "teacher": 1, "recalled": b2.siemens.dim}
    dims[ready.synapse.ports["conductance"]] = b2.siemens.dim
    return {name: dims[name] for name in ready.ports}


UNITS = {"S": b2.siemens, "V": b2.volt, "A": b2.amp, "s": second, "1": 1, "Hz": b2.Hz}


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow)
     for n in (*RUN, *COMPOSED)],
)  # fmt: skip
def test_every_name_is_recorded_in_its_unit(name, monkeypatch):
    synapse = model(name)
    units = offered(synapse)
    every = 50 * ms
    ran = run(synapse, monkeypatch, record=list(units), record_every=every)
    traces = ran.dataset.data_vars
    for one, dim in units.items():
        trace = traces[f"{one}_trace" if f"{one}_trace" in traces else one]
        assert trace.dims[:2] == ("time", "head") and trace.attrs["long_name"], one
        assert np.isfinite(trace).all(), one
        unit = trace.attrs["units"]
        shown = UNITS[unit] if unit in UNITS else eval(unit, vars(b2))
        assert b2.have_same_dimensions(shown, 1 if dim == 1 else b2.Quantity(1, dim)), one
    times = np.round(np.arange(0, ran.duration + 1e-9, 0.05), 12)
    np.testing.assert_allclose(ran["time"], times, atol=1e-12)
    np.testing.assert_array_equal(
        ran.sel(time=ran.duration)["w"], ran["final_weights"].values
    )
    assert np.ptp(ran["w"].values, axis=0).max() > 0
    assert float(ran["recalled"].max()) > float(ran["recalled"].min())
    said = ran.provenance["options"]
    scale = CALIBRATED[1] / said["value_scale"] / said["key_scale"]
    both = ran["w_channel"].values
    np.testing.assert_allclose(
        both[:, :, 0] - both[:, :, 1], ran["w"] * scale, atol=1e-12
    )
    less = run(synapse, monkeypatch)
    for one in less.dataset.variables:
        np.testing.assert_array_equal(ran[one], less[one], err_msg=one)
    assert said["record"] == list(units)


def test_traces_are_those_of_the_recorded_spikes(monkeypatch):
    """The key's trace x decays by tau_plus and rises by 1 at a spike; the conductance
    follows w x spikes."""
    synapse = compose("pair_stdp", None, "ampa")
    ran = run(synapse, monkeypatch, record=["x", "g_ampa", "w_channel"],
              record_every=1 * ms, dt=1 * ms, coding="rates")  # fmt: skip
    tau, tau_ampa = (float(synapse.parameters[n]) for n in ("tau_plus", "tau_ampa"))
    opened = float(synapse.parameters["gbar_ampa"] * synapse.parameters["jump_ampa"])
    fired = ran.spikes("key")
    steps = np.rint(fired["time"].values / 1e-3).astype(int)
    counts = np.zeros((len(ran["time"]), HEADS, PRE))
    np.add.at(counts, (steps, fired["cell_head"].values, fired["dimension"].values), 1)
    x = np.zeros_like(counts)
    for n in range(len(x) - 1):
        x[n + 1] = x[n] * np.exp(-1e-3 / tau) + counts[n] / CELLS
    assert x.max() > 0.5
    # a spike of a step acts after the step's decay, and is seen at the next sample
    np.testing.assert_allclose(ran["x"], x, atol=1e-9)
    g = ran["g_ampa"].values
    jumps = g[1:] - g[:-1] * np.exp(-1e-3 / tau_ampa)
    # weights hardly differ between the cells of a dimension before anything is written
    first = steps.min()
    one = np.einsum("hcij,hj->hci", ran["w_channel"].values[first], counts[first])
    assert one.max() > 0.5
    # the sum over projections reaches the cell one step later
    np.testing.assert_allclose(jumps[first + 1], opened * one, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"record": ["w"]}, r"record needs record_every, a time such as 1\*ms"),
        ({"record": [], "record_every": 1 * ms}, "record names nothing"),
        ({"record": "g_amp", "record_every": 1 * ms}, "mean 'g_ampa'.*legal: w, "),
        ({"record_every": 1 * ms}, "record_every alone samples nothing"),
        ({"record": "w", "record_every": 0.33 * ms}, "whole number of time steps"),
        ({"record": "w", "record_every": 1000 * second}, "longer than the run"),
        ({"record": "w_channel", "record_every": 1 * ms, "cells": 4000,
          "value_cells": 4000}, "record of 'w_channel' with this record_every"),
    ],
)  # fmt: skip
def test_what_cannot_be_recorded_is_said_before_anything_runs(
    options, sentence, monkeypatch
):
    monkeypatch.setattr(synapse_form, "simulate", None)
    with pytest.raises(fwp.FwpError, match=sentence):
        run("pair_stdp", monkeypatch, **options)


def test_a_synapse_without_a_receptor_offers_that_of_its_default():
    assert "g_ampa" in offered(fwp.synapses.get("triplet_stdp"))
    assert {"r1", "r2", "o1", "o2"} <= set(offered(fwp.synapses.get("triplet_stdp")))
    assert "V" in offered(fwp.synapses.get("clopath_2010"))
    synapse, _ = transmitting(model("gated"))
    assert set(fwp.synapses.get("nmda_per_synapse").ports.values()) <= set(
        offered(synapse)
    )
