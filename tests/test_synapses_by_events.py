"""Graupner-Brunel synapses that are touched at spikes only, against their text."""

import time

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import spikes
from test_cascades import network, plain_brian

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.circuits.plastic import connecting
from fwp_neuro.synapses import compose, factorise
from fwp_neuro.synapses.factorised.anatomy import learned
from fwp_neuro.synapses.graupner_brunel.between_spikes import FUNCTIONS

ms = b2.ms
__all__ = ["plain_brian"]


def model(parameters="DP", **changes):
    return fwp.synapses.get("graupner_brunel", parameters).changed(
        **{"sigma": 0, **changes}
    )


def steps_of_the_text(rho, n, over_d, over_p, h, gamma_d, gamma_p, star):
    """The oracle: every step of the text, one by one."""
    for k in range(n):
        a_d, a_p = np.clip(over_d - k, 0, 1), np.clip(over_p - k, 0, 1)
        rho = rho + h * (-rho * (1 - rho) * (star - rho) + gamma_p * (1 - rho) * a_p
                         - gamma_d * rho * a_d)  # fmt: skip
    return rho


@pytest.mark.parametrize("h", [1e-6, 1e-4, 2e-3])
def test_steps_that_are_made_up_for_are_those_of_the_text(h):
    rng = np.random.default_rng(1)
    rho = rng.uniform(-0.2, 1.3, 60)
    over_d, over_p = rng.uniform(-50, 90, (2, 60))
    given = (h, 200 * min(1, 1e-4 / h), 320 * min(1, 1e-4 / h), 0.5)
    found = FUNCTIONS["efficacy_after"].pyfunc(rho, 3000, over_d, over_p, *given, 0)
    expected = steps_of_the_text(rho, 3000, over_d, over_p, *given)
    # terms of h^2 are left out of the flow below the thresholds
    assert np.abs(found - expected).max() < 1e-13 + 2 * h**2
    assert np.abs(expected - rho).max() > 10 * h


@pytest.mark.parametrize(
    "parameters, dt",
    [("DP", 0.1), pytest.param("DPD", 0.5, marks=pytest.mark.slow),
     pytest.param("hippocampal_slices", 0.2, marks=pytest.mark.slow)],
)  # fmt: skip
def test_same_efficacy_as_the_text(parameters, dt):
    one = model(parameters, D=2 * ms)
    assert factorise(one).report.passed == ("rho",)
    pre, post = spikes(one, dt * ms, steps=400)
    pre[-50:] = post[-50:] = 0  # nothing makes up for these before the end
    start = {"rho": np.linspace(0, 1, 6).reshape(2, 3)}
    record = {"record": ["rho"], "record_every": 3 * ms, "initial": start}
    found, expected = (
        injected.run(one, pre, post, dt=dt * ms, layout=layout, **record)
        for layout in connecting.LAYOUTS
    )
    for name, table in expected.items():
        assert np.abs(found[name] - table).max() < 1e-12, name
    assert np.abs(expected["rho"][-1] - expected["rho"][0]).max() > 1e-3


@pytest.mark.slow
def test_noise_has_the_distribution_of_the_text():
    one = model(sigma=2.8284)
    pre, post = (np.zeros((600, 2000)) for _ in range(2))
    pre[[10, 150, 290]] = post[[30, 160, 420]] = 1
    found, expected = (
        injected.run(one, pre, post, dt=0.2 * ms, layout=layout, pairing="one", seed=7,
                     initial={"rho": 0.4})["rho"]
        for layout in connecting.LAYOUTS
    )  # fmt: skip
    error = expected.std() / np.sqrt(expected.size)
    assert abs(found.mean() - expected.mean()) < 5 * error
    assert abs(found.std() / expected.std() - 1) < 5 / np.sqrt(2 * expected.size)
    assert expected.std() > 0.01


def set_and_freeze(made, run):
    read = np.array(made.synapses.rho[:])  # as of now, also where nothing spiked
    assert np.array_equal(read, made.values("rho"))
    made.set("rho", "0.3 + 0.05*i + 0.1*rho")
    first = made.values("rho")
    made.freeze()
    run.run(20 * ms)
    assert np.array_equal(made.values("rho"), first)
    made.thaw()
    run.run(10 * ms)
    run.store("here")
    run.run(10 * ms)
    last = made.values("rho")
    run.restore("here")
    run.run(10 * ms)
    assert np.abs(made.values("rho") - last).max() < 1e-15
    return {"read": read, "first": first, "last": last}


