"""A program that is kept for a structure gives what a program of one's own gives."""

import logging
import os
import threading
from contextlib import ExitStack

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import expected_runs, toolchain
from fwp_neuro.circuits import AP5, CNQX, SPIKING, Timeline
from fwp_neuro.devices import compiled_builds, kept_programs
from fwp_neuro.devices.device import DeviceJob
from fwp_neuro.devices.device_program import Draft
from fwp_neuro.errors import Cannot

ms = b2.ms
SHORT = Timeline(**dict.fromkeys(("settle", "write", "gap", "query", "rest"), 20 * ms),
                 read=10 * ms)  # fmt: skip
PROBES = np.eye(4)[:2]
WEIGHTS = 0.3 * np.arange(12).reshape(3, 4) / 12
#: what runs of one structure may differ in
ALIKE = {
    "first": {},
    "cells, seed": {"cells": 250, "seed": 7},
    "tokens": {"tokens": 5},
    "turnover, writes": {"alpha": 0.7, "beta": 0.2},
    "larger values": {"values": 3.0, "initial_weights": WEIGHTS},
    "a fitted scale": {"value_scale": "fit"},
    "parameters": {"constants": {"tau_nmda": 60 * ms, "weight_baseline": 1.5}},
    "probes": {"probes": PROBES + 0.5},
    "drugs": {"drugs": [AP5(0.5, window="write"), CNQX(0.2, tokens=[1])]},
}
#: option -> what makes another structure
OTHER = {
    "rule": {"rule": "hebb"},
    "dimension": {"pre": 5},
    "heads": {"heads": 2},
    "signed keys": {"signed": True, "signed_keys": "opponent"},
    "no spikes": {"cells": float("inf")},
    "every cell": {"layout": "synapse", "cells": 5},
    "regular cells": {"key_cells": "integrate_and_fire"},
    "tonic teachers": {"teacher": "tonic"},
    "spikes": {"record_spikes": ["key"]},
    "traces": {"record": ["w"], "record_every": 10 * ms},
    "weights": {"record_weights": "last"},
}
#: what has one source too, but numbers that a run of a program cannot change
FIXED = {"timeline": {"timeline": Timeline()}, "time step": {"dt": 1 * ms},
         "magnesium block": {"parameters": "ellwood_2024"}}  # fmt: skip


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(kept_programs, "BEFORE_COMPILING", 3)
    kept_programs.clear()
    yield
    kept_programs.clear()


def prepared(rule="gated_delta", tokens=3, pre=4, alpha=0.9, beta=0.4, values=1.0,
             signed=False, heads=None, **options):  # fmt: skip
    rng = np.random.default_rng(tokens)
    shape = (tokens,) if heads is None else (tokens, heads)
    key = rng.random((*shape, pre)) - 0.5 * signed
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    value = values * rng.uniform(-1, 1, (*shape, 3))
    program = fwp.Program(key, value, alpha=alpha, beta=beta)
    given = {"timeline": SHORT, "probes": None if pre != 4 else PROBES, "cells": 20}
    return SPIKING.prepare(program, rule, **{**given, **options})


def job(ready, device="cpp_standalone"):
    return DeviceJob(ready.build, ready.dt, ready.seed, make_structure=ready.structure)


def source(ready):
    with Draft(ready.build, dt=ready.dt, seed=ready.seed) as draft:
        return compiled_builds.key(draft.folder)


def test_equal_structures_have_one_source_and_others_another():
    first = prepared()
    sources = {}
    for name, changed in {**ALIKE, **OTHER, **FIXED}.items():
        ready = prepared(**changed)
        same = ready.structure().key == first.structure().key
        assert same == (name in ALIKE), name
        assert hash(ready.structure().key) is not None
        sources[name] = source(ready) if toolchain.find() else name not in ALIKE
    assert {sources[name] for name in ALIKE} == {sources["first"]}
    assert sources["first"] not in {sources[name] for name in OTHER}


@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
@pytest.mark.parametrize("made", [{}, pytest.param(OTHER["every cell"],
                         marks=pytest.mark.slow), pytest.param(
    OTHER["regular cells"] | OTHER["spikes"], marks=pytest.mark.slow), pytest.param(
    OTHER["signed keys"] | OTHER["traces"], marks=pytest.mark.slow), pytest.param(
    OTHER["no spikes"], marks=pytest.mark.slow)],
    ids=["default", "every cell", "regular", "signed", "rates"])  # fmt: skip
def test_a_kept_program_gives_what_one_of_its_own_gives(made):
    every = {name: {**changed, **made} for name, changed in ALIKE.items()}
    if "key_cells" in made:  # whose phases are numbers too
        every["cells, seed"] = {**made, "seed": 7}
    own = {}
    for name, changed in every.items():
        kept_programs.clear()
        own[name] = prepared(device="cpp_standalone", **changed).run()
    kept_programs.clear()
    with ExitStack() as watched:
        drafts = []
        patch = watched.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(kept_programs, "Draft", lambda *given, **more: drafts.append(1)
                      or Draft(*given, **more))  # fmt: skip
        for name in (*every, *reversed(every)):
            found = prepared(device="cpp_standalone", **every[name]).run()
            assert list(found.dataset.variables) == list(own[name].dataset.variables)
            for variable in found.dataset.variables:
                np.testing.assert_array_equal(
                    found[variable], own[name][variable], f"{name}: {variable}"
                )
        assert len(drafts) == 1  # Brian2 made objects and code once


