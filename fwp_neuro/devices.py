"""Where a circuit runs: the only module that knows Brian2's devices and code generation targets.

Brian2 keeps device, code generation target, default clock and seed in module state. `simulate` sets
them for one run and puts them back, so that two circuits in one process cannot disturb each other.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import FwpError, pick, warn

DEVICES = ("auto", "numpy", "cython", "cpp_standalone", "cuda_standalone")

# Rough costs in seconds; only their ratios matter for the choice. One object is one Brian2 updater
# called once a step; one element is one cell or synapse that is touched in a step.
_OBJECT = {"numpy": 45e-6, "cython": 20e-6}
_ELEMENT = {"numpy": 6e-9, "cython": 2e-9}
_COLD_COMPILE = 60.0


@dataclass
class Built:
    """A network ready to run.

    Attributes:
        network: explicit Brian2 Network (never a magic one).
        collect: called after the run, returns plain arrays by name.
        duration: how long to run (Brian2 time).
        keep: further objects that must stay alive until the run is over.
    """

    network: Any
    collect: Callable[[], dict[str, Any]]
    duration: Any
    keep: tuple = ()


@dataclass(frozen=True)
class Size:
    """What decides between devices: steps, updaters a step, cells and synapses touched a step."""

    steps: int
    objects: int
    elements: int


def has_compiler() -> bool:
    """Whether a C++ compiler is on the path."""
    return any(shutil.which(name) for name in ("g++", "clang++", "c++"))


def choose(device: str, size: Size) -> tuple[str, str]:
    """Return the device to use and the reason, by estimated cost when ``device`` is "auto".

    Raises:
        FwpError: unknown device, or one that this machine cannot give.
    """
    pick(device, DEVICES, "device")
    if device == "numpy":
        return device, "asked for"
    if device == "cuda_standalone":
        _need_cuda()
    if device != "auto":
        if not has_compiler():
            warn(
                f"no C++ compiler found: device={device!r} falls back to 'numpy', with the same "
                "results, slower",
                stacklevel=2,
            )
            return "numpy", f"fallback: {device} was asked for but there is no C++ compiler"
        return device, "asked for"
    cost = {
        name: size.steps * (size.objects * _OBJECT[name] + size.elements * _ELEMENT[name])
        for name in _OBJECT
    }
    cost["cython"] += _COLD_COMPILE
    words = f"estimated {cost['numpy']:.0f} s against {cost['cython']:.0f} s with compiling"
    if cost["numpy"] <= cost["cython"]:
        return "numpy", f"small network: numpy {words}"
    if not has_compiler():
        warn("no C++ compiler found: a large network runs with numpy code, slower", stacklevel=2)
        return "numpy", "fallback: large network, but there is no C++ compiler"
    return "cython", f"large network: numpy {words}"


def _need_cuda() -> None:
    from importlib.util import find_spec

    if find_spec("brian2cuda") is None:
        raise FwpError(
            "device='cuda_standalone' needs brian2cuda, which is not installed: pip install "
            "-e '.[gpu]' on Python 3.12, or pip install --no-deps brian2cuda==1.0a7 on 3.11"
        )


def has_gpu() -> bool:
    """Whether an NVIDIA driver answers on this machine (nvidia-smi is on the path)."""
    return shutil.which("nvidia-smi") is not None


def simulate(
    build: Callable[[], Built],
    size: Size,
    *,
    device: str,
    dt,
    seed: int,
    progress: Callable[[float, str], None] | None = None,
    label: str = "",
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build and run a circuit on a device.

    Args:
        build: makes the network; called once the device is active.
        size: for the choice of device.
        device: one of `DEVICES`.
        dt: time step (Brian2 time).
        seed: of Brian2's random numbers.
        progress: called with (fraction done, label) while the circuit runs (runtime devices only).

    Returns:
        what ``Built.collect`` gives, and the device with the reason for it.

    Raises:
        FwpError: unknown device, missing compiler package, no GPU for cuda_standalone.
    """
    chosen, reason = choose(device, size)
    if chosen == "cuda_standalone" and not has_gpu():
        raise FwpError(
            "device='cuda_standalone' found no NVIDIA GPU (no nvidia-smi), so nothing was run; "
            "fwp_neuro.circuits.generate(...) writes the CUDA project without running it"
        )
    info = {"device": chosen, "device_reason": reason}
    if chosen in ("numpy", "cython"):
        with _runtime(chosen, dt, seed):
            built = build()
            built.network.run(built.duration, namespace={}, **_report(progress, label))
            if float(built.network.t) < float(built.duration) - 0.5 * float(dt):
                # Brian2 answers Ctrl+C by ending early, as if all were well
                raise KeyboardInterrupt
            return built.collect(), info
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_") as folder:
        with _standalone(chosen, Path(folder), dt, seed) as b2:
            built = build()
            built.network.run(built.duration, namespace={})
            b2.device.build(directory=folder, compile=True, run=True)
            return built.collect(), info


