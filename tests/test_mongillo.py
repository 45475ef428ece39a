"""Working memory in facilitation: sizes of synapses, scaling, a short run, and the
memory."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model
from fwp_neuro.synapses.tsodyks_markram import events as tm
from fwp_neuro.targets.mongillo_2008 import MODEL, rows

SCRIPT = load_model(MODEL)


def small(**changes):
    parameters = dict(
        cells=200, connection=1.0, cue_at=60.0, cue_for=60.0, silence=40.0,
        readout_for=20.0, cue=1.3, device="numpy",
    )  # fmt: skip
    return SCRIPT.Parameters(**{**parameters, **changes})


def test_a_jump_peaks_as_the_published_potential():
    for name, (peak, nominal, target) in SCRIPT.J.items():
        time = np.arange(0, 60, 0.01)
        for tau, size in ((nominal, peak * target / nominal), (target, None)):
            synapse = SCRIPT.weight(name) * np.exp(-time / SCRIPT.TAU_SYNAPSE)
            V = np.cumsum(synapse * np.exp(time / tau)) * 0.01 / tau * np.exp(-time / tau)
            if size is not None:
                assert V[np.argmax(np.abs(V))] == pytest.approx(size, rel=2e-2)


def test_scaling_keeps_the_mean_input_of_every_cell():
    sums = {}
    for cells, connection in ((400, 1.0), (800, 0.5), (800, 0.25)):
        wiring = SCRIPT.wiring(small(cells=cells, connection=connection))
        for name, (_, target, jump, delay) in wiring.items():
            total = np.bincount(target, jump)
            group = cells // SCRIPT.POPULATIONS // 2
            sums.setdefault(name, []).append((total[:group].mean(), total[-1]))
            assert delay.min() >= 0.1 and delay.max() <= 1.0
            # a fixed number of inputs a cell
            assert np.unique(np.bincount(target)).size == 1
    for name, pairs in sums.items():
        assert np.ptp(np.array(pairs), axis=0) == pytest.approx(0, abs=1e-9), name


def test_a_short_run_has_the_synaptic_state_of_its_spikes():
    data = SCRIPT.run(small())
    assert data.rate.dims == ("bin", "population") and len(data.population) == 6
    driven = data.rate.sel(bin=slice(70, 110)).mean("bin").values
    assert driven[0] > 3 * driven[1:].max()  # the cue drives its population and no other
    assert "u, cued, at read-out" in SCRIPT.report(data)
    model = fwp.synapses.get("tsodyks_markram_to_U", "tiddia_2022")
    members = np.arange(20)
    at, expected = float(data.sample[-1]), []
    for cell in members:
        times = data.spike_time.values[data.spike_cell.values == cell]
        times = times[times < at - 0.05] / 1e3
        u, _ = tm.states(model, times) if len(times) else (np.array([0.19]), None)
        since = at / 1e3 - (times[-1] if len(times) else 0)
        expected.append(0.19 + (u[-1] - 0.19) * np.exp(-since / 1.5))
    assert float(data.u[-1, 0]) == pytest.approx(np.mean(expected), rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(cells=130), "cells is 130; it must be a multiple of 40"),
        (dict(connection=1.5), "connection is 1.5"),
        (dict(silence=0.0), "silence is 0 ms; it must be at least 40"),
        (dict(stp="tidia_2022"), "did you mean 'tiddia_2022'"),
        (dict(device="gpu"), "unknown device"),
    ],
)
def test_it_refuses(changes, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        SCRIPT.run(small(**changes))


@pytest.mark.slow
def test_an_item_survives_silence_and_is_read_by_a_burst():
    found = list(rows(quick=False))
    wrong = [row for row in found if not row.passed]
    assert not wrong, [(row.quantity, row.value, row.target) for row in wrong]
    assert len(found) == 7
