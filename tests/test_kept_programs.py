"""A program that is kept for a structure gives what a program of one's own gives."""

import logging
import os
import threading
from contextlib import ExitStack

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import expected_runs, synapses, toolchain
from fwp_neuro.circuits import (
    AP5,
    CNQX,
    RATE,
    SPIKING,
    Heterogeneity,
    Realism,
    Timeline,
)
from fwp_neuro.circuits.spiking import synapse_form
from fwp_neuro.devices import compiled_builds, kept_programs
from fwp_neuro.devices.device import DeviceJob
from fwp_neuro.devices.device_program import Draft
from fwp_neuro.devices.inputs import Inputs
from fwp_neuro.errors import Cannot

ms = b2.ms
SHORT = Timeline(**dict.fromkeys(("settle", "write", "gap", "query", "rest"), 20 * ms),
                 read=10 * ms)  # fmt: skip
PROBES = np.eye(4)[:2]
WEIGHTS = 0.3 * np.arange(12).reshape(3, 4) / 12
TAU = synapses.get("pair_stdp").parameters["tau_plus"]
REALISM = Realism(
    value_cells="spiking", inhibition="conductance", release=0.5, sites=2,
    heterogeneity=Heterogeneity(apical=0.1, inhibition=0.1),
    background=2 * b2.Hz, membrane_noise=2 * b2.mV, gate="neuromodulator", levels=5,
)  # fmt: skip
#: form -> what its circuits are prepared with
FORMS = {
    "biophysical": {"timeline": SHORT, "cells": 20},
    "generic": {"timeline": SHORT, "cells": 20, "form": "generic"},
    "published": {"rule": "delta", "synapse": "pair_stdp", "cells": 2, "value_cells": 2,
                  "probes": None},
    "rate": {"realisation": RATE, "layout": "synapse"},
    "event": {"realisation": RATE, "layout": "synapse", "dynamics": "event"},
}  # fmt: skip
_TOKENS, _SEED = {"tokens": {"tokens": 5}}, {"seed": {"seed": 7}}
_VALUES = {"larger values": {"values": 3.0, "initial_weights": WEIGHTS}}
_NUMBERS = {"turnover, writes": {"alpha": 0.7, "beta": 0.2}, **_TOKENS, **_VALUES,
            "probes": {"probes": PROBES + 0.5}}  # fmt: skip
#: what runs of one structure may differ in
ALIKE = {
    "biophysical": {
        "first": {},
        "cells, seed": {"cells": 250, "seed": 7},
        **_NUMBERS,
        "a rule that does not compare": {"rule": "hebb"},
        "a fitted scale": {"value_scale": "fit"},
        "parameters": {"constants": {"tau_nmda": 60 * ms, "weight_baseline": 1.5}},
        "drugs": {"drugs": [AP5(0.5, window="write"), CNQX(0.2, tokens=[1])]},
    },
    "generic": {
        "first": {},
        "cells, seed": {"cells": 250, "seed": 7},
        **_NUMBERS,
        "parameters": {"constants": {"rate": 70 * b2.Hz}},
    },
    "published": {
        "first": {}, **_SEED, **_TOKENS, "writes": {"beta": 0.2},
        "larger values": {"values": 3.0}, "rule": {"rule": "hebb"},
    },
    "rate": {"first": {}, **_NUMBERS},
    "event": {"first": {}, **_NUMBERS},
}  # fmt: skip
_SIZES = {"dimension": {"pre": 5}, "heads": {"heads": 2}}
_RECORDED = {"spikes": {"record_spikes": ["key"]},
             "traces": {"record": ["w"], "record_every": 10 * ms}}  # fmt: skip
