"""What the figure scripts claim, asserted on their quick simulations.

To add a figure: write functions of its quick dataset and mark each with
``@claim("figNN_name")``.
"""

from functools import cache

import numpy as np
import pytest

from fwp_neuro import figure_scripts, tasks
from fwp_neuro.artificial.theory import capacity_loss
from fwp_neuro.plotting import PAGE, style

CLAIMS = []


def claim(figure):
    """Register a test of the quick dataset of a figure script."""

    def register(check):
        CLAIMS.append(pytest.param(figure, check, id=f"{figure}-{check.__name__}"))
        return check

    return register


@cache
def made(figure):
    """Return a figure script and its quick dataset, simulated once for all claims."""
    script = figure_scripts.script_named(figure)
    return script, script.simulate(quick=True)


@claim("fig02_capacity")
def published_losses_follow_the_law(script, data):
    measured = [script.law_error(data, name) for name in script.LAWFUL]
    np.testing.assert_allclose(measured, [0.0069, 0.0132, 0.0139, 0.0137], atol=5e-5)


@claim("fig02_capacity")
def the_best_read_out_of_random_keys_is_the_law(script, data):
    assert data.sizes["exact_keys"] >= 5
    for name in script.LAWFUL:
        law = capacity_loss(script.FEATURES[name], data.exact_keys.values)
        np.testing.assert_allclose(data.exact.sel(lawful=name), law, rtol=0, atol=1e-12)


@claim("fig02_capacity")
def training_ends_at_the_law(script, data):
    for name in script.TRAINED:
        law = capacity_loss(script.features_of(data, name), data.trained_keys.values)
        gap = data.trained.sel(memory=name).values - law
        # a loss of .001 ends the training; nothing gets below the law
        assert (gap < 1.5e-3).all() and (gap > -1e-5).all()
        assert law.max() > 0.09


@claim("fig03_overwriting")
def delta_overwrites_and_nothing_else_does(script, data):
    mean = data.by_writes.sel(moment="mean")
    assert float(np.abs(mean.sel(memory="delta")).max()) < 1e-12
    assert float(np.abs(mean.sel(memory="hebb", writes=1))) < 1e-12
    for name in ("hebb", "average"):
        assert (np.diff(mean.sel(memory=name)) > 0).all()
    assert float(mean.sel(memory="gated").min()) > 0.4
    assert float(data.by_strength.sel(blended="gated", moment="mean").min()) > 0.44


@claim("fig03_overwriting")
def runs_meet_their_closed_forms(script, data):
    mean, spread = (
        data.by_writes.sel(moment=m).values for m in ("mean", "standard error")
    )
    assert (np.abs(mean - data.by_writes_law.values) < 4 * spread + 1e-12).all()


@claim("fig03_overwriting")
def the_published_sum_rule_averages_sequences_of_length_s(script, data):
    few = data.sel(pairs=slice(None, 100))
    published = few.published.sel(run="dpfp1 sum")
    assert float(np.abs(published - few.average_all).max()) < 0.01
    assert float((few.average_one - published).min()) > 0.15


@claim("fig03_overwriting")
def the_published_delta_rule_has_the_capacity_of_figure_2(script, data):
    for run, features, rmse in (
        ("linear delta", 64, 0.0077),
        ("dpfp1 delta", 128, 0.0089),
    ):
        gap = data.published.sel(run=run).values - capacity_loss(
            features, data["pairs"].values
        )
        assert np.sqrt((gap**2).mean()) == pytest.approx(rmse, abs=5e-5)


@claim("fig03_overwriting")
def overlapping_keys_disturb_delta(script, data):
    mean = data.by_dim.sel(moment="mean")
    assert (mean.sel(crowded="delta") > data.least + 0.05).all()
    assert (mean.sel(crowded="delta") < mean.sel(crowded="hebb")).all()


@claim("fig04_state_tracking")
def states_are_exact_at_strength_two(script, data):
    assert data.sizes["token"] == 512
    assert (data.accuracy.sel(limit=2) == 1).all()
    assert (data.largest_error < 1e-12).all()


@claim("fig04_state_tracking")
def states_are_lost_at_strength_one(script, data):
    late = data.accuracy.sel(limit=1)[:, 256:].mean("token")
    # 32 sequences of dependent tokens: an independent choice gives 0 within about .04
    assert (np.abs(late) < 0.04).all()


@claim("fig04_state_tracking")
def eigenvalues_are_those_of_a_reflection(script, data):
    low = np.minimum(1 - data.beta, 1)
    np.testing.assert_allclose(data.delta_eigenvalue[:, 0], low, rtol=0, atol=1e-12)
    np.testing.assert_allclose(data.delta_eigenvalue[:, 1:], 1, rtol=0, atol=1e-12)
    values = {
        m: data[f"real_{m}"].values + 1j * data[f"imaginary_{m}"].values for m in (1, 2)
    }
    # two positive semidefinite factors have a product with real, nonnegative eigenvalues
    assert np.abs(values[1].imag).max() < 1e-7 and values[1].real.min() > -1e-7
    assert np.abs(values[2].imag).max() > 0.9 and np.abs(values[2]).max() < 1 + 1e-12


