"""Match and control: the synapse against its filters, its gain, and the task's
measures."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.model_scripts import load_model
from fwp_neuro.synapses.match_and_control import events as match_and_control

ms, Hz = b2.ms, b2.Hz
SCRIPT = load_model("ellwood_2024_match_and_control")


def trains(cells, steps=6000, seed=0, rate=0.002):
    return (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)


def spikes(dt=0.2e-3, pairs=8, seconds=1.5):
    """A matched and an unmatched axon, and the query."""
    pre, post = np.zeros((round(seconds / dt), 2)), np.zeros((round(seconds / dt), 1))
    start = np.arange(pairs) * 0.1
    pre[np.round(start / dt).astype(int), 0] = 1
    pre[np.round((start + 0.05) / dt).astype(int), 1] = 1
    post[np.round((start + 7e-3) / dt).astype(int), 0] = 1
    return pre, post


def test_brian2_text_is_its_filters():
    model = synapses.get("match_and_control")
    pre, post = trains(2, seed=1), trains(3, seed=2)
    found = injected.run(model, pre, post, dt=0.1 * ms)
    # one more step, for the filters give the state at each step's start
    pre, post = (np.vstack([table, 0 * table[:1]]) for table in (pre, post))
    written = match_and_control.written(model, pre[:, None], post[..., None], 1e-4)[-1]
    gain = match_and_control.gain(model, pre[:, None], post[..., None], 1e-4)[-1]
    assert found["g"] == pytest.approx(written, rel=1e-9)
    assert found["weight"] == pytest.approx(gain, rel=1e-9)
    assert written.max() > 3 and np.ptp(gain) > 1


def test_one_pair_at_the_matched_lag_writes_one():
    model = synapses.get("match_and_control")
    pre, post = np.zeros(5000), np.zeros(5000)
    pre[0], post[70] = 1, 1
    assert match_and_control.written(model, pre, post, 1e-4)[-1] == pytest.approx(
        0.98, abs=0.02
    )


def test_matched_axons_are_potentiated_after_a_delay_and_then_forget():
    model = synapses.get("match_and_control")
    pre, post = spikes(seconds=60, dt=0.5e-3)
    gain = match_and_control.gain(model, pre, post, 0.5e-3)
    matched, other = gain[[400, 4000, -1]].T
    assert matched[0] < 1.1 and matched[1] > 7.9 and matched[2] < 1.1  # 0.2 s, 2 s, 60 s
    assert (other < 1.01).all()


def test_without_nmda_receptors_no_axon_is_potentiated():
    model = synapses.get("match_and_control").changed(nmda=0)
    assert (match_and_control.written(model, *spikes(), 0.2e-3) == 0).all()


def test_trains_keep_their_refractory_time_and_rate():
    rng = np.random.default_rng(0)
    many = [SCRIPT.train(rng, 0.5, 2.5, 6.0) for _ in range(400)]
    assert min(np.diff(one).min(initial=1) for one in many) >= 0.05
    assert min(one.min(initial=9) for one in many) >= 0.5
    assert max(one.max(initial=0) for one in many) <= 2.5
    assert np.mean([len(one) for one in many]) == pytest.approx(
        2 / (1 / 6 + 0.05), rel=0.05
    )


def test_the_match_fires_7_ms_before_the_query():
    keys, query = SCRIPT.trains(np.random.default_rng(3), 1.0, 4, 6.0)
    control = SCRIPT.START + 1.0 + SCRIPT.GAP
    assert len(keys) == 4 and keys[0][keys[0] < control] == pytest.approx(query - 7e-3)
    assert all((one[(one > 1.26) & (one < control)]).size == 0 for one in keys)


@pytest.mark.parametrize(
    ("keys", "soma", "expected"),
    [
        ([1.0, 1.5], [1.003, 1.503], (1, 0)),
        ([1.0, 1.5], [1.003, 1.7], (0.5, 0.5)),
        ([1.0], [1.021, 0.999], (0, 1)),
        ([1.0], [], (0, 0)),
        ([], [1.2], (1, 1)),
        ([], [], (1, 0)),
    ],
)
def test_success_and_spurious_spikes_are_counted_as_in_the_paper(keys, soma, expected):
    assert SCRIPT.measures(np.array(keys), np.array(soma)) == expected


def small(**changes):
    return SCRIPT.run(
        SCRIPT.Parameters(trials=5, axons=8, windows=(0.5,), dt=0.25, **changes)
    )


def test_a_small_task_runs():
    data = small(theta=2.0)
    assert data.success.shape == (1, 5)
    many = data.success.values[data["query"].values >= 3]
    assert many.size and (many == 1).all()
    assert "match window 0.5 s: success" in SCRIPT.report(data)


@pytest.mark.slow
def test_ap5_silences_the_read_for_it_prevents_the_write():
    blocked = small(theta=2.0, nmda=0.0)
    assert (blocked.success == 0).all() and (blocked.spurious == 0).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(windows=(3.0,)), "unknown match window 3.0"),
        (dict(trials=0), "trials is 0"),
        (dict(critical=-1.0), r"critical must be in \[1, 8\]"),
    ],
)
def test_the_task_refuses(arguments, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        SCRIPT.run(SCRIPT.Parameters(**arguments))


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_the_same_spikes_give_the_same_gain_on_every_device(device):
    model, tables = synapses.get("match_and_control"), spikes()
    reference, found = (
        injected.run(model, *tables, dt=0.2 * ms, device=d)["weight"]
        for d in ("numpy", device)
    )
    assert found == pytest.approx(reference, rel=1e-9) and np.ptp(found) > 1
