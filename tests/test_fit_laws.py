"""Laws of fits: models find their own parameters again; criteria, ranking, pictures."""

import brian2 as b2
import numpy as np
import pytest
from test_fitting_texts import AT_ZERO, FITS, NOISY, PLASTICITY, QUICK

import fwp_neuro as fwp
from fwp_neuro.synapses.registered_synapses import entry

ms, Hz = b2.ms, b2.Hz
fit, compare_fits = fwp.synapses.fit, fwp.synapses.compare_fits
SHORT_TERM = fwp.synapses.names("short-term plasticity")
#: whose fast form takes seconds a fit, or that have none
FAST = [n for n in PLASTICITY if entry(n).stdp and n not in (*AT_ZERO, *NOISY)]


def own_table(model):
    """Return what a model itself would be measured as, with errors of 2 %."""
    if model.name in SHORT_TERM:
        columns = {"time": [], "amplitude": [], "train": []}
        for train, times in (("a", [0, 20, 40, 60, 80, 400]), ("b", [0, 100, 200, 900])):
            release = fwp.synapses.short_term(model, spike_times=times * ms)
            columns["time"] += times
            columns["amplitude"] += list(release / release[0])
            columns["train"] += [train] * len(times)
        return {**columns, "time": columns["time"] * ms, "sem": 0.02}
    lags = np.array([-20, -10, -5, 5, 10, 20]) * ms
    ratio = fwp.synapses.stdp_curve(model, lags=lags, pairs=5, frequency=10 * Hz)
    return {"lag": lags, "ratio": ratio, "sem": 0.02 * np.abs(ratio - 1).max() + 1e-6,
            "pairs": 5, "frequency": 10 * Hz}  # fmt: skip


def fitted(truth) -> list[str]:
    """Return the parameters to fit: the first one that changes what is measured, by
    itself."""
    if truth.name in FITS:
        return list(FITS[truth.name])
    usual = own_table(truth)
    column = "amplitude" if truth.name in SHORT_TERM else "ratio"
    for name, value in truth.parameters.items():
        if float(value) and "delay" not in name:
            moved = own_table(truth.changed(**{name: 0.9 * value}))[column]
            if np.abs(np.subtract(moved, usual[column])).max() > 0.1 * usual["sem"]:
                return [name]
    raise AssertionError(f"no parameter of {truth.name!r} changes what is measured")


@pytest.mark.parametrize(
    "name", [n if n in (*QUICK, *SHORT_TERM) else pytest.param(n, marks=pytest.mark.slow)
             for n in [*SHORT_TERM, *FAST]],
)  # fmt: skip
def test_every_model_finds_its_own_parameters_within_the_intervals(name):
    """The data are exact, so that the truth lies not only inside but in the middle."""
    truth = fwp.synapses.get(name)
    free = fitted(truth)
    moved = {n: 1.1 * truth.parameters[n] for n in free}
    found = fit(truth.changed(**moved), own_table(truth), free=free, starts=1)
    assert found.chi_square < 1e-6
    for one in free:
        assert found.interval[one] is not None, f"{one} is not determined"
        low, high = map(float, found.interval[one])
        true, value = float(truth.parameters[one]), float(found.parameters[one])
        assert low < true < high and abs(value - true) < 0.01 * (high - low)


def frequency_fits(**options):
    """Fit two models to the published pairings."""
    pair = ["A_plus", "A_minus", "tau_plus", "tau_minus"]
    return [fit("pair_stdp", "sjostrom_2001_pairings", free=pair, starts=2, **options),
            fit("triplet_stdp", "sjostrom_2001_pairings",
                "visual_cortex_all_to_all_minimal",
                free=["A3_plus", "A2_minus", "tau_y"], starts=1, **options)]  # fmt: skip


@pytest.fixture(scope="module")
def fits():
    return frequency_fits()


def test_criteria_are_those_of_the_books(fits):
    for found in fits:
        rows, k = len(found.measured), len(found.parameters)
        sem = found.table.columns["sem"]
        chi2 = float((((found.measured - found.predicted) / sem) ** 2).sum())
        assert found.chi_square == pytest.approx(chi2, rel=1e-9)
        assert (found.count, found.freedom) == (k, rows - k)
        assert found.reduced_chi_square == pytest.approx(chi2 / (rows - k))
        aic = chi2 + 2 * k
        assert found.aicc == pytest.approx(aic + 2 * k * (k + 1) / (rows - k - 1))
        assert found.bic == pytest.approx(chi2 + k * np.log(rows))


