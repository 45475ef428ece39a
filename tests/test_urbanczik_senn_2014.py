"""Dendritic prediction: Brian2 text and oracle agree, errors fall as in NEST, limits
hold."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.urbanczik_senn_2014.events import Cells, weights

ms, pA = b2.ms, b2.pA


@pytest.fixture(scope="module")
def model():
    return fwp.synapses.get("urbanczik_senn_2014")


def spikes(dt, seed=0, cells=(6, 2), rates=(0.05, 0.04)):
    """Spikes [step, cell] on a grid of 1 ms, in steps of dt (ms)."""
    rng, every = np.random.default_rng(seed), round(1 / dt)
    tables = [np.zeros((300 * every, count)) for count in cells]
    for table, rate in zip(tables, rates, strict=True):
        table[::every] = rng.random((300, table.shape[1])) < rate
    return tables


def test_brian2_text_tends_to_the_oracle_in_proportion_to_the_step(model):
    exact = 2 * weights(model, *spikes(0.02), 2e-5) - weights(model, *spikes(0.04), 4e-5)
    off = [
        injected.run(model, *spikes(dt), dt=dt * ms)["weight"] - exact
        for dt in (0.2, 0.1)
    ]
    written = np.abs(exact - 90e-12).max()
    assert written > 100e-12 and np.abs(off[0]).max() < 0.002 * written
    assert np.abs(off[0] - 2 * off[1]).max() < 0.1 * np.abs(off[0]).max()


def test_nothing_changes_without_nmda(model):
    found = injected.run(model.changed(nmda=0), *spikes(0.1), dt=0.1 * ms)["weight"]
    assert (found == float(90 * pA)).all()


def test_silent_inputs_keep_their_weights_and_a_silent_soma_depresses(model):
    pre, post = spikes(0.1)
    pre[:, 0] = 0
    found = injected.run(model, pre, 0 * post, dt=0.1 * ms)["weight"]
    assert (found[:, 0] == float(90 * pA)).all()
    used = pre.any(0)
    assert (found[:, used] < float(90 * pA)).all()


def test_what_is_expressed_lags_behind_by_the_low_pass(model):
    cells = Cells(model, (1, 1), 1e-4)
    cells.step(np.ones(1), np.zeros(1))
    for _ in range(30):
        cells.step(np.zeros(1), np.zeros(1))
    cells.step(np.zeros(1), np.ones(1))  # a spike of the soma 3.2 ms after the input
    fresh, written = (
        cells.w[0, 0] - 90e-12,
        cells.sum[0, 0] * float(model.parameters["eta"]),
    )
    assert written > 0 and abs(fresh) < 0.2 * written


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_every_device_gives_the_same_weights(device, model):
    found = {
        d: injected.run(model, *spikes(0.2), dt=0.2 * ms, device=d)
        for d in ("numpy", device)
    }
    assert found[device]["weight"] == pytest.approx(found["numpy"]["weight"], rel=1e-10)
    assert np.ptp(found["numpy"]["weight"]) > 1e-12


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(dt=0.1), "dt must be a time such as 0.5"),
        (dict(wait=500.0), "wait must be a time such as 0.5"),
        (
            dict(dt=1 * ms),
            "dt is 1 ms; it must be above 0 and at most 0.3 ms, a tenth of tau_s",
        ),
    ],
)
def test_the_times_of_the_protocol_are_quantities(options, sentence):
    def at(**options):
        return fwp.synapses.stdp_curve(
            "urbanczik_senn_2014", lags=5 * ms, pairs=2, **options
        )

    assert at(wait=50 * ms) == at(dt=0.1 * ms, wait=50 * ms) != at(wait=500 * ms)
    with pytest.raises(fwp.FwpError, match=sentence):
        at(**options)
