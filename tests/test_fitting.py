"""Fitting: known truths are found again, forms of data agree, every misuse is one
sentence."""

import contextlib

import brian2 as b2
import numpy as np
import pytest
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.synapses import fitting
from fwp_neuro.synapses.fitting_data import read
from fwp_neuro.synapses.fitting_predict import Predictor
from fwp_neuro.synapses.registered_synapses import MeasuredByText, entry
from fwp_neuro.targets.fitted_models import frequency_data, trains

ms, Hz = b2.ms, b2.Hz
fit = fwp.synapses.fit


def truth():
    return fwp.synapses.get("tsodyks_markram", "tsodyks_1998_facilitating")


def curve(noise=0.0, seed=0):
    """Weight ratios of the triplet rule at several lags and frequencies."""
    model = fwp.synapses.get("triplet_stdp", "hippocampal_culture_all_to_all_minimal")
    lags, hertz = np.tile([-30, -10, 5, 10, 20], 3), np.repeat([1, 10, 20], 5)
    ratio = [
        float(fwp.synapses.stdp_curve(model, lags=lag * ms, pairs=20, frequency=f * Hz))
        for lag, f in zip(lags, hertz, strict=True)
    ]
    sem = max(noise, 1e-3)
    ratio = np.array(ratio) + noise * np.random.default_rng(seed).standard_normal(15)
    return {
        "lag": lags * ms,
        "frequency": hertz * Hz,
        "ratio": ratio,
        "pairs": 20,
        "sem": sem,
    }


def test_a_short_term_truth_is_found_again_from_a_far_start():
    far = truth().changed(U=0.2, tau_F=100 * ms, tau_D=600 * ms)
    found = fit(far, trains(truth(), seed=1))
    assert set(found.parameters) == {"U", "tau_F", "tau_D"}
    for name, (low, high) in found.interval.items():
        assert low < truth().parameters[name] < high and high < 2 * low
        assert b2.have_same_dimensions(found.parameters[name], truth().parameters[name])
    assert 0.4 < found.chi_square / found.freedom < 2
    assert "chi square" in found.report() and "tau_F" in found.report()
    times = np.arange(5) * 50 * ms
    ours = fwp.synapses.short_term(found.model, spike_times=times)
    assert ours == pytest.approx(
        fwp.synapses.short_term(truth(), spike_times=times), rel=0.3
    )


def test_a_plasticity_truth_is_found_again_as_often_as_the_level_says():
    start = fwp.synapses.get(
        "triplet_stdp", "hippocampal_culture_all_to_all_minimal"
    ).changed(A2_plus=2e-3, A3_plus=2e-3, A2_minus=6e-3)
    true = {"A2_plus": 5.3e-3, "A3_plus": 8e-3, "A2_minus": 3.5e-3}
    hits = 0
    for seed in range(100, 110):
        found = fit(start, curve(0.02, seed), free=list(true), starts=1)
        hits += sum(
            low < true[name] < high for name, (low, high) in found.interval.items()
        )
        assert found.residuals == pytest.approx(found.measured - found.predicted)
    assert hits >= 26  # of 30; at 95 % fewer come once in a few hundred times


def test_bootstrap_and_covariance_agree_and_the_seed_decides():
    start, data = "hippocampal_culture_all_to_all_minimal", curve(0.02, 100)
    free = ["A3_plus", "A2_minus"]
    runs = [
        fit("triplet_stdp", data, start, free=free, starts=1, **options)
        for options in (
            {}, *({"method": "bootstrap", "repeats": 30, "seed": seed} for seed in (1, 1,
                2))
        )
    ]  # fmt: skip
    for name in free:
        width = [float(np.ptp(run.interval[name])) for run in runs]
        assert width[1] == pytest.approx(width[0], rel=0.5)
        assert runs[1].interval[name] == runs[2].interval[name] != runs[3].interval[name]


def test_without_errors_the_residuals_set_the_interval():
    data = trains(truth(), seed=2)
    known = fit(truth(), data, starts=1)
    unknown = fit(truth(), {k: v for k, v in data.items() if k != "sem"}, starts=1)
    for name in known.parameters:
        assert float(unknown.parameters[name]) == pytest.approx(
            float(known.parameters[name]), rel=1e-3
        )
        wide = [float(b / a) for a, b in (known.interval[name], unknown.interval[name])]
        assert wide[1] == pytest.approx(wide[0], rel=0.3)


def test_amplitudes_may_come_in_any_unit():
    data = trains(truth(), seed=3)
    scaled = {**data, "amplitude": 7 * data["amplitude"], "sem": 0.7}
    plain, other = (fit(truth(), d, scale="free", starts=1) for d in (data, scaled))
    for name in plain.parameters:
        assert float(other.parameters[name]) == pytest.approx(
            float(plain.parameters[name]), rel=1e-3
        )
    # 3 first responses are no data, and need no factor
    relative = fit(truth(), data, starts=1)
    assert (other.freedom, relative.freedom) == (33 - 1 - 3, 33 - 3 - 3)