_WEIGHTS = {"weights": {"record_weights": "last"}}
#: option -> what makes another structure
OTHER = {
    "biophysical": {
        **_SIZES, **_RECORDED, **_WEIGHTS,
        "signed keys": {"signed": True, "signed_keys": "opponent"},
        "no spikes": {"cells": float("inf")},
        "every cell": {"layout": "synapse", "cells": 5},
        "regular cells": {"key_cells": "integrate_and_fire"},
        "tonic teachers": {"teacher": "tonic"},
        "realism": {"realism": REALISM},
    },
    "generic": {
        "rule": {"rule": "hebb"},
        **_SIZES, **_RECORDED, **_WEIGHTS,
        "signed keys": {"signed": True},
        "regular cells": {"key_cells": "integrate_and_fire"},
    },
    "published": {
        "synapse": {"synapse": "triplet_stdp"}, **_SIZES, **_RECORDED,
        "every cell": {"cells": 3}, "value cells": {"value_cells": 3},
    },
    "rate": {
        **_SIZES, **_WEIGHTS, "factors": {"write": "factored"},
        "token cells": {"layout": "low_rank"}, "lag": {"ampa_lag": 2 * ms},
    },
    "event": {"rule": {"rule": "hebb"}, **_SIZES, **_WEIGHTS,
              "token cells": {"layout": "low_rank"}},
}  # fmt: skip
#: what has one source too, but numbers that a run of a program cannot change
FIXED = {
    "biophysical": {"timeline": {"timeline": Timeline()}, "time step": {"dt": 1 * ms},
                    "magnesium block": {"parameters": "ellwood_2024"}},
    "generic": {"timeline": {"timeline": Timeline()}, "time step": {"dt": 1 * ms}},
    # values at the start follow from them
    "published": {
        "parameters": {"constants": {"A_plus": 0.002}},
        "a parameter's last digits": {"constants": {"tau_plus": TAU * (1 + 1e-12)}},
    },
    "rate": {"window": {"window": 30 * ms}, "time step": {"dt": 0.25 * ms},
             "rule": {"rule": "hebb"}},
    "event": {},
}  # fmt: skip
#: what the law of kept programs is tried on, beside the forms as they are
MORE = {
    "biophysical": ("every cell", "regular cells", "signed keys", "no spikes", "realism"),
    "generic": ("signed keys", "regular cells"),
    "published": ("synapse",),
    "rate": ("factors", "token cells", "lag"),
    "event": ("token cells",),
}


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(kept_programs, "BEFORE_COMPILING", 3)
    kept_programs.clear()
    synapse_form._KNOWN.clear()
    yield
    kept_programs.clear()


def prepared(realisation=SPIKING, rule="gated_delta", tokens=3, pre=4, alpha=0.9,
             beta=0.4, values=1.0, signed=False, heads=None, **options):  # fmt: skip
    rng = np.random.default_rng(tokens)
    shape = (tokens,) if heads is None else (tokens, heads)
    key = rng.random((*shape, pre)) - 0.5 * signed
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    value = values * rng.uniform(-1, 1, (*shape, 3))
    program = fwp.Program(key, value, alpha=alpha, beta=beta)
    given = {"probes": None if pre != 4 else PROBES}
    return realisation.prepare(program, rule, **{**given, **options})


def made(form, **changed):
    """Return a circuit of a form, with some of its options changed."""
    return prepared(**{**FORMS[form], **changed})


def biophysical(**changed):
    return made("biophysical", **changed)


def job(ready, device="cpp_standalone"):
    return DeviceJob(ready.build, ready.dt, ready.seed, make_structure=ready.structure)


def source(ready):
    with Draft(ready.build, dt=ready.dt, seed=ready.seed) as draft:
        return compiled_builds.key(draft.folder)


@pytest.fixture
def calibrated(monkeypatch):
    """Take the gain of a circuit of published synapses for known."""
    monkeypatch.setattr(
        synapse_form.PublishedCircuit, "calibrated", lambda *given: (1e-9, 1.0)
    )


@pytest.mark.parametrize("form", [
    pytest.param(form, marks=[pytest.mark.slow] * (form == "published")) for form in FORMS
])  # fmt: skip
def test_equal_structures_have_one_source_and_others_another(form, calibrated):
    first, alike = made(form), ALIKE[form]
    sources = {}
    for name, changed in {**alike, **OTHER[form], **FIXED[form]}.items():
        ready = made(form, **changed)
        same = ready.structure().key == first.structure().key
        assert same == (name in alike), name
        assert hash(ready.structure().key) is not None
        sources[name] = source(ready) if toolchain.find() else name not in alike
    assert {sources[name] for name in alike} == {sources["first"]}
    assert sources["first"] not in {sources[name] for name in OTHER[form]}


SLOW, LONG = pytest.mark.slow, ("generic", "published", "rate", "event")
CASES = [
    pytest.param(form, name, marks=[SLOW] if name or form in LONG else [])
    for form in FORMS for name in ("", *MORE[form])
]  # fmt: skip
RECORDING = {"regular cells": "spikes", "signed keys": "traces", "synapse": "traces"}


