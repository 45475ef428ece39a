"""The measuring of plasticity rules, on rules that are known to be what they are."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.characterise import Experiment, bilinear, measure, report
from fwp_neuro.characterise.plasticity_table import verdict
from fwp_neuro.synapses.synapse_class import Equations, Synapse

ms = b2.ms
#: small but enough for the numbers asserted
HOW = Experiment(window=0.5, dt=1e-3)
VOLLEYS = replace(HOW, coding="volleys", rate=20.0)


def toy(synapse="w : 1", on_pre="", on_post="", weight="w", **parameters):
    """A model with these equations; x is a presynaptic trace of 20 ms."""
    trace = "dx/dt = -x/(20*ms) : 1 (event-driven)"
    text = Equations(f"{synapse}\n{trace}", f"{on_pre}\nx += 1", on_post)
    return Synapse("toy", "toy", "plasticity", "", text, {"eta": 0.01, **parameters},
                   {"": "toy"},
                 "toy", "toy", weight, signed=("gate",))  # fmt: skip


HEBB = toy(on_post="w += gate*eta*x", gate=1.0)


@pytest.mark.parametrize("how", [HOW, VOLLEYS], ids=["rates", "volleys"])
def test_a_hebbian_toy_is_hebb(how):
    found = measure(HEBB, replace(how, gate="gate"), repeats=32)
    assert found.write.r2 > 0.9 and found.write.rank_one > 0.95 and found.write.gain > 0
    assert found.write.key_only == found.write.value_only == 0
    assert found.write.key_power == pytest.approx(1, abs=0.2)
    assert found.write.value_power == pytest.approx(1, abs=0.2)
    assert np.abs(found.erase).max() < 1e-9 and found.decay == np.inf and found.cross == 0
    assert found.gate[0] == 0 and found.gate[1] == pytest.approx(0.5)
    assert verdict(found) == "hebb"


def test_an_expected_gain_of_poisson_trains():
    """E[dw] = eta k v T tau for a write at postsynaptic spikes: trace of mean k tau."""
    found = measure(HEBB, replace(HOW, window=2.0), repeats=64)
    expected = 0.01 * 40.0 * 40.0 * 0.02 * 2.0
    assert found.write.gain == pytest.approx(expected, rel=0.1)


def test_decay_and_what_it_costs():
    leaky = toy("dw/dt = -w/tau : 1 (clock-driven)", on_post="w += eta*x", tau=2000 * ms)
    found = measure(leaky, VOLLEYS, repeats=16)
    assert found.decay == pytest.approx(2.0, rel=0.02)
    assert np.abs(found.erase[1:]).max() < 1e-6
    assert verdict(found) == "hebb, decaying"


@pytest.mark.parametrize(
    ("on_pre", "on_post", "place", "word"),
    [("w *= 0.9", "w += eta*x", 1, "column"), ("", "w = 0.9*w + eta*x", 2, "row")],
)
def test_erase_by_a_key_or_a_value(on_pre, on_post, place, word):
    model = toy(on_pre=on_pre, on_post=on_post, eta=1.0)
    found = measure(model, replace(VOLLEYS, start=0.0), repeats=32)
    assert found.erase[place] > 0.3
    others = [found.erase[n] for n in (1, 2, 3) if n != place]
    assert np.abs(others).max() < 0.1
    assert verdict(found) == f"hebb with {word} decay"


def test_an_error_of_the_cell_is_told_from_none():
    # a reset of x before the write would hide the prediction: the trace lives on both
    # sides
    predicting = Synapse(
        "toy", "toy", "plasticity", "",
        Equations(
            """
