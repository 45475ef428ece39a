"""The device "cpp_standalone": a C++ program of the whole circuit, compiled and run."""

from __future__ import annotations

from . import guards, kept_programs
from .device import Costs, Device, DeviceJob


def _start(job: DeviceJob):
    if job.structure is not None and job.threads == 1:
        return kept_programs.start(job)
    program = kept_programs.draft_of(job).program()
    told = job.progress
    progress = None if told is None else lambda fraction: told(fraction, job.label)
    return lambda: program.run(progress=progress)


def _in_cache(job: DeviceJob) -> bool:
    if job.structure is not None and job.threads == 1:
        return kept_programs.compiled_before(job)
    return kept_programs.draft_of(job).in_cache()


DEVICE = Device(
    "cpp_standalone",
    Costs(
        updater=0.15e-6, element=0.7e-9, generate=0.2, compiler=1.5, compile_updater=0.35
    ),
    start=_start,
    guards=(guards.network_operations,),
    in_cache=_in_cache,
)
