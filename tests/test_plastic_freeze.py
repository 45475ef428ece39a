"""Frozen learning, weights that are set, and weights that are recorded, in every
layout."""

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import label, models, spikes, step
from plastic_oracles import connect, gated, groups, injected, learned, weights
from varying_cases import attached

import fwp_neuro as fwp

ms = b2.ms
STEPS, FROM, TO = 120, 40, 80
WAYS = {"waiting": ("factorised", "auto"), "both sides": ("factorised", "both sides"),
        "textbook": ("textbook", "auto")}  # fmt: skip


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler, and put the default time step back."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    yield
    b2.defaultclock.dt = 0.1 * ms


def built(model, way, dt, tables=None, **options):
    """Return (network, plastic synapses) between cells that spike as tables say."""
    b2.defaultclock.dt = dt
    layout, writes = WAYS[way]
    cells = groups(
        spikes(model, dt, steps=STEPS) if tables is None else tables, (None, None)
    )
    options = {"names": attached(model, cells), **options}
    made = connect(model, *cells, layout=layout, writes=writes, **options)
    return b2.Network(*cells, *made.objects), made


def cases():
    for model in models():
        if learned(model) and "linear" not in label(model):
            slow = () if model.name in ("pair_stdp", "oja") else pytest.mark.slow
            yield pytest.param(model, id=label(model), marks=slow)


@pytest.mark.parametrize("model", cases())
def test_frozen_weights_are_those_of_a_text_that_does_not_change_them(model):
    dt = step(model)
    if model.name == "graupner_brunel":
        model = model.changed(sigma=1e-14)
    tables = spikes(model, dt, steps=STEPS)
    learning = np.ones(STEPS + 1)
    learning[FROM:TO] = 0
    inputs = {"learning": b2.TimedArray(learning, dt=dt)}
    right = injected.run(gated(model), *tables, dt=dt, inputs=inputs)
    ways = (
        WAYS if fwp.synapses.factorise(model).report.waiting else ["waiting", "textbook"]
    )
    for way in ways:
        network, made = built(model, way, dt, tables)
        network.run(FROM * dt, namespace={})
        made.freeze()
        before = weights(made)
        network.run((TO - FROM) * dt, namespace={})
        frozen = weights(made)
        made.thaw()
        network.run((STEPS - TO) * dt, namespace={})
        for name, values in weights(made).items():
            scale = np.abs(right[name]).max()
            assert np.abs(frozen[name] - before[name]).max() <= 1e-13 * scale, (way, name)
            assert np.abs(values - right[name].T.ravel()).max() <= 1e-11 * scale, (
                way,
                name,
            )


@pytest.mark.parametrize("way", WAYS)
def test_the_handle_of_brian_freezes_and_a_stored_network_stays_frozen(way):
    network, made = built(fwp.synapses.get("pair_stdp"), way, 0.5 * ms)
    network.run(FROM * 0.5 * ms, namespace={})
    before = made.values("w")
    made.synapses.active = False
    assert made.frozen and not made.synapses.active and "frozen" in repr(made)
    network.store()
    network.run(20 * ms, namespace={})
    assert (made.values("w") == before).all()
    made.synapses.active = True
    network.run(15 * ms, namespace={})
    assert not made.frozen and (made.values("w") != before).any()
    network.restore()
    assert made.frozen
    network.run(20 * ms, namespace={})
    assert (made.values("w") == before).all()


def test_parts_that_are_switched_off_are_one_sentence():
    network, made = built(fwp.synapses.get("pair_stdp"), "waiting", 0.5 * ms)
    made.synapses.pre.active = False
    with pytest.raises(
        fwp.FwpError, match="'plastic.*_pre' is a part .* use made.freeze"
    ):
        network.run(1 * ms, namespace={})
    _, made = built(fwp.synapses.get("tsodyks_markram"), "waiting", 0.5 * ms)
    for call in (made.freeze, lambda: setattr(made.synapses, "active", False)):
        with pytest.raises(
            fwp.FwpError, match="'tsodyks_markram' is a short-term plasticity mod"
        ):
            call()


def test_values_that_are_set_between_runs_are_the_same_in_every_layout():
    """Weights whose writes wait, and one that also decays; by both names for it."""
    for name, variable in (("pair_stdp", "w"), ("short_term_potentiation", "fast")):
        found = []
        for way in WAYS:
            network, made = built(fwp.synapses.get(name), way, 0.5 * ms)
            network.run(20 * ms, namespace={})
            new = np.linspace(0.1, 0.6, len(made.synapses))
            if way == "waiting":
                setattr(made.synapses, variable, new)
            else:
                made.set(variable, new)
            assert np.abs(made.values(variable) - new).max() < 1e-15
            network.run((STEPS - 40) * 0.5 * ms, namespace={})
            found.append(made.values(variable))
        assert np.ptp(found[0]) > 1e-3
        assert max(np.abs(one - found[-1]).max() for one in found) < 1e-13
    made.set("fast", "0.1*i")
    for wrong, words in (([1, 2], "set: 'fast' has 6 values, got 2"),
                         (None, "'fast' must be a n"),
                         ("fast +", "cannot be read")):  # fmt: skip
        with pytest.raises(fwp.FwpError, match=words):
            made.set("fast", wrong)
    _, made = built(fwp.synapses.get("pair_stdp"), "waiting", 0.5 * ms)
    with pytest.raises(fwp.FwpError, match="'x' lives on the presynaptic cells"):
        made.synapses.x = 1


def test_weights_are_recorded_in_every_layout():
    found = []
    for way in WAYS:
        network, made = built(fwp.synapses.get("pair_stdp"), way, 0.5 * ms)
        if way == "waiting":
            with pytest.raises(
                fwp.FwpError, match="use made.monitor.'w'., or connect with writes"
            ):
                b2.StateMonitor(made.synapses, "w", record=True)
        monitor = made.monitor("w", dt=1 * ms, record=[0, 3, 5])
        network.add(monitor)
        network.run(STEPS * 0.5 * ms, namespace={})
        found.append(monitor.w)
    assert (
        found[0].shape == (3, STEPS // 2) and np.ptp(found[0][:, 1:], axis=1).min() > 1e-4
    )
    assert max(np.abs(one - found[-1]).max() for one in found) < 1e-14
    for wrong in ([6], [-1], 0.5, "x", None):
        with pytest.raises(
            fwp.FwpError, match="record must be True or indices from 0 to 5"
        ):
            made.monitor("w", record=wrong)
