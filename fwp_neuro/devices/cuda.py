"""CUDA circuits: what they need of this machine, how brian2cuda is set up, built and run.

CUDA code of the package's circuits is generated, compiled and emulated; not run on a GPU.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import brian2 as b2

from ..errors import Cannot, warn
from . import cuda_errors, gpu
from .gpu import has_gpu
from .joined import join, sources

__all__ = [
    "check_machine",
    "curand_flags",
    "execute",
    "has_gpu",
    "need_brian2cuda",
    "preferences",
    "prepare",
]

#: versions of (brian2cuda, brian2) that generate the same circuits as the other devices
TESTED = {
    ("1.0a7", "2.8.0"),
    ("1.0a7", "2.9.0"),
    ("1.0b1", "2.10.1"),
    ("1.0b1", "2.11.0"),
}
INSTALL = (
    "pip install -e '.[cuda]' in a clone on Python 3.12 or newer, or pip install "
    "--no-deps brian2cuda==1.0a7 on 3.11"
)
#: source files that are joined into one part, each of which reads the headers anew
JOINED = 30
# the oldest capability that nvcc 13 compiles for, where no GPU can be asked
_UNKNOWN = (7, 5)


def need_brian2cuda() -> None:
    """Raise `Cannot`, with the way to get it, if brian2cuda is missing or of another
    Brian2."""
    if importlib.util.find_spec("brian2cuda") is None:
        raise Cannot(
            "device='cuda_standalone' needs brian2cuda, which is not installed: "
            f"{INSTALL}"
        )
    try:
        found = metadata.version("brian2cuda"), metadata.version("brian2")
    except metadata.PackageNotFoundError:
        # not installed but on the path: a developer knows
        return
    pinned = [
        one for one in metadata.requires("brian2cuda") or () if one.startswith("brian2==")
    ]
    if found not in TESTED and f"brian2=={found[1]}" not in pinned:
        raise Cannot(
            f"brian2cuda {found[0]} does not fit brian2 {found[1]} (it is made for "
            f"{', '.join(pinned).replace('==', ' ') or 'another one'}): {INSTALL}"
        )


def check_machine() -> None:
    """Raise `Cannot` with one sentence if this machine cannot compile and run CUDA
    circuits.

    Checks brian2cuda, driver, GPU and compiler, and that the last three fit together.
    """
    need_brian2cuda()
    try:
        there, nvcc = gpu.gpus(), gpu.compiler()
        capability = _capability(there)
        architecture = gpu.architecture(capability, nvcc)
        newest = gpu.newest_cuda()
        if newest is not None and newest[0] < nvcc.release[0]:
            raise Cannot(
                f"the NVIDIA driver {there[0].driver} runs CUDA up to {_text(newest)}, "
                f"and nvcc is of CUDA {_text(nvcc.release)}: update the driver, or put "
                "an older CUDA toolkit on PATH or into CUDA_PATH"
            )
    except Cannot as problem:
        raise Cannot(
            f"device='cuda_standalone' cannot run here: {problem}; nothing was run "
            "(fwp_neuro.circuits.generate(...) writes the CUDA project without running "
            "it)"
        ) from None
    if architecture != capability:
        warn(
            f"this GPU ({there[0].name}, compute capability {_text(capability)}) is "
            f"newer than nvcc {_text(nvcc.release)} knows: the circuit is compiled for "
            f"{_text(architecture)}, and the driver translates it when it starts",
            stacklevel=3,
        )


def preferences(prefs) -> dict[str, Any]:
    """Return the Brian2 preferences that a CUDA build needs on this machine, GPU or
    not."""
    import brian2cuda  # noqa: F401, PLC0415  an extra; registers the device

    backend = "devices.cuda_standalone.cuda_backend."
    gcc = "codegen.cpp.extra_compile_args_gcc"
    # brian2cuda asks nvidia-smi in a way that fails for GPUs in parts and for UUIDs
    asked: dict[str, Any] = {"detect_gpus": False, "gpu_id": 0}
    capability = _UNKNOWN
    with contextlib.suppress(Cannot):
        capability = _capability(gpu.gpus())
    try:
        nvcc = gpu.compiler()
        asked["cuda_runtime_version"] = _number(nvcc.release)
        with contextlib.suppress(Cannot):
            capability = gpu.architecture(capability, nvcc)
    except Cannot:
        path = os.environ.get("CUDA_PATH", "/usr/local/cuda")
        asked |= {"detect_cuda": False, "cuda_runtime_version": 12.0, "cuda_path": path}
    # Thrust of CUDA 13 needs C++17, for nvcc (the last flag wins) and for the host
    # compiler
    asked["compute_capability"] = _number(capability)
    asked["extra_compile_args_nvcc"] = ["-w", "-std=c++17", *curand_flags()]
    flags = [flag for flag in prefs[gcc] if not flag.startswith("-std=")] + ["-std=c++17"]
    return {gcc: flags} | {backend + name: value for name, value in asked.items()}


#: what brian2cuda writes -> what we write instead
_MENDED = (
    (re.compile(r"(_idx = neuron_id;\n)(.*?)(^\}\n)", re.DOTALL | re.MULTILINE),
     r"\1    {\n\2    }\n\3"),
    (re.compile(r"assert\(std::floor\(mean_bundle_sizes\)[^;]*;"), ""),
)  # fmt: skip


def prepare(device) -> None:
    """Make a fresh CUDA device of Brian2 ready: forget other machines, write code that
    works.

    Two faults of brian2cuda (1.0a7 and 1.0b1) are mended in the files that it writes. Its
    kernels have scalar code, then code in braces for each element: both may declare the
    same name. In resets the braces are missing, so that a text as simple as
    ``timestep(t - last, dt) > timestep(pause, dt)`` declares ``dt`` twice. And where
    synapses have delays of their own, it compares a running mean with a quotient of whole
    numbers and stops over a rounding error.
    """
    from brian2cuda.utils import gputools  # noqa: PLC0415  an extra

    gputools.reset_cuda_installation()
    gputools.reset_gpu_selection()
    write = device.generate_codeobj_source

    def written(writer):
        write(writer)
        for path in Path(writer.project_dir, "code_objects").glob("*.cu"):
            text = mended = path.read_text()
            for fault, instead in _MENDED:
                mended = fault.sub(instead, mended)
            if mended != text:
                path.write_text(mended)

    device.generate_codeobj_source = written


def execute(device, folder: str | Path) -> None:
    """Compile and run what a CUDA device has been told; its results can be read
    afterwards.

    Args:
        device: the active CUDA device of Brian2, after ``network.run``.
        folder: to write to.

    Raises:
        FwpError: the project does not compile or its program fails, with the reason.
    """
    folder = Path(folder)
    device.build(directory=str(folder), compile=False, run=False)
    parts = max(1, min(len(sources(folder)) // JOINED, len(os.sched_getaffinity(0))))
    join(folder, parts)
    done = subprocess.run(
        ["make", f"-j{parts}"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise cuda_errors.build_failed(done.stdout + done.stderr, str(folder))
    run(device, folder)


def run(device, folder: Path) -> None:
    """Run a compiled CUDA program, and say in a sentence why it failed."""
    name = "devices.cpp_standalone.run_cmd_unix"
    old, errors = b2.prefs[name], folder / "stderr.txt"
    b2.prefs[name] = ["sh", "-c", 'exec ./main "$@" 2> stderr.txt', "main"]
    said = io.StringIO()
    try:
        # Brian2 prints all output of a program that fails
        with contextlib.redirect_stdout(said):
            device.run(with_output=False)
    except RuntimeError:
        text = said.getvalue() + (errors.read_text() if errors.exists() else "")
        raise cuda_errors.run_failed(text, str(folder)) from None
    finally:
        b2.prefs[name] = old


def _capability(there: list[gpu.Gpu]) -> tuple[int, int]:
    """Return what all GPUs of a process can do, as CUDA may number them in another
    order."""
    return min(one.capability for one in there)


def curand_flags() -> list[str]:
    """Return flags for the cuRAND of the variable FWP_CURAND, where a toolkit comes
    without it.

    It names the folder of ``pip install --no-deps --target FOLDER nvidia-curand``.
    """
    given = os.environ.get("FWP_CURAND")
    headers = sorted(Path(given).glob("nvidia/*/include/curand.h")) if given else []
    return [f"-I{header.parent}" for header in headers[:1]]


def _number(version: tuple[int, int]) -> float:
    return float(_text(version))


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
