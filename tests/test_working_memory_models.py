"""The small BCPNN working memory and the spiking key-value memory: what comes back."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model
from fwp_neuro.targets import collect

FIEBIG = load_model("fiebig_lansner_2017_working_memory")
LIMBACHER = load_model("limbacher_2022_key_value_memory")


@pytest.fixture(scope="module")
def key_values():
    return LIMBACHER.run(LIMBACHER.Parameters(items=(2, 8), device="numpy"))


def test_associations_are_stored_in_one_shot_and_read_by_their_keys(key_values):
    assert (key_values.accuracy.sel(memory="spiking") > 0.95).all()
    assert (key_values.accuracy.sel(memory="delta") == 1).all()
    assert float(key_values.slope.sel(items=8, memory="hebb")) == pytest.approx(
        1, abs=0.3
    )


def test_weights_are_those_of_the_rule_on_rates_but_for_spikes(key_values):
    """Two items that share no key cells with silence: the write by the closed form."""
    keys, values = key_values.key.values[:2], key_values.value.values[:2]
    alone = (keys[1] > 0) & (keys[0] == 0)
    block = key_values.weights.sel(items=2).values[:, alone]
    on, off = block[values[1] > 0].mean(), block[values[1] == 0].mean()
    assert off < 0.03 and on == pytest.approx(0.5 * (1 - np.exp(-0.6)), rel=0.25)


def test_the_key_value_report_says_what_was_measured(key_values):
    text = LIMBACHER.report(key_values)
    for word in ("accuracy", "hebb", "delta", "rule on rates", "chance", "nRMSE (slope)"):
        assert word in text


@pytest.fixture(scope="module")
def recalled():
    return FIEBIG.run(FIEBIG.Parameters(**FIEBIG.QUICK))


def test_cues_complete_encoded_patterns_only(recalled):
    encoded = recalled.kind.values == "encoded"
    completed = recalled.completed.sel(network="plastic").values
    assert completed[encoded].min() > 3 * completed[~encoded].max() + 3
    assert recalled.completed.sel(network="kappa = 0").max() < 3
    assert recalled.bursts.sel(network="plastic").values[~encoded].sum() == 0
    assert "never shown" in FIEBIG.report(recalled)


def test_all_networks_see_the_items(recalled):
    shown, _, _, _ = FIEBIG.schedule(FIEBIG.Parameters(**FIEBIG.QUICK))
    for start, pattern in shown:
        during = (recalled.time >= start) & (recalled.time < start + 200)
        rate = recalled.rate.isel(pattern=int(pattern), time=during.values).mean("time")
        assert (rate > 10).all()


@pytest.mark.parametrize(
    ("model", "setting", "sentence"),
    [
        (FIEBIG, dict(items=0), "items is 0"),
        (FIEBIG, dict(cued=300.0), "legal is at most 200"),
        (FIEBIG, dict(tau_p=-1.0), "tau_p must be above 0"),
        (LIMBACHER, dict(items=()), "items is empty"),
        (LIMBACHER, dict(rate=2000.0), "must be below 1000"),
        (LIMBACHER, dict(active=0.0), "active must be in"),
    ],
)
def test_impossible_settings_are_refused(model, setting, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        model.run(model.Parameters(**setting))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fiebig_lansner_2017_working_memory",
                                  "limbacher_2022_key_value_memory"])  # fmt: skip
def test_full_size_meets_its_rows(name):
    missed = [row for row in collect([name]) if not row.passed]
    assert not missed, missed