# ------------------------------------------------------------------- when it is compiled


def test_auto_compiles_a_structure_in_the_background_after_three_runs(
    monkeypatch, caplog
):
    go_on, built = threading.Event(), []

    def build(folder):
        go_on.wait(20)
        built.append(folder)
        raise Cannot("the compiler is broken")

    monkeypatch.setattr(kept_programs, "_marked", lambda key: False)
    monkeypatch.setattr(compiled_builds, "program", build)
    caplog.set_level(logging.INFO, logger="fwp_neuro.devices")
    for _ in range(kept_programs.BEFORE_COMPILING):
        assert not kept_programs.compiled_before(job(prepared()))
    assert not kept_programs._builds and "background" not in caplog.text
    for _ in range(3):
        assert not kept_programs.compiled_before(job(prepared(cells=30)))
        assert len(kept_programs._builds) == 1
    assert caplog.text.count("after 3 runs of this structure it is compiled") == 1
    go_on.set()
    (build,) = kept_programs._builds.values()
    build.thread.join(20)
    # what failed once is not tried again, and the run goes on elsewhere
    for _ in range(5):
        assert not kept_programs.compiled_before(job(prepared()))
    assert len(built) == 1 and "the compiler is broken" in caplog.text


@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
def test_a_program_of_the_background_serves_from_then_on():
    prepared(device="cpp_standalone").run()  # so that it is in the cache
    kept_programs.clear()
    key = kept_programs.key_of(job(prepared()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_programs, "_marked", lambda key: False)
        for _ in range(kept_programs.BEFORE_COMPILING + 1):
            assert not kept_programs.compiled_before(job(prepared()))
        kept_programs._builds[key].thread.join(60)
        assert kept_programs.compiled_before(job(prepared()))
        found = kept_programs.start(job(prepared()))()
    kept_programs.clear()  # as a new process, which asks the cache
    assert kept_programs.compiled_before(job(prepared()))
    again = kept_programs.start(job(prepared()))()
    np.testing.assert_array_equal(found["readout"], again["readout"])


def test_many_runs_are_worth_compiling_for():
    from fwp_neuro.devices import device_choice
    from fwp_neuro.devices.device import Size

    size = Size(9600, 30, 2000)
    with expected_runs.expected(1):
        assert device_choice.choose("auto", size)[0] == "numpy"
    with expected_runs.expected(200):
        device, reason = device_choice.choose("auto", size)
    if toolchain.find():
        assert device == "cpp_standalone" and "for 200 runs" in reason
    assert expected_runs.coming() == 1


def test_who_expects_many_runs_of_many_runs_expects_them_all():
    with expected_runs.expected(10), expected_runs.expected(3):
        assert expected_runs.coming() == 30


def test_preferences_for_code_belong_to_the_key():
    first = kept_programs.key_of(job(prepared()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(b2.prefs, "core.default_float_dtype", np.float32)
        assert kept_programs.key_of(job(prepared())) != first
    assert kept_programs.key_of(job(prepared())) == first


def test_what_is_compiled_in_the_background_ends_with_the_process(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(kept_programs, "_marked", lambda key: False)
    monkeypatch.setattr(compiled_builds, "program", lambda folder: ended.wait(20))
    monkeypatch.setattr(compiled_builds, "stop", lambda folder: ended.set())
    for _ in range(kept_programs.BEFORE_COMPILING + 1):
        kept_programs.compiled_before(job(prepared()))
    (build,) = kept_programs._builds.values()
    assert build.draft.folder.exists()
    kept_programs._end_builds()
    assert not build.thread.is_alive() and not build.draft.folder.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_process_leaves_the_builds_of_its_parent_alone(monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(kept_programs, "_marked", lambda key: False)
    monkeypatch.setattr(compiled_builds, "program", lambda folder: go_on.wait(20))
    for _ in range(kept_programs.BEFORE_COMPILING + 1):
        kept_programs.compiled_before(job(prepared()))
    (build,) = kept_programs._builds.values()
    child = os.fork()
    if child == 0:
        os._exit(len(kept_programs._builds))
    assert os.waitpid(child, 0)[1] == 0
    assert len(kept_programs._builds) == 1
    go_on.set()
    build.thread.join(20)


@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
def test_a_kept_program_whose_files_are_gone_is_made_again():
    first = prepared(device="cpp_standalone").run()
    (made,) = kept_programs._kept.values()
    made.close()  # as a parent process does, or who cleans the temporary folder
    again = prepared(device="cpp_standalone").run()
    np.testing.assert_array_equal(first["readout"], again["readout"])


@pytest.mark.skipif(os.name == "nt", reason="no shell of this kind")
def test_a_compiler_that_is_killed_leaves_its_files_where_they_are_removed(tmp_path):
    compiled_builds._shell('touch "$TMPDIR/left"', tmp_path, "c++", "nothing")
    assert (tmp_path / "left").exists()
