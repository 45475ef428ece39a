"""Protocols of experiments on the text of any synapse, also one of the user's own."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import protocols
from fwp_neuro.synapses import compose, registered_synapses
from fwp_neuro.synapses.synapse_class import SYNAPSES

ms = b2.ms
LAGS = np.array([-12, -3, 4, 20]) * 1e-3


@pytest.mark.parametrize("name", ["pair_stdp", "triplet_stdp", "vogels_2011"])
def test_the_text_gives_the_curve_of_the_fast_form(name):
    model = fwp.synapses.get(name)
    fast = fwp.synapses.stdp_curve(
        name, None, LAGS * b2.second, pairs=4, frequency=20 * b2.Hz
    )
    text = protocols.stdp(model, LAGS, 4, 20.0, device="numpy")
    np.testing.assert_allclose(text, fast, rtol=1e-9)


@pytest.mark.parametrize("name", fwp.synapses.names("short-term plasticity"))
def test_the_text_gives_the_release_of_the_fast_form(name):
    times = np.array([0, 30, 50, 120]) * 1e-3
    fast = fwp.synapses.short_term(name, None, times * b2.second)
    text = protocols.release(fwp.synapses.get(name), times, device="numpy")
    np.testing.assert_allclose(text, fast, rtol=1e-9)


def test_a_synapse_of_ones_own_has_a_curve_a_name_and_a_circuit():
    pair = fwp.synapses.get("pair_stdp")
    text = replace(pair.equations, on_post="w += 2*A_plus*x\ny += 1")
    mine = replace(pair, name="my_stdp", equations=text)
    options = {"pairs": 3, "frequency": 10 * b2.Hz, "device": "numpy"}
    curve = fwp.synapses.stdp_curve(mine, None, [5] * ms, **options)
    usual = fwp.synapses.stdp_curve(pair, None, [5] * ms, pairs=3, frequency=10 * b2.Hz)
    # the spike that comes 95 ms later depresses as before
    late = 2 * pair.parameters["A_minus"] * np.exp(-95 / 20) * (1 + np.exp(-100 / 20) / 2)
    assert curve[0] - 1 == pytest.approx(2 * (usual[0] - 1), abs=2 * late)
    try:
        assert fwp.synapses.register(mine) is not None
        assert "my_stdp" in fwp.synapses.names("plasticity")
        found = fwp.synapses.stdp_curve("my_stdp", None, [5] * ms, **options)
        np.testing.assert_array_equal(found, curve)
        with pytest.raises(fwp.FwpError, match="registered already"):
            fwp.synapses.register(mine)
    finally:
        SYNAPSES._entries.pop("my_stdp", None)


def test_a_changed_text_never_gets_the_numbers_of_the_published_one():
    pair = fwp.synapses.get("pair_stdp")
    text = replace(pair.equations, on_post="w += 0*x\ny += 1")
    model = replace(pair, equations=text)
    found = fwp.synapses.stdp_curve(model, None, [5] * ms, pairs=1, device="numpy")
    assert found[0] == pytest.approx(1, abs=1e-12)


def test_a_composition_has_the_curve_of_its_rule():
    model = compose("pair_stdp", None, "ampa")
    found = fwp.synapses.stdp_curve(model, None, [5] * ms, pairs=2, frequency=10 * b2.Hz,
                                    device="numpy")  # fmt: skip
    want = fwp.synapses.stdp_curve(
        "pair_stdp", None, [5] * ms, pairs=2, frequency=10 * b2.Hz
    )
    np.testing.assert_allclose(found, want, rtol=1e-9)


@pytest.mark.parametrize(
    "given, sentence", [(3, "needs a Synapse"), ("ampa", "needs a Synapse")]
)
def test_only_a_synapse_is_registered(given, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        registered_synapses.register(given)


@pytest.mark.parametrize("receptor", [None, "ampa"])
def test_a_rule_that_waits_for_a_modulator_has_no_curve(receptor):
    model = compose("pair_stdp", None, receptor, eligibility=1 * b2.second)
    with pytest.raises(fwp.FwpError, match="by its port 'modulator'"):
        fwp.synapses.stdp_curve(model, None, [5] * ms)
