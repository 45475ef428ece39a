"""The device "cpp_standalone": a C++ program of the whole circuit, compiled and run."""

from __future__ import annotations

from . import guards
from .device import Costs, Device, DeviceJob
from .device_program import Draft


def _draft(job: DeviceJob) -> Draft:
    if job.draft is None:
        job.draft = Draft(job.build, dt=job.dt, seed=job.seed, threads=job.threads)
    return job.draft


def _start(job: DeviceJob):
    program = _draft(job).program()
    told = job.progress
    progress = None if told is None else lambda fraction: told(fraction, job.label)
    return lambda: program.run(progress=progress)


DEVICE = Device(
    "cpp_standalone",
    Costs(
        updater=0.15e-6, element=0.7e-9, generate=0.2, compiler=1.5, compile_updater=0.35
    ),
    start=_start,
    guards=(guards.network_operations,),
    in_cache=lambda job: _draft(job).in_cache(),
)
