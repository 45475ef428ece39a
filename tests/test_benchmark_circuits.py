"""The benchmark of circuits: contenders equal the oracle, no number for a wrong one, the
plan."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from fwp_neuro import toolchain
from fwp_neuro.benchmarks.circuits import (
    bandwidth,
    brian,
    circuit_contenders,
    circuit_table,
    hand_loop,
    measured,
    nest_loop,
    oracle,
    rounds,
    timing_worker,
    torch_loops,
)
from fwp_neuro.benchmarks.circuits.circuit_contenders import (
    CONTENDERS,
    DENSE,
    LEAN,
    TEXTBOOK,
)
from fwp_neuro.benchmarks.circuits.hand_written import PARAMETERS
from fwp_neuro.benchmarks.circuits.network import DT, KINDS, NetworkCase, decayed
from fwp_neuro.errors import Cannot

SMALL = NetworkCase(900, 0.25)
needs_compiler = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
needs_nest = pytest.mark.skipif(
    importlib.util.find_spec("nest") is None, reason="nest-simulator is not installed"
)


@pytest.fixture(scope="module")
def right():
    """Return the oracle's result of the small network, by kind."""
    found = {}
    for kind in KINDS:
        weights, fired = oracle.simulate(
            NetworkCase(SMALL.synapses, SMALL.duration, kind)
        )
        spikes = np.bincount(fired[:, 1], minlength=SMALL.cells)
        found[kind] = {"weights": weights, "spikes": spikes, "fired": fired}
    return found


# ---------------------------------------------------------------- the oracle


def test_the_oracle_follows_the_formulas_spike_by_spike():
    """One synapse, presynaptic spikes at steps 0 and 300, postsynaptic ones at 100 and
    300."""

    class One(NetworkCase):
        spikes = np.array([[0, 0], [300, 0]])
        rows = np.array([0])

    case = One(1, 401 * DT)
    found = oracle.replay(case, np.array([[100, 0], [300, 0]]))
    p = PARAMETERS

    def left(steps, tau):
        return np.exp(-steps * DT / p[tau])

    w, x, y = 0.1, 0.0, 0.0
    x += p["a_pre"]  # step 0; the trace of the postsynaptic cell is still 0
    w = decayed(w, left(100, "tau_w")) + x * left(100, "tau_stdp")
    y += p["a_post"]
    w = decayed(w, left(200, "tau_w")) + y * left(200, "tau_stdp")  # presynaptic first
    x = x * left(300, "tau_stdp") + p["a_pre"]
    w = decayed(w + x, left(100, "tau_w"))
    assert found == pytest.approx(np.array([[w]]), abs=1e-14)


def test_static_weights_stay_and_kinds_differ(right):
    first = SMALL.weights(SMALL.rows)
    assert (right["static"]["weights"] == first).all()
    for one, other in (("pair", "presynaptic"), ("presynaptic", "static")):
        assert np.abs(right[one]["weights"] - right[other]["weights"]).max() > 1e-3


def test_cells_fire_at_the_rate_that_is_told():
    case = NetworkCase(10_000, 1.0)
    _, fired = oracle.simulate(case)
    assert 20 < len(fired) / case.cells < 30
    assert len(case.spikes) / case.cells == pytest.approx(20, abs=1)
    late = fired[fired[:, 0] > 2000]  # not all of them in one step
    assert np.unique(late[:, 0]).size > 0.5 * len(late)


def test_a_replay_of_the_oracles_own_spikes_is_its_result():
    case = NetworkCase(490_000, 0.05)  # more synapses than are compared
    weights, fired = oracle.simulate(case)
    assert case.rows.size == 142 and weights.shape == (142, 700)
    assert (oracle.replay(case, fired) == weights).all()


# ---------------------------------------------------------------- contenders


@needs_compiler
@pytest.mark.parametrize(
    ("variant", "legal"), [("generic", measured.DOUBLE), ("lean_f32", measured.SINGLE)]
)
def test_hand_written_loops_are_right(right, variant, legal):
    found = hand_loop.measure(SMALL, Path(), variant)
    assert not measured.wrong(measured.errors(SMALL, found, right["pair"], legal), legal)
    assert found.spikes.sum() > 10 and found.cpu > 0


@pytest.mark.parametrize("form", ["rows", "dense"])
def test_torch_forms_are_right(right, form):
    found = torch_loops.measure(SMALL, Path(), form)
    away = measured.errors(SMALL, found, right["pair"], measured.SINGLE)
    assert not measured.wrong(away, measured.SINGLE)
    assert found.bytes >= 0 and found.cpu > 0


