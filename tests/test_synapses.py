"""Synapse models: listing, sources, units, and the published numbers of the magnesium
block."""

import brian2 as b2
import numpy as np
import pytest
from rule_synapse_cases import plain_brian  # noqa: F401  a fixture

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import connect
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.synapses.magnesium import BLOCKS, block_code
from fwp_neuro.synapses.synapse_class import Equations

EVERY_MODEL = pytest.mark.parametrize("name", synapses.names("circuit"))
mV, mM, ms = b2.mV, b2.mmolar, b2.ms

JS, VCR, ELLWOOD = "jahr_stevens_1990", "vargas_caballero_robinson_2003", "ellwood_2024"
#: mV -> unblocked fraction: Jahr & Stevens at 1, 1.2 and 2 mM, Ellwood, Vargas-Caballero
#: & Robinson
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
    assert voltage == pytest.approx(
        {JS: -20.53, VCR: -13.01, ELLWOOD: -10}[model], abs=0.006
    )


def test_one_millimolar_unless_given():
    assert synapses.magnesium_block(-40 * mV) == synapses.magnesium_block(
        -40 * mV, JS, 1 * mM
    )
    assert synapses.magnesium_block(-70 * mV, magnesium=0 * mM) == 1


@pytest.mark.parametrize("model", BLOCKS)
def test_block_code_is_the_block(model):
    namespace = {"V": -35 * mV, "mV": mV, "exp": np.exp}
    code = eval(block_code("V", model, None), namespace)
    assert float(code) == pytest.approx(
        float(synapses.magnesium_block(-35 * mV, model)), rel=1e-12
    )
    assert BLOCKS[model].source


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((-70,), "V must be a voltage such as"),
        ((-70 * ms,), "V must be a voltage such as"),
        (("-70 mV",), "V must be a voltage such as"),
        (
            (-70 * mV, "jahr_stevens"),
            "unknown magnesium block.*did you mean 'jahr_stevens_1990'",
        ),
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
            1, "\n".join([model.compartments, inputs, factor]),
            namespace=model.parameters, method="exponential_euler",
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
    # volt: the resting code is where the equations rest
    assert abs(found["moved"]) < 1e-15
    assert found["apical"] == pytest.approx(-0.070)
    assert found["factor"] == pytest.approx(model.unblocked(0.5), rel=1e-9)


@pytest.mark.parametrize(
    ("number", "unblocked"),
    [(0, 0.0445), (0.25, 0.0998), (0.5, 0.1651), (0.75, 0.2302), (1, 0.2896)],
)
def test_voltage_factor_of_a_full_conductance(number, unblocked):
    """With one leak conductance for the number 1 the factor is nearly linear in the
    number."""
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
    assert synapses.get("linear_difference").membrane_lag(1 * ms) == pytest.approx(
        np.exp(-0.1)
    )
    full = synapses.get("two_compartment_nmda").membrane_lag(1 * ms)
    assert full == pytest.approx(np.exp(-0.1 * (1 + 0.25 * 0.5)))


