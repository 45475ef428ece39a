"""The third factor: changes of a weight wait in an eligibility trace for a modulator."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from compose_cases import source

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.synapses import compose

ms, mV = b2.ms, b2.mV


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rule", ["pair_stdp", "triplet_stdp", "vogels_2011"])
def test_a_modulator_turns_eligibility_into_weight_as_the_closed_form_says(rule, layout):
    tau, M = 0.05, 2.0
    at, end = 0.0305, 0.1
    changes = []
    for model in (fwp.synapses.get(rule), compose(rule, eligibility=tau * b2.second)):
        pre = source((10, 20))
        post = b2.SpikeGeneratorGroup(1, [0, 0], [12, 25] * ms)
        made = connect(
            model, pre, post, layout=layout,
            names={"modulator": None} if "modulator" in model.ports else None,
            writes="both sides" if layout == "factorised" else "auto",
        )  # fmt: skip
        start = made.values("w")[0]
        network = b2.Network(pre, post, *made.objects)
        if "modulator" in model.ports:
            network.run(at * b2.second, namespace={})
            assert made.values("w")[0] == pytest.approx(start, abs=1e-15)
            left = made.values("eligibility")[0]
            post.modulator = M
            network.run((end - at) * b2.second, namespace={})
            want = M * left * tau * -np.expm1(-(end - at) / tau)
            assert made.values("w")[0] - start == pytest.approx(want, rel=1e-6)
            changes.append(left)
        else:
            watch = made.monitor("w")
            network.add(watch)
            network.run(at * b2.second, namespace={})
            w, t = np.ravel(watch.w), np.array(watch.t_)
            jumps = np.diff(w)
            when = t[1:]
            changes.append((jumps * np.exp(-(at - when) / tau)).sum())
    # a time step of 50 ms is .2 %
    assert changes[1] == pytest.approx(changes[0], rel=0.02)
    assert abs(changes[0]) > 1e-6


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bounds_are_those_of_the_weight_and_not_of_its_trace(layout):
    bounded = fwp.synapses.get("pair_stdp", "hard_bounds").changed(
        A_plus=0.2, A_minus=0.3
    )
    free = fwp.synapses.get("pair_stdp").changed(A_plus=0.4, A_minus=0.6)  # w_max is 2
    found = {}
    for name, rule in (("bounded", bounded), ("free", free)):
        pre = source((10, 20, 41))
        post = b2.SpikeGeneratorGroup(1, [0, 0, 0], [12, 25, 40] * ms)
        made = connect(compose(rule, eligibility=0.1 * b2.second), pre, post,
                       layout=layout, names={"modulator": None},
                       initial={"w": 1.9})  # fmt: skip
        network, states = b2.Network(pre, post, *made.objects), []
        for modulator in (1000, -1000, 0, 1000):
            post.modulator = modulator
            network.run(30 * ms, namespace={})
            states.append([made.values("w")[0], made.values("eligibility")[0]])
        found[name] = np.array(states).T
    w, trace = found["bounded"]
    np.testing.assert_allclose(trace, found["free"][1], rtol=1e-9)
    assert found["free"][0].max() > 2
    sign = np.sign(trace * [1, -1, 0, 1])
    want = [2.0 if s > 0 else 0.0 for s in sign]
    want[2] = want[1]
    np.testing.assert_allclose(w, want, rtol=0, atol=1e-9)
    assert w.min() > -1e-15 and w.max() < 2 + 1e-15


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_modulator_keeps_the_weight_within_the_bounds_of_its_rule(layout):
    model = compose(fwp.synapses.get("pair_stdp", "hard_bounds"), eligibility=500 * ms)
    for modulator, bound in ((5000, 2), (-5000, 0)):
        pre, post = source((10, 20)), b2.SpikeGeneratorGroup(1, [0, 0], [12, 22] * ms)
        made = connect(model, pre, post, layout=layout, names={"modulator": None})
        network = b2.Network(pre, post, *made.objects)
        network.run(30 * ms, namespace={})
        post.modulator = modulator
        network.run(400 * ms, namespace={})
        assert made.values("w")[0] == pytest.approx(bound, abs=5e-3)


def test_statements_that_change_a_weight_one_after_another_wait_as_one():
    rule = fwp.synapses.get("pair_stdp")
    text = replace(
        rule.equations, on_post="w += 3*A_plus*x\nw = clip(w, 0, 1.01)\ny += 1"
    )
    model = compose(replace(rule, equations=text), eligibility=1e4 * b2.second)
    pre, post = source((10,)), b2.SpikeGeneratorGroup(1, [0], [10.1] * ms)
    made = connect(model, pre, post, names={"modulator": None})
    b2.Network(pre, post, *made.objects).run(11 * ms, namespace={})
    assert made.values("eligibility")[0] == pytest.approx(0.01, rel=1e-6)