@pytest.mark.parametrize(
    ("layout", "kind"),
    [("textbook", "pair"), ("factorised", "pair"), ("factorised", "presynaptic"),
     ("static", "static")],
)  # fmt: skip
def test_networks_of_brian2_are_right(right, layout, kind):
    import brian2 as b2

    from fwp_neuro.devices import brian2_state

    case = NetworkCase(SMALL.synapses, SMALL.duration, kind)
    with brian2_state.runtime("numpy", DT * b2.second, 0):
        network = brian.network(case, layout)
        network.all.run(case.duration * b2.second, namespace={})
        found = measured.Measured(0, 0, 0, network.weights(), network.spikes())
    assert not measured.wrong(measured.errors(case, found, right[kind], measured.DOUBLE),
                              measured.DOUBLE)  # fmt: skip


@needs_nest
def test_nest_gives_the_weights_of_the_pair_rule(tmp_path):
    case = NetworkCase(900, 0.4)  # NEST prints: its process is its own
    np.savez(
        tmp_path / timing_worker.file(case),
        weights=np.zeros((30, 30)),
        spikes=np.zeros(30),
    )
    answer = timing_worker.ask(
        "measure", case, tmp_path / "nest", circuit_contenders.NEST
    )
    assert not answer["wrong"] and answer["error"] < 1e-12
    assert answer["cpu"] > 0 and answer["spikes"] > 100


def test_the_order_in_nest_is_told_apart_from_brian2s():
    case = NetworkCase(900, 0.25)
    _, fired = oracle.simulate(case)
    assert (
        np.abs(nest_loop.expected(case, fired) - oracle.replay(case, fired)).max() > 1e-3
    )


@needs_compiler
def test_a_worker_measures_in_a_process_of_its_own(tmp_path):
    assert timing_worker.ask("oracle", SMALL, tmp_path)["spikes"] > 10
    answer = timing_worker.ask("measure", SMALL, tmp_path / "loop", LEAN)
    assert answer["wrong"] == "" and 0 < answer["cpu"] < 10
    # another network's oracle must not do
    other = NetworkCase(SMALL.synapses, SMALL.duration, seed=1)
    os.rename(tmp_path / timing_worker.file(SMALL), tmp_path / timing_worker.file(other))
    answer = timing_worker.ask(
        "measure", other, tmp_path / "loop", circuit_contenders.GENERIC
    )
    assert "is off by" in answer["wrong"]


def test_a_step_that_fails_tells_why(tmp_path):
    answer = timing_worker.ask("measure", SMALL, tmp_path / "program", TEXTBOOK)
    assert "No such file or directory" in answer["problem"]


def test_every_contender_has_what_the_rounds_call():
    for name, contender in CONTENDERS.items():
        module = contender.load()
        assert callable(module.prepare) and callable(module.measure)
        assert contender.note and contender.kind in KINDS and contender.name == name


def test_a_slow_contender_runs_shorter():
    assert circuit_contenders.case(TEXTBOOK, 10**6, 1.0, longest=10).duration == 1.0
    assert (
        circuit_contenders.case(
            circuit_contenders.EVERY_STEP, 10**6, 1.0, longest=15
        ).duration
        == 0.1
    )
    assert (
        circuit_contenders.case(
            circuit_contenders.EVERY_STEP, 10**7, 1.0, longest=0.1
        ).duration
        == 0.005
    )
    assert (
        circuit_contenders.case(circuit_contenders.STATIC, 10**4, 1.0, longest=10).kind
        == "static"
    )


def test_schedules_hold_each_cells_spikes():
    found = brian.schedule(SMALL)
    for cell in range(SMALL.cells):
        steps = SMALL.spikes[SMALL.spikes[:, 1] == cell, 0]
        assert found[: len(steps), cell] == pytest.approx(steps * DT)
        assert (found[len(steps) :, cell] > 1e6).all()
    assert (found[-1] > 1e6).all()