def test_changed_leaves_the_original():
    model = synapses.get("two_compartment_nmda")
    new = model.changed(tau_nmda=100 * ms, weight_baseline=2)
    assert (
        new.parameters["tau_nmda"] == 100 * ms and new.parameters["weight_baseline"] == 2
    )
    assert model.parameters["tau_nmda"] == 50 * ms
    assert synapses.get("two_compartment_nmda").parameters["tau_nmda"] == 50 * ms


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"tau_nmd": 1 * ms},
            "unknown parameter of .*'tau_nmd'; did you mean 'tau_nmda'",
        ),
        (
            {"tau_nmda": 100},
            "'tau_nmda' of .* has the wrong unit: got 100, legal is .*msecond",
        ),
        ({"tau_nmda": 100 * mV}, "'tau_nmda' of synapse .* has the wrong unit"),
        ({"conductance": 1 * ms}, "'conductance' of synapse .* has the wrong unit"),
        ({"rate": "fast"}, "'rate' of synapse .* must be a number: got 'fast'"),
        ({"rate": None}, "'rate' of synapse .* must be a number: got None"),
        ({"rate": 0 * b2.Hz}, "'rate' of synapse .* must be positive"),
        ({"tau_ampa": -5 * ms}, "'tau_ampa' of synapse .* must be positive"),
        (
            {"weight_baseline": float("nan")},
            "'weight_baseline' .* must be one finite number",
        ),
        ({"weight_baseline": [1, 2]}, "'weight_baseline' .* must be one finite number"),
        ({"E_exc": -80 * mV}, "needs E_exc above E_leak, got -80. mV and -70. mV"),
    ],
)
def test_changed_refuses(changes, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        synapses.get("two_compartment_nmda").changed(**changes)


def test_get_refuses():
    with pytest.raises(
        fwp.FwpError, match="unknown synapse model 'linear'.*linear_difference"
    ):
        synapses.get("linear")
    with pytest.raises(
        fwp.FwpError, match="unknown parameter set.*did you mean 'ellwood_2024'"
    ):
        synapses.get("two_compartment_nmda", "ellwood_2023")
    with pytest.raises(fwp.FwpError, match="unknown synapse model 'gaba'"):
        synapses.parameter_sets("gaba")


# ---------------------------------------------------------------------- between any cells

STEPS, GRID = 300, 0.5 * ms


def spikes_of(cells, chance, seed):
    table = np.random.default_rng(seed).random((STEPS, cells)) < chance
    step, cell = np.nonzero(table)
    return b2.SpikeGeneratorGroup(cells, cell, step * GRID, name=f"cells_{seed}*")


def between(name, dt=GRID, **given):
    """Weights and the basal voltage of a synapse of the circuit between cells of a
    user's."""
    b2.defaultclock.dt = dt
    pre, taught = spikes_of(4, 0.05, 1), spikes_of(2, 0.05, 2)
    drive = "(-70*mV - v + (0.125 + g_in)*(0*mV - {}))/(10*ms)"
    drive = drive.format("(-70*mV)" if name == "linear_difference" else "v")
    post = b2.NeuronGroup(
        2, f"dv/dt = {drive} : volt\ndg_in/dt = -g_in/(5*ms) : 1\nspeed : Hz\n"
        "dtrace/dt = -trace/(5*ms) : 1", method="exponential_euler",
    )  # fmt: skip
    post.v, post.speed, post.trace = -62 * mV, 2 * b2.Hz, 0.5
    shown = b2.Synapses(
        taught, post, on_pre="trace_post += (1 - exp(-dt/(5*ms)))/(100*Hz*dt)"
    )
    shown.connect(j="i")
    if given.pop("by_rule", False):
        given |= {"teacher": taught, "gate": 2 * b2.Hz}
        names = {"membrane": "v", "conductance": "g_in"}
    else:
        names = {
            "membrane": "v",
            "conductance": "g_in",
            "teacher": "trace",
            "gate": "speed",
        }
    made = connect(name, pre, post, names=names, **given)
    network = b2.Network(pre, taught, post, shown, *made.objects)
    network.run(STEPS * GRID)
    return made.values("w").reshape(4, 2), np.array(post.v_)


@EVERY_MODEL
def test_it_is_the_delta_rule_of_the_circuit_between_any_cells(name):
    """Its text with ports by name = the rule's biophysical form with teacher= and gate=.

    Both step in their own order, so that they differ by an error that falls with the
    step.
    """
    off = []
    for dt in (0.5 * ms, 0.1 * ms):
        (text, _), (rule, _) = (between(name, dt, layout="textbook", by_rule=by_rule)
                                for by_rule in (False, True))  # fmt: skip
        change = np.abs(rule - 1).max()
        assert change > 0.1
        off.append(np.abs(text - rule).max() / change)
    assert off[1] < 0.05 and off[0] / off[1] == pytest.approx(5, rel=0.2)


@EVERY_MODEL
@pytest.mark.parametrize("by_rule", [False, True])
def test_both_layouts_of_it_do_the_same(name, by_rule):
    one, other = (between(name, layout=layout, by_rule=by_rule) for layout in LAYOUTS)
    for these, those in zip(one, other, strict=True):
        assert these == pytest.approx(those, rel=1e-10)


@EVERY_MODEL
@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        ("plain", "'gate' of rule '{}' is in hertz, but the variable 'plain' .* is in 1"),
        ("nope", "reads 'gate', and the cells .* have no variable 'nope'"),
        (3, r"gate 'gate' of rule '{}' must be a rate such as 5\*Hz"),
        (b2.TimedArray([1, 2], dt=1 * ms), "gate 'gate' .* must be in hertz"),
        ({"gates": 3}, r"has no gate 'gates' \(legal: gate\)"),
        (None, "needs its gate 'gate' in 1/s"),
    ],
    ids=["unit", "no variable", "number", "course", "unknown", "none"],
)
def test_errors_call_the_gate_as_the_user_does(name, gate, sentence):
    pre, teachers = b2.PoissonGroup(2, 10 * b2.Hz), b2.PoissonGroup(2, 10 * b2.Hz)
    post = b2.NeuronGroup(2, "dv/dt = -v/(10*ms) : volt\nplain : 1\nspeed : Hz\n"
                             "dg/dt = -g/(5*ms) : 1")  # fmt: skip
    usual = {"names": {"membrane": "v", "conductance": "g"}, "teacher": teachers}
    with pytest.raises(fwp.FwpError, match=sentence.format(name)) as told:
        connect(name, pre, post, gate=gate, **usual)
    assert "beta" not in str(told.value)
    for legal in ("speed", 5 * b2.Hz, {"gate": "speed"}, {"beta": "speed"}):
        connect(name, pre, post, gate=legal, **usual)
    usual["names"] = {**usual["names"], "gate": "speed"}
    connect(name, pre, post, **usual)