def test_dict_dataset_and_file_are_the_same(tmp_path):
    data = curve()
    path = tmp_path / "curve.csv"
    lines = ["lag [ms],frequency [Hz],ratio,pairs,sem"] + [
        f"{float(lag / ms)},{float(f / Hz)},{r},20,0.001"
        for lag, f, r in zip(data["lag"], data["frequency"], data["ratio"], strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    dataset = xr.Dataset(
        {
            "lag": ("row", np.array(data["lag"] / ms), {"units": "ms"}),
            "frequency": ("row", np.array(data["frequency"] / Hz), {"units": "Hz"}),
            "ratio": ("row", data["ratio"]),
            "pairs": ("row", np.full(15, 20)),
            "sem": ("row", np.full(15, 1e-3)),
        }
    )
    one, two, three = read(data), read(path), read(dataset)
    for name, values in one.columns.items():
        assert two.columns[name] == pytest.approx(values, rel=1e-12)
        assert three.columns[name] == pytest.approx(values, rel=1e-12)
    assert [len(group) for group in one.groups] == [5, 5, 5]


def test_what_the_data_do_not_fix_is_said():
    lags = {"lag": [5, 10, 20] * ms, "ratio": [1.3, 1.2, 1.1]}
    found = fit("pair_stdp", lags)
    assert (
        found.without_effect == ("A_minus", "tau_minus") or "A_minus" in found.parameters
    )
    with pytest.raises(fwp.FwpError, match="do not depend on tau_x: leave it out"):
        fit("triplet_stdp", curve(), free=["A2_minus", "tau_x"])
    found = fit(
        "triplet_stdp", frequency_data(), free=["A3_plus", "A2_minus", "tau_y"], starts=1
    )
    assert "tau_y and A3_plus are correlated" in found.report()


def test_bounds_hold():
    tight = {"U": (0.05, 0.1), "tau_F": (100 * ms, 300 * ms)}
    with pytest.warns(fwp.errors.FwpWarning, match="ends at the") as warned:
        found = fit(truth(), trains(truth(), 0), bounds=tight, starts=1)
    assert "lower bound of U, 0.05: wider" in str(warned[0].message) and len(warned) == 2
    assert "at a bound of the search: U, tau_F" in found.report()
    assert found.parameters["U"] >= 0.05 * (1 - 1e-6)
    assert found.parameters["tau_F"] <= 300 * ms * (1 + 1e-6)


GOOD = {"lag": [5, 10, -5, -10] * ms, "ratio": [1.3, 1.2, 0.8, 0.9]}
TRAIN = {"time": [0, 20, 40, 60] * ms, "amplitude": [1, 1.5, 1.8, 2.0]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(model="pair_stpd", data=GOOD), "did you mean 'pair_stdp'"),
        (
            dict(data=[1, 2]),
            "data must be a dict of columns, an xarray Dataset or the path",
        ),
        (dict(data={"ratio": [1.0]}), "a column 'time' .* or a column 'lag'"),
        (dict(data={**GOOD, "freqency": 3 * Hz}), "did you mean 'frequency'"),
        (dict(data={"lag": [5] * ms}), "plasticity data need a column 'ratio'"),
        (dict(data={**GOOD, "lag": [1, 2, 3, 4]}), "column 'lag' must be values such as"),
        (
            dict(data={**GOOD, "lag": [1, 2, 3, 4] * Hz}),
            "column 'lag' must be values such as",
        ),
        (
            dict(data={**GOOD, "ratio": [1, 2]}),
            "column 'ratio' has 2 values where another has 4",
        ),
        (
            dict(data={**GOOD, "ratio": [1, 2, np.nan, 1]}),
            "column 'ratio' must be finite",
        ),
        (dict(data={**GOOD, "ratio": ["a"] * 4}), "column 'ratio' must be numbers"),
        (dict(data={**GOOD, "sem": 0.0}), "column 'sem' must be positive"),
        (
            dict(data={**GOOD, "frequency": -1 * Hz}),
            "column 'frequency' must be positive",
        ),
        (dict(data={**GOOD, "pairs": 2.5}), "column 'pairs' must hold whole numbers"),
        (
            dict(data={**GOOD, "frequency": 500 * Hz}),
            "lags must be shorter than the 2 ms",
        ),
        (dict(data="no_such_file.csv"), "data file 'no_such_file.csv' cannot be read"),
        (dict(data=GOOD, free=["A_pls"]), "did you mean 'A_plus'"),
        (dict(data=GOOD, bounds={"A_pls": (0, 1)}), "parameter in bounds"),
        (dict(data=GOOD, bounds={"A_plus": 3}), "bounds of 'A_plus' must be"),
        (dict(data=GOOD, bounds={"A_plus": (1.0, 0.1)}), "bounds of 'A_plus' must be"),
        (
            dict(data=GOOD, bounds={"tau_plus": (1, 2)}),
            "'tau_plus' of the bounds has the wrong unit",
        ),
        (dict(data=GOOD), "4 rows cannot fix 4 parameters"),
        (dict(data=GOOD, method="boot"), "did you mean 'bootstrap'"),
        (dict(data=GOOD, level=2.0), "level must be in"),
        (dict(data=GOOD, starts=0), "starts is 0"),
        (dict(data=TRAIN), "fit to trains data: .* has no release that could change"),
        (
            dict(model="tsodyks_markram", data=GOOD),
            "fit to plasticity data: 'tsodyks_markram' is of the kind",
        ),
        (
            dict(model="tsodyks_markram", data={**TRAIN, "time": [0, 2, 1, 3] * ms}),
            "spike times of a train must increase",
        ),
        (dict(model="tsodyks_markram", data=TRAIN, scale="last"), "unknown scale 'last'"),
        (
            dict(model="tsodyks_markram", data=TRAIN, bounds={"U": (2, 3)}),
            "'U' of the bounds must be a share from 0 to 1, got 2",
        ),
        (
            dict(model="tsodyks_markram", data=TRAIN, bounds={"U": (0.1, 0.2, 0.3)}),
            "bounds of 'U' must be .lower, upper., got .0.1, 0.2, 0.3.",
        ),
        (
            dict(data=GOOD, bounds=3),
            "bounds must be a dict of parameter: .lower, upper., got 3",
        ),
        (dict(data=GOOD, free=3), "free must be names of parameters or None, got 3"),
        (dict(data=GOOD, free=[3]), "unknown parameter of 'pair_stdp' in free: '3'"),
        (
            dict(data=GOOD, foo=1),
            "unknown option of fit to plasticity data with 'pair_stdp': 'foo' .legal: "
            "none",
        ),
        (
            dict(data={**GOOD, "groups": 2, "interval": 20 * b2.second}),
            "given as a column, with 'pair_stdp': 'groups'",
        ),
        (
            dict(model="tsodyks_markram", data={**TRAIN, "amplitude": 0.0}),
            "column 'amplitude' is 0 everywhere",
        ),
        (
            dict(model="tsodyks_markram", data={**TRAIN, "amplitude": [7, 10, 12, 14]}),
            "every train's first amplitude must be 1, got 7: .* give scale='free'",
        ),
        (dict(data={"lag": [] * ms, "ratio": []}), "plasticity data have no rows"),
    ],
)
def test_every_misuse_is_one_sentence(arguments, sentence):
    arguments = {"model": "pair_stdp", **arguments}
    with pytest.raises(fwp.FwpError, match=sentence):
        fit(arguments.pop("model"), arguments.pop("data"), **arguments)


