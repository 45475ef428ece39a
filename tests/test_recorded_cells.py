"""Cells and spikes of a recorded spiking run, and the selection of parts of a
recording."""

import brian2 as b2
import numpy as np
import pytest
import xarray as xr
from programs import random_program
from recorded_trace_cases import CELLS, DT, HEADS, POST, PRE, TOKEN, TOKENS, run

import fwp_neuro as fwp

ms = b2.ms


@pytest.mark.parametrize("way", ["population", "synapse", "opponent", "generic"])
def test_every_cell_says_what_it_is(way):
    recording = run(way)
    populations = {"key": PRE * (1 + (way == "opponent")), "teacher": 2 * POST}
    if way == "generic":
        populations = {"key": PRE, "teacher": 2 * POST, "query": PRE}
    names = recording["population"].values
    assert {name: (names == name).sum() for name in populations} == {
        name: HEADS * units * CELLS for name, units in populations.items()
    }
    assert (
        len(names)
        == recording.dataset.sizes["cell"]
        == len(recording.dataset.indexes["cell"])
    )
    for name in populations:
        own = names == name
        np.testing.assert_array_equal(recording["number"][own], np.arange(own.sum()))
        what = [recording[n].values[own] for n in ("cell_head", "dimension", "cell_sign")]
        kinds, counts = np.unique(what, axis=1, return_counts=True)
        assert kinds.shape[1] == HEADS * populations[name] and (counts == CELLS).all()
    assert (np.diff(recording["spike_time"].values) >= 0).all()
    parts = [recording.spikes(name).sizes["spike"] for name in populations]
    assert sum(parts) == recording.spikes().sizes["spike"] and min(parts) > 10
    assert recording["spike_time"].values.max() < recording.duration


def test_a_circuit_of_a_published_synapse_has_cells_too():
    program = random_program(2, 1, PRE, POST, beta=0.3)
    recording = fwp.run(
        program, "hebb", "spiking", synapse="pair_stdp", cells=3, device="numpy"
    )
    sizes = {name: (recording["population"] == name).sum() for name in ("key", "value")}
    assert sizes["key"] == 3 * PRE and sizes["value"] % (2 * POST) == 0
    assert (
        recording.spikes("key").sizes["spike"]
        > 10
        < recording.spikes("value").sizes["spike"]
    )
    assert recording.duration == pytest.approx(2 * float(recording["token_start"][1]))


def test_spikes_of_some_populations():
    for wanted, left in ((("key",), {"key"}), (False, None), (True, {"key", "teacher"})):
        found = run("population", None, record_spikes=wanted)
        assert found.dataset.sizes["cell"] == HEADS * (PRE + 2 * POST) * CELLS
        assert ("spike_time" in found) == (left is not None)
        if left:
            assert set(found.spikes()["population"].values) == left
            np.testing.assert_array_equal(
                found.spikes("key")["time"], run("population").spikes("key")["time"]
            )


def test_selection():
    recording = run("population")
    edges = np.round(np.arange(TOKENS + 1) * TOKEN, 12)
    parts = [
        recording.sel(time=slice(start, stop - DT / 2))
        for start, stop in zip(edges[:-1], [*edges[1:-1], edges[-1] + 1], strict=True)
    ]
    for name in ("w", "V", "spike_time", "spike_cell"):
        dim = recording[name].dims[0]
        whole = xr.concat([part[name] for part in parts], dim)
        np.testing.assert_array_equal(whole, recording[name])
    assert recording.sel(time=slice(0 * ms, 10 * ms)).dataset.sizes["time"] == 21
    assert recording.sel(time=0.1)["V_basal"].dims == ("head", "channel", "post")
    np.testing.assert_array_equal(
        recording.sel(token=2)["readout"], recording["readout"][2]
    )
    assert recording.sel(token=slice(0, 2)).program.tokens == 2
    np.testing.assert_array_equal(
        recording.sel(token=1).final_weights, recording["weights"][1]
    )
    np.testing.assert_array_equal(
        recording.sel(post=1, head=0)["w"], recording["w"][:, 0, 1]
    )
    one = recording.sel(cell=7)
    assert (one["spike_cell"] == 7).all() and str(one["population"].values) == "key"
    teachers = recording.sel(
        cell=recording["population"] == "teacher", time=slice(0.1, None)
    )
    assert teachers.dataset.sizes["cell"] == HEADS * 2 * POST * CELLS
    expected = recording.spikes("teacher")
    np.testing.assert_array_equal(
        teachers["spike_time"], expected["time"][expected["time"].values >= 0.1]
    )
    silent = run("population", None).sel(time=slice(0, 0.05))  # no traces, but spikes
    assert 0 < silent["spike_time"].size and silent["spike_time"].values.max() <= 0.05


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (
            lambda rec: rec.sel(tokens=1),
            "unknown dim of the recording 'tokens'; did you mean 'tok",
        ),
        (lambda rec: rec.sel(time=77.0), "cannot select .*77"),
        (lambda rec: rec.sel(cell=10**6), "cannot select .*1000000"),
        (lambda rec: rec.sel(time=0.00013), "no sample of exactly this label; select a"),
        (lambda rec: rec.sel(token=99), "cannot select .*99"),
        (lambda rec: rec.sel(time="soon"), "cannot select .*soon"),
        (
            lambda rec: rec.spikes("keys"),
            "unknown population of cells 'keys'; did you mean 'key'",
        ),
        (
            lambda rec: rec["x_nmd"],
            "unknown recorded variable 'x_nmd'; did you mean 'x_nmda'",
        ),
    ],
)
def test_wrong_selections_are_one_sentence(ask, sentence):
    with pytest.raises(fwp.FwpError, match=sentence) as refusal:
        ask(run("population"))
    assert "\n" not in str(refusal.value)


def test_without_time_there_is_no_duration():
    program = random_program(TOKENS, 1, PRE, POST, beta=0.5)
    artificial = fwp.run(program, "delta")
    assert "token_start" not in artificial
    with pytest.raises(
        fwp.FwpError, match="has no duration: its realisation has no time"
    ):
        artificial.duration  # noqa: B018
    rate = fwp.run(program, "delta", "rate", device="numpy")
    assert rate.duration == pytest.approx(TOKENS * float(rate["token_start"][1]))


def test_spikes_that_were_not_recorded_are_not_taken_for_none(tmp_path):
    program = random_program(2, 1, 2, 2)
    recording = fwp.run(program, "delta", "spiking", cells=5, device="numpy",
                        record_spikes=["key"])  # fmt: skip
    recording.save(tmp_path / "run.nc")
    for each in (recording, fwp.load(tmp_path / "run.nc")):
        assert each.spikes("key").sizes["spike"] == each.spikes().sizes["spike"] > 0
        with pytest.raises(fwp.FwpError, match="'teacher' were not recorded .*: key"):
            each.spikes("teacher")
