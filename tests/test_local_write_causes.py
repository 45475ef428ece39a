"""Why local writes miss the delta rule: what each cause does, and what is left without
it."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits.spiking.synapse_tables import BURST_GAP, chances, fired
from fwp_neuro.model_scripts import load_model
from fwp_neuro.synapses.coding import BURST_RATE
from fwp_neuro.synapses.coding_by_model import experiments

MODEL = load_model("local_write_causes")


def errors(mechanism, dim=4, **options):
    found = MODEL.run(MODEL.Parameters(mechanism=mechanism, dim=dim, **options))
    return {str(n): row for n, row in zip(found.cause.values, found.measures.values,
                                          strict=True)}  # fmt: skip


@pytest.mark.parametrize("told", [-0.5, 0.0, 0.8])
def test_value_cells_burst_with_the_chance_that_they_are_told(told):
    """A first spike at BURST_RATE, and at most one more, a gap later, unless another
    first one comes in between."""
    (how,), dt, count = experiments("payeur_2021"), 0.5 * b2.ms, 400
    once = b2.TimedArray(np.ones(2), dt=3600 * b2.second)
    space = {"value_now": once, "second_now": once}
    cells = b2.NeuronGroup(
        count, "value_chance : 1\nvalue_fired : second", reset=fired(how), dt=dt,
        threshold=f"rand() < {chances(how, float(dt))[1]}", namespace=space,
    )  # fmt: skip
    cells.value_chance, cells.value_fired = (1 + told) / 2, -1 * b2.second
    seen = b2.SpikeMonitor(cells)
    b2.seed(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(b2.prefs, "codegen.target", "numpy")
        b2.Network(cells, seen).run(2 * b2.second)
    trains = [np.sort(np.asarray(one)) for one in seen.spike_trains().values()]
    gaps = np.concatenate([np.diff(train) for train in trains])
    seconds = np.count_nonzero(np.abs(gaps - BURST_GAP) < 1e-9)
    firsts = sum(map(len, trains)) - seconds
    assert firsts / count / 2 == pytest.approx(BURST_RATE, rel=0.05)
    alone = np.exp(-BURST_RATE * BURST_GAP)
    assert seconds / firsts == pytest.approx((1 + told) / 2 * alone, abs=0.025)


def test_calcium_misses_because_lone_spikes_write_and_the_weight_itself_counts():
    found = errors("calcium")
    error = {name: row[0] for name, row in found.items()}
    assert error["none of the causes"] < 1e-10
    assert error["all causes"] > 0.6 and found["all causes"][1] < 0.5
    # each of the two by itself; with neither of them, nothing is left but noise
    assert error["only: one side alone"] > 0.2 and error["only: weight counts"] > 0.4
    assert error["all but: one side alone and weight counts"] < 0.05
    for harmless in ("probabilities have bounds", "spikes are drawn"):
        left = error[f"all but: {harmless}"]
        assert error[f"only: {harmless}"] < 0.05
        assert left == pytest.approx(error["all causes"], rel=0.1)


def test_graupner_and_brunel_s_cells_potentiate_by_their_own_spikes():
    for who, sign in (("post", 1), ("both", 1)):
        keep, add = MODEL._map(who)
        assert (keep - 1) * 0.3 + add > 0 and 0 < keep < 1, (who, sign)
    assert MODEL._map("pre") == (1, 0)  # a lone key spike just reaches the threshold


@pytest.mark.slow
def test_bursts_at_mean_rates_miss_because_their_mean_follows_the_values():
    """The circuit has a further cause, which this model leaves out."""
    error = {name: row[0] for name, row in errors("bursts").items()}
    assert error["none of the causes"] < 1e-9
    assert error["all causes"] > 0.15 and error["only: mean follows"] > 0.15
    assert error["all but: mean follows"] < 0.05
    for harmless in ("mean starts low", "probabilities have bounds", "spikes are drawn"):
        assert error[f"only: {harmless}"] < 0.05


@pytest.mark.slow
def test_dendritic_prediction_misses_because_its_threshold_is_not_that_of_the_soma():
    program = fwp.tasks.associative_recall(tokens=8, dim=8, beta=0.8)
    exact = fwp.run(program, "delta")["readout"].values

    def error(name):
        kind = MODEL.PREDICTIONS[name]
        read = MODEL.predicted(program, kind, MODEL.nominal(kind, 0.8), 0)
        return MODEL.agreement(exact, read)[0]

    assert error("none of the causes") < 0.002
    spread = error("thresholds differ")
    gated, own = (error(f"thresholds differ, {n}") for n in ("gated", "gated, own read"))
    assert spread > 0.4 > gated > 0.2 > 0.08 > own
    assert error("thresholds differ, found") < 0.005


@pytest.mark.slow
def test_the_published_rate_needs_values_within_a_third_of_its_width():
    program = fwp.tasks.associative_recall(tokens=8, dim=8, beta=0.8)
    exact, found = fwp.run(program, "delta")["readout"].values, []
    for width in (0.3, 1, 3):
        kind = MODEL.PREDICTIONS[f"published rate and h, width {width}"]
        read = MODEL.predicted(program, kind, MODEL.nominal(kind, 0.8), 0)
        found.append(MODEL.agreement(exact, read)[0])
    assert found[0] > 2 * found[1] > 4 * found[2]
    assert found[1] > 0.05 > found[2]  # what is wanted without noise


@pytest.mark.parametrize(("wrong", "said"), [
    ({"mechanism": "magic"}, "mechanism"), ({"cells": 0}, "cells"),
    ({"seed": -1}, "seed"),
])  # fmt: skip
def test_what_makes_no_memory_is_refused(wrong, said):
    with pytest.raises(fwp.FwpError, match=said):
        MODEL.run(MODEL.Parameters(**wrong))