def generate(
    build: Callable[[], Built], *, device: str, dt, seed: int, directory: str | Path
) -> Path:
    """Write the standalone C++ or CUDA project of a circuit without compiling or running it.

    Returns:
        the folder, which holds ``main.cpp`` or ``main.cu``.
    """
    pick(device, ("cpp_standalone", "cuda_standalone"), "device to generate code for")
    if device == "cuda_standalone":
        _need_cuda()
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FwpError(
            f"directory {str(directory)!r} cannot be written: {problem.strerror}"
        ) from None
    with _standalone(device, folder, dt, seed) as b2:
        built = build()
        built.network.run(built.duration, namespace={})
        b2.device.build(directory=str(folder), compile=False, run=False)
    return folder


def _report(progress, label):
    if progress is None:
        return {}
    import brian2 as b2

    def report(elapsed, completed, start, duration):
        progress(float(completed), label)

    return {"report": report, "report_period": 1 * b2.second}


@contextmanager
def _runtime(target: str, dt, seed: int):
    import brian2 as b2

    with _active(b2.all_devices["runtime"], dt, seed, {"codegen.target": target}):
        yield b2


@contextmanager
def _standalone(name: str, folder: Path, dt, seed: int):
    import brian2 as b2

    # Brian2 starts as many compilers as there are files, whatever the number of cores
    make = "devices.cpp_standalone.extra_make_args_unix"
    preferences: dict[str, Any] = {make: [f"-j{os.cpu_count() or 1}"]}
    loggers: tuple[str, ...] = ()
    if name == "cuda_standalone":
        import brian2cuda  # noqa: F401  registers the device

        preferences |= _cuda_preferences(b2.prefs)
        loggers = ("brian2.brian2cuda.device", "brian2.brian2cuda.utils.gputools")
    # a device of its own, so that a project which the user has under way stays untouched
    fresh = type(b2.all_devices[name])()
    with (
        _errors_only(loggers),
        _active(fresh, dt, seed, preferences, directory=str(folder), build_on_run=False),
    ):
        yield b2


@contextmanager
def _errors_only(names: tuple[str, ...]):
    """Let the named loggers report errors only (brian2cuda lists all preferences at a build)."""
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _active(device, dt, seed: int, preferences: dict[str, Any], **options):
    """Make a Brian2 device active with a time step, seed and preferences; then put all back."""
    import brian2 as b2
    from brian2.devices import reset_device

    runtime = b2.all_devices["runtime"]
    random, runtime_dt = runtime.get_random_state(), runtime.defaultclock.dt
    old, old_dt = {name: b2.prefs[name] for name in preferences}, b2.defaultclock.dt
    b2.set_device(device, **options)
    try:
        for name, value in preferences.items():
            b2.prefs[name] = value
        b2.defaultclock.dt = dt
        b2.seed(seed)
        yield
    finally:
        reset_device()  # Brian2 hands the time step over to the device it goes back to
        if b2.defaultclock.dt != old_dt:
            b2.defaultclock.dt = old_dt
        runtime.defaultclock.dt = runtime_dt
        runtime.set_random_state(random)
        for name, value in old.items():
            b2.prefs[name] = value


def _cuda_preferences(prefs) -> dict[str, Any]:
    backend = "devices.cuda_standalone.cuda_backend."
    gcc = "codegen.cpp.extra_compile_args_gcc"
    nvcc = backend + "extra_compile_args_nvcc"
    # Thrust of CUDA 13 needs C++17, for nvcc (the last flag wins) and for the host compiler
    preferences = {
        gcc: [flag for flag in prefs[gcc] if not flag.startswith("-std=")] + ["-std=c++17"],
        nvcc: [flag for flag in prefs[nvcc] if not flag.startswith("-std=")] + ["-std=c++17"],
    }
    asked: dict[str, Any] = {}
    if not has_gpu():  # without a driver there is nothing to ask for the compute capability
        asked |= {"detect_gpus": False, "gpu_id": 0, "compute_capability": 7.5}
    if shutil.which("nvcc") is None:
        path = os.environ.get("CUDA_PATH", "/usr/local/cuda")
        asked |= {"detect_cuda": False, "cuda_runtime_version": 12.0, "cuda_path": path}
    return preferences | {backend + name: value for name, value in asked.items()}