@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
@pytest.mark.parametrize("form, name", CASES)
def test_a_kept_program_gives_what_one_of_its_own_gives(form, name):
    other = OTHER[form] | {"": {}}
    base = other[name] | other.get(RECORDING.get(name, ""), {})
    every = {case: {**changed, **base} for case, changed in ALIKE[form].items()}
    if "key_cells" in base:  # whose phases are numbers too
        every["cells, seed"] = {**base, "seed": 7}
    if name == "token cells":  # a cell for each token
        del every["tokens"]
        every["larger values"] = {**base, "values": 3.0}
    own = {}
    for case, changed in every.items():
        kept_programs.clear()
        own[case] = made(form, device="cpp_standalone", **changed).run()
    kept_programs.clear()
    synapse_form._KNOWN.clear()
    with ExitStack() as watched:
        drafts = []
        patch = watched.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(kept_programs, "Draft", lambda *given, **more: drafts.append(1)
                      or Draft(*given, **more))  # fmt: skip
        for case in (*every, *reversed(every)):
            found = made(form, device="cpp_standalone", **every[case]).run()
            assert list(found.dataset.variables) == list(own[case].dataset.variables)
            for variable in found.dataset.variables:
                np.testing.assert_array_equal(
                    found[variable], own[case][variable], f"{case}: {variable}"
                )
        # Brian2 made objects and code once, and once more where a circuit is calibrated
        assert len(drafts) == 1 + (form == "published")


@pytest.mark.parametrize("form", FORMS)
def test_a_run_of_a_kept_program_names_all_that_the_program_reads(form, calibrated):
    ready = made(form)
    with Draft(ready.build, dt=ready.dt, seed=ready.seed) as draft:
        program = Inputs(draft.device)
        numbers = ready.structure().refill(draft.built)
    given = set(numbers)
    if form == "published":  # its parameters are part of the structure
        given |= set(ready.details["constants"])
    plain = {name for name in (*program.constants, *program.tables) if "." not in name}
    assert plain <= given and plain
    assert given & set(program.variables) or form == "published"


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
        assert not kept_programs.compiled_before(job(biophysical()))
    assert not kept_programs._builds and "background" not in caplog.text
    for _ in range(3):
        assert not kept_programs.compiled_before(job(biophysical(cells=30)))
        assert len(kept_programs._builds) == 1
    assert caplog.text.count("after 3 runs of this structure it is compiled") == 1
    go_on.set()
    (build,) = kept_programs._builds.values()
    build.thread.join(20)
    # what failed once is not tried again, and the run goes on elsewhere
    for _ in range(5):
        assert not kept_programs.compiled_before(job(biophysical()))
    assert len(built) == 1 and "the compiler is broken" in caplog.text


@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
def test_a_program_of_the_background_serves_from_then_on():
    biophysical(device="cpp_standalone").run()  # so that it is in the cache
    kept_programs.clear()
    key = kept_programs.key_of(job(biophysical()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_programs, "_marked", lambda key: False)
        for _ in range(kept_programs.BEFORE_COMPILING + 1):
            assert not kept_programs.compiled_before(job(biophysical()))
        kept_programs._builds[key].thread.join(60)
        assert kept_programs.compiled_before(job(biophysical()))
        found = kept_programs.start(job(biophysical()))()
    kept_programs.clear()  # as a new process, which asks the cache
    assert kept_programs.compiled_before(job(biophysical()))
    again = kept_programs.start(job(biophysical()))()
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
    first = kept_programs.key_of(job(biophysical()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(b2.prefs, "core.default_float_dtype", np.float32)
        assert kept_programs.key_of(job(biophysical())) != first
    assert kept_programs.key_of(job(biophysical())) == first


def test_what_is_compiled_in_the_background_ends_with_the_process(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(kept_programs, "_marked", lambda key: False)
    monkeypatch.setattr(compiled_builds, "program", lambda folder: ended.wait(20))
    monkeypatch.setattr(compiled_builds, "stop", lambda folder: ended.set())
    for _ in range(kept_programs.BEFORE_COMPILING + 1):
        kept_programs.compiled_before(job(biophysical()))
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
        kept_programs.compiled_before(job(biophysical()))
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
    first = biophysical(device="cpp_standalone").run()
    (made,) = kept_programs._kept.values()
    made.close()  # as a parent process does, or who cleans the temporary folder
    again = biophysical(device="cpp_standalone").run()
    np.testing.assert_array_equal(first["readout"], again["readout"])


@pytest.mark.skipif(os.name == "nt", reason="no shell of this kind")
def test_a_compiler_that_is_killed_leaves_its_files_where_they_are_removed(tmp_path):
    compiled_builds._shell('touch "$TMPDIR/left"', tmp_path, "c++", "nothing")
    assert (tmp_path / "left").exists()
