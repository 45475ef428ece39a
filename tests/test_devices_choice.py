"""Which device runs a circuit: estimated cost, what the machine has, and what is asked
for."""

import importlib.util
import logging
import shutil
import warnings

import numpy as np
import pytest
from device_cases import program, run

import fwp_neuro as fwp
from fwp_neuro import devices
from fwp_neuro.circuits import generate
from fwp_neuro.devices import Size, choose
from fwp_neuro.errors import Cannot, FwpWarning

SMALL, LARGE = Size(1000, 14, 100), Size(200_000, 14, 100_000)


def test_a_small_network_runs_with_numpy():
    name, reason = choose("auto", SMALL)
    assert name == "numpy" and reason.startswith("small network: numpy estimated")


def test_a_large_network_is_compiled(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(devices.cuda, "has_gpu", lambda: False)
    name, reason = choose("auto", LARGE)
    assert name == "cpp_standalone" and reason.startswith(
        "cpp_standalone estimated 21 s against"
    )
    assert "numpy 100 s" in reason and "cython" in reason and "cuda" not in reason


def test_where_the_compiler_decides_the_cache_is_asked(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(devices.cuda, "has_gpu", lambda: False)
    # numpy takes 4 s: less than a compiler, more than a program
    middle = Size(40_000, 14, 100)
    asked = []

    def cached(answer):
        return lambda: asked.append(answer) or answer

    assert choose("auto", middle, cached(False))[0] == "numpy"
    name, reason = choose("auto", middle, cached(True))
    assert name == "cpp_standalone" and "compiled before" in reason and len(asked) == 2
    for size in (Size(100, 14, 100), LARGE):
        choose("auto", size, cached(True))
    # it costs the generation of code, so it is asked where it matters
    assert len(asked) == 2
    assert choose("auto", LARGE, standalone=False)[0] == "cython"


def test_a_gpu_is_used_where_one_answers_and_it_pays(monkeypatch):
    huge = Size(1_000_000, 14, 10_000_000)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")

    def fails():
        raise Cannot("the driver is too old")

    for there, check, name in (
        (False, lambda: None, "cpp_standalone"),
        (True, fails, "cpp_standalone"),
        (True, lambda: None, "cuda_standalone"),
    ):
        monkeypatch.setattr(devices.cuda, "has_gpu", lambda there=there: there)
        monkeypatch.setattr(devices.cuda, "check_machine", check)
        assert choose("auto", huge)[0] == name
    # not asked where it cannot pay
    monkeypatch.setattr(devices.cuda, "check_machine", fails)
    assert choose("auto", SMALL)[0] == "numpy"


def test_the_choice_and_its_reason_are_logged_once_a_run(caplog):
    with caplog.at_level(logging.INFO, logger="fwp_neuro.devices"):
        found = run(device="auto")
        run(device="numpy")  # asked for: nothing to explain
    said = [
        record.message for record in caplog.records if record.name == "fwp_neuro.devices"
    ]
    reason = found.provenance["options"]["device_reason"]
    assert said == [f"rate gated_delta: device numpy ({reason})"]
    assert reason.startswith("small network: numpy estimated")


@pytest.mark.parametrize("device", ["numpy", "cython", "cpp_standalone"])
def test_a_device_that_was_asked_for_is_taken(device, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert choose(device, LARGE) == (device, "asked for")


@pytest.mark.parametrize(
    ("device", "size"), [("auto", LARGE), ("cython", SMALL), ("cpp_standalone", SMALL)]
)
def test_without_a_compiler_numpy_runs_and_one_warning_says_so(device, size, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        name, reason = choose(device, size)
    assert name == "numpy" and reason.startswith("fallback: ")
    assert len(caught) == 1 and "no C++ compiler found" in str(caught[0].message)


def test_without_a_compiler_a_run_still_gives_the_result(monkeypatch):
    reference = run()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = run(device="cython")
    ours = [str(each.message) for each in caught if each.category is FwpWarning]
    assert len(ours) == 1 and "no C++ compiler found" in ours[0], ours
    assert np.array_equal(found["weights"].values, reference["weights"].values)
    options = found.provenance["options"]
    assert (
        options["device"] == "numpy"
        and "cython was asked for" in options["device_reason"]
    )


def test_small_networks_need_no_compiler_and_no_warning(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose("auto", SMALL)[0] == choose("numpy", LARGE)[0] == "numpy"


def test_an_unknown_device_is_refused_with_the_nearest_name():
    with pytest.raises(
        fwp.FwpError, match="unknown device 'nunpy'; did you mean 'numpy'"
    ):
        run(device="nunpy")


def test_cuda_without_brian2cuda(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "brian2cuda" else find_spec(n)
    )
    with pytest.raises(
        fwp.FwpError, match="needs brian2cuda, which is not installed: pip install"
    ):
        run(device="cuda_standalone")
    with pytest.raises(fwp.FwpError, match="needs brian2cuda"):
        generate(program(), "delta", directory="nowhere")


def test_cuda_without_a_gpu(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda n: None if n == "nvidia-smi" else which(n) or f"/bin/{n}"
    )
    with pytest.raises(
        fwp.FwpError, match="no NVIDIA GPU.*nothing was run.*circuits.generate"
    ):
        run(device="cuda_standalone")