def test_a_bad_file_is_one_sentence(tmp_path):
    path = tmp_path / "data.csv"
    for text, sentence in (
        ("lag [ms],ratio\n", "needs a header and at least one row"),
        ("lag [ms],ratio\n5,1.2,3\n", "line 2: 3 cells where the header has 2"),
        ("lag [ms],ratio\n5,high\n", "column 'ratio' of .* must hold numbers"),
        ("lag [mm],ratio\n5,1.2\n", "unknown unit of column 'lag'"),
        ("lag_mm,ratio\n5,1.2\n", "unknown column 'lag_mm'; did you mean 'lag'"),
    ):
        path.write_text(text)
        with pytest.raises(fwp.FwpError, match=sentence):
            read(path)


@pytest.mark.parametrize("free", [None, ["A_plus", "tau_plus"]])
def test_every_fit_tells_its_progress_and_shows_a_bar_where_someone_looks_on(
    monkeypatch, free
):
    told, shown = [], []

    @contextlib.contextmanager
    def patient(label, progress):
        shown.append((label, progress))
        yield lambda fraction, note: told.append((fraction, note))

    monkeypatch.setattr(fitting, "patient", patient)
    fit("pair_stdp", "sjostrom_2001_pairings", free=free)
    assert shown == [("fit of pair_stdp", None)] and len(told) > 10
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and 0 == fractions[0] < fractions[-1] < 1
    assert told[0][1] == "run 1: 1 parameter set of pair_stdp"
    assert any(note.endswith(" parameter sets of pair_stdp") for _, note in told)


def test_parameter_sets_that_run_one_by_one_are_told_one_by_one():
    table = read("sjostrom_2001_pairings")
    model, told = fwp.synapses.get("pair_stdp"), []
    slow = MeasuredByText(model, entry("pair_stdp").stdp)
    predictor = Predictor(
        model, ["A_plus"], table, slow, "first",
        progress=lambda fraction, note: told.append((fraction, note)),
    )  # fmt: skip
    predictor.check([0.01])
    assert len(told) == len(table.groups)
    predictor(np.array([[0.01], [0.02], [0.03]]))
    assert len(told) == 1 + 4 * len(table.groups)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(2 / 52)


def test_the_text_of_a_fit_says_that_its_criteria_count_the_size_of_the_noise():
    table = {"lag": [-20, -10, -5, 5, 10, 20] * ms,
             "ratio": [0.9, 0.8, 0.75, 1.5, 1.35, 1.2]}  # fmt: skip
    found = fit("pair_stdp", table, free=["A_plus", "A_minus"])
    assert "(3 parameters, one of them the size of the noise, of 6 data)" in str(found)
    known = fit("pair_stdp", table | {"sem": [0.05] * 6}, free=["A_plus", "A_minus"])
    assert "(2 parameters of 6 data)" in str(known)