def test_without_errors_the_noise_is_one_more_parameter():
    data = {"time": [0, 50, 100, 150, 200, 700] * ms,
            "amplitude": [1.0, 0.86, 0.69, 0.56, 0.47, 0.71]}  # fmt: skip
    found = fit("tsodyks_markram", data, free=["U", "tau_D"], starts=1)
    squares = float((found.residuals[1:] ** 2).sum())  # the first is 1 by definition
    assert (found.data, found.count, found.freedom) == (5, 3, 3)
    assert np.isnan(found.reduced_chi_square)
    assert found.bic == pytest.approx(5 * np.log(squares / 5) + 3 * np.log(5))
    assert found.aicc == pytest.approx(5 * np.log(squares / 5) + 2 * 3 * 5 / 1)


def test_published_pairings_are_of_triplets_not_of_pairs(fits):
    table = compare_fits(fits)
    assert list(table.index) == ["triplet_stdp", "pair_stdp"]
    assert table["weight"].sum() == pytest.approx(1) and table["weight"].iloc[0] > 0.999
    assert table["chi2/dof"].iloc[0] < 2 < 4 < table["chi2/dof"].iloc[1]
    assert table["dAICc"].iloc[0] == 0
    again = compare_fits({"b": fits[1], "a": fits[0]})
    assert list(again.index) == ["b", "a"]
    assert list(compare_fits([fits[0]] * 2).index) == [
        "pair_stdp/song_miller_abbott_2000 (1)", "pair_stdp/song_miller_abbott_2000 (2)"
    ]  # fmt: skip


def test_other_data_are_not_compared(fits):
    table = {"lag": [-20, -10, 5, 10, 20] * ms, "ratio": [0.9, 0.8, 1.3, 1.2, 1.1]}
    other = fit("pair_stdp", table, free=["A_plus", "A_minus"], starts=1)
    for wrong, sentence in (
        ([fits[0], other], "'pair_stdp.*' has other data"),
        ([], "must be a list of results of fit"), (3, "must be a list"),
        ([fits[0], 3], "fits must hold results of fit, got 3"),
    ):  # fmt: skip
        with pytest.raises(fwp.FwpError, match=sentence):
            compare_fits(wrong)
    with pytest.raises(fwp.FwpError, match="other data"):
        fits[0].plot(other)


def drawn(figure) -> list:
    """Return the numbers of the points of each axes with error bars, with what they
    show."""
    return [
        [(len(box.lines[0].get_xdata()), box.has_yerr) for box in axes.containers]
        for axes in figure.axes
    ]


def test_a_figure_has_all_data_with_error_bars_fits_and_residuals(fits):
    figure = fits[0].plot(fits[1])
    upper, lower = figure.axes[::2], figure.axes[1::2]
    assert sum(axes[0][0] for axes in drawn(figure)[::2]) == 12  # every datum once
    assert all(bar for axes in drawn(figure) for _, bar in axes)
    for axes in lower:
        assert len(axes.containers) == 2  # a row of residuals a model
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["pair_stdp", "triplet_stdp", "data"]
    assert lower[0].get_xlabel() == "frequency of pairs (Hz)"
    found = fits[0].table.columns
    row = np.flatnonzero((found["lag"] > 0) & (found["frequency"] == 40))[0]
    panel = next(a for a in upper if a.get_title() == "lag +10 ms")
    curve = next(line for line in panel.lines if line.get_label() == "pair_stdp")
    at = np.flatnonzero(curve.get_xdata() == 40)[0]
    assert curve.get_ydata()[at] == pytest.approx(fits[0].predicted[row], rel=1e-9)


def test_trains_are_drawn_in_their_unit():
    times = [0, 50, 100, 150, 700] * ms
    data = {"time": times, "amplitude": np.array([1, 0.8, 0.6, 0.5, 0.9]) * b2.mV}
    found = fit("tsodyks_markram", data, free=["U", "tau_D"], scale="free", starts=1)
    figure = found.plot()
    assert figure.axes[0].get_ylabel() == "amplitude (mV)"
    assert figure.axes[1].get_ylabel() == "residual"
    assert drawn(figure)[0] == [(5, False)]
    assert figure.axes[0].containers[0].lines[0].get_ydata() == pytest.approx(
        [1, 0.8, 0.6, 0.5, 0.9]
    )
