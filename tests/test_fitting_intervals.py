"""What data determine, what counts as a datum, and how often intervals hold the truth."""

from functools import partial

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.cli import main
from fwp_neuro.synapses.fitting_intervals import resolve
from fwp_neuro.synapses.fitting_search import minimise
from fwp_neuro.targets import interval_coverage

ms, Hz = b2.ms, b2.Hz
fit, get = fwp.synapses.fit, fwp.synapses.get
GAPS, RATIO = [20, 50, 100, 200, 500, 1000], [0.55, 0.58, 0.62, 0.78, 0.88, 1.0]
PULSES = {
    "time": np.ravel([[0, gap] for gap in GAPS]) * ms,
    "amplitude": np.ravel([[1, ratio] for ratio in RATIO]),
    "train": np.repeat(range(6), 2),
}
LAGS = np.array([-80, -50, -30, -20, -10, -5, 5, 10, 20, 30, 50, 80])


def window(**changes):
    """A timing window without noise, and the model that it is of."""
    model = get("pair_stdp").changed(**changes)
    ratio = fwp.synapses.stdp_curve(model, lags=LAGS * ms, pairs=60)
    return model, {"lag": LAGS * ms, "ratio": ratio, "pairs": 60}


# ---------------------------------------------------------------------- data and freedom


def test_a_first_response_that_is_one_by_definition_is_no_datum():
    found = fit("tsodyks_markram", PULSES, "tsodyks_1998_depressing", free=["U", "tau_D"])
    assert (found.freedom, found.data, len(found.measured)) == (4, 6, 12)
    assert found.chi_square == pytest.approx(np.sum(found.residuals**2), rel=1e-9)
    assert "6 first responses are 1 by definition and no data" in found.report()
    with pytest.raises(
        fwp.FwpError, match="1 rows .and 1 first responses.*cannot fix 2 param"
    ):
        fit("tsodyks_markram", {name: values[:2] for name, values in PULSES.items()},
            "tsodyks_1998_depressing", free=["U", "tau_D"])  # fmt: skip


def test_a_factor_for_each_train_takes_the_error_of_its_first_response():
    """Trains times any factors of their own give the same fit, and one that is surer of
    nothing."""
    free = ["U", "tau_D"]
    each = fit(
        "tsodyks_markram", PULSES, "tsodyks_1998_depressing", free=free, scale="each"
    )
    assert each.freedom == 12 - 6 - 2
    factors = np.repeat([1.0, 2, 0.5, 7, 1e-3, 3], 2)
    scaled = {**PULSES, "amplitude": PULSES["amplitude"] * factors, "sem": 0.05 * factors}
    scaled = fit(
        "tsodyks_markram", scaled, "tsodyks_1998_depressing", free=free, scale="each"
    )
    known = fit("tsodyks_markram", {**PULSES, "sem": 0.05}, "tsodyks_1998_depressing",
                free=free, scale="each")  # fmt: skip
    ratios = fit(
        "tsodyks_markram", {**PULSES, "sem": 0.05}, "tsodyks_1998_depressing", free=free
    )
    for name in free:
        assert float(scaled.parameters[name]) == pytest.approx(
            float(known.parameters[name]), 1e-4
        )
        wide, narrow = (float(one.interval[name][1] / one.interval[name][0])
                        for one in (known, ratios))  # fmt: skip
        assert wide > narrow


def test_a_parameter_at_a_bound_is_not_free():
    start = get("tsodyks_markram", "tsodyks_1998_depressing")
    for method in ("covariance", "profile", "bootstrap"):
        with pytest.warns(
            fwp.errors.FwpWarning, match="ends at the upper bound of U, 0.3"
        ):
            found = fit(
                start,
                PULSES,
                free=["U", "tau_D"],
                bounds={"U": (0.1, 0.3)},
                method=method,
            )
        assert found.at_bound == ("U",) and found.freedom == 6 - 1
        low, high = found.interval["U"]
        assert low < 0.3 and high == pytest.approx(0.3, rel=1e-9)
        assert "at a bound of the search: U (not counted as free)" in found.report()


# ----------------------------------------------------------------- what is not determined


def test_derivatives_tell_what_takes_part_in_a_null_direction():
    rng = np.random.default_rng(0)
    slope = rng.standard_normal((8, 4))
    slope[:, 2] = 3e-7 * slope[:, 0]  # parameters 0 and 2 cannot be told apart
    determined, covariance, rank = resolve(slope, np.ones(4, dtype=bool))
    assert determined.tolist() == [False, True, False, True] and rank == 3
    rest = slope[:, [0, 1, 3]]
    expected = np.linalg.inv(rest.T @ rest)
    assert covariance[1, 1] == pytest.approx(expected[1, 1], rel=1e-6)
    assert covariance[1, 3] == pytest.approx(expected[1, 2], rel=1e-6)
    slope[:, 2] = 0
    assert resolve(slope, np.ones(4, dtype=bool))[0].tolist() == [True, True, False, True]
    free = np.array([False, True, True, True])
    assert resolve(slope, free)[0].tolist() == [False, True, False, True]


