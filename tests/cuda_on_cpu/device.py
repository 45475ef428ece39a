"""Brian2 devices whose projects `compile_project` compiles: C++, and CUDA on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from fwp_neuro.devices import Built, cuda
from fwp_neuro.devices.brian2_state import own_names

from .project import compile_project
from .together import Together

#: name -> order of the threads, widest block
RUNS = {"forward": ("forward", 1), "shuffled": ("shuffled", 4), "narrow": ("shuffled", 1)}


@dataclass(frozen=True)
class Run:
    """What circuits left behind, circuit -> name -> array, and where the project lies."""

    found: Mapping[str, Mapping[str, np.ndarray]]
    folder: Path


def run(
    builds: Mapping[str, Callable[[], Built]], name: str, folder: Path, dt, *,
    runs: Iterable[str] = ("forward",), seed: int = 0, jobs: int = 2,
) -> dict[str, Run]:  # fmt: skip
    """Build circuits into one project of "cpp_standalone" or "cuda_standalone", and run
    it.

    Args:
        builds: circuit -> what builds it.
        folder: to write to; dt: time step, for all of them.
        runs: of `RUNS`, by the same program.

    Returns:
        run -> `Run`.
    """
    found = {}
    with own_names(), _device(name, folder, dt, seed, jobs) as device:
        circuits = Together(builds)
        circuits.network.run(circuits.duration, namespace={})
        device.build(directory=str(folder), compile=True, run=False)
        for each in runs:
            order, width = RUNS[each]
            given = {"CUDA_ON_CPU_ORDER": order, "CUDA_ON_CPU_WIDTH": str(width)}
            with mock.patch.dict(os.environ, given):
                device.run(with_output=False)
            found[each] = Run(circuits.collect(), folder)
    return found


@contextmanager
def _device(name: str, folder: Path, dt, seed: int, jobs: int):
    """Make a device of its own active, and put all of Brian2's state back."""
    import brian2 as b2

    if name == "cuda_standalone":
        import brian2cuda  # noqa: F401  registers the device

    class Emulated(type(b2.all_devices[name])):
        def compile_source(self, directory, compiler, debug, clean):
            compile_project(Path(directory), jobs)

    preferences = cuda.preferences(b2.prefs) if name == "cuda_standalone" else {}
    old, old_dt = {n: b2.prefs[n] for n in preferences}, b2.defaultclock.dt
    device = Emulated()
    if name == "cuda_standalone":
        cuda.prepare(device)
    b2.set_device(device, directory=str(folder), build_on_run=False)
    try:
        for preference, value in preferences.items():
            b2.prefs[preference] = value
        b2.defaultclock.dt = dt
        b2.seed(seed)
        yield device
    finally:
        b2.devices.reset_device()
        b2.defaultclock.dt = old_dt
        for preference, value in old.items():
            b2.prefs[preference] = value
