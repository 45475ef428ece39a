"""Pair STDP: pairing schemes and bounds against ten-line oracles, and against their
Brian2 text."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.pair_stdp import events as stdp_pair
from fwp_neuro.synapses.pairing import pairs_of_spikes

ms, Hz = b2.ms, b2.Hz
SETS = fwp.synapses.parameter_sets("pair_stdp")
#: amplitudes so large that bounds and pairing schemes matter after a few spikes
LARGE = {"A_plus": 0.3, "A_minus": 0.4}


def model(chosen, **changes):
    return (
        fwp.synapses.get("pair_stdp", parameters=chosen)
        .changed(**LARGE)
        .changed(**changes)
    )


def oracle(one, pre, post):
    """The rule as it is written: spikes in order, presynaptic ones first at the same
    time."""
    p, chosen = {n: float(v) for n, v in one.parameters.items()}, one.parameter_set
    w, last = 1.0, {True: [], False: []}
    top, mu = p.get("w_max", 1.0), p.get("mu", 0.0)
    for time, is_pre in sorted([(t, True) for t in pre] + [(t, False) for t in post],
                               key=lambda event: (event[0], not event[1])):  # fmt: skip
        others = (
            last[not is_pre][-1:] if chosen == "nearest_neighbour" else last[not is_pre]
        )
        tau = p["tau_minus" if is_pre else "tau_plus"]
        trace = sum(np.exp(-(time - other) / tau) for other in others)
        size = -p["A_minus"] * trace if is_pre else p["A_plus"] * trace
        if "w_max" in p:
            room = w / top if is_pre else 1 - w / top
            w = min(max(w + size * top * room**mu, 0.0), top)
        else:
            w += size * (w if is_pre and chosen == "van_rossum_2000" else 1.0)
        last[is_pre].append(time)
    return w


def trains(seed):
    """Spikes of both sides [ms], some of them at the same time."""
    rng = np.random.default_rng(seed)
    pre, post = (np.flatnonzero(rng.random(400) < 0.05) for _ in range(2))
    return np.union1d(pre, [7, 90, 300]), np.union1d(post, [7, 90, 300])


@pytest.mark.parametrize("chosen", SETS)
def test_events_are_the_oracle(chosen):
    for changes in (
        {},
        {"A_plus": -0.2, "A_minus": -0.1},
        {"A_minus": -0.3},
        {"tau_plus": 7 * ms},
    ):
        one = model(chosen, **changes)
        for seed in range(3):
            pre, post = (at * 1e-3 for at in trains(seed))
            expected = oracle(one, pre, post)
            found = stdp_pair.changed_weight(one, pre, post)
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("layout", ["textbook", "factorised"])
@pytest.mark.parametrize("chosen", SETS)
def test_brian2_text_is_its_numpy_form_in_every_layout(chosen, layout):
    """Also for spikes of both sides in one step; the last steps bring all synapses up to
    date."""
    one = model(chosen)
    pre, post = np.zeros((402, 2)), np.zeros((402, 2))
    for cell in range(2):
        a, b = trains(cell)
        pre[a, cell], post[b, cell] = 1, 1
    pre[-1] = post[-1] = 1
    found = injected.run(one, pre, post, dt=1 * ms, layout=layout)["weight"]
    times = [
        [np.flatnonzero(column) * 1e-3 for column in table.T] for table in (pre, post)
    ]
    expected = [[stdp_pair.changed_weight(one, a, b) for a in times[0]] for b in times[1]]
    assert np.abs(found - np.array(expected)).max() < 1e-12
    assert np.ptp(expected) > 1e-3 or chosen == "hard_bounds"


@pytest.mark.parametrize("chosen", SETS)
def test_the_curve_is_its_events(chosen):
    """The sums of additive rules over regular pairs are what single spikes add up to."""
    one = model(chosen, tau_plus=35 * ms)
    for pairs, rate in ((1, 1), (2, 20), (7, 40), (60, 1)):
        lags = np.array([-0.9, -0.5, -0.03, 0, 0.03, 0.4, 0.95]) / rate
        found = stdp_pair.curve(one, lags, pairs, rate)
        expected = [
            stdp_pair.changed_weight(one, *pairs_of_spikes(lag, pairs, rate))
            for lag in lags
        ]
        assert found == pytest.approx(expected, rel=1e-12)
    alone = stdp_pair.curve(one, np.array([-5.0, 5.0]), 1, 1.0)  # longer than a period
    assert np.isfinite(alone).all()


def test_many_parameter_sets_at_once_are_each_alone():
    from fwp_neuro.synapses.fitting_predict import _Many

    lags = np.array([-0.02, -0.004, 0, 0.01])
    plus, tau = np.array([0.1, -0.2, 0.3]), np.array([5.0, 20, 80]) * 1e-3
    for chosen in SETS:
        one = model(chosen)
        many = _Many(one, {"A_plus": plus[:, None], "tau_minus": tau[:, None]})
        found = stdp_pair.curve(many, lags, 5, 20.0)
        for row, a, t in zip(found, plus, tau, strict=True):
            alone = stdp_pair.curve(
                one.changed(A_plus=a, tau_minus=t * b2.second), lags, 5, 20.0
            )
            assert row == pytest.approx(alone, rel=1e-12)


def test_bounds_hold_and_meet_in_their_limits():
    pre, post = (at * 1e-3 for at in trains(0))
    for changes in ({"A_minus": 2.0}, {"A_plus": 2.0}):
        for chosen in ("hard_bounds", "soft_bounds", "guetig_2003"):
            found = stdp_pair.changed_weight(model(chosen, **changes), pre, post)
            assert 0 <= found <= 2
    soft = model("soft_bounds", mu=0.02)
    assert stdp_pair.changed_weight(soft, pre, post) == stdp_pair.changed_weight(
        model("guetig_2003"), pre, post
    )
    far = model("hard_bounds", A_plus=1e-4 / 200, A_minus=1e-4 / 200, w_max=200)
    free = model("song_miller_abbott_2000", A_plus=1e-4, A_minus=1e-4)
    assert stdp_pair.changed_weight(far, pre, post) == pytest.approx(
        stdp_pair.changed_weight(free, pre, post), rel=1e-12
    )
    with pytest.raises(fwp.FwpError, match="'mu' of .* must be a share from 0 to 1"):
        model("soft_bounds", mu=1.5)


def test_an_anti_hebbian_window_mirrors_the_hebbian_one():
    one = fwp.synapses.get("pair_stdp")
    mirrored = one.changed(A_plus=-0.005, A_minus=-0.00525)
    lags = [-20, -5, 5, 20] * ms
    up, down = (fwp.synapses.stdp_curve(m, lags=lags, pairs=60) for m in (one, mirrored))
    assert up - 1 == pytest.approx(1 - down, rel=1e-12) and up[2] > 1 > down[2]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            dict(pairs=10**9),
            "pairs is .*1000000000|lags times pairs is 1e.09: .* hours or more",
        ),
        (dict(pairs=10**400), "hours or more"),
        (dict(lags=[] * ms), "lags is empty"),
        (
            dict(lags=np.zeros(200) * ms, pairs=10**6),
            "lags times pairs is 2e.08: .* hours or more",
        ),
    ],
)
def test_absurd_sizes_are_refused_with_their_cost(call, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        fwp.synapses.stdp_curve("pair_stdp", **{"lags": 5 * ms, **call})


@pytest.mark.parametrize(
    "name", ["match_and_control", "point_spine", "shouval_2002", "urbanczik_senn_2014",
             "behavioural_time_scale"],
)  # fmt: skip
def test_endless_protocols_are_refused_with_their_cost(name):
    with pytest.raises(
        fwp.FwpError, match="steps of .* ms would take about .* hours or more"
    ):
        fwp.synapses.stdp_curve(name, lags=1e9 * b2.second, pairs=1)


def test_spike_times_may_start_anywhere():
    times = np.array([0, 30, 100, 130]) * ms
    plain = fwp.synapses.short_term("tsodyks_markram", spike_times=times)
    for start in (-5 * b2.second, -1e9 * ms, 3 * b2.second):
        moved = fwp.synapses.short_term("tsodyks_markram", spike_times=start + times)
        assert moved == pytest.approx(plain, rel=1e-6)
    for wrong in ([1, 1] * ms, [] * ms):
        with pytest.raises(fwp.FwpError, match="one row of times that increase"):
            fwp.synapses.short_term("tsodyks_markram", spike_times=wrong)
