"""Every argument of the synapse functions, fed the same bad values: right or one
sentence, soon."""

import time

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp

ms, synapses = b2.ms, fwp.synapses
BAD = [
    None, True, -1, 0, 1.5, np.nan, np.inf, 10**400, 10**5000, "", "x", b"x", [], {}, (),
    object(),
    1j, [1], [np.nan], [[1, 2], [3]], np.ones((2, 2)), np.array(["a"]), np.array([None]),
    np.ma.array([1.0, 2], mask=[True, False]), 1 * b2.mV, [1, 2] * b2.mV, -5 * ms,
    [5, 1] * ms,
    [1, 1] * ms, [-5, 1] * ms, 10**9, 1e9 * b2.second, [0, 1e9] * b2.second,
    1e-30 * b2.second, 1e9 * b2.Hz, 1e-9 * b2.Hz, np.nan * ms, [np.inf] * ms, int, {1, 2},
    range(3),
    np.datetime64("2020-01-01"), np.timedelta64(3),
]  # fmt: skip
PAIR = synapses.get("pair_stdp")
TRAIN = {"time": [0, 50, 100, 150] * ms, "amplitude": [1.0, 0.8, 0.7, 0.6]}
CURVE = {"lag": [-20, -10, 10, 20] * ms, "ratio": [0.8, 0.7, 1.3, 1.2], "pairs": 5}


def fit(**given):
    given = {
        "model": "tsodyks_markram",
        "data": TRAIN,
        "free": ["U"],
        "starts": 1,
        **given,
    }
    return synapses.fit(given.pop("model"), given.pop("data"), **given)


def of_train(name):
    return lambda value: fit(data={**TRAIN, name: value})


def of_curve(name):
    more = (
        {"groups": 2, "interval": 10 * b2.second}
        if name in ("groups", "interval")
        else {}
    )
    return lambda value: fit(
        model="triplet_stdp", free=["A2_plus"], data={**CURVE, **more, name: value}
    )


CALLS = {
    "get": synapses.get,
    "get, parameters": lambda value: synapses.get("pair_stdp", value),
    "get, kind": lambda value: synapses.get("pair_stdp", kind=value),
    "names": synapses.names,
    "parameter_sets": synapses.parameter_sets,
    "search_ranges": synapses.search_ranges,
    "changed, A_plus": lambda value: PAIR.changed(A_plus=value),
    "changed, tau_plus": lambda value: PAIR.changed(tau_plus=value),
    "magnesium_block": synapses.magnesium_block,
    "magnesium_block, model": lambda value: synapses.magnesium_block(-70 * b2.mV, value),
    "magnesium_block, magnesium": lambda v: synapses.magnesium_block(-70 * b2.mV,
        magnesium=v),
    "factorise": synapses.factorise,
    **{f"factorise, {name}": lambda value, name=name: synapses.factorise(PAIR,
        **{name: value})
       for name in ("keep", "uniform", "writes", "late")},
    "short_term": lambda value: synapses.short_term(value, spike_times=[0] * ms),
    "short_term, spike_times": lambda v: synapses.short_term("tsodyks_markram",
        spike_times=v),
    "stdp_curve": lambda value: synapses.stdp_curve(value, lags=5 * ms),
    **{f"stdp_curve, {name}": lambda value, name=name: synapses.stdp_curve(
           "triplet_stdp", **{"lags": 5 * ms, "pairs": 2, "groups": 2,
                              "interval": 9 * b2.second, name: value})
       for name in ("parameters", "lags", "pairs", "frequency", "groups", "interval")},
    **{f"fit, {name}": lambda value, name=name: fit(**{name: value})
       for name in ("model", "data", "parameters", "free", "bounds", "scale", "method",
                    "level", "repeats", "starts", "seed")},
    "fit, bounds of U": lambda value: fit(bounds={"U": (0.1, value)}),
    **{f"fit, column {name}": of_train(name) for name in ("time", "amplitude", "train",
        "sem")},
    **{f"fit, column {name}": of_curve(name)
       for name in ("lag", "ratio", "frequency", "pairs", "groups", "interval")},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::fwp_neuro.errors.FwpWarning")
@pytest.mark.parametrize("call", CALLS)
def test_a_bad_value_is_one_sentence(call):
    refused = 0
    for value in BAD:
        start = time.process_time()
        try:
            CALLS[call](value)
        except fwp.FwpError as problem:
            refused += 1
            assert "\n" not in str(problem) and len(str(problem)) < 1000
        assert time.process_time() - start < 12
    assert refused > len(BAD) // 2 or call in ("fit, column train",)


@pytest.mark.parametrize("name", synapses.names("plasticity"))
def test_absurd_protocols_end_or_are_refused(name):
    for more in (
        {"pairs": 10**9}, {"pairs": 2, "frequency": 1e-9 * b2.Hz},
        {"pairs": 2, "frequency": 1e9 * b2.Hz},
    ):  # fmt: skip
        start = time.process_time()
        try:
            assert np.isfinite(synapses.stdp_curve(name, lags=5 * ms, **more)).all()
        except fwp.FwpError as problem:
            assert "\n" not in str(problem)
        assert time.process_time() - start < 12
