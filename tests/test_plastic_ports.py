"""Ports: a synapse model reads the variables of the user's cells that the user names."""

import brian2 as b2
import numpy as np
import pytest
from plastic_oracles import weights

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.synapses import registered_synapses

ms, mV = b2.ms, b2.mV
WITH_PORTS = [
    n for n in registered_synapses.names("plasticity") if registered_synapses.get(n).ports
]


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def learned(model, voltage, layout="factorised", names=None, called="v", more=""):
    """What is learned at a cell whose only voltages are held where they are."""
    pre = b2.SpikeGeneratorGroup(2, [0, 1, 0, 1, 0], np.array([1, 3, 11, 12, 21]) * ms)
    rows = "\n".join(f"{name} : volt" for name in called.split()) + more
    post = b2.NeuronGroup(2, rows, threshold="t > 1*second", reset="")
    for name in called.split():
        setattr(post, name, voltage)
    network = b2.Network(pre, post)
    made = connect(model, pre, post, layout=layout, names=names)
    network.add(*made.objects)
    network.run(40 * ms, namespace={})
    return weights(made)


def voltages(model):
    """Return the ports of a model that are voltages, port -> variable, and None for each
    of the others, which the model then brings itself."""
    found = registered_synapses.get(model)
    text = b2.Equations(found.equations.post)
    own = {port: name for port, name in found.ports.items()
           if name in text and text[name].dim == b2.volt.dim}  # fmt: skip
    return own, {port: None for port in found.ports if port not in own}


def test_some_models_read_a_voltage():
    assert {"clopath_2010", "match_and_control", "urbanczik_senn_2014"} <= set(WITH_PORTS)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model", WITH_PORTS)
def test_a_named_variable_is_what_the_model_reads(model, layout):
    ports, others = voltages(model)
    own = " ".join(ports.values())
    mine = " ".join(f"my_{n}" for n in own.split())
    found = []
    for voltage in (-70 * mV, -40 * mV):
        names = dict(zip(ports, mine.split(), strict=True)) | others
        found.append(learned(model, voltage, layout, names, mine))
        # cells that call it as the model does need no names
        same = learned(model, voltage, layout, others or None, own)
        renames = dict(zip(own.split(), mine.split(), strict=True))
        for name, values in same.items():
            other = found[-1][renames.get(name, name)]
            np.testing.assert_allclose(values, other, rtol=1e-12, atol=0)
    low, high = found
    assert any(np.abs(low[n] - high[n]).max() > 1e-6 * np.abs(low[n]).max() for n in low)


@pytest.mark.parametrize("model", WITH_PORTS)
def test_cells_with_a_voltage_of_their_own_get_none_silently(model):
    ports = registered_synapses.get(model).ports
    with pytest.raises(
        fwp.FwpError, match=rf"have v in volt: say which .*{next(iter(ports))}"
    ):
        learned(model, -70 * mV)
    alone = {port: None for port in ports}
    low, high = (learned(model, v, names=alone) for v in (-70 * mV, -40 * mV))
    for name in low:
        np.testing.assert_array_equal(low[name], high[name])


@pytest.mark.parametrize(
    "names, sentence",
    [
        (3, "names must be a mapping"),
        ({"mem": "v"}, "have no port or variable 'mem' .*membrane"),
        ({3: "v"}, "have no port or variable 3"),
        (
            {"membrane": "y"},
            r"have no variable 'y' for 'V' of 'clopath_2010' \(legal: v, x2\)",
        ),
        ({"membrane": 3}, "have no variable 3"),
        (
            {"membrane": "x2"},
            "'V' of 'clopath_2010' is in volt, but the variable 'x2' .* in 1:",
        ),
        ({"membrane": "v", "V": None}, "'membrane' and 'V' are the same"),
    ],
)
def test_mistakes_are_one_sentence(names, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        learned("clopath_2010", -70 * mV, names=names, more="\nx2 : 1")


@pytest.mark.parametrize("row", ["felt = v + 1*mV : volt", "felt : volt (shared)"])
def test_a_voltage_that_spikes_raise_is_one_that_every_cell_has(row):
    with pytest.raises(fwp.FwpError, match="'V' of 'clopath_2010' is changed by spikes"):
        learned("clopath_2010", -70 * mV, names={"membrane": "felt"}, more=f"\n{row}")


def test_cells_without_a_unit_get_no_voltage_that_their_user_does_not_see():
    pre = b2.SpikeGeneratorGroup(2, [0], [1] * ms)
    post = b2.NeuronGroup(2, "v : 1", threshold="v > 1", reset="")
    with pytest.raises(
        fwp.FwpError, match=r"have none \(their variables: v\): give them one"
    ):
        connect("clopath_2010", pre, post)
    connect("clopath_2010", pre, post, names={"membrane": None})


def test_none_does_not_take_a_variable_of_the_cells():
    with pytest.raises(
        fwp.FwpError, match="have a variable 'V', which 'clopath_2010' would read"
    ):
        learned("clopath_2010", -70 * mV, names={"membrane": None}, called="V")


def test_a_name_that_the_model_has_itself_is_refused():
    with pytest.raises(fwp.FwpError, match="has a 'theta_minus' of its own"):
        learned(
            "clopath_2010",
            -70 * mV,
            names={"membrane": "theta_minus"},
            called="theta_minus",
        )


def test_a_variable_of_another_dimension_is_not_taken_for_the_models():
    with pytest.raises(
        fwp.FwpError, match="'x' of 'bcm' is in 1, but the variable 'x' .* in volt"
    ):
        pre = b2.NeuronGroup(2, "x : volt", threshold="t > 1*second", reset="")
        post = b2.NeuronGroup(2, "", threshold="t > 1*second", reset="")
        b2.Network(pre, post)
        connect("bcm", pre, post)


def test_every_port_is_a_variable_of_the_cell_and_has_one_name():
    for name in WITH_PORTS:
        model = registered_synapses.get(name)
        own = b2.Equations(model.equations.post).names
        assert set(model.ports.values()) <= own and not set(model.ports) & own
