"""Build a circuit on a device and run it, or write its project without running it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import FwpError, pick
from .base import Built, Size
from .choice import choose
from .cuda import has_gpu, need_brian2cuda
from .program import compiled
from .state import runtime, standalone


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
        with runtime(chosen, dt, seed):
            built = build()
            built.network.run(built.duration, namespace={}, **_report(progress, label))
            if float(built.network.t) < float(built.duration) - 0.5 * float(dt):
                # Brian2 answers Ctrl+C by ending early, as if all were well
                raise KeyboardInterrupt
            return built.collect(), info
    if chosen == "cpp_standalone":
        with compiled(build, dt=dt, seed=seed) as program:
            return program.run(), info
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_") as folder:
        with standalone(chosen, Path(folder), dt, seed) as b2:
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
        need_brian2cuda()
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FwpError(
            f"directory {str(directory)!r} cannot be written: {problem.strerror}"
        ) from None
    with standalone(device, folder, dt, seed) as b2:
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
