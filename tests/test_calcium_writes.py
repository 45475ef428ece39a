"""Writes between many trains, and the cells that fire because of AMPA input and a
teacher."""

import numpy as np
import pytest

from fwp_neuro import figure_scripts, synapses
from fwp_neuro.circuits import driven_cells
from fwp_neuro.plotting import PAGE, style
from fwp_neuro.synapses import calcium_writes, spine_calcium
from fwp_neuro.synapses.calcium_readouts import READOUTS
from fwp_neuro.synapses.point_spine import events as point_spine

DT = 1e-4
P = synapses.get("point_spine").parameters


def trains(rates, seconds=0.4, seed=0):
    steps = round(seconds / DT)
    return (np.random.default_rng(seed).random((steps, len(rates))) < rates * DT).astype(
        float
    )


def test_writes_step_by_step_are_those_of_the_filters():
    pre, post = trains(np.full(3, 40.0), seed=1), trains(np.full(2, 40.0), seed=2)
    opened, volts = spine_calcium.opening(P, pre, DT), spine_calcium.voltage(P, post, DT)
    peaks = {"own": tuple(np.full(2, peak) for peak in spine_calcium.peaks(P))}
    found = calcium_writes.cumulative(P, opened, volts, DT, 1000, peaks)[0]
    assert found.shape == (len(READOUTS), 4, 2, 3)
    for name, sample in zip(READOUTS, found, strict=True):
        model = synapses.get("point_spine", name)
        for number, write in enumerate(sample, 1):
            part = pre[: 1000 * number, None], post[: 1000 * number, :, None]
            expected = point_spine.changed_weight(model, *part, DT) - 1
            assert write == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def test_calibrations_run_side_by_side():
    pre, post = trains(np.full(2, 40.0), seed=1), trains(np.full(2, 40.0), seed=2)
    opened, volts = spine_calcium.opening(P, pre, DT), spine_calcium.voltage(P, post, DT)
    peaks = np.array(spine_calcium.peaks(P))
    scales = {f"{x:g}": np.repeat(x * peaks[:, None], 2, 1) for x in (1, 2)}
    one, two = calcium_writes.cumulative(
        P, opened, volts, DT, 4000, scales, ("linear", "hill_4")
    )
    assert one.shape == (2, 1, 2, 2)
    assert one[0] == pytest.approx(2 * two[0], rel=1e-12)  # linear: the scale divides
    assert (two[1] < one[1]).all()


def test_telling_apart_counts_pairs():
    assert calcium_writes.told_apart(np.array([3, 4]), np.array([1, 2])) == 1
    assert calcium_writes.told_apart(np.array([1, 2]), np.array([1, 2])) == 0.5


def test_a_teacher_fires_its_cell_and_a_spike_reaches_the_spine():
    taught = np.zeros((1500, 3))
    taught[200, 0] = taught[900, 0] = taught[500, 1] = 1
    found = driven_cells.run(P, np.zeros((1500, 1)), taught, np.ones(3), DT)
    assert found["spikes"].sum(0).tolist() == [2, 1, 0]
    late = found["spikes"][:, 1].argmax() - 500
    assert 0 < late * DT < 3e-3  # a strong EPSP needs a millisecond or two to threshold
    assert np.ptp(found["V"][:, 2]) == 0
    peak = found["V"][:, 1].max() - found["U"][:, 1].max()
    assert peak > 0.5 * float(P["bap"])


def test_input_depolarises_and_then_fires_cells():
    pre = trains(np.full(48, 17.5), 0.6, seed=3)
    found = driven_cells.run(P, pre, np.zeros((6000, 3)), np.array([0.0, 1.0, 4.0]), DT)
    mean = found["U"][2000:].mean(0)
    assert mean[0] == pytest.approx(-75e-3) and -73e-3 < mean[1] < -60e-3
    assert found["spikes"][:, :2].sum() == 0 and found["spikes"][:, 2].sum() > 5


def test_a_held_cell_stays_where_it_is_held():
    silent = np.zeros((200, 2))
    found = driven_cells.run(P, silent, silent, np.ones(2), DT, np.array([0.0, 10e-3]))
    assert found["U"][-1] == pytest.approx([-75e-3, -65e-3])


@pytest.mark.slow
def test_what_the_figure_of_readouts_claims():
    script = figure_scripts.script_named("fig11_calcium_readouts")
    data = script.simulate(quick=True)
    best = data.bilinearity.sel(state="working point")
    for circuit in ("imposed", "0", "1"):
        assert best.sel(circuit=circuit, readout="hill_4") > 0.97
        assert best.sel(circuit=circuit, readout="fourth_power") < 0.9
    strong = best.sel(circuit="2.5")
    assert strong.sel(readout="soft_threshold") > strong.sel(readout="hill_4") + 0.03
    assert strong.sel(readout="square") > strong.sel(readout="hill_4") + 0.05
    leak = data.leak.sel(circuit="2.5", readout="hill_4", state="working point")
    assert leak > 3 * data.leak.sel(circuit="imposed", readout="hill_4", state="rest")
    with style():
        assert script.plot(data).get_size_inches()[0] == pytest.approx(PAGE)
    assert "foreign keys" in script.report(data)
