"""Synapse models: listing, sources, units, and the published numbers of the magnesium block."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.synapses.magnesium import BLOCKS, block_code

EVERY_MODEL = pytest.mark.parametrize("name", synapses.names("circuit"))
mV, mM, ms = b2.mV, b2.mmolar, b2.ms

JS, VCR, ELLWOOD = "jahr_stevens_1990", "vargas_caballero_robinson_2003", "ellwood_2024"
#: mV -> unblocked fraction: Jahr & Stevens at 1, 1.2 and 2 mM, Ellwood, Vargas-Caballero & Robinson
TABLE = {
    -90: (0.01329, 0.01110, 0.00669, 0.00247, 0.00390),
    -80: (0.02442, 0.02044, 0.01236, 0.00522, 0.00798),
    -70: (0.04447, 0.03734, 0.02274, 0.01099, 0.01625),
    -65: (0.05967, 0.05022, 0.03075, 0.01591, 0.02313),
    -60: (0.07963, 0.06725, 0.04146, 0.02298, 0.03283),
    -50: (0.13854, 0.11818, 0.07443, 0.04743, 0.06518),
    -40: (0.23016, 0.19945, 0.13004, 0.09535, 0.12531),
    -30: (0.35722, 0.31653, 0.21745, 0.18243, 0.22739),
    -20: (0.50814, 0.46263, 0.34061, 0.32082, 0.37681),
    -10: (0.65759, 0.61544, 0.48986, 0.50000, 0.55401),
    0: (0.78118, 0.74843, 0.64093, 0.67918, 0.71847),
    20: (0.92502, 0.91135, 0.86050, 0.90465, 0.91505),
}
COLUMNS = [(JS, 1.0), (JS, 1.2), (JS, 2.0), (ELLWOOD, None), (VCR, 1.0)]


# ---------------------------------------------------------------------- magnesium block


@pytest.mark.parametrize(("column", "block"), enumerate(COLUMNS))
def test_block_against_the_table(column, block):
    """To the table's last digit, and to 1e-4 relative where five digits say as much."""
    model, millimolar = block
    magnesium = None if millimolar is None else millimolar * mM
    voltages = np.array(list(TABLE))
    expected = np.array([row[column] for row in TABLE.values()])
    found = synapses.magnesium_block(voltages * mV, model, magnesium)
    assert np.abs(found - expected).max() < 0.6e-5
    precise = expected > 0.05
    assert found[precise] == pytest.approx(expected[precise], rel=1e-4)
    assert found == pytest.approx(expected, rel=2.5e-3)


@pytest.mark.parametrize(
    ("model", "voltage"),
    [(JS, -np.log(3.57) / 0.062), (VCR, -np.log(2.552) / 0.072), (ELLWOOD, -10.0)],
)
def test_half_block(model, voltage):
    assert synapses.magnesium_block(voltage * mV, model) == pytest.approx(0.5, abs=1e-12)
    assert voltage == pytest.approx({JS: -20.53, VCR: -13.01, ELLWOOD: -10}[model], abs=0.006)


def test_one_millimolar_unless_given():
    assert synapses.magnesium_block(-40 * mV) == synapses.magnesium_block(-40 * mV, JS, 1 * mM)
    assert synapses.magnesium_block(-70 * mV, magnesium=0 * mM) == 1


