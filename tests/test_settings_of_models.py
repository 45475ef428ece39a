"""Settings that make no model: one sentence, before anything is simulated."""

import time

import pytest

from fwp_neuro import devices
from fwp_neuro.cli import main

ELLWOOD = "ellwood_2024_match_and_control"
FIEBIG = "fiebig_lansner_2017_working_memory"
LIMBACHER = "limbacher_2022_key_value_memory"
MILSTEIN = "milstein_2021_one_shot_memory"
MONGILLO = "mongillo_2008_working_memory"
URBANCZIK = "urbanczik_senn_2014_delta_memory"
WANG = "wang_2002_decision"
ALL = (ELLWOOD, FIEBIG, LIMBACHER, MILSTEIN, MONGILLO, URBANCZIK, WANG)
SEED = "seed must be a whole number from 0 to 4294967295, got -1"
STEP = "it must be above 0 and at most"


@pytest.mark.parametrize(
    ("model", "assignment", "sentence"),
    [
        *((model, "seed=-1", SEED) for model in ALL),
        *((model, "dt=0", STEP) for model in ALL if model != MONGILLO),
        (ELLWOOD, "dt=0.3", "dt is 0.3 ms; it must be above 0 and at most 0.25 ms"),
        (ELLWOOD, "dt=nan", "dt"),
        (ELLWOOD, "nmda=2", "nmda must be in [0, 1], got 2.0"),
        (ELLWOOD, "nmda=-1", "nmda must be in [0, 1], got -1.0"),
        (ELLWOOD, "axons=0", "axons is 0; it must be a whole number of at least 2"),
        (ELLWOOD, "critical=0.5", "critical must be in [1, 8]"),
        (ELLWOOD, "theta=-1", "theta must be at least 0"),
        (ELLWOOD, "windows=()", "windows is empty"),
        (ELLWOOD, "windows=3", "unknown match window 3.0"),
        (FIEBIG, "dt=1", "dt is 1 ms; it must be above 0 and at most 0.5 ms"),
        (FIEBIG, "cells=0", "cells is 0"),
        (FIEBIG, "columns=1", "columns is 1"),
        (FIEBIG, "free=0.1", "free is 0.1 ms; legal is at least 50"),
        (FIEBIG, "background=-3", "background must be above 0"),
        (LIMBACHER, "dt=5", "dt is 5 ms; it must be above 0 and at most 2 ms"),
        (LIMBACHER, "beta=3", "beta must be in [0, 2], got 3.0"),
        (LIMBACHER, "beta=-1", "beta must be above 0"),
        (LIMBACHER, "rate=1000", "rate is 1000 Hz; with dt 1 ms it must be below 1000"),
        (LIMBACHER, "token=0.5", "token is 0.5 ms; it must be at least the step of 1 ms"),
        (LIMBACHER, "cells=0", "cells is 0"),
        (LIMBACHER, "items=0", "items is 0"),
        (MILSTEIN, "dt=900", STEP),
        (MILSTEIN, "rate=200", "rate is 200 Hz; with dt 5 ms it must be below 200"),
        (MILSTEIN, "cells=0", "cells is 0"),
        (MILSTEIN, "inputs=0", "inputs is 0"),
        (MILSTEIN, "speed=1e6", "is 0 steps of dt; it must be at least 10"),
        (MILSTEIN, "width=0.001", "width is 0.001 cm"),
        (MONGILLO, "cells=0", "cells is 0"),
        (MONGILLO, "connection=0.0001", "with 3200 cells it must be from 0.00625"),
        (MONGILLO, "connection=-1", "connection is -1"),
        (MONGILLO, "eta_exc=nan", "eta_exc"),
        (MONGILLO, "silence=0.1", "silence is 0.1 ms; it must be at least 40"),
        (URBANCZIK, "dt=5", "dt is 5 ms; it must be above 0 and at most 1 ms"),
        (URBANCZIK, "tau_delta=1", "dt is 0.5 ms; it must be above 0 and at most 0.1 ms"),
        (URBANCZIK, "beta=-1", "beta must be above 0"),
        (URBANCZIK, "beta=50", "beta must be in [0, 10]"),
        (URBANCZIK, "teach=0.1", "teach is 0.1 ms; it must be at least 10"),
        (URBANCZIK, "somata=0", "somata is 0"),
        (WANG, "dt=1", "dt is 1 ms; it must be above 0 and at most 0.2 ms"),
        (WANG, "cells=0", "cells is 0"),
        (WANG, "ap5=2", "ap5 must be in [0, 1]"),
        (WANG, "nmda=none", "unknown value of parameter nmda"),
        (WANG, "windows=1", "windows are six times in ms"),
        (WANG, "windows=0,1,1,2,2,3", "each 50 ms or longer"),
        (WANG, "coherence=512", "coherence must be in [-100, 100], got 512.0"),
    ],
)
def test_settings_that_make_no_model_are_one_sentence(
    model, assignment, sentence, capsys, monkeypatch
):
    def simulated(*_):
        raise AssertionError("it simulates before it refuses")

    monkeypatch.setattr(devices.device_run, "choose", simulated)
    assert main(["run", model, "--set", assignment]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and sentence in printed.err
    assert printed.err.startswith("fwp-neuro: ") and printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("model", "assignment"),
    [
        (ELLWOOD, "trials=1000000000"),
        (ELLWOOD, "axons=1000000000000"),
        (FIEBIG, "cells=1000000000000"),
        (FIEBIG, "free=1e12"),
        (LIMBACHER, "cells=1000000"),
        (LIMBACHER, "items=1000000000000"),
        (LIMBACHER, "token=1e12"),
        (MILSTEIN, "inputs=1000000000000"),
        (MILSTEIN, "speed=1e-300"),
        (MONGILLO, "cells=40000000000"),
        (MONGILLO, "silence=1e12"),
        (URBANCZIK, "pairs=1000000000000"),
        (WANG, "cells=1000000000000"),
        (WANG, "windows=500,1000,1000,2000,3000,1e12"),
        *((model, "seed=1e400") for model in ALL),
        (FIEBIG, f"cells={10**30}"),
        (MILSTEIN, "track=1e300"),
    ],
)
def test_a_model_of_absurd_size_is_refused_before_work(
    tmp_path, monkeypatch, capsys, model, assignment
):
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    assert main(["run", model, "--set", assignment, "--out", "o"]) == 2
    assert time.process_time() - start < 10.0
    printed = capsys.readouterr()
    assert printed.out == "" and not (tmp_path / "o").exists()
    said = printed.err.splitlines()[-1]
    assert said.startswith("fwp-neuro: ") and len(said) < 700