w : 1
prediction_post = w*x_pre : 1 (summed)
""",
            "", "w += eta*(target - prediction_post)*x_pre",
            pre="dx/dt = -x/(20*ms) : 1", pre_spike="x += 1", post="prediction : 1",
        ),
        {"eta": 0.01, "target": 30.0}, {"": "toy"}, "toy", "toy",
    )  # fmt: skip
    found = measure(predicting, replace(VOLLEYS, start=0.5, shift=0.5), repeats=8)
    assert found.cross < -0.05
    plain = replace(
        predicting, equations=replace(predicting.equations, on_post="w += eta*x_pre")
    )
    assert measure(plain, VOLLEYS, repeats=4).cross == pytest.approx(0)


def test_scaling_of_columns_or_rows_stores_nothing():
    facilitating = toy("w : 1", on_pre="w = w + 0.05*(2 - w)")
    found = measure(facilitating, VOLLEYS, repeats=8)
    assert found.stored.rows < 1e-9 and found.stored.r2 == 0 and not found.stored.verdict
    assert verdict(found) == "stores no v k': scales columns"
    scaling = measure(toy(on_post="w = w + 0.05*(2 - w)"), VOLLEYS, repeats=8)
    assert scaling.stored.columns < 1e-9 and scaling.stored.r2 == 0
    assert verdict(scaling) == "stores no v k': scales rows"


def test_pair_stdp_writes_by_volleys_and_not_by_rates():
    model = fwp.synapses.get("pair_stdp")
    rates, volleys = (measure(model, how, repeats=16) for how in (HOW, VOLLEYS))
    assert volleys.write.r2 > 0.98 and volleys.stored.verdict
    assert rates.write.r2 < 0.7 and rates.noise > 5 * volleys.noise
    lines = report([rates, volleys]).splitlines()
    assert lines[1].startswith("pair_stdp, rates") and lines[2].endswith("  hebb")


def test_bilinear_of_known_tables():
    x = np.array([0.0, 1.0, 2.0, 4.0])
    exact = bilinear.fit(3 * np.outer(x, x), x, x)
    assert (exact.gain, exact.r2, exact.rank_one) == pytest.approx((3, 1, 1))
    power = bilinear.fit(np.outer(x**2, x**3), x, x)
    assert (power.value_power, power.key_power) == pytest.approx(
        (2, 3)
    ) and power.r2 < 0.95
    leaky = bilinear.fit(np.outer(x, x) + 2 * x, x, x)
    assert leaky.key_only > 0.3 and leaky.value_only == 0


def test_a_synapse_of_ones_own_is_measured_from_where_it_starts():
    from fwp_neuro.characterise import experiments

    mine = replace(HEBB, name="mine", initial={"w": "2*eta"}, signed=())
    how = experiments(mine)
    assert [one.coding for one in how] == ["rates", "volleys"] and not how[0].probe
    assert {(one.state, one.start, one.shift) for one in how} == {("w", 0.02, 0.002)}
    fading = toy(
        "dw/dt = -w/(10*second) : 1 (event-driven)", on_pre="w += 0*x", on_post="w += x"
    )
    assert experiments(replace(fading, name="fading"))[0].probe
    two = replace(HEBB, name="two", weight="w*x")
    assert (
        experiments(two)[0].state == ""
        and "no single variable" in experiments(two)[0].note
    )


@pytest.mark.slow
def test_a_synapse_of_ones_own_is_characterised_by_its_text():
    from fwp_neuro.characterise import characterise

    mine = replace(HEBB, name="mine", initial={"w": 0.5}, signed=())
    rates, volleys = characterise([mine], repeats=2)
    assert (rates.model, volleys.model, rates.decay) == ("mine", "mine", np.inf)
    assert verdict(volleys) == "hebb" and volleys.write.r2 > 0.9
    assert report([rates, volleys]).splitlines()[1].startswith("mine, rates")


def test_a_composition_is_measured_as_its_rule():
    from fwp_neuro.characterise import experiments

    for name in ("oja", "pair_stdp"):
        made = fwp.synapses.compose(name, "tsodyks_markram", "ampa")
        assert experiments(made) == experiments(name)


def test_a_port_that_spikes_do_not_drive_is_named():
    from fwp_neuro.characterise import characterise

    made = fwp.synapses.compose("pair_stdp", eligibility=1 * b2.second)
    with pytest.raises(fwp.FwpError, match="by its port 'modulator'"):
        characterise([made])


def test_only_plasticity_models_are_measured():
    from fwp_neuro.characterise import characterise, experiments

    with pytest.raises(fwp.FwpError, match="by its port 'teacher'"):
        characterise(["two_compartment_nmda"])
    for call in (lambda: characterise(["ampa"]), lambda: experiments("delta")):
        with pytest.raises(
            fwp.FwpError, match="is no plasticity model .legal: .*pair_stdp"
        ):
            call()