@pytest.mark.parametrize("method", ["covariance", "profile", "bootstrap"])
def test_what_the_data_do_not_determine_has_no_interval(method):
    """At one lag, amplitude and time constant can stand for each other."""
    lags = np.array([10, 10, 10, 10, -10, -20, -40])
    ratio = np.array([1.21, 1.19, 1.2, 1.2, 0.8, 0.87, 0.96])
    found = fit("pair_stdp", {"lag": lags * ms, "ratio": ratio}, starts=2, method=method,
                repeats=40)  # fmt: skip
    assert set(found.not_determined) == {"A_plus", "tau_plus"}
    assert found.interval["A_plus"] is None and found.interval["tau_plus"] is None
    assert found.report().count("not determined by these data") == 2
    low, high = found.interval["tau_minus"]
    assert low < found.parameters["tau_minus"] < high
    assert found.freedom == 7 - 3  # three directions of four parameters
    assert found.predicted[:4] == pytest.approx(1.2, abs=1e-4)


def test_without_effect_is_said_only_of_what_has_none_anywhere():
    """Where an amplitude starts at 0 its time constant has no effect, and has one
    elsewhere."""
    truth, table = window()
    start = truth.changed(A_plus=0, tau_plus=60 * ms)
    found = fit(start, table)
    assert not found.without_effect
    for name, value in truth.parameters.items():
        assert float(found.parameters[name]) == pytest.approx(float(value), rel=1e-4)
    table = {"time": [0, 50, 100, 150, 300] * ms, "amplitude": [1, 0.6, 0.5, 0.45, 0.6]}
    found = fit("tsodyks_markram_to_zero", table, "tsodyks_1998_facilitating")
    assert found.without_effect == () and set(found.parameters) == {"U", "tau_F", "tau_D"}
    gated = get("use_dependent_potentiation").changed(presynaptic=0)
    table = {"lag": [3, 5, 7, 10, 14, 20] * ms, "ratio": [1.2, 1.21, 1.2, 1.2, 1.15, 1.1]}
    found = fit(gated, table, starts=1)
    assert {"U", "tau_F", "tau_D"} <= set(found.without_effect)
    assert "without effect on these data: " in found.report()


def test_other_lags_than_the_model_needs_leave_parameters_as_they_were():
    found = fit("pair_stdp", {"lag": [5, 10, 20] * ms, "ratio": [1.3, 1.2, 1.1]})
    assert {"A_minus", "tau_minus"} <= {*found.not_determined, *found.without_effect}
    assert found.parameters["tau_minus"] == 20 * ms


def test_free_names_are_told_once():
    with pytest.raises(fwp.FwpError, match="free names 'U' 2 times; once is enough"):
        fit("tsodyks_markram", PULSES, free=["U", "U"])
    with pytest.raises(fwp.FwpError, match="got .U.: write free=..U.."):
        fit("tsodyks_markram", PULSES, free="U")
    with pytest.raises(fwp.FwpError, match="free names no parameter"):
        fit("tsodyks_markram", PULSES, free=[])


# ---------------------------------------------------------------------- the search


@pytest.mark.parametrize(
    "plus, minus", [(0.005, 0.005), (-0.002, -0.002), (-0.01, 0.004)]
)
def test_amplitudes_of_any_sign_are_found(plus, minus):
    truth, table = window(A_plus=plus, A_minus=minus, tau_minus=35 * ms)
    found = fit("pair_stdp", table)
    for name, value in truth.parameters.items():
        assert float(found.parameters[name]) == pytest.approx(float(value), rel=1e-4)


TRUTHS = [
    ("tsodyks_markram_to_zero", {"U": 0.5, "tau_F": 20 * ms, "tau_D": 700 * ms}),
    ("tsodyks_markram_to_zero", {"U": 0.03, "tau_F": 500 * ms, "tau_D": 130 * ms}),
    ("tsodyks_markram_to_U", {"U": 0.2, "tau_F": 1500 * ms, "tau_D": 200 * ms}),
    (
        "pair_stdp",
        {"A_plus": 0.008, "A_minus": 0.003, "tau_plus": 14 * ms, "tau_minus": 34 * ms},
    ),
    ("triplet_stdp", {"A3_plus": 0.0065, "A2_minus": 0.0071, "tau_y": 114 * ms}),
]