@claim("fig04_state_tracking")
def a_noisy_read_needs_a_strength_near_two(script, data):
    long = data.faded.sel(span=512)
    assert float(long.sel(strength=2)) == 1 and float(long.sel(strength=1.9)) < 0.1


@claim("fig06_regression")
def rules_meet_their_expected_losses(script, data):
    mean, spread = data.loss.sel(moment="mean"), data.loss.sel(moment="standard error")
    rules = [name for name in script.LEARNERS if not name.startswith("trained")]
    assert (np.abs(mean - data.target) < 4 * spread).sel(learner=rules).all()
    targets = {"predict 0": 0.4167, "hebb (best step)": 0.2062, "delta, 0.5": 0.214,
               "delta, 1": 0.159, "mesa, ridge 0.01": 0.028}  # fmt: skip
    for name, value in targets.items():
        assert float(data.target.sel(learner=name)) == pytest.approx(value, abs=8e-4)


@claim("fig06_regression")
def linear_attention_learns_the_gradient_step(script, data):
    # on the same sequences, so that the noise of drawing them is out
    mean = data.loss.sel(moment="mean")
    trained, step = (
        float(mean.sel(learner=n))
        for n in ("trained linear attention", "hebb (best step)")
    )
    assert trained == pytest.approx(step, abs=0.004)
    best = tasks.optimal_step() * np.eye(10)
    assert np.abs(data.learned.values - best).max() < 0.06


@claim("fig10_interference")
def weights_are_the_sum_of_their_error_signals(script, data):
    assert data.attrs["dual_gap"] < 1e-12


@claim("fig10_interference")
def the_second_task_hides_the_first(script, data):
    assert float(data.course[script.EPOCHS, 0]) > 0.98
    assert float(data.example[0, 0]) < 0.1 and float(data.example[0, 1]) > 0.98


@claim("fig10_interference")
def scaled_keys_bring_the_first_task_back(script, data):
    found = data.example.values
    assert found[script.balance(data)].min() > 0.85  # one gain serves both tasks
    # in every succession, up to one of the 80 test images
    np.testing.assert_allclose(
        data.after[:, 1, 0], data.before, rtol=0, atol=1 / 80 + 1e-12
    )


@claim("fig18_distal_reward")
def the_synapse_that_is_paid_late_ends_as_the_strongest(script, data):
    found = script.MODEL.measures(data)
    assert found["share of the others that are weaker"] == 1
    assert found["rewarded weight at the end (mV)"] > 3 * found["mean of the others (mV)"]
    assert data.weight.values.min() > -1e-12 and data.weight.values.max() < 4 + 1e-12
    assert float(data.weight[(data.source == 0) & (data.target == 1)][0, 0]) == 0
    late = (data.reward_time - data.pair_time).values
    assert found["rewards"] > 50 and late.min() >= 1 and late.max() <= 3


@claim("fig19_local_writes")
def local_writes_run_the_delta_rule_and_find_their_thresholds(script, data):
    quiet = data.table.sel(write=list(script.LOCAL), measure="nRMSE")
    assert (quiet.sel(condition=["no noise", "overwriting", "thresholds"]) < 0.05).all()
    slope = data.table.sel(condition="no noise", measure="slope").dropna("write")
    np.testing.assert_allclose(slope, 1, atol=0.03)
    shut = data.spread_error.sel(way="nominal", spread=0.1)
    assert (shut > 3 * data.spread_error.sel(way="homeostasis", spread=0.1)).all()
    simulated, law = data.recall.transpose("form", ...).values
    np.testing.assert_allclose(simulated, law, rtol=0.05)


FIGURES = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "fig18_distal_reward" else [])
    for name in sorted({parameters.values[0] for parameters in CLAIMS})
]


@pytest.mark.parametrize(("figure", "check"), CLAIMS)
def test_claim(figure, check):
    check(*made(figure))


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_say_what_is_shown(figure):
    script, data = made(figure)
    for word in ("Claims: ", "Sizes: ", "Published", "Ours: "):
        assert word in " ".join(script.__doc__.split())
    assert len(script.report(data).splitlines()) >= 4
    with style():
        drawn = script.plot(data)
    assert drawn.get_figwidth() <= PAGE
    panels = [axes for axes in drawn.axes if axes.get_title(loc="left")]
    letters = [axes.get_title(loc="left").split()[0] for axes in panels]
    assert letters == list("abcdef")[: len(letters)] and len(letters) >= 3
    for axes in panels:
        if axes.axison:
            assert axes.get_xlabel()
            assert axes.get_ylabel() or axes.get_yticklabels()
