"""The key-value rule: Brian2 text against the oracle, published steps, erase, bound,
gate."""

import brian2 as b2
import numpy as np
import pytest

from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.limbacher_2022 import events as oracle

ms = b2.ms
NAME = "limbacher_2022"


def trains(cells=3, steps=200, rate=0.1, seed=0):
    table = (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)
    table[-1] = 0
    return table


def times(column, dt=1e-3):
    """Spike times in seconds: a spike acts at the end of its step."""
    return (np.flatnonzero(column) + 1) * dt


def exact(model, pre, post, start=0.0, dt=1e-3):
    end = len(pre) * dt
    return np.array(
        [[oracle.weight_at(model, times(a, dt), times(b, dt), end, start) for a in pre.T]
         for b in post.T]
    )  # fmt: skip


def test_brian2_text_is_the_oracle():
    model, pre, post = synapses.get(NAME), trains(seed=1), trains(2, seed=2)
    for start in (0.0, 0.4):
        found = injected.run(model, pre, post, dt=1 * ms, initial={"w": start})["weight"]
        assert found == pytest.approx(exact(model, pre, post, start), rel=1e-5)
        assert np.ptp(found) > 0.01


def test_published_steps_are_the_rule_to_first_order_in_the_step():
    model, pre, post = synapses.get(NAME), trains(seed=3), trains(2, seed=4)
    steps, time = oracle.published_steps(model, pre, post), exact(model, pre, post)
    # 1 ms over 20 ms: twice 5 % of bias in v k
    assert steps == pytest.approx(time, rel=0.12)
    assert np.abs(steps / time - 1).mean() > 0.01


def test_value_alone_changes_nothing_and_key_alone_erases():
    model, some = synapses.get(NAME), np.arange(10) * 5e-3
    assert oracle.weight_at(model, [], some, 0.2, start=0.3) == 0.3
    erased = oracle.weight_at(model, some, [], 0.2, start=0.3)
    assert 0 < erased < 0.25
    half = oracle.weight_at(model, some, [], 0.2, start=0.15)
    assert half == pytest.approx(erased / 2)  # in proportion to the weight


def test_weights_stay_between_zero_and_the_bound():
    model = synapses.get(NAME)
    much = np.arange(500) * 2e-3
    high = oracle.weight_at(model, much, much, 1.0)
    assert high == pytest.approx(0.5, abs=0.01)  # gamma_plus = gamma_minus, v = k
    full = model.changed(gamma_minus=1e-9)
    assert 0.95 < oracle.weight_at(full, much, much, 1.0) <= 1


def test_with_the_gate_shut_nothing_changes_exactly():
    model = synapses.get(NAME).changed(gate=0)
    found = injected.run(
        model, trains(seed=5), trains(2, seed=6), dt=1 * ms, initial={"w": 0.3}
    )
    assert (found["weight"] == 0.3).all()


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    model, pre, post = synapses.get(NAME), trains(seed=7), trains(2, seed=8)
    plain = injected.run(model, pre, post, dt=1 * ms)["weight"]
    found = injected.run(model, pre, post, dt=1 * ms, device=device)["weight"]
    assert found == pytest.approx(plain, abs=1e-12)
