"""Recordings go out as Neo blocks, NWB files and tables; spike trains come in."""

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms

import fwp_neuro as fwp
from fwp_neuro.circuits import connect, spike_source

neo = pytest.importorskip("neo")


@pytest.fixture(scope="module")
def spiking():
    program = fwp.tasks.associative_recall(tokens=2, dim=3, beta=0.8, seed=1)
    return fwp.run(
        program, "delta", "spiking", cells=4, device="numpy", dt=1 * ms,
        record=("w", "V_basal", "g_ampa"), record_every=5 * ms,
    )  # fmt: skip


def test_elephant_takes_the_block(spiking):
    statistics = pytest.importorskip("elephant.statistics")
    from elephant.conversion import BinnedSpikeTrain
    from elephant.kernels import GaussianKernel
    from elephant.spike_train_correlation import correlation_coefficient

    (segment,) = spiking.to_neo().segments
    trains = segment.spiketrains
    found = spiking.spikes("key")
    for n in range(12):
        mine = found["time"].values[found["number"].values == n]
        np.testing.assert_array_equal(trains[n].magnitude, np.sort(mine))
        assert trains[n].annotations["population"] == "key"
        rate = statistics.mean_firing_rate(trains[n]).rescale("Hz")
        assert float(rate) == pytest.approx(len(mine) / spiking.duration)
        np.testing.assert_allclose(
            statistics.isi(trains[n]).magnitude, np.diff(np.sort(mine))
        )
    binned = BinnedSpikeTrain(trains[:4], bin_size=0.01 * trains[0].units)
    assert correlation_coefficient(binned).shape == (4, 4)
    kernel = GaussianKernel(0.05 * trains[0].units)
    smooth = statistics.instantaneous_rate(trains[:4], 0.01 * trains[0].units, kernel)
    assert smooth.shape[1] == 4
    signals = {one.name: one for one in segment.analogsignals}
    basal = signals["V_basal"].rescale("mV").magnitude
    np.testing.assert_allclose(basal, 1e3 * spiking["V_basal"].values.reshape(-1, 6))
    assert signals["g_ampa"].annotations["unit_as_said"] == "leak conductance"
    assert list(segment.epochs[0].labels) == list(spiking["label"].values)


def test_an_nwb_file_is_valid_and_has_nothing_critical(spiking, tmp_path):
    pynwb = pytest.importorskip("pynwb")
    from nwbinspector import Importance, inspect_nwbfile

    path = spiking.to_nwb(tmp_path / "run.nwb")
    assert not pynwb.validate(path=str(path))
    found = [
        one.check_function_name
        for one in inspect_nwbfile(nwbfile_path=path)
        if one.importance in (Importance.CRITICAL, Importance.ERROR)
    ]
    assert found == ["check_subject_exists"]  # a simulation has none
    with pynwb.NWBHDF5IO(path, "r") as file:
        content = file.read()
        assert list(content.trials["label"]) == list(spiking["label"].values)
        np.testing.assert_array_equal(content.trials["readout"][:], spiking["readout"])
        series = content.processing["simulation"]["w"]
        np.testing.assert_array_equal(
            series.data[:].reshape(spiking["w"].shape), spiking["w"]
        )


def test_a_table_has_a_row_for_each_number(spiking, tmp_path):
    table = spiking.to_dataframe("weights")
    assert len(table) == 2 * 3 * 3 and {"token", "post", "pre", "weights"} <= {*table}
    row = table[(table.token == 1) & (table.post == 2) & (table.pre == 0)]
    assert float(row["weights"].iloc[0]) == float(spiking["weights"][1, 2, 0])
    table.to_csv(tmp_path / "weights.csv")


def fired(group, length=1.3):
    """Return what a group fires as sorted pairs (cell, time in ms)."""
    with_clock = b2.SpikeMonitor(group)
    b2.Network(group, with_clock).run(length * b2.second)
    return sorted(zip(with_clock.i[:], np.round(with_clock.t / ms, 6), strict=True))


@pytest.fixture
def sources(tmp_path):
    pairs = [(0, 10.0), (2, 10.0), (1, 25.0), (2, 40.0)]
    cells, times = np.array([c for c, _ in pairs]), np.array([t for _, t in pairs])
    plain = tmp_path / "spikes.csv"
    plain.write_text("time (ms),cell\n" + "\n".join(f"{t},{c}" for c, t in pairs))
    semi = tmp_path / "semi.csv"
    semi.write_bytes(
        "\ufeff# from the rig\nunit;time\n".encode()
        + "\n".join(f"{c};{t / 1e3}" for c, t in pairs).encode()
    )
    trains = [
        neo.SpikeTrain(times[cells == c], units="ms", t_stop=100.0) for c in range(3)
    ]
    segment = neo.Segment()
    segment.spiketrains.extend(trains)
    return sorted(pairs), {
        "csv": plain, "semicolons": str(semi), "Neo trains": trains,
        "Neo segment": segment, "arrays": (times / 1e3, cells),
        "units": (times * ms, cells),
        "dict": {c: times[cells == c] / 1e3 for c in range(3)},
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    ["csv", "semicolons", "Neo trains", "Neo segment", "arrays", "units", "dict"],
)
def test_spike_trains_come_in(sources, kind):
    pairs, given = sources
    b2.prefs.codegen.target = "numpy"
    group = spike_source(given[kind])
    assert group.N == 3
    assert fired(group, 0.1) == pairs


