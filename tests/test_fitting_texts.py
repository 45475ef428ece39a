"""Fits by the text of a synapse: one of one's own, and held to the fast forms that there
are."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import protocols
from fwp_neuro.synapses import Synapse
from fwp_neuro.synapses.registered_synapses import entry
from fwp_neuro.synapses.synapse_class import SYNAPSES, Equations

ms, Hz = b2.ms, b2.Hz
fit = fwp.synapses.fit
LAGS = np.array([-15, -5, 5, 10]) * 1e-3
CURVES = [(LAGS, 3, 20.0), (LAGS[:2], 2, 10.0)]
TRAINS = [np.array([0, 30, 50, 120]) * 1e-3, np.array([0, 20, 40]) * 1e-3]
PLASTICITY = fwp.synapses.names("plasticity")
SPIKES = [n for n in PLASTICITY if protocols.only_spikes(fwp.synapses.get(n))]
QUICK = ("pair_stdp", "vogels_2011", "use_dependent_potentiation", "oja")
SLOW = [n for n in PLASTICITY if n not in QUICK]
#: their weight is 0 at the start, so that it has no ratio
AT_ZERO = ("bcpnn", "limbacher_2022")
NOISY = ("graupner_brunel",)


def sets(synapse, count=3):
    """Names of parameters that are not 0 and no delay, and values [set, parameter] near
    them."""
    names = [
        n for n, value in synapse.parameters.items() if float(value) and "delay" not in n
    ]
    own = np.array([float(synapse.parameters[n]) for n in names])
    return names, np.stack([own * (1 - 0.03 * number) for number in range(count)])


def with_set(synapse, names, numbers):
    dims = {n: b2.get_dimensions(synapse.parameters[n]) for n in names}
    values = zip(names, numbers, strict=True)
    return synapse.changed(**{n: b2.Quantity(x, dim=dims[n]) for n, x in values})


@pytest.mark.parametrize(
    "name",
    [*QUICK,
     *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW if n not in (*AT_ZERO,
         *NOISY))],
)  # fmt: skip
def test_sets_side_by_side_are_those_one_by_one_and_those_of_the_fast_form(name):
    model = fwp.synapses.get(name)
    names, numbers = sets(model)
    found = protocols.stdp_of_sets(model, names, numbers, CURVES)
    fast = entry(name).stdp if name in SPIKES else None
    for number, row in enumerate(numbers):
        one = with_set(model, names, row)
        for curve, part in zip(CURVES, found, strict=True):
            want = (
                fast(one, *curve) if fast else protocols.stdp(one, *curve, device="numpy")
            )
            np.testing.assert_allclose(part[number], want, rtol=1e-9)


@pytest.mark.parametrize("name", fwp.synapses.names("short-term plasticity"))
def test_releases_of_sets_are_those_of_the_fast_form(name):
    model = fwp.synapses.get(name)
    names, numbers = sets(model)
    found = protocols.release_of_sets(model, names, numbers, TRAINS)
    for number, row in enumerate(numbers):
        for times, part in zip(TRAINS, found, strict=True):
            want = entry(name).release(with_set(model, names, row), times)
            np.testing.assert_allclose(part[number], want, rtol=1e-9)


def curve(model, scatter=0.02, **options):
    """A table of weight ratios at six lags, with errors that are the same in every
    run."""
    lags = np.array([-20, -10, -5, 5, 10, 20]) * ms
    options = {"pairs": 5, "frequency": 10 * Hz, **options}
    ratio = fwp.synapses.stdp_curve(model, lags=lags, **options)
    off = scatter * np.random.default_rng(3).standard_normal(6)
    more = {"pairs": options["pairs"], "frequency": options["frequency"]}
    return {"lag": lags, "ratio": ratio + off, "sem": max(scatter, 1e-3), **more}


#: model -> what is fitted, where that is not the first parameter that changes the curve
FITS = {
    "pair_stdp": ("A_plus",),
    "triplet_stdp": ("A2_plus", "A2_minus"),
    "short_term_potentiation": ("A_fast",),
    "use_dependent_potentiation": ("A", "tau_nmda"),
    **{name: ("U", "tau_D") for name in fwp.synapses.names("short-term plasticity")
       if name.startswith("tsodyks_markram")},
}  # fmt: skip
#: pulses of short-term plasticity: times and amplitudes
PULSES = {"time": [0, 50, 100, 150, 700] * ms, "amplitude": [1, 0.8, 0.6, 0.5, 0.9]}


def fitted(model) -> list[str]:
    """Return the parameters to fit of a model."""
    if model.name in FITS:
        return list(FITS[model.name])
    names, _ = sets(model)
    own = np.array([float(model.parameters[n]) for n in names])
    for number, name in enumerate(names):
        both = np.stack([own, own * (1 - 0.1 * (np.arange(len(own)) == number))])
        if model.name in PLASTICITY:
            found = protocols.stdp_of_sets(model, names, both, CURVES)[0]
        else:
            found = protocols.release_of_sets(model, names, both, TRAINS)[0]
            found = found / found[:, :1]  # amplitudes are known up to a factor
        if np.ptp(found, axis=0).max() > 1e-6:
            return [name]
    raise AssertionError(
        f"no parameter of {model.name!r} changes what is measured: add to FITS of "
        f'tests/test_fitting_texts.py "{model.name}": ("PARAMETER",),'
    )


@pytest.mark.parametrize(
    "name", [n if n in ("pair_stdp", "tsodyks_markram_to_U")
             else pytest.param(n, marks=pytest.mark.slow)
             for n in [*SPIKES, *fwp.synapses.names("short-term plasticity")]],
)  # fmt: skip
def test_a_fit_by_text_is_the_fit_by_the_fast_form(name):
    """To what the search leaves: 1e-6 of a standard error and less."""
    model = fwp.synapses.get(name)
    free, table = fitted(model), curve(model) if name in PLASTICITY else PULSES
    fast = fit(model, table, free=free, starts=1)
    text = fit(replace(model, name="of_ones_own"), table, free=free, starts=1)
    assert text.model.name == "of_ones_own" and text.freedom == fast.freedom
    np.testing.assert_allclose(text.predicted, fast.predicted, rtol=1e-7)
    for one in free:
        assert float(text.parameters[one]) == pytest.approx(
            float(fast.parameters[one]), rel=1e-6
        )
        if fast.interval[one] is not None:
            low, high = (float(end) for end in fast.interval[one])
            ours = [float(end) for end in text.interval[one]]
            assert ours == pytest.approx([low, high], rel=1e-4, abs=1e-4 * (high - low))


def saturating():
    """A rule that no published one is: what is written shrinks as the weight grows."""
    text = Equations(
        synapse="w : 1\ndx/dt = -x/tau : 1 (event-driven)\ndy/dt = -y/tau : 1 "
        "(event-driven)",
        on_pre="x += 1\nw = clip(w - B*y, 0, inf)",
        on_post="w += A*x*(top - w)\ny += 1",
    )
    values = {"A": 0.05, "B": 0.02, "tau": 15 * ms, "top": 2.0}
    return Synapse("saturating", "first", "plasticity", "a bound", text, values,
                   {"": "made up"},
                   "", "soft upper bound", initial={"w": 1})  # fmt: skip


def test_a_truth_of_ones_own_is_found_again():
    truth, told = saturating(), []
    start = truth.changed(A=0.2, tau=40 * ms)
    found = fit(
        start,
        curve(truth, 0.003, device="numpy"),
        free=["A", "tau"],
        starts=1,
        progress=lambda fraction, note: told.append((fraction, note)),
    )
    for name, (low, high) in found.interval.items():
        assert low < truth.parameters[name] < high and high < 2 * low
    assert (
        found.model.parameters["B"] == 0.02 and 0.1 < found.chi_square / found.freedom < 3
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and 0 < fractions[0] <= fractions[-1] <= 1
    assert "synapses of saturating" in told[-1][1]


def test_ranges_of_a_synapse_of_ones_own_are_around_its_own_values():
    low, high = fwp.synapses.search_ranges(saturating())["tau"]
    assert (float(low / ms), float(high / ms)) == pytest.approx((0.15, 1500))


def test_a_registered_synapse_of_ones_own_is_fitted_by_its_name():
    mine = fwp.synapses.register(saturating())
    try:
        table = curve(mine, device="numpy")
        found = fit("saturating", table, free=["A"], starts=1)
        assert float(found.interval["A"][0]) < 0.05 < float(found.interval["A"][1])
    finally:
        SYNAPSES._entries.pop(mine.name)


def test_a_text_that_is_changed_under_a_published_name_is_fitted_by_itself():
    pair = fwp.synapses.get("pair_stdp")
    mine = replace(
        pair, equations=replace(pair.equations, on_post="w += 2*A_plus*x\ny += 1")
    )
    table = curve(pair, scatter=0, pairs=1, frequency=1 * Hz)
    found = fit(mine, table, free=["A_plus"], starts=1)
    assert float(found.parameters["A_plus"]) == pytest.approx(
        pair.parameters["A_plus"] / 2
    )


def test_a_delay_cannot_vary_over_synapses_and_is_fitted_in_one_network_after_another():
    base = saturating()
    late = replace(base, equations=replace(base.equations, delay="late"),
                   signed=("late",),
                   parameters={**base.parameters, "late": 2 * ms})  # fmt: skip
    names, numbers = ["A", "late"], np.array([[0.05, 0.002], [0.04, 0.003]])
    with pytest.raises(fwp.FwpError, match="'late' .*is the delay"):
        protocols.stdp_of_sets(late, names, numbers, CURVES)
    from fwp_neuro.synapses.fitting_data import read
    from fwp_neuro.synapses.fitting_predict import Predictor
    from fwp_neuro.synapses.registered_synapses import measured

    how = measured(late, None, "stdp", "a test")
    table = read(
        {"lag": LAGS * b2.second, "ratio": [1, 1, 1, 1], "pairs": 3, "frequency": 20 * Hz}
    )
    found = Predictor(late, names, table, how, "first", {"device": "numpy"})(numbers)
    for row, want in zip(found, numbers, strict=True):
        one = protocols.stdp(with_set(late, names, want), *CURVES[0], device="numpy")
        np.testing.assert_allclose(row, one, rtol=1e-12)


def test_the_weight_is_read_after_what_is_written_slowly():
    model = fwp.synapses.get("point_spine")  # whose fast form waits 0.3 s for its calcium
    fast = fwp.synapses.stdp_curve(model, lags=[10] * ms, pairs=1)
    mine = replace(model, name="of_ones_own")
    options = {"pairs": 1, "device": "numpy", "dt": 0.05 * ms}
    early, late = (fwp.synapses.stdp_curve(mine, lags=[10] * ms, wait=wait, **options)
                   for wait in (0 * ms, 300 * ms))  # fmt: skip
    assert late - 1 == pytest.approx(fast - 1, rel=1e-3) and abs(early - late) > 0.1 * (
        late - 1
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dt": -1}, "dt"),
        ({"dt": "long"}, "dt"),
        ({"wait": -1 * ms}, "wait"),
        ({"waiting": 1}, "unknown option of .*did you mean 'wait'"),
        ({"progress": 3}, "progress must be a function"),
    ],
)
def test_options_of_a_text_are_checked(options, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        fit(
            saturating(),
            {"lag": [5, 10] * ms, "ratio": [1.1, 1.05]},
            free=["A"],
            **options,
        )


def test_a_synapse_that_waits_for_a_port_is_refused_with_the_port():
    waiting = fwp.synapses.compose("pair_stdp", eligibility=1 * b2.second)
    with pytest.raises(fwp.FwpError, match="by its port 'modulator'"):
        fit(waiting, {"lag": [5, 10] * ms, "ratio": [1.1, 1.05]}, free=["A_plus"])


def test_a_composition_is_fitted_to_release_data_as_its_release_is():
    """Its weight is a common factor, which no ratio shows."""
    release = fwp.synapses.get("tsodyks_markram")
    synapse = fwp.synapses.compose("pair_stdp", release, "ampa")
    free = ["U", "tau_D"]
    alone = fit(release, PULSES, free=free, starts=1)
    found = fit(synapse, PULSES, free=free, starts=1, dt=1 * ms)
    for one in free:
        assert float(found.parameters[one]) == pytest.approx(
            float(alone.parameters[one]), rel=1e-6
        )
        assert [float(end) for end in found.interval[one]] == pytest.approx(
            [float(end) for end in alone.interval[one]], rel=1e-4
        )
    assert found.model.parts == synapse.parts and found.freedom == alone.freedom
    assert found.model.parameters["A_plus"] == synapse.parameters["A_plus"]
    with pytest.raises(fwp.FwpError, match="the data do not depend on A_plus"):
        fit(synapse, PULSES, free=["U", "A_plus"], dt=1 * ms)


def test_a_composition_is_fitted_to_pairings_by_its_rule():
    synapse = fwp.synapses.compose("pair_stdp", "tsodyks_markram", "ampa")
    rule = fwp.synapses.get("pair_stdp")
    table = curve(rule, pairs=3)
    found, alone = (fit(one, table, free=["A_plus"], starts=1)
                    for one in (synapse, rule))  # fmt: skip
    assert float(found.parameters["A_plus"]) == pytest.approx(
        float(alone.parameters["A_plus"]), rel=1e-6
    )
