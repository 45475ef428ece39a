"""A synapse model is named with one of its parameter sets, and its parameters are told in
units that can be typed in."""

import brian2 as b2
import numpy as np
import pytest
from rule_synapse_cases import plain_brian  # noqa: F401  a fixture

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import connect
from fwp_neuro.quantity_text import quantity, written

mV = b2.mV

EVERY_SET = pytest.mark.parametrize(
    "named", [f"{n}/{s}" for n in synapses.names() for s in synapses.parameter_sets(n)]
)


@EVERY_SET
def test_a_name_takes_its_parameter_set_with_it(named):
    name, _, chosen = named.partition("/")
    assert synapses.get(named).parameters == synapses.get(name, chosen).parameters
    with pytest.raises(fwp.FwpError, match="second parameter set"):
        synapses.get(named, chosen)


def test_a_wrong_parameter_set_behind_a_name_is_told():
    with pytest.raises(fwp.FwpError, match="'mongillo_2008'"):
        synapses.get("tsodyks_markram/mongillo_208")
    with pytest.raises(fwp.FwpError, match="unknown parameter set of 'pair_stdp'"):
        synapses.get("pair_stdp/")
    with pytest.raises(fwp.FwpError, match="'tsodyks_markram'"):
        synapses.get("tsodyks_markov/mongillo_2008")


def test_connect_and_compose_take_a_parameter_set_with_the_name(plain_brian):  # noqa: F811
    source = b2.PoissonGroup(2, 20 * b2.Hz)
    target = b2.NeuronGroup(1, "g_in : 1", threshold="g_in > 9", reset="")
    made = connect(
        "pair_stdp", source, target, release="tsodyks_markram/mongillo_2008",
        through="ampa/brunel_wang_2001", names={"conductance": "g_in"},
    )  # fmt: skip
    text = synapses.compose("pair_stdp/hard_bounds", "tsodyks_markram/mongillo_2008")
    assert text.parameter_set.startswith("hard_bounds")
    release = synapses.get("tsodyks_markram", "mongillo_2008").parameters
    assert {n: made.model.parameters[n] for n in release} == release
    spiking = b2.NeuronGroup(1, "s : 1", threshold="s > 1", reset="")
    for named in ("tsodyks_markram/mongillo_2008", "pair_stdp/hard_bounds"):
        name, _, chosen = named.partition("/")
        made = connect(named, source, spiking, layout="textbook")
        assert made.model.parameter_set == chosen
        assert made.model.parameters == synapses.get(name, chosen).parameters


@EVERY_SET
def test_every_parameter_is_told_in_a_unit_that_can_be_typed(named):
    for value in synapses.get(named).parameters.values():
        if isinstance(value, b2.Quantity) and not b2.have_same_dimensions(value, 1):
            by_python = eval(written(value), dict(vars(b2)))  # noqa: S307
            for again in (quantity(written(value), value, "it"), by_python):
                assert b2.have_same_dimensions(again, value)
                assert float(again) == pytest.approx(float(value), rel=1e-11)


@pytest.mark.parametrize("value", [1 * b2.second, 0 * b2.volt, 3 * mV**2, 2 * b2.mole])
def test_units_that_are_printed_short_are_told_as_they_are_exported(value):
    assert float(eval(written(value), dict(vars(b2)))) == float(value)  # noqa: S307


@pytest.mark.parametrize("text", ["1*ms**ms", "2**mV", "1/0*ms"])
def test_a_text_that_is_no_quantity_is_one_sentence(text):
    with pytest.raises(fwp.FwpError, match="takes a quantity such as"):
        quantity(text, 1 * b2.ms, "dt")


def test_a_registered_name_has_no_slash():
    with pytest.raises(fwp.FwpError, match="behind a / is the name of a parameter set"):
        synapses.register(synapses.get("pair_stdp"), name="lab/mine")


def test_what_connect_returns_says_whether_it_is_of_a_rule(plain_brian):  # noqa: F811
    source, target = b2.NeuronGroup(2, "k : 1"), b2.NeuronGroup(2, "v : 1\ny : 1")
    made = connect("delta", source, target, every=10 * b2.ms, gate=0.5,
                   names={"readout": "y"})  # fmt: skip
    assert repr(made).startswith("<Plastic of rule 'delta'")
    for name in synapses.names():
        assert not synapses.get(name).summary.startswith("fast-weight rule")


def test_functions_of_models_take_a_parameter_set_with_the_name():
    named, lags = "pair_stdp/hard_bounds", [-20, 20] * b2.ms
    chosen = synapses.get("pair_stdp", "hard_bounds")
    curves = [synapses.stdp_curve(one, lags=lags) for one in (named, chosen)]
    np.testing.assert_array_equal(*curves)
    assert synapses.search_ranges(named) == synapses.search_ranges(chosen)
    assert synapses.factorise(named).parameter_set == "hard_bounds"
    program = fwp.tasks.associative_recall(tokens=1, dim=2, beta=0.5)
    ran = fwp.run(program, "hebb", "spiking", synapse=named, cells=4, value_cells=4)
    assert ran.provenance["options"]["parameters"].startswith("hard_bounds")
