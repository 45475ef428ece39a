"""On a GPU: circuits compute what they compute on the CPU, and how long they take.

Run with ``python -m pytest -m gpu -s tests/test_cuda_gpu.py``. Without a GPU the tests
are skipped with the reason, except the first one: it goes the whole way with a compiler
that compiles for the CPU, which shows that these tests would run. Nothing here was run on
a GPU so far.
"""

import logging
import shutil

import brian2 as b2
import numpy as np
import pytest
from cuda_on_cpu import Together, captured
from cuda_on_cpu.nvcc import pretend

pytest.importorskip("brian2cuda")

from cuda_cases import CIRCUITS, DT, MODELS  # noqa: E402

import fwp_neuro as fwp  # noqa: E402
from fwp_neuro import devices, synapses  # noqa: E402
from fwp_neuro.circuits import injected  # noqa: E402
from fwp_neuro.devices import brian2_state, cuda  # noqa: E402

SIZE = devices.Size(1000, 100, 1000)
#: spikes that are given, or none: rounding cannot move them
CERTAIN = [
    *MODELS,
    *(n for n in CIRCUITS if n.startswith("rate")),
    "spiking, without noise",
]
FEW = ("pair_stdp", "rate, continuous")


@pytest.fixture
def a_gpu():
    try:
        cuda.check_machine()
    except fwp.FwpError as problem:
        pytest.skip(str(problem))


def check_same(names):
    made = {name: (CIRCUITS | MODELS)[name]()[0] for name in names}

    def found(device):
        arrays, info = devices.simulate(
            lambda: Together(made).built(), SIZE, device=device, dt=DT, seed=0
        )
        assert info["device"] == device
        return arrays

    cpp, gpu = found("cpp_standalone"), found("cuda_standalone")
    for name in names:
        for label, array in cpp[name].items():
            largest = np.abs(array).max(initial=0)
            assert gpu[name][label].shape == array.shape, (name, label)
            off = np.abs(gpu[name][label] - 1.0 * array).max(initial=0)
            assert off <= 1e-12 * largest, (name, label, off, largest)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
def test_the_whole_way_with_a_compiler_for_the_cpu(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    pretend(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("CUDA_PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    check_same(FEW)


@pytest.mark.gpu
def test_a_gpu_computes_what_the_cpu_computes(a_gpu):
    check_same(CERTAIN)


@pytest.mark.gpu
@pytest.mark.parametrize("side", [316, 1000, 3162])
def test_how_long_pair_stdp_takes(a_gpu, side, tmp_path, record_property):
    """Synaptic events a second of all-to-all pair STDP, 1 s at 1 ms, 20 spikes/s a
    cell."""
    rng = np.random.default_rng(0)
    pre, post = ((rng.random((1000, side)) < 0.02).astype(float) for _ in range(2))
    build, dt = captured(
        injected, lambda: injected.run(synapses.get("pair_stdp"), pre, post, dt=1 * b2.ms)
    )
    seconds, weights = {}, {}
    for device in ("cpp_standalone", "cuda_standalone"):
        folder = tmp_path / device
        with brian2_state.standalone(device, folder, dt, 0) as brian:
            built = build()
            built.network.run(built.duration, namespace={})
            if device == "cuda_standalone":
                cuda.execute(brian.device, folder)
            else:
                brian.device.build(
                    directory=str(folder), compile=True, run=True, with_output=False
                )
            seconds[device] = brian.device._last_run_time
            weights[device] = built.collect()["ends"]["w"]
    off = np.abs(weights["cuda_standalone"] - weights["cpp_standalone"]).max()
    assert off <= 1e-12
    for device, each in seconds.items():
        events = side * (pre.sum() + post.sum()) / each
        record_property(f"{device}, {side}x{side}", events)
        logging.getLogger("fwp_neuro").info(
            "%s %dx%d: %.3g events/s", device, side, side, events
        )
        print(f"\n{device} {side} x {side}: {each:.3f} s, {events:.3g} synaptic events/s")