def test_networks_read_set_and_freeze_it_as_in_the_text():
    results = []
    for layout in connecting.LAYOUTS:
        b2.defaultclock.dt = 0.5 * ms
        results.append(network(layout, model(), set_and_freeze, watched="rho"))
    for name, table in results[1].items():
        assert np.abs(np.array(results[0][name]) - np.array(table)).max() < 1e-12, name


def test_a_file_continues_where_it_was(tmp_path):
    def saved(made, run):
        made.save(tmp_path / "rho.npz")
        run.run(30 * ms)
        made.set("rho", 0.9)
        made.load(tmp_path / "rho.npz")

    b2.defaultclock.dt = 0.5 * ms
    network("factorised", model(), saved, watched="rho")


def test_brian2_cannot_record_what_waits():
    made = connecting.connect(model(), b2.PoissonGroup(2, 9 * b2.Hz),
                              b2.PoissonGroup(2, 9 * b2.Hz))  # fmt: skip
    with pytest.raises(fwp.FwpError, match="'rho' of .* waits for the next spike"):
        b2.StateMonitor(made.synapses, "rho", record=True)


def test_other_texts_keep_their_steps():
    """A composition, an input for a threshold: nothing is known of those in advance."""
    both = compose(model(), None, "ampa")
    assert not factorise(both).report.passed
    assert not factorise(model(), uniform=["theta_d"]).report.passed


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("name", ["graupner_brunel", "bcpnn", "urbanczik_senn_2014"])
def test_devices_agree(device, name):
    one = model() if name == "graupner_brunel" else fwp.synapses.get(name)
    pre, post = spikes(one, 0.2 * ms)
    found, expected = (
        injected.run(one, pre, post, dt=0.2 * ms, layout="factorised", device=chosen)
        for chosen in (device, "numpy")
    )
    scale = np.abs(expected["weight"]).max()
    assert np.abs(found["weight"] - expected["weight"]).max() < 1e-12 * scale


def cost(one, layout, cells=316, duration=200 * ms, rate=10 * b2.Hz):
    """Return CPU seconds after compilation, and the weights, of synapses of all pairs."""
    b2.start_scope()
    b2.defaultclock.dt = 0.1 * ms
    rng, steps = np.random.default_rng(3), round(duration / (0.1 * ms))
    groups, begun = [], []
    for _ in "ab":
        step, cell = np.nonzero(rng.random((steps, cells)) < rate * 0.1 * ms)
        groups.append(b2.SpikeGeneratorGroup(cells, cell, step * 0.1 * ms))
    made = connecting.connect(one, *groups, layout=layout)

    @b2.network_operation(when="start", order=-100)
    def first_step():
        begun.append(time.process_time())

    b2.Network(*groups, *made.objects, first_step).run(duration)
    seconds, name = time.process_time() - begun[0], learned(one)[0]
    return seconds, made.values(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, least", [("bcpnn", 20), ("graupner_brunel", 3), ("urbanczik_senn_2014", 3)]
)
def test_speed_beside_the_text(name, least, monkeypatch):
    """1e5 synapses, spikes of 10 Hz on both sides; README has what was measured once."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "cython")
    one = model() if name == "graupner_brunel" else fwp.synapses.get(name)
    slow, expected = cost(one, "textbook")
    fast, found = cost(one, "factorised")
    scale = np.abs(expected).max()
    print(f"{name}: {slow:.2f} s as written, {fast:.3f} s factorised, "
          f"x {slow / fast:.0f}")
    assert np.abs(found - expected).max() <= 1e-12 * scale
    assert slow >= least * fast


def test_what_is_worked_out_in_every_step_is_refused_in_one_sentence():
    cells = [b2.NeuronGroup(2, "", threshold="rand() < 0.1", name=name)
             for name in ("before", "after")]  # fmt: skip
    made = connecting.connect("graupner_brunel", *cells)
    for ask in (made.values, lambda name: made.record(name, 1 * b2.ms)):
        with pytest.raises(fwp.FwpError, match="connect them with layout='textbook'"):
            ask("above_d")
