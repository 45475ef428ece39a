"""Devices: which one is chosen, that Brian2's global state survives, and that code is
generated."""

import logging
import shutil
import sys

import brian2 as b2
import numpy as np
import pytest
from device_cases import program, run

import fwp_neuro as fwp
from fwp_neuro import devices
from fwp_neuro.circuits import generate
from fwp_neuro.devices import Size

SMALL, LARGE = Size(1000, 14, 100), Size(200_000, 14, 100_000)
BRIAN = sys.modules["brian2.devices.device"]


# ---------------------------------------------------------------- Brian2's global state


def brian_state():
    return {
        "device": b2.get_device(),
        "build_on_run": b2.get_device().build_on_run,
        "stack": len(BRIAN.previous_devices),
        "dt": float(b2.defaultclock.dt),
        "preferences": {n: v for n, v in b2.prefs.items() if "cuda" not in n},
        "random": np.random.get_state()[1].tolist(),
        "position": np.random.get_state()[2],
        "buffer": float(BRIAN.runtime_device.rand_buffer.sum()),
        "loggers": {
            n: logging.getLogger(n).level for n in ("brian2", "brian2.brian2cuda.device")
        },
    }


@pytest.fixture
def unchanged():
    """Set Brian2 to something unusual, and check that it is still so in the end."""
    old = float(b2.defaultclock.dt)
    b2.defaultclock.dt = 0.3 * b2.ms
    b2.prefs.codegen.target = "cython"
    np.random.seed(5)
    np.random.random(3)
    before = brian_state()
    yield
    after = brian_state()
    b2.defaultclock.dt, b2.prefs.codegen.target = old * b2.second, "auto"
    assert after == before


@pytest.mark.parametrize("dynamics", ["continuous", "event"])
def test_a_run_leaves_no_trace(unchanged, dynamics):
    run(device="numpy", dynamics=dynamics)


def test_a_failing_run_leaves_no_trace(unchanged):
    def build():
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        devices.simulate(build, SMALL, device="numpy", dt=1 * b2.ms, seed=0)


@pytest.mark.parametrize(
    ("error", "when"), [(KeyboardInterrupt, 0.0), (ZeroDivisionError, 1.0)]
)
def test_an_interrupted_run_leaves_no_trace_and_the_next_one_is_right(
    unchanged, error, when
):
    reference = run(dynamics="event")

    def stop(fraction, label):
        if fraction == when:
            raise error

    with pytest.raises(error):
        run(dynamics="event", progress=stop)
    assert np.array_equal(
        run(dynamics="event")["weights"].values, reference["weights"].values
    )


def test_the_seed_decides_the_random_numbers():
    def build():
        group = b2.NeuronGroup(3, "x : 1")
        group.run_regularly("x = rand()", dt=1 * b2.ms)
        network = b2.Network(group)
        return devices.Built(network, lambda: {"x": np.array(group.x)}, 2 * b2.ms)

    def draw(seed):
        found, info = devices.simulate(
            build, SMALL, device="numpy", dt=1 * b2.ms, seed=seed
        )
        assert info == {"device": "numpy", "device_reason": "asked for"}
        return found["x"].tolist()

    assert draw(1) == draw(1) != draw(2)


def test_a_standalone_device_that_the_user_has_set_is_given_back():
    b2.set_device("cpp_standalone", build_on_run=False, directory="mine")
    try:
        b2.defaultclock.dt = 0.2 * b2.ms
        mine = b2.NeuronGroup(1, "x : 1", name="mine")  # noqa: F841  it must stay alive
        before, arrays = brian_state(), len(b2.get_device().arrays)
        assert run()["readout"].shape == (3, 3)
        assert brian_state() == before and len(b2.get_device().arrays) == arrays
    finally:
        b2.device.reinit()
        BRIAN.reset_device()
    assert type(b2.get_device()).__name__ == "RuntimeDevice"


# ---------------------------------------------------------------- what build must return


def built(**fields):
    """Return a function that builds, with some fields of its `Built` replaced."""

    def build():
        network = b2.Network(b2.NeuronGroup(1, "x : 1"))
        return devices.Built(
            **{"network": network, "collect": dict, "duration": 1 * b2.ms, **fields}
        )

    return build


