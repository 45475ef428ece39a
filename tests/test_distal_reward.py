"""Late reward: who is paid and when, the size of a response, and which synapse learns."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model

SCRIPT = load_model("izhikevich_2007_distal_reward")


@pytest.fixture
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    yield
    b2.defaultclock.dt = 0.1 * b2.ms


def test_the_experimenter_pays_b_after_a_within_the_window_and_late(plain_brian):
    b2.defaultclock.dt = 1 * b2.ms
    p = SCRIPT.Parameters(earliest=1.0, latest=1.19)  # a slot every 10 ms
    # 290 is before, 400 with a
    a, b = [100, 300, 400, 500, 600], [110, 290, 400, 519, 620]
    table = np.zeros((2000, 2))
    table[a, SCRIPT.A] = table[b, SCRIPT.B] = 1
    space = {"fires": b2.TimedArray(table, dt=1 * b2.ms)}
    cells = b2.NeuronGroup(
        2, "dopamine : 1", threshold="fires(t, i) > 0.5", reset="", namespace=space
    )
    slots, *others, _ = SCRIPT.experimenter(p, cells)
    paid = b2.SpikeMonitor(slots)
    dopamine = b2.StateMonitor(cells, "dopamine", record=True)
    network = b2.Network(cells, slots, others, paid, dopamine)
    network.run(2 * b2.second, namespace={})
    np.testing.assert_allclose(paid.t / b2.ms, [111, 520], atol=1e-6)
    assert len(set(paid.i)) == 2  # another delay each time
    rises = np.flatnonzero(np.diff(dopamine.dopamine[0])) + 1
    expected = np.sort(np.array([111, 520]) + 1000 + 10 * np.array(paid.i))
    np.testing.assert_allclose(rises, expected, atol=1)
    # two rewards of 0.5, for all
    assert dopamine.dopamine[:, -1] == pytest.approx([1.0, 1.0])


def test_a_weight_of_one_is_a_response_of_one_millivolt():
    time = np.arange(0, 200, 0.001)
    for tau, drive in ((SCRIPT.TAU_EXC, 65.0), (SCRIPT.TAU_INH, -15.0)):
        g = SCRIPT.opening(tau, drive) * np.exp(-time / tau)
        v = np.exp(-time / SCRIPT.TAU) * np.cumsum(g * np.exp(time / SCRIPT.TAU)) * 0.001
        assert v.max() * abs(drive) / SCRIPT.TAU == pytest.approx(1, rel=1e-3)


def test_every_cell_has_its_outputs_and_a_meets_b():
    p = SCRIPT.Parameters(cells=20, outputs=5)
    source, target = SCRIPT.wiring(p)
    assert (np.bincount(source) == 5).all() and (source != target).all()
    assert len(set(zip(source, target, strict=True))) == len(source)
    assert ((source == SCRIPT.A) & (target == SCRIPT.B)).sum() == 1
    assert target[source >= 16].max() < 16  # inhibitory cells reach excitatory ones


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cells": 12}, "multiple of 5"), ({"outputs": 40}, "outputs"),
        ({"noise": 0}, "noise"),
        ({"latest": 0.5}, "less than earliest"), ({"duration": 5.0}, "twice latest"),
    ],
)  # fmt: skip
def test_it_refuses(changes, words):
    with pytest.raises(fwp.FwpError, match=words):
        SCRIPT.run(SCRIPT.Parameters(**changes))
