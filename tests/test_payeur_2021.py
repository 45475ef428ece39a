"""Burst-dependent plasticity: Brian2 text and oracle agree, and its sign follows P -
Pbar."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.payeur_2021.events import changed_weight

ms, Hz = b2.ms, b2.Hz


@pytest.fixture(scope="module")
def model():
    return fwp.synapses.get("payeur_2021", "class_defaults")


def spikes(cells, seed, rate=0.06, steps=600):
    """Random spikes [step, cell] at 1 ms, many of them within bursts."""
    return (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)


def test_brian2_text_is_its_oracle(model):
    pre, post = spikes(3, 1), spikes(2, 2)
    found = injected.run(model, pre, post, dt=1 * ms)["weight"]
    # a spike finds the averages of the end of its step
    times = [[np.flatnonzero(c) * 1e-3 + 1e-3 for c in table.T] for table in (pre, post)]
    expected = [[changed_weight(model, a, b) for a in times[0]] for b in times[1]]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert np.ptp(found) > 1e-4


def test_one_burst_writes_the_trace_times_one_minus_pbar(model):
    # the third spike adds nothing
    after = changed_weight(model, [0.0], [0.005, 0.012, 0.02])
    trace = np.exp(-np.array([0.005, 0.012]) / 0.02)
    pbar = 0.15
    assert after - 1 == pytest.approx(1e-3 * (trace[1] - pbar * trace[0]), rel=1e-9)
    alone = changed_weight(model, [0.0], [0.005])
    assert alone - 1 == pytest.approx(-1e-3 * pbar * trace[0], rel=1e-9)


@pytest.mark.parametrize(("interval", "counts"), [(15, True), (16, False), (40, False)])
def test_only_intervals_below_16_ms_make_a_burst(model, interval, counts):
    pre, post = np.zeros((100, 1)), np.zeros((100, 1))
    pre[1], post[[3, 3 + interval]] = 1, 1
    found = injected.run(model, pre, post, dt=1 * ms)["weight"][0, 0]
    times = np.array([4, 4 + interval]) * 1e-3
    assert found == pytest.approx(changed_weight(model, [2e-3], times), abs=1e-12)
    assert (found > 1) == counts


def test_the_first_set_is_that_of_the_protocol_in_figure_2_and_the_former_name_is_legal():
    first, former = (
        fwp.synapses.get("payeur_2021", name) for name in (None, "payeur_2021")
    )
    assert first.numbers("tau_pre", "tau_avg", "eta") == (0.05, 15, 0.1)
    assert former.parameter_set == "class_defaults" and former.numbers("tau_pre") == (
        0.02,
    )


def test_presynaptic_bursts_count_once(model):
    post = [0.02]
    burst = changed_weight(model, [0.0, 0.008], post)
    assert (
        burst
        == changed_weight(model, [0.0], post)
        != changed_weight(model, [0.0, 0.017], post)
    )


def test_bursts_potentiate_and_single_spikes_depress(model):
    lags = [5, 20] * ms
    single, burst = (
        fwp.synapses.stdp_curve(model, lags=lags, pairs=5, frequency=1 * Hz, spikes=n)
        for n in (1, 2)
    )
    assert (single < 1).all() and (burst > 1).all()


def test_without_nmda_nothing_changes(model):
    blocked = model.changed(nmda=0)
    assert (
        injected.run(blocked, spikes(2, 3), spikes(2, 4), dt=1 * ms)["weight"] == 1
    ).all()
    assert changed_weight(blocked, [0.0], [0.005, 0.01]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_every_device_gives_the_same_weights(device, model):
    tables = spikes(3, 1), spikes(2, 2)
    found = {
        d: injected.run(model, *tables, dt=1 * ms, device=d) for d in ("numpy", device)
    }
    assert found[device]["weight"] == pytest.approx(found["numpy"]["weight"], abs=1e-14)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(interval=10.0), "interval must be a time such as 0.5"),
        (dict(interval=-1 * ms), "interval must be positive"),
        (dict(spikes=0), "spikes is 0; it must be a whole number"),
    ],
)
def test_the_interval_of_a_burst_is_a_time(model, options, sentence):
    def at(**options):
        return fwp.synapses.stdp_curve(
            model, lags=5 * ms, pairs=5, **{"spikes": 2, **options}
        )

    assert at() == at(interval=10 * ms) != at(interval=20 * ms)
    with pytest.raises(fwp.FwpError, match=sentence):
        at(**options)
