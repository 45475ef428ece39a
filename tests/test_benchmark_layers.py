"""The benchmark of layers: a whole step is timed, and the crossing is read off."""

import numpy as np
import pytest
import torch
import xarray as xr

from fwp_neuro import cli
from fwp_neuro.benchmarks import layers
from fwp_neuro.benchmarks.layers import ATTENTION, LAYER, PARTS


def made(times):
    """A dataset where attention takes ``times`` the layer's time at 64, 128, ... tokens.

    One round of three is slow for both.
    """
    noise = np.array([1.0, 9.0, 1.0])
    cpu = [noise * np.array(times)[:, None], np.ones((len(times), 1)) * noise]
    lengths = [64 * 2**n for n in range(len(times))]
    return xr.Dataset(
        {"cpu": (("row", "width", "length", "round"), np.array(cpu)[:, None])},
        {"row": [ATTENTION, LAYER], "width": [8], "length": lengths},
    )


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.5, 0.5, 2.0], 128 * 2**0.5),
        ([2.0, 0.5, 2.0], 128 * 2**0.5),  # for good, not for once
        ([0.5, 1.0, 4.0], 128),
        ([1.5, 2.0, 4.0], 64),
        ([0.5, 2.0, 0.9], None),
    ],
)
def test_the_crossing_is_where_the_layer_stays_ahead(times, expected):
    found = layers.crossing(made(times), 8)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_a_step_gives_every_gradient():
    steps = layers.steps("delta", 16, 2, 5)
    assert list(steps) == [ATTENTION, LAYER, *PARTS]
    given = {name: step.__closure__ for name, step in steps.items()}
    for name, step in steps.items():
        step()
        cells = dict(zip(step.__code__.co_freevars, given[name], strict=True))
        assert all(leaf.grad is not None for leaf in cells["leaves"].cell_contents)
    # the last step that ran leaves the gradients of its own part alone
    parameters = cells["parameters"].cell_contents
    assert 0 < sum(item.grad is not None for item in parameters) < len(parameters)
    steps[LAYER]()
    mine = parameters[len(list(torch.nn.MultiheadAttention(8, 1).parameters())) :]
    assert all(item.grad is not None for item in mine)


@pytest.fixture(scope="module")
def measured():
    return layers.benchmark((8, 16), (8, 16), rounds=2, tokens=32)


def test_every_row_has_times_and_is_reported(measured):
    assert measured["cpu"].shape == (2 + len(PARTS), 2, 2, 2)
    assert (measured["cpu"] > 0).all() and list(measured["batch"].values) == [4, 2]
    text = layers.report(measured)
    for name in (ATTENTION, LAYER, *PARTS):
        assert text.count(f"\n{name} ") == 2
    assert "T=8" in text and text.count("the layer is") == 2


def test_the_command_keeps_the_numbers(measured, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(layers, "benchmark", lambda **options: measured)
    file = tmp_path / "layers.nc"
    assert cli.main(["benchmark", "layers", "--quick", "--out", str(file)]) == 0
    assert "the layer is" in capsys.readouterr().out
    xr.testing.assert_equal(xr.load_dataset(file, engine="h5netcdf"), measured)