@pytest.mark.parametrize("name, true", TRUTHS)
def test_the_global_optimum_is_found_from_bad_starts(name, true):
    truth = get(name).changed(**true)
    rng = np.random.default_rng(3)
    if name.startswith("tsodyks"):
        times = np.concatenate([np.arange(8) / rate for rate in (10, 40)])
        times[[7, 15]] += 0.4
        trains = [times[:8], times[8:]]
        amplitude = [
            fwp.synapses.short_term(truth, spike_times=t * b2.second) for t in trains
        ]
        amplitude = np.concatenate([one / one[0] for one in amplitude])
        table = {
            "time": times * b2.second,
            "amplitude": amplitude,
            "train": np.repeat([1, 2], 8),
        }
    else:
        lags, rates = np.tile([-30, -10, -4, 4, 10, 25], 2), np.repeat([5, 20], 6)
        ratio = np.empty(12)
        for rate in (5, 20):
            at = rates == rate
            ratio[at] = fwp.synapses.stdp_curve(
                truth, lags=lags[at] * ms, pairs=15, frequency=rate * Hz
            )
        table = {"lag": lags * ms, "frequency": rates * Hz, "ratio": ratio, "pairs": 15}
    for _ in range(3):
        factors = 10 ** rng.uniform(-1.3, 1.3, len(true))
        wrong = {n: min(v * f, 1) if n == "U" else v * f
                 for (n, v), f in zip(true.items(), factors, strict=True)}  # fmt: skip
        found = fit(truth.changed(**wrong), table, free=list(true))
        assert found.chi_square < 1e-10, (wrong, found.report())
        for key, value in true.items():
            assert float(found.parameters[key]) == pytest.approx(float(value), rel=1e-3)


def test_every_parameter_has_a_range_and_the_report_prints_it():
    for name in (
        *fwp.synapses.names("short-term plasticity"),
        "pair_stdp",
        "clopath_2010",
    ):
        model = get(name)
        ranges = fwp.synapses.search_ranges(model)
        assert set(ranges) == set(model.parameters)
        for key, (low, high) in ranges.items():
            assert low <= model.parameters[key] <= high and low < high
    assert fwp.synapses.search_ranges(get("pair_stdp"))["tau_plus"] == (
        0.2 * ms,
        2 * b2.second,
    )
    report = fit("tsodyks_markram", PULSES, free=["U", "tau_D"], starts=1).report()
    assert "searched 1.3 ms to 150. s" in report


def test_least_squares_of_many_problems_at_once():
    """Exponential decays of different sizes, some of them against a bound."""
    t = np.linspace(0, 1, 9)
    true = np.array([[1.0, -1.0], [3.0, 0.5], [0.2, 1.5], [2.0, 0.0]])
    data = true[:, :1] * np.exp(-t * np.exp(true[:, 1:]))

    def residuals(x, which):
        return x[:, :1] * np.exp(-t * np.exp(x[:, 1:])) - data[which]

    found, costs = minimise(
        residuals,
        np.ones((4, 2)),
        np.array([-5, -1.0]),
        np.array([2.5, 3]),
        np.array([0, 1]),
    )
    assert found[[0, 2, 3]] == pytest.approx(true[[0, 2, 3]], abs=1e-6)
    assert found[1, 0] == 2.5 and costs[1] > 1e-3 > 1e-12 > costs[[0, 2, 3]].max()


# ---------------------------------------------------------------------- intervals


def test_the_three_intervals_agree_where_the_model_is_almost_linear():
    truth, table = window()
    table = {**table, "ratio": table["ratio"] + 1e-3 * np.sin(7 * LAGS), "sem": 1e-3}
    found = {m: fit(truth, table, method=m, starts=1) for m in ("covariance", "profile")}
    found["bootstrap"] = fit(truth, table, method="bootstrap", repeats=400, starts=1)
    for name in truth.parameters:
        ends = {
            m: np.array([float(end) for end in one.interval[name]])
            for m, one in found.items()
        }
        width = np.ptp(ends["covariance"])
        assert ends["profile"] == pytest.approx(ends["covariance"], abs=0.01 * width)
        assert ends["bootstrap"] == pytest.approx(ends["covariance"], abs=0.12 * width)


@pytest.mark.parametrize(
    ("design", "errors", "method"),
    [("paired pulses", False, "covariance"), ("timing window", True, "bootstrap")],
)
def test_intervals_hold_the_truth_as_often_as_they_say(design, errors, method):
    cell = interval_coverage.measure(
        40, design, errors, method, seed=5, starts=1, repeats=60
    )
    assert cell.legal, cell


@pytest.mark.slow
def test_all_cells_hold_the_truth_in_92_to_98_percent(capsys):
    assert main(["coverage"]) == 0, capsys.readouterr().out
    assert "MISSED" not in capsys.readouterr().out


def test_the_command_prints_a_table(capsys, monkeypatch):
    monkeypatch.setattr(
        interval_coverage, "DESIGNS", {"one": interval_coverage.DESIGNS["paired pulses"]}
    )
    monkeypatch.setattr(
        interval_coverage, "fit", partial(interval_coverage.fit, starts=1, repeats=20)
    )
    assert main(["coverage", "--tables", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 4 + 1 and lines[1].startswith("one") and "%" in lines[1]
    assert main(["coverage", "--tables", "2"]) == 2
