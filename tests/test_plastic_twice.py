"""Two projections of one model reach the same cells: by symmetry they learn the same."""

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import label, models, spikes, step
from plastic_oracles import groups, weights

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
