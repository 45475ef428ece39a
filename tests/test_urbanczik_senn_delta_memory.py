"""The dendritic-prediction memory is a delta rule: contraction, overwriting,
agreement."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model

MODEL = load_model("urbanczik_senn_2014_delta_memory")


@pytest.fixture(scope="module")
def data():
    """The memory without noise, beside the package's rules."""
    return MODEL.run(MODEL.Parameters(spiking=False))


def measure(data, run, name):
    return float(data.measures.sel(run=run, measure=name))


@pytest.mark.parametrize("squared", [0.4, 1.0, 1.3])
def test_a_presentation_shrinks_the_error_by_one_minus_beta_times_the_squared_key(
    squared,
):
    beta = 0.5
    short = MODEL.Parameters(beta=beta, teach=100, tau_delta=1000)
    found, factor = MODEL.contraction(short, squared)
    assert factor == pytest.approx(1 - beta * squared, abs=0.005)
    assert found == pytest.approx(beta, rel=0.01)


def test_it_tends_to_the_nominal_write_as_the_change_is_expressed_later():
    beta, squared = 0.6, 1.0
    off = [
        MODEL.contraction(MODEL.Parameters(beta=beta, teach=200, tau_delta=tau), squared)[
            1
        ]
        - (1 - beta * squared)
        for tau in (200, 400, 800)
    ]
    assert 1.6 < off[0] / off[1] < 2.6 and 1.6 < off[1] / off[2] < 2.6


def test_what_one_presentation_writes_is_the_delta_rule_for_every_key_of_that_length(
    data,
):
    assert measure(data, "expected", "nRMSE") < 0.002
    assert measure(data, "expected", "weights nRMSE") < 0.002
    assert measure(data, "expected", "slope") == pytest.approx(1, abs=0.002)
    assert measure(data, "hebb", "nRMSE") > 0.3


def test_the_rebound_key_gives_back_the_new_value_and_hebb_both(data):
    new, old = MODEL.shares(data, "expected")
    assert new > 0.85 and abs(old) < 0.15
    new, old = MODEL.shares(data, "hebb")
    assert new > 0.85 and old > 0.85


def test_reading_does_not_write(data):
    # the soma lags the dendrite by half a ms
    reads = np.flatnonzero(data.beta.values == 0)
    w = data.weights.sel(run="expected").values
    assert np.abs(w[reads[-1]] - w[reads[0] - 1]).max() < 2e-3 * np.abs(w[-1]).max()


def test_without_nmda_nothing_is_stored():
    parameters = MODEL.Parameters(pairs=2)
    program = MODEL.build(parameters)
    _, w = MODEL.expected(program, MODEL.neuron(parameters).changed(nmda=0), parameters)
    assert (w == 0).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (dict(beta=0.0), "beta must be"),
        (dict(pairs=1), "pairs is 1"),
        (dict(somata=0), "somata is 0"),
        (dict(seed=-1), "seed must be"),
    ],
)
def test_it_refuses(change, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        MODEL.run(MODEL.Parameters(**change))


@pytest.mark.slow
def test_the_spiking_memory_follows_and_its_error_falls_with_the_number_of_cells():
    small = {"dim": 4, "post": 3, "pairs": 3, "device": "cpp_standalone"}
    few, many = (
        MODEL.run(MODEL.Parameters(key_cells=cells, somata=cells, **small))
        for cells in (20, 80)
    )
    errors = [measure(data, "spiking", "nRMSE") for data in (few, many)]
    assert errors[1] < 0.2 and 1.3 < errors[0] / errors[1] < 3.2  # 2 on average
    assert measure(many, "spiking", "slope") == pytest.approx(1, abs=0.1)
    assert errors[1] < 0.5 * measure(many, "hebb", "nRMSE")
    new, old = MODEL.shares(many, "spiking")
    assert new > 0.8 and abs(old) < 0.3
    assert "cpp_standalone" in MODEL.report(many)
