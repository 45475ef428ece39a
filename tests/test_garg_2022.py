"""Regression in context: the references in closed form, the circuits against NLMS."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model

MODEL = load_model("garg_2022_in_context_regression")


def made(**changes):
    return MODEL.run(MODEL.Parameters(**changes))


def test_references_have_the_expected_errors():
    """x and w standard normal: NLMS shrinks the error by 1 - beta(2 - beta)/dim an
    example, one gradient step leaves (dim + 1)/(n + dim + 1), least squares nothing."""
    dim, beta = 4, 0.9
    p = MODEL.Parameters(dim=dim, episodes=20000, beta=beta)
    x, y, _ = MODEL.episodes_of(p)
    size = np.linalg.norm(x[1:], axis=-1)
    said = MODEL.solved(x, y, 1e-9)
    found = fwp.run(MODEL.program_of(x, y, beta), "delta")["readout"].values[..., 0]
    said["NLMS"] = found * size
    error = {name: ((each - y[1:]) ** 2 / dim).mean(-1) for name, each in said.items()}
    n = np.arange(1, 2 * dim + 1)
    expected = {
        "nothing": np.ones(2 * dim),
        "gradient step": (dim + 1) / (n + dim + 1),
        "least squares": np.maximum(1 - n / dim, 0),
        "NLMS": (1 - beta * (2 - beta) / dim) ** n,
    }
    for name, each in expected.items():
        assert np.abs(error[name] - each).max() < 0.04, name
    assert np.abs(said["ridge"] - said["least squares"])[dim + 2 :].max() < 1e-3


def test_the_rate_circuit_is_nlms():
    data = made(realisation="rate", episodes=8, dim=3)
    said = data.error.sel(predictor=["NLMS", "circuit"]).values
    assert np.abs(said[0] - said[1]).max() < 1e-9
    assert MODEL.probe(data)["as they are"] > 1 - 1e-9


def test_the_spiking_circuit_learns_in_context():
    data = made(dim=3, episodes=12, cells=100)
    last = MODEL.intervals(data, int(data.examples[-1]))
    assert last["circuit"][0] < 0.5 * last["nothing"][0]
    assert MODEL.probe(data)["as they are"] > 0.97
    assert "circuit / NLMS" in MODEL.report(data)


@pytest.mark.parametrize("changes", [{"realism": "physiological"}, {"teacher": "tonic"}])
def test_options_of_the_spiking_circuit_are_refused_elsewhere(changes):
    with pytest.raises(fwp.FwpError, match="of the spiking circuit"):
        made(realisation="rate", **changes)


@pytest.mark.slow
def test_ten_seeds_are_as_good_as_nlms():
    ratios, explained = {100: [], 400: []}, {100: [], 400: []}
    for seed in range(10):
        for cells in ratios:
            data = made(seed=seed, cells=cells, device="cpp_standalone")
            error = data.error.isel(examples=-1).mean("episode")
            ratios[cells].append(float(error.sel(predictor="circuit")
                                       / error.sel(predictor="NLMS")))  # fmt: skip
            explained[cells].append(MODEL.probe(data)["linear probe"])
    assert max(ratios[100]) <= 1.25 and max(ratios[400]) <= 1.10
    assert min(explained[100]) >= 0.98 and min(explained[400]) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("dim", [10, 20])
def test_more_dimensions(dim):
    data = made(dim=dim, device="cpp_standalone")
    mean, low, high = MODEL.intervals(data, 2 * dim)["circuit / NLMS"]
    assert low < high and mean <= 1.25


@pytest.mark.slow
def test_the_physiological_circuit_holds_the_course_of_nlms():
    data = made(realism="physiological", device="cpp_standalone")
    found = MODEL.probe(data)
    assert found["as they are"] >= 0.9 and found["linear probe"] >= 0.9
    assert MODEL.intervals(data, 10)["circuit / NLMS"][0] <= 1.25
    plain = made(realism="none", device="cpp_standalone")
    assert MODEL.probe(plain)["as they are"] > found["as they are"]