@pytest.mark.parametrize("model", BLOCKS)
def test_block_code_is_the_block(model):
    namespace = {"V": -35 * mV, "mV": mV, "exp": np.exp}
    code = eval(block_code("V", model, None), namespace)
    assert float(code) == pytest.approx(float(synapses.magnesium_block(-35 * mV, model)), rel=1e-12)
    assert BLOCKS[model].source


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((-70,), "V must be a voltage such as"),
        ((-70 * ms,), "V must be a voltage such as"),
        (("-70 mV",), "V must be a voltage such as"),
        ((-70 * mV, "jahr_stevens"), "unknown magnesium block.*did you mean 'jahr_stevens_1990'"),
        ((-70 * mV, JS, 1), "magnesium must be one concentration >= 0 such as"),
        ((-70 * mV, JS, -1 * mM), "magnesium must be one concentration >= 0 such as"),
        ((-70 * mV, JS, "1 mM"), "magnesium must be one concentration >= 0 such as"),
        ((-70 * mV, ELLWOOD, 1 * mM), "fitted at one concentration; leave magnesium out"),
    ],
)
def test_block_refuses(arguments, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        synapses.magnesium_block(*arguments)


# ---------------------------------------------------------------------- models


def test_listing():
    assert synapses.names("circuit") == ["linear_difference", "two_compartment_nmda"]
    assert synapses.parameter_sets("two_compartment_nmda")[0] == JS
    assert synapses.get("two_compartment_nmda").block == JS


@EVERY_MODEL
def test_every_parameter_set_has_a_source(name):
    for chosen in synapses.parameter_sets(name):
        model = synapses.get(name, chosen)
        assert set(model.sources) == set(model.parameters)
        assert all(len(text) > 10 for text in model.sources.values())
        assert model.citation and model.conventions
        assert {"k", "v", "w", "read", "beta", "alpha"} <= set(model.roles)
        if model.block is not None:
            assert BLOCKS[model.block].source in model.citation


@EVERY_MODEL
def test_equations_are_legal_and_have_units(name):
    model = synapses.get(name)
    inputs = "g_basal = 0.5*conductance : 1\ng_apical = 0 : 1"
    factor = f"factor = {model.unblocked_code('V_basal')} : 1"

    def build():
        group = b2.NeuronGroup(
            1, "\n".join([model.equations, inputs, factor]), namespace=model.parameters,
            method="exponential_euler",
        )  # fmt: skip
        group.V_basal, group.V_apical = model.rest_code("0.5"), "E_leak"
        start = float(group.V_basal[0])

        def collect():
            return {
                "moved": float(group.V_basal[0]) - start,
                "apical": float(group.V_apical[0]),
                "factor": float(group.factor[0]),
            }

        return Built(b2.Network(group), collect, 20 * ms)

    found, _ = simulate(build, Size(40, 1, 1), device="numpy", dt=0.5 * ms, seed=0)
    assert abs(found["moved"]) < 1e-15  # volt: the resting code is where the equations rest
    assert found["apical"] == pytest.approx(-0.070)
    assert found["factor"] == pytest.approx(model.unblocked(0.5), rel=1e-9)


@pytest.mark.parametrize(
    ("number", "unblocked"),
    [(0, 0.0445), (0.25, 0.0998), (0.5, 0.1651), (0.75, 0.2302), (1, 0.2896)],
)
def test_voltage_factor_of_a_full_conductance(number, unblocked):
    """With one leak conductance for the number 1 the factor is nearly linear in the number."""
    model = synapses.get("two_compartment_nmda").changed(conductance=1)
    assert model.unblocked(number) == pytest.approx(unblocked, abs=0.6e-4)


@EVERY_MODEL
def test_slope_is_the_derivative_at_the_baseline(name):
    model = synapses.get(name)
    baseline = model.parameters["value_baseline"]
    wide = (model.unblocked(baseline + 1e-3) - model.unblocked(baseline - 1e-3)) / 2e-3
    assert model.slope == pytest.approx(wide, rel=1e-5)
    if name == "linear_difference":
        assert model.slope == pytest.approx(model.parameters["conductance"])


def test_membrane_lag():
    """Conductance shortens the membrane's time constant; a current does not."""
    assert synapses.get("linear_difference").membrane_lag(1 * ms) == pytest.approx(np.exp(-0.1))
    full = synapses.get("two_compartment_nmda").membrane_lag(1 * ms)
    assert full == pytest.approx(np.exp(-0.1 * (1 + 0.25 * 0.5)))


def test_changed_leaves_the_original():
    model = synapses.get("two_compartment_nmda")
    new = model.changed(tau_nmda=100 * ms, weight_baseline=2)
    assert new.parameters["tau_nmda"] == 100 * ms and new.parameters["weight_baseline"] == 2
    assert model.parameters["tau_nmda"] == 50 * ms
    assert synapses.get("two_compartment_nmda").parameters["tau_nmda"] == 50 * ms


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tau_nmd": 1 * ms}, "unknown parameter of .*'tau_nmd'; did you mean 'tau_nmda'"),
        ({"tau_nmda": 100}, "'tau_nmda' of .* has the wrong unit: got 100, legal is .*msecond"),
        ({"tau_nmda": 100 * mV}, "'tau_nmda' of synapse model .* has the wrong unit"),
        ({"conductance": 1 * ms}, "'conductance' of synapse model .* has the wrong unit"),
        ({"rate": "fast"}, "'rate' of synapse model .* must be a number: got 'fast'"),
        ({"rate": None}, "'rate' of synapse model .* must be a number: got None"),
        ({"rate": 0 * b2.Hz}, "'rate' of synapse model .* must be positive"),
        ({"tau_ampa": -5 * ms}, "'tau_ampa' of synapse model .* must be positive"),
        ({"weight_baseline": float("nan")}, "'weight_baseline' .* must be one finite number"),
        ({"weight_baseline": [1, 2]}, "'weight_baseline' .* must be one finite number"),
        ({"E_exc": -80 * mV}, "needs E_exc above E_leak, got -80. mV and -70. mV"),
    ],
)
def test_changed_refuses(changes, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        synapses.get("two_compartment_nmda").changed(**changes)


def test_get_refuses():
    with pytest.raises(fwp.FwpError, match="unknown synapse model 'linear'.*linear_difference"):
        synapses.get("linear")
    with pytest.raises(fwp.FwpError, match="unknown parameter set.*did you mean 'ellwood_2024'"):
        synapses.get("two_compartment_nmda", "ellwood_2023")
    with pytest.raises(fwp.FwpError, match="unknown synapse model 'gaba'"):
        synapses.parameter_sets("gaba")
