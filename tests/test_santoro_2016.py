"""Few-shot classification: mean rates lose nothing, spikes lose what N says."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model

MODEL = load_model("santoro_2016_few_shot_learning")
SMALL = {"episodes": 6, "examples": 8, "steps": 200, "device": "numpy"}


def test_mean_rates_classify_as_the_artificial_network_and_few_cells_less_exactly():
    data = MODEL.run(MODEL.Parameters(cells=(10,), **SMALL))
    rates, spikes = (data.sel(inputs=name, cells=10) for name in MODEL.INPUTS)
    assert float(rates.nrmse) < 0.03 and 0.97 < float(rates.slope) < 1.03
    assert abs(float(rates.accuracy.mean() - data.artificial.mean())) < 0.05
    assert float(data.artificial.mean()) > 0.5 > 1 / 3  # chance
    assert float(data.nearest_mean.mean()) > 0.9
    assert 5 * float(rates.nrmse) < float(spikes.nrmse) < 0.5
    assert 0.85 < float(spikes.slope) < 1.15
    assert "mean rates" in MODEL.report(data) and np.isfinite(data.accuracy).all()


@pytest.mark.parametrize("changes", [{"cells": ()}, {"value_cells": "lif cells"},
                                     {"examples": 3}, {"dt": 5.0}])  # fmt: skip
def test_nonsense_is_refused(changes):
    with pytest.raises(fwp.FwpError):
        MODEL.run(MODEL.Parameters(**changes))


@pytest.mark.slow
def test_noise_of_the_inputs_falls_with_the_number_of_cells_and_values_cost_more():
    data = MODEL.run(MODEL.Parameters(cells=(25, 100)))
    one, four = data.nrmse.sel(inputs="spikes").values
    assert one / four == pytest.approx(2, rel=0.2)
    spiking = MODEL.run(MODEL.Parameters(cells=(25,), value_cells="spiking"))
    assert float(spiking.nrmse.sel(inputs="mean rates")) > 2 * one