def test_what_went_out_comes_in_again(spiking, tmp_path):
    pytest.importorskip("pynwb")
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 1 * ms
    try:
        path = spiking.to_nwb(tmp_path / "run.nwb")
        usual = fired(spike_source(spiking))
        assert fired(spike_source(path)) == usual == fired(spike_source(spiking.to_neo()))
        keys = spike_source(spiking, population="key")
        assert keys.N == 12
    finally:
        b2.defaultclock.dt = 0.1 * ms


def test_connect_takes_them(sources):
    b2.prefs.codegen.target = "numpy"
    inputs = spike_source(sources[1]["csv"], cells=4)
    cells = b2.NeuronGroup(1, "v : 1", threshold="v > 1", reset="v = 0")
    plastic = connect("pair_stdp", inputs, cells)
    b2.Network(inputs, cells, *plastic.objects).run(50 * ms)
    assert plastic.values("w").shape == (4,)


def test_recorded_spikes_are_the_keys_of_a_programme(sources, tmp_path):
    value = [[1.0, -1.0], [0.5, 0.0]]
    program = fwp.circuits.program_of_spikes(
        sources[1]["csv"], value, 20 * ms, 50 * b2.Hz, cells=4, beta=0.5
    )
    # cell 0 and 2 fire in the first 20 ms, cell 1 in the second; 40 ms is past the end
    np.testing.assert_allclose(program["key"], [[1, 0, 1, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(program["value"], value)
    exact = fwp.run(program, "delta")
    np.testing.assert_allclose(exact["readout"][1], 0.5 * np.array(value[1]))
    with pytest.raises(fwp.FwpError, match="spikes: cells are numbered from 0 to 2"):
        fwp.circuits.program_of_spikes(sources[1]["csv"], value, cells=2)


@pytest.mark.parametrize(
    "given, options, said",
    [
        ("spikes.txt", {}, "come from .csv and .nwb"),
        ("missing.csv", {}, "cannot be read"),
        ("missing.nwb", {}, "no file"),
        ({0: [-0.1]}, {}, "not negative"),
        ({0: [float("nan")]}, {}, "finite"),
        ({3: [0.1]}, {"cells": 2}, "numbered from 3 to 3"),
        (([0.1, 0.2], [0]), {}, "one whole number"),
        (([0.1] * b2.volt, [0]), {}, "in seconds"),
        ({"a": [0.1]}, {}, "one whole number|from a whole number"),
        (3, {}, "must be a .csv"),
        ({0: [0.1]}, {"population": "key"}, "option of a Recording"),
        ({10**13: [0.1]}, {}, "cells"),
    ],
    ids=str,
)
def test_what_is_no_spike_train_is_one_sentence(
    given, options, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fwp.FwpError, match=said):
        spike_source(given, **options)


def test_a_header_that_is_not_known_shows_a_right_one(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("t,n\n1,2\n")
    with pytest.raises(fwp.FwpError, match=r"as in 'time \[ms\],cell'; it has time, n"):
        spike_source(path)
    path.write_text("# comment\ntime,cell\n0.1,0\nx,1\n")
    with pytest.raises(fwp.FwpError, match="line 4, must hold numbers"):
        spike_source(path)
    path.write_text("time,cell\n0.1,1.5\n")
    with pytest.raises(fwp.FwpError, match="one whole number a spike"):
        spike_source(path)
    path.write_text("time [mV],cell\n0.1,1\n")
    with pytest.raises(fwp.FwpError, match="unknown unit of column 'time'"):
        spike_source(path)


def test_units_of_other_packages_are_converted():
    import quantities as pq

    b2.prefs.codegen.target = "numpy"
    trains = {0: np.array([10.0, 20.0]) * pq.ms}
    assert fired(spike_source(trains), 0.1) == [(0, 10.0), (0, 20.0)]
    pair = (np.array([10.0]) * pq.ms, [1])
    assert fired(spike_source(pair), 0.1) == [(1, 10.0)]
    with pytest.raises(fwp.FwpError, match="times in seconds"):
        spike_source({0: np.array([10.0]) * pq.mV})


def test_spikes_of_several_sequences_are_not_mixed(spiking):
    several = fwp.run(
        [spiking.program] * 2, "delta", "spiking", cells=2, device="numpy",
        record_spikes=True,
    )  # fmt: skip
    with pytest.raises(fwp.FwpError, match=r"rec.sequence\(n\)"):
        spike_source(several, population="key")
    assert spike_source(several.sequence(1), population="key").N == 6


@pytest.mark.parametrize("what", ["to_neo", "to_nwb"])
def test_a_recording_without_time_is_refused(what, spiking, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["run.nwb"] if what == "to_nwb" else []
    with pytest.raises(fwp.FwpError, match="has no time"):
        getattr(fwp.run(spiking.program, "delta"), what)(*arguments)
    several = fwp.run([spiking.program] * 2, "delta", "spiking", cells=2, device="numpy")
    with pytest.raises(fwp.FwpError, match=r"rec.sequence\(n\)"):
        getattr(several, what)(*arguments)


def test_an_nwb_file_is_called_so(spiking, tmp_path):
    with pytest.raises(fwp.FwpError, match="ends in .nwb"):
        spiking.to_nwb(tmp_path / "run.txt")


def test_a_missing_package_is_named(spiking, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "neo", None)
    with pytest.raises(fwp.FwpError, match=r'pip install "fwp_neuro\[io\]"'):
        spiking.to_neo()