WRONG = {
    "network": (
        lambda: b2.Network(),
        r"Built\(network, collect, duration\), got a Brian2 Network",
    ),
    "int": (lambda: 3, r"build must return fwp.devices.Built\(.*\), got 3"),
    "nothing": (lambda: None, "build must return .*, got None"),
    "no function": (5, "build must be a function without arguments.*, got 5"),
    "an argument": (
        lambda x: x,
        "build must be a function without arguments that returns a Built",
    ),
    "swapped": (
        built(network=dict, collect=b2.Network),
        "network must be a Brian2 Network, got",
    ),
    "collect": (built(collect={"x": 1}), "collect must be a function, got {'x': 1}"),
    "duration": (built(duration=20), "duration must be a time such as 100.ms, got 20"),
    "volts": (
        built(duration=2 * b2.mV),
        "duration must be a time such as 100.ms, got 2. . mvolt",
    ),
}
WAYS = {
    "simulate": lambda build, dt, folder: devices.simulate(
        build, SMALL, device="numpy", dt=dt, seed=0
    ),
    "compiled": lambda build, dt, folder: devices.compiled(build, dt=dt),
    "generate": lambda build, dt, folder: devices.generate(
        build, device="cpp_standalone", dt=dt, seed=0, directory=folder
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_build_is_one_sentence(unchanged, tmp_path, what, way):
    build, words = WRONG[what]
    with pytest.raises(fwp.FwpError, match=words):
        WAYS[way](build, 0.1 * b2.ms, tmp_path)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "dt", [0.1, 0, 1 * b2.mV, -1 * b2.ms, [1, 2] * b2.ms, "1*ms", None]
)
def test_a_wrong_time_step_is_one_sentence(unchanged, tmp_path, dt, way):
    with pytest.raises(fwp.FwpError, match="dt must be a time such as 0.1.ms.*, got"):
        WAYS[way](built(), dt, tmp_path / "new")
    assert not (tmp_path / "new").exists()


# ---------------------------------------------------------------- code generation

RATE = {
    "continuous": ({}, "fast_weights_stateupdater_codeobject"),
    "event": ({"dynamics": "event"}, "fast_weights_step_0_codeobject"),
    "factored": ({"write": "factored"}, "fast_weights_run_regularly_codeobject"),
}
SPIKING = {
    "population": ({"cells": 4}, "fast_weights"),
    "synapse": ({"cells": 4, "layout": "synapse"}, "fast_weights"),
}


def check_project(folder, main, code):
    assert (folder / main).is_file() and (folder / "makefile").is_file()
    source = (folder / main).read_text()
    assert code in source, [line for line in source.splitlines() if "_run_" in line]


@pytest.mark.parametrize("form", RATE)
def test_generate_writes_a_cpp_project(unchanged, tmp_path, form):
    options, code = RATE[form]
    target = tmp_path / "new" / form
    folder = generate(
        program(),
        "gated_delta",
        device="cpp_standalone",
        directory=target,
        initial_weights=np.ones((3, 4)),
        **options,
    )
    assert folder == target
    check_project(folder, "main.cpp", code)


@pytest.mark.parametrize("form", RATE)
def test_generate_writes_a_cuda_project(unchanged, tmp_path, form):
    pytest.importorskip("brian2cuda")
    options, code = RATE[form]
    folder = generate(program(), "gated_delta", directory=tmp_path, **options)
    check_project(folder, "main.cu", code)
    flags = next(
        line
        for line in (folder / "makefile").read_text().splitlines()
        if line.startswith("NVCCFLAGS")
    )
    device, host = flags.split("-Xcompiler")
    assert device.rindex("-std=c++17") > device.index("-std=c++11")  # the last one counts
    assert "-std=c++11" not in host
    assert run(device="numpy")["readout"].shape == (3, 3)


@pytest.mark.parametrize("device", ["cpp_standalone", "cuda_standalone"])
@pytest.mark.parametrize("layout", SPIKING)
def test_generate_writes_spiking_projects(unchanged, tmp_path, layout, device):
    if device == "cuda_standalone":
        pytest.importorskip("brian2cuda")
    options, code = SPIKING[layout]
    folder = generate(
        program(),
        "delta",
        "spiking",
        device=device,
        directory=tmp_path,
        seed=3,
        **options,
    )
    check_project(folder, "main.cpp" if device == "cpp_standalone" else "main.cu", code)


def test_generate_works_without_nvcc_and_without_a_gpu(unchanged, tmp_path, monkeypatch):
    pytest.importorskip("brian2cuda")
    which = shutil.which
    monkeypatch.setattr(
        shutil,
        "which",
        lambda n, *more: None if n in ("nvcc", "nvidia-smi") else which(n, *more),
    )
    generate(program(), "delta", directory=tmp_path)
    assert "arch=sm_75" in (tmp_path / "makefile").read_text()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((None, "delta"), {}, "program must be a Program"),
        ((program(), "dleta"), {}, "did you mean 'delta'"),
        (
            (program(), "delta", "artificial"),
            {},
            "realisation to generate code for: 'artificial'",
        ),
        (
            (program(), "delta"),
            {"device": "numpy"},
            "device to generate code for: 'numpy'",
        ),
        ((program(), "delta"), {"dynamic": "event"}, "did you mean 'dynamics'"),
        (
            (program(), "delta"),
            {"progress": print},
            "option of the rate realisation: 'progress'",
        ),
        ((program(), "delta"), {"seed": -1}, "seed must be a whole number"),
    ],
)
def test_generate_refuses(arguments, options, words, tmp_path):
    options = {"device": "cpp_standalone"} | options
    with pytest.raises(fwp.FwpError) as problem:
        generate(*arguments, directory=tmp_path / "never", **options)
    assert words in str(problem.value)
    assert not (tmp_path / "never").exists()


def test_generate_into_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(fwp.FwpError, match="cannot be written"):
        generate(program(), "delta", device="cpp_standalone", directory=tmp_path / "file")


# ---------------------------------------------------------------- compiled runs


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("dynamics", ["continuous", "event"])
def test_compiled_devices_give_the_same_arrays_also_twice(unchanged, dynamics, device):
    if not devices.has_compiler():
        pytest.skip("no C++ compiler")
    other = program().replace(beta=0.2)
    for each in (program(), other):
        reference = fwp.run(
            each, "gated_delta", "rate", dynamics=dynamics, device="numpy"
        )
        found = fwp.run(each, "gated_delta", "rate", dynamics=dynamics, device=device)
        assert found.provenance["options"]["device"] == device
        for name in ("readout", "weights"):
            assert np.abs(found[name].values - reference[name].values).max() < 1e-12