@pytest.mark.parametrize("unit", ["1", "siemens", "Hz"])
def test_a_gate_is_a_variable_in_the_unit_of_the_text(unit):
    """A synapse of one's own whose gate is a conductance, a number or a rate."""
    scale = 1 if unit == "1" else 1 / getattr(b2, unit)
    text = Equations("w : 1", on_pre="w += A*gate_post", post=f"gate : {unit}")
    model = synapses.Synapse(
        "gated", "first", "plasticity", "a gate", text, {"A": 0.5 * scale},
        {"": "made up"}, "", "a gate of any unit", initial={"w": 1},
        ports={"gate": "gate"},
    )  # fmt: skip
    for given in ({"gate": "opened"}, {"names": {"gate": "opened"}}):
        pre = b2.SpikeGeneratorGroup(1, [0], [0] * ms)
        post = b2.NeuronGroup(1, f"opened : {unit}\nother : amp")
        post.opened_ = 3
        made = connect(model, pre, post, **given)
        b2.Network(pre, post, *made.objects).run(1 * ms)
        assert made.values("w") == pytest.approx(2.5)
    for given, sentence in (
        ({"gate": "other"}, "'gate' of 'gated' is in .*'other' .* is in amp"),
        ({"gate": 3}, "gate of 'gated' is a variable of the postsynaptic cells"),
        ({"gate": "opened", "names": {"gate": "opened"}}, "by gate and by names"),
        ({"teacher": "opened"}, "teacher is an argument of fast-weight rules"),
    ):
        with pytest.raises(fwp.FwpError, match=sentence):
            connect(model, pre, post, **given)


def test_by_teacher_and_gate_it_is_the_rule_to_the_bit():
    rule, volts = between("two_compartment_nmda", by_rule=True)
    plain, same = between("delta", by_rule=True, form="biophysical")
    np.testing.assert_array_equal(rule, plain)
    np.testing.assert_array_equal(volts, same)


@EVERY_MODEL
def test_a_port_that_is_missing_is_named(name):
    pre = b2.PoissonGroup(2, 10 * b2.Hz)
    post = b2.NeuronGroup(2, "dv/dt = -v/(10*ms) : volt\nspeed : Hz")
    with pytest.raises(
        fwp.FwpError, match="reads the membrane .* say which it is by names="
    ):
        connect(name, pre, post)
    names = {"membrane": "v", "gate": "speed"}
    with pytest.raises(
        fwp.FwpError, match="reads the teacher .* and the cells .* have none"
    ):
        connect(name, pre, post, names=names)
    with pytest.raises(fwp.FwpError, match="changes its weight by its port 'teacher'"):
        synapses.stdp_curve(name, lags=[5] * ms)
    table = {"lag": [5, 10] * ms, "ratio": [1.1, 1.05]}
    with pytest.raises(fwp.FwpError, match="changes its weight by its port 'teacher'"):
        synapses.fit(name, table, free=["rate"])
    with pytest.raises(fwp.FwpError, match="every is an argument of fast-weight rules"):
        connect(name, pre, post, teacher=pre, every=1 * ms)


@EVERY_MODEL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_can_be_composed(name, layout):
    made = synapses.compose(name, "tsodyks_markram", "ampa")
    assert type(made) is synapses.Synapse and made.kind == "plasticity"
    assert {"membrane", "conductance", "teacher", "gate"} == set(made.ports)
    assert made.parts["plasticity"].startswith(name)
    pre = b2.PoissonGroup(2, 50 * b2.Hz)
    post = b2.NeuronGroup(2, "dv/dt = (-70*mV - v)/(10*ms) : volt\ng_in : siemens\nspeed "
                          ": Hz\nshown : 1")  # fmt: skip
    post.speed, post.shown, post.v = 5 * b2.Hz, 1, -70 * mV
    names = {"membrane": "v", "conductance": "g_in", "teacher": "shown", "gate": "speed"}
    connected = [connect(made, pre, post, names=names, layout=layout) for _ in range(2)]
    b2.Network(pre, post, *(one for each in connected for one in each.objects)).run(
        100 * ms
    )
    assert all((each.values("w") > 1).any() for each in connected)
    assert (post.g_in > 0 * b2.siemens).any()
    program = fwp.tasks.associative_recall(tokens=2, dim=2, beta=0.5)
    with pytest.raises(
        fwp.FwpError, match="by its port teacher, which this circuit does not"
    ):
        fwp.run(program, "hebb", "spiking", synapse=made)


def test_a_run_takes_the_synapse_itself():
    program = fwp.tasks.associative_recall(tokens=2, dim=2, beta=0.5)
    chosen = synapses.get("two_compartment_nmda", ELLWOOD).changed(tau_nmda=60 * ms)
    options = {"cells": 3, "device": "numpy", "seed": 1}
    one = fwp.run(program, "delta", "spiking", synapse=chosen, **options)
    same = fwp.run(program, "delta", "spiking", synapse=chosen.name, parameters=ELLWOOD,
                   constants={"tau_nmda": 60 * ms}, **options)  # fmt: skip
    np.testing.assert_array_equal(one["readout"], same["readout"])
