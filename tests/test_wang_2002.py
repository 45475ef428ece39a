"""Wang's decision network: balance of weights, a choice that is held and lost."""

import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model
from fwp_neuro.targets import collect

MODEL = load_model("wang_2002_decision")


def test_weights_onto_a_selective_cell_are_balanced():
    weights, count = MODEL.footprint(), MODEL.sizes(MODEL.Parameters())
    assert count.tolist() == [240, 240, 1120, 400]
    mean = weights[:, :3] @ count[:3] / count[:3].sum()
    assert mean == pytest.approx(1) and weights[0, 0] == 1.7


def test_a_small_network_holds_its_choice_and_loses_it_without_nmda():
    data = MODEL.run(MODEL.Parameters(**MODEL.QUICK))
    kept, blocked = data.rate.values
    assert kept[0, 2] > 14 and kept[1, 2] < 4  # the population with more input has won
    assert kept[0, 0] < 5  # nothing was decided before the stimulus
    assert (blocked[:2, 2] < 4).all() and blocked[0, 1] > 10
    assert "AP5" in MODEL.report(data) and "numpy" in MODEL.report(data)


def test_stimulus_and_block_reach_the_networks_that_they_are_for():
    parameters = MODEL.Parameters(coherence=(100.0, 0.0), ap5=0.5)
    cases = MODEL.conditions(parameters)
    assert cases == [(100, 0), (0, 0), (100, 0.5)]
    rates, unblocked = MODEL._inputs(parameters, cases, 4000.0)
    assert rates.shape == (80, 7) and not rates[:20].any() and not rates[60:].any()
    assert rates[20:60].mean(0) == pytest.approx([80, 0, 40, 40, 80, 0, 0], abs=2.5)
    assert (rates[:, :2] == rates[:, 4:6]).all()
    assert (unblocked[60:] == [1, 1, 0.5]).all() and (unblocked[:60] == 1).all()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (dict(cells=10), "cells is 10"),
        (dict(coherence=()), "coherence is empty"),
        (dict(coherence=(120.0,)), "coherence must be in"),
        (dict(ap5=2.0), "ap5 must be in"),
        (dict(stimulus=(3.0, 1.0)), "from < to"),
        (dict(windows=(0.0, 1.0)), "windows are six times"),
        (dict(dt=0.0), "dt is 0 ms; it must be above 0 and at most 0.2 ms"),
    ],
)
def test_impossible_settings_are_refused(setting, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        MODEL.run(MODEL.Parameters(**setting))


@pytest.mark.slow
def test_full_size_meets_nest():
    missed = [row for row in collect(["wang_2002_decision"]) if not row.expected]
    assert not missed, missed


@pytest.mark.slow
def test_the_published_gating_holds_a_choice_too():
    data = MODEL.run(MODEL.Parameters(coherence=(51.2,), nmda="saturating"))
    kept, blocked = data.rate.values
    assert 14 < kept[0, 2] < 24 and kept[1, 2] < 4 and (blocked[:2, 2] < 4).all()
