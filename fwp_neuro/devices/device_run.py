"""Build a circuit on a device and run it, or write its project without running it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import brian2 as b2

from .. import temporaries
from ..arguments import SEED, filename, function, instance, one_of, optional, takes, text
from ..errors import Cannot, FwpError
from ..run_arguments import DEVICE, PROGRESS
from ..validation import affordable, affordable_steps
from . import guards
from .brian2_state import made, runtime, standalone
from .device import (
    BUILD,
    DT,
    STANDALONE,
    Built,
    DeviceJob,
    Size,
    Structure,
    built_by,
    collected,
)
from .device import device as by_name
from .device_choice import (
    THREADS,
    announce,
    asked_threads,
    check_cost,
    choose,
    clocks_of,
    in_cache,
)
from .lock import brian2_lock

Progress = Callable[[float, str], None]


@brian2_lock()
@takes(
    build=BUILD,
    size=instance("fwp_neuro.devices.device:Size", lambda: Size(1, 1, 1)),
    device=DEVICE,
    dt=DT,
    seed=SEED,
    progress=PROGRESS,
    label=text(empty=True),
    threads=optional(THREADS),
    structure=optional(function()),
)
def simulate(
    build: Callable[[], Built],
    size: Size,
    *,
    device: str,
    dt,
    seed: int,
    progress: Progress | None = None,
    label: str = "",
    threads: int | None = None,
    structure: Callable[[], Structure] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build and run a circuit on a device.

    Args:
        build: makes the network; called once the device is active, perhaps again on
            another one.
        size: for the choice of device.
        device: one of `DEVICES`.
        dt: time step (Brian2 time).
        seed: of Brian2's random numbers.
        progress: called with (fraction done, label) while the circuit runs.
        label: what runs, for progress and the log.
        threads: of OpenMP, for cpp_standalone only; 1 leaves OpenMP out. None takes
            Brian2's preference devices.cpp_standalone.openmp_threads, which is off unless
            you set it.

        structure: gives that of the circuit, so that a program that was compiled for
            another circuit of this structure serves it too; None for a program of its
            own.

    Returns:
        what ``Built.collect`` gives, and the device with the reason for it.

    Raises:
        FwpError: a size that no device of this machine ends, no time step, ``build``
            returns no `Built`, unknown device, missing compiler package, no GPU for
            cuda_standalone, or one of the `guards`.
    """
    threads = asked_threads(threads, device)
    affordable_steps(size.steps, "the simulation")
    affordable(size.elements, "the cells and synapses that are touched in every step")
    job = DeviceJob(build, dt, seed, threads, progress, label, structure)
    try:
        try:
            chosen, reason = choose(device, size, lambda: in_cache(job))
            run = by_name(chosen).start(job)
        except Cannot as problem:
            if device != "auto":
                raise
            chosen, reason = choose(device, size, standalone=False)
            run, reason = (
                by_name(chosen).start(job),
                f"{reason}; not standalone: {problem}",
            )
        if device == "auto":
            announce(label, chosen, reason)
        return run(), {"device": chosen, "device_reason": reason}
    finally:
        if job.draft is not None:
            job.draft.close()


@brian2_lock()
@takes(
    build=BUILD,
    device=one_of(STANDALONE, "device to generate code for:"),
    dt=DT,
    seed=SEED,
    directory=filename("project"),
)
def generate(
    build: Callable[[], Built], *, device: str, dt, seed: int, directory: str | Path
) -> Path:
    """Write the standalone C++ or CUDA project of a circuit without compiling or running
    it.

    Args:
        build: makes the circuit, a `Built`.
        device: "cpp_standalone" or "cuda_standalone".
        dt: time step of Brian2's default clock.
        seed: of the random numbers.
        directory: folder to write to.

    Returns:
        the folder, which holds ``main.cpp`` or ``main.cu``.

    Raises:
        FwpError: an argument of another kind, a folder that cannot be written to,
            brian2cuda is missing, or one of the `guards`.
    """
    need = by_name(device).need
    if need is not None:
        need()
    folder = Path(directory)
    with _made(folder), standalone(device, folder, dt, seed) as b2:
        built = state(build, device, b2)  # noqa: F841  it must stay alive
        whole = temporaries.written(f"the project in {str(directory)!r}")
        with guards.plain_sentences(device), whole:
            b2.device.build(directory=str(folder), compile=False, run=False)
    return folder


@contextmanager
def _made(folder: Path):
    """Make a folder and those above it; if what is done inside fails, remove those that
    are new."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FwpError(
            f"directory {str(folder)!r} cannot be written: {problem.strerror}"
        ) from None
    try:
        yield
    except BaseException:
        for each in new[-1:]:
            shutil.rmtree(each, ignore_errors=True)
        raise


def here(target: str, job: DeviceJob) -> Callable[[], dict[str, Any]]:
    """Return what runs a job in this process; see `run_here`."""
    return partial(run_here, target, job)


def run_here(target: str, job: DeviceJob) -> dict[str, Any]:
    """Run a job with one of Brian2's code generation targets, "numpy" or "cython"."""
    with runtime(target, job.dt, job.seed):
        with made() as objects:
            built = built_by(job.build)
        guards.check(built, target, objects())
        check_cost(built.duration, clocks_of(built.network), target)
        with guards.its_objects():
            built.network.run(built.duration, namespace={}, **_report(job))
        if float(built.network.t) < float(built.duration) - 0.5 * float(job.dt):
            # Brian2 answers Ctrl+C by ending early, as if all were well
            raise KeyboardInterrupt
        guards.compiled_as_asked(built.network, target)
        guards.check_results(built)
        return collected(built)


def state(build, name: str, b2) -> Built:
    """Make the network of a standalone device and state its run, behind the guards."""
    with guards.plain_sentences(name):
        with made() as objects:
            built = built_by(build)
        guards.check(built, name, objects())
        check_cost(built.duration, clocks_of(built.network), name)
        with guards.its_objects():
            built.network.run(built.duration, namespace={})
        for guard in by_name(name).told:
            guard(b2.get_device())
    return built


def _report(job: DeviceJob) -> dict[str, Any]:
    if job.progress is None:
        return {}
    told = job.progress

    def report(elapsed, completed, start, duration):
        told(float(completed), job.label)

    return {"report": report, "report_period": 1 * b2.second}
