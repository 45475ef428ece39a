"""The device "cuda_standalone": a CUDA program of the whole circuit, for an NVIDIA
GPU."""

from __future__ import annotations

from typing import Any

from .. import temporaries
from ..errors import Cannot
from . import cuda, guards
from .brian2_state import standalone
from .device import Costs, Device, DeviceJob, collected
from .device_run import state


def _works() -> bool:
    if not cuda.has_gpu():
        return False
    try:
        cuda.check_machine()
    except Cannot:
        return False
    return True


def _run(job: DeviceJob) -> dict[str, Any]:
    cuda.check_machine()
    folder = temporaries.make("cuda")
    try:
        with standalone("cuda_standalone", folder, job.dt, job.seed) as b2:
            built = state(job.build, "cuda_standalone", b2)
            cuda.execute(b2.device, folder)
            guards.check_results(built)
            return collected(built)
    finally:
        temporaries.remove(folder)


DEVICE = Device(
    "cuda_standalone",
    # not measured: the launch of a kernel and published factors over one core (30 to 80),
    # with the measured time of its compiler
    Costs(updater=10e-6, element=0.015e-9, generate=1.0, compiler=60.0,
          compile_updater=10.0),
    start=lambda job: lambda: _run(job),
    guards=(
        guards.network_operations, guards.clocks, guards.functions, guards.random_numbers,
    ),
    told=(guards.timing_between_runs,),
    need=cuda.need_brian2cuda,
    works=_works,
    preferences=cuda.preferences,
    prepare=cuda.prepare,
    loggers=("brian2.brian2cuda.device", "brian2.brian2cuda.utils.gputools"),
)  # fmt: skip
