"""Two projections of one model reach the same cells: by symmetry they learn the same."""

import dataclasses

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import label, models, spikes, step
from plastic_oracles import groups, weights

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.errors import FwpError

#: without noise of their own, which each projection draws for itself, and without a
#: teacher, which the cells would have to bring
MODELS = [
    one for one in models()
    if "xi" not in str(one.equations.synapse) and "teacher" not in one.ports
]  # fmt: skip
QUICK = ("clopath_2010", "payeur_2021", "anti_hebbian", "oja", "tsodyks_markram")
#: cells have one sum over the synapses of a projection
SUMS = [one for one in MODELS if "y_post = w*x_pre : 1 (summed)" in one.equations.synapse]


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def cells(model):
    """Two sources with the same spikes, and the cells that both reach."""
    dt = step(model)
    before, after = spikes(model, dt)
    made = groups([before, before, after], [dt] * 3, ("a", "b", "after"))
    return made, len(before) * dt


def synaptic(made, model):
    """Every variable of every synapse."""
    names = b2.Equations(model.equations.synapse).names
    return weights(made) if "w" in names else {n: made.values(n) for n in names}


def case(model):
    slow = [] if model.name in QUICK else [pytest.mark.slow]
    return pytest.param(model, id=label(model), marks=slow)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model", [case(one) for one in MODELS if one not in SUMS])
def test_two_projections_of_a_model_learn_the_same(model, layout):
    (first, second, after), time = cells(model)
    made = [connect(model, one, after, layout=layout) for one in (first, second)]
    network = b2.Network(first, second, after, *made[0].objects, *made[1].objects)
    network.run(time, namespace={})
    one, other = (synaptic(each, model) for each in made)
    assert one
    for name, table in one.items():
        assert np.isfinite(table).all()
        np.testing.assert_allclose(other[name], table, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model", [case(one) for one in SUMS])
def test_a_second_sum_over_the_synapses_is_one_sentence(model, layout):
    (first, second, after), _ = cells(model)
    connect(model, first, after, layout=layout)
    with pytest.raises(FwpError, match="'y', the sum over the synapses of an earlier"):
        connect(model, second, after, layout=layout)


def learned_alone_and_after(model, first_names, second_names, variables):
    """Weights of a projection alone, and after another one, onto the same cells."""
    found = []
    for alone in (True, False):
        dt = 0.2 * b2.ms
        before, after = spikes(model, dt)
        one, other, post = groups(
            [before, before, after], [dt] * 3, ("a", "b", "after"), variables
        )
        post.v1, post.v2 = -60 * b2.mV, -45 * b2.mV
        made = [] if alone else [connect(model, one, post, names=first_names)]
        made.append(connect(model, other, post, names=second_names))
        network = b2.Network(one, other, post, *(x for m in made for x in m.objects))
        network.run(len(before) * dt, namespace={})
        found.append(made[-1].values("w"))
    return found


def test_a_projection_with_another_membrane_shares_nothing_that_follows_it():
    model = fwp.synapses.get("clopath_2010")
    alone, after = learned_alone_and_after(
        model, {"membrane": "v1"}, {"membrane": "v2"}, "v1 : volt\nv2 : volt"
    )
    assert not np.allclose(alone, float(model.parameters["w_start"]), rtol=1e-6)
    np.testing.assert_allclose(after, alone, rtol=1e-12)


def test_a_model_starts_from_its_own_value_whatever_another_one_started_from():
    first = fwp.synapses.get("bcm")
    second = first.changed()
    start = {n: one for n, one in first.initial.items() if n != "theta"}
    second = dataclasses.replace(second, initial=start)
    first = dataclasses.replace(first, initial={**start, "theta": 0.7})
    (one, other, after), _ = cells(first)
    connect(first, one, after)
    assert connect(second, other, after).values("theta") == pytest.approx(0)


def test_a_connection_that_failed_leaves_no_sum():
    model = fwp.synapses.get("oja", "linear")
    (one, _, after), _ = cells(model)
    with pytest.raises(FwpError):
        connect(model, one, after, initial={"w": "nosuch*2"})
    assert connect(model, one, after).values("w").size


def test_a_trace_of_another_projection_is_no_sum():
    (one, other, after), _ = cells(fwp.synapses.get("oja"))
    connect("oja", one, after)
    made = connect(fwp.synapses.get("oja", "linear"), other, after)
    assert made.values("w").size


def test_shared_traces_go_on_where_a_second_projection_comes_later():
    (one, other, after), _ = cells(fwp.synapses.get("anti_hebbian"))
    made = connect("anti_hebbian", one, after)
    after.V = -50 * b2.mV
    connect("anti_hebbian", other, after)
    assert made.values("V") == pytest.approx(-0.05)