def test_events_are_spikes_times_their_synapses():
    pre = 30 * len(SMALL.spikes)
    assert SMALL.events(7) == pre + 30 * 7
    assert NetworkCase(900, 0.25, "static").events(7) == pre


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": 1e-9}, "a weight is off by 1.0e-09"),
        ({"spikes": 1}, "a cell's spikes are off by 1"),
        ({"weights": np.nan}, "a weight is off by nan"),
    ],
)
def test_results_that_are_off_are_wrong(right, change, words):
    weights, spikes = right["pair"]["weights"].copy(), right["pair"]["spikes"].copy()
    weights[0, 0] += change.get("weights", 0)
    spikes[0] += change.get("spikes", 0)
    found = measured.Measured(0, 0, 0, weights, spikes)
    away = measured.errors(SMALL, found, right["pair"], measured.DOUBLE)
    assert words in measured.wrong(away, measured.DOUBLE)


@needs_compiler
def test_bandwidth_is_that_of_a_machine():
    found = bandwidth.bandwidth(10_000, rounds=2, least=0.01)
    assert 1e9 < found < 1e13


# ---------------------------------------------------------------- rounds


def answers(task, case, folder, contender=""):
    """Answer in place of a worker: every second costs 2 s with the first contender, 1 s
    else."""
    if task == "oracle":
        folder.joinpath(timing_worker.file(case)).touch()
        return {"spikes": 1}
    if task == "prepare":
        return (
            {"problem": "no room"}
            if contender == circuit_contenders.ROWS
            else {"build": 3.0}
        )
    bad = contender == circuit_contenders.EVERY_STEP
    return {
        "cpu": case.duration * (2 if contender == TEXTBOOK else 1), "setup": 0.5,
        "error": 0.0, "bytes": 50.0 * case.synapses, "spikes": 10, "mean_weight": 0.25,
        "wrong": "a weight is off by 1" if bad else "",
    }  # fmt: skip


def check_here(name):
    if name == DENSE:
        raise Cannot("not here")


def run(monkeypatch, names, ask=answers, **options):
    monkeypatch.setattr(rounds, "ask", ask)
    monkeypatch.setattr(bandwidth, "bandwidth", lambda floats: 8e9)
    monkeypatch.setattr(rounds.circuit_contenders, "check_here", check_here)
    return rounds.benchmark(
        (900, 10_000), names, 2, duration=0.1, builds=False, **options
    )


def test_rounds_give_numbers_or_reasons(monkeypatch):
    told = []
    names = (
        TEXTBOOK,
        LEAN,
        DENSE,
        circuit_contenders.ROWS,
        circuit_contenders.EVERY_STEP,
    )
    data = run(monkeypatch, names, progress=lambda part, note: told.append(part))
    assert np.isfinite(data["cpu"].sel(contender=[TEXTBOOK, LEAN]).values).all()
    for name in (DENSE, circuit_contenders.ROWS, circuit_contenders.EVERY_STEP):
        for what in ("cpu", "bytes", "events", "error"):
            assert np.isnan(data[what].sel(contender=name).values).all()
    notes = data.attrs["notes"]
    assert f"{DENSE}: not here" in notes
    assert f"{circuit_contenders.ROWS}, 9e+02 synapses: no number, for no room" in notes
    assert (
        "torch, every step, 1e+04 synapses: no number, for a weight is off by 1" in notes
    )
    assert told == sorted(told) and 0 <= told[0] and told[-1] <= 1
    assert circuit_table.ratio(data, TEXTBOOK, LEAN, 900) == 2
    expected = NetworkCase(900, 0.1).events(10) / 0.1
    assert float(circuit_table.speed(data, LEAN).sel(synapses=900)) == pytest.approx(
        expected
    )
    assert (circuit_table.per_synapse(data, LEAN) == 50).all()


def test_events_of_a_run_that_is_too_short_for_spikes_are_those_of_the_network(
    monkeypatch,
):
    def ask(task, case, folder, contender=""):
        return {**answers(task, case, folder, contender), "wrong": ""}

    data = run(
        monkeypatch, (circuit_contenders.EVERY_STEP, TEXTBOOK), ask, longest=0.1245
    )
    short = data.sel(contender=circuit_contenders.EVERY_STEP, synapses=10_000)
    whole = data.sel(contender=TEXTBOOK, synapses=10_000)
    assert float(short["duration"]) == 0.083 and float(
        whole["duration"]
    ) == pytest.approx(0.1)
    assert float(short["events"]) == pytest.approx(0.83 * float(whole["events"]))


def test_an_interruption_leaves_nothing(monkeypatch, tmp_path):
    folders = []

    def ask(task, case, folder, contender=""):
        folders.append(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, (LEAN,), ask)
    assert folders and not any(folder.exists() for folder in folders)
