"""For every circuit and synapse model: no number of it makes another program."""

import json
import os
import re
import subprocess
import sys

import brian2 as b2
import build_keys
import pytest
from build_keys import (
    CIRCUITS,
    clocks,
    injectable,
    key_of,
    key_of_label,
    programme,
    spikes,
)

import fwp_neuro as fwp
from fwp_neuro import synapses, toolchain
from fwp_neuro.circuits import injected
from fwp_neuro.devices import compiled_builds
from fwp_neuro.devices.device_program import Draft

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")


@pytest.fixture
def key(monkeypatch, tmp_path):
    """Return the name of the program that a function would compile."""
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled_builds, "header", lambda flags: "")
    return key_of


def other_numbers(model):
    """The same model with every number changed that its checks let pass."""
    changed = 0
    kept = {delay for _, delay in model.equations.delayed.values()}
    for name, value in model.parameters.items():
        if name not in kept and not isinstance(value, bool | int):
            try:
                model, changed = model.changed(**{name: value * 1.25}), changed + 1
            except fwp.FwpError:
                pass
    return model, changed


LEAN = ("pair_stdp",)


@pytest.mark.parametrize(
    "name", [name if name in LEAN else pytest.param(name, marks=pytest.mark.slow)
             for name in injectable()]
)  # fmt: skip
def test_numbers_of_a_synapse_model(name, key):
    model = synapses.get(name)
    other, changed = other_numbers(model)
    assert changed > 0
    first = key(injected.run, model, *spikes(1, 50), dt=1 * b2.ms)
    # what waits in a line of delayed values has as many places as there are steps in the
    # delay
    dt = (1.0 if model.equations.delayed else 0.5) * b2.ms
    assert key(injected.run, other, *spikes(2, 90), dt=dt) == first


#: circuit -> options that change its numbers
CHANGED = {
    "rate": {"window": 30 * b2.ms, "dt": 0.25 * b2.ms},
    "rate in events": {},
    "rate of low rank": {"window": 30 * b2.ms, "dt": 0.25 * b2.ms},
    "population": {
        "dt": 0.25 * b2.ms, "seed": 4, "constants": {"rate": 37 * b2.Hz,
            "weight_baseline": 2.7}
    },
    "synapse": {"seed": 4, "constants": {"rate": 37 * b2.Hz}},
    "generic": {"seed": 4, "constants": {"rate": 37 * b2.Hz}},
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [name if name == "population" else pytest.param(name, marks=pytest.mark.slow)
             for name in CIRCUITS]
)  # fmt: skip
def test_numbers_of_a_circuit(name, key):
    rule, realisation, options = CIRCUITS[name]
    changed = CHANGED[name]
    gates, others = {"beta": 0.6}, {"beta": 0.35}
    if rule == "gated_delta":
        gates, others = {**gates, "alpha": 0.9}, {**others, "alpha": 0.75}
    first = key(fwp.run, programme(3, **gates), rule, realisation, **options)
    # cells for tokens are structure
    tokens = 3 if options.get("layout") == "low_rank" else 5
    again = key(
        fwp.run, programme(tokens, **others), rule, realisation, **options, **changed
    )
    assert again == first
    if options.get("layout") == "synapse":  # what is recorded is structure
        recorded = {**options, "record_every": 1 * b2.ms}
        assert key(fwp.run, programme(3, **gates), rule, realisation, **recorded) != first


# --------------------------------------------------------------- one key in every process

FEW = ("clocks", "pair_stdp/factorised", "triplet_stdp/factorised")


def keys_of_processes(count, *labels):
    """Return what processes find whose sets of texts and of objects have other orders."""
    found = []
    for number in range(1, count + 1):
        done = subprocess.run(
            [sys.executable, build_keys.__file__, str(number), *labels],
            capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": str(number)},
        )  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def test_processes_find_one_key(key):
    first, second = keys_of_processes(2, *FEW)
    assert first == second and len(first) == len(FEW)


@pytest.mark.slow
def test_ten_processes_find_one_key_of_every_model_layout_and_circuit(key):
    every = keys_of_processes(10)
    several = {label for label in every[0] if len({found[label] for found in every}) > 1}
    assert not several and len(every[0]) == len(build_keys.everything()) > 60


def test_ten_drafts_in_one_process_have_one_key(key):
    keep, found = [], set()
    for number in range(10):
        # objects come to lie elsewhere
        keep.append([object() for _ in range(37 * number)])
        found.add(key_of_label("pair_stdp/factorised"))
    assert len(found) == 1


def test_values_of_one_array_are_set_in_turn(key):
    """Those of different arrays may be set in any order, and are in one."""
    with Draft(clocks, dt=0.5 * b2.ms) as draft:
        main = (draft.folder / "main.cpp").read_text()
        values = [slot.value for slot in draft.device.numbers.slots]
    places = re.findall(r"_array_cells_b\[(\w+)\] = _fwp_number\[(\d+)\]", main)
    assert [(at, values[int(n)]) for at, n in places] == [
        ("i", 0.5),
        ("1", 0.7),
        ("1", 0.8),
    ]
