"""Build a circuit on a device and run it, or write its project without running it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brian2 as b2

from .. import temporaries
from ..arguments import SEED, filename, instance, one_of, optional, takes, text
from ..errors import Cannot, FwpError
from ..run_arguments import DEVICE, PROGRESS
from ..validation import affordable, affordable_steps
from . import guards
from .brian2_state import made, runtime, standalone
from .built_network import BUILD, DT, Built, Size, built_by, collected
from .cuda import check_machine, execute, need_brian2cuda
from .device_choice import THREADS, announce, asked_threads, check_cost, choose, clocks_of
from .device_program import Draft
from .guards import STANDALONE
from .lock import brian2_lock

Progress = Callable[[float, str], None]


@brian2_lock()
@takes(
    build=BUILD,
    size=instance("fwp_neuro.devices.built_network:Size", lambda: Size(1, 1, 1)),
    device=DEVICE,
    dt=DT,
    seed=SEED,
    progress=PROGRESS,
    label=text(empty=True),
    threads=optional(THREADS),
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
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build and run a circuit on a device.

    Args:
        build: makes the network; called once the device is active, perhaps again on another one.
        size: for the choice of device.
        device: one of `DEVICES`.
        dt: time step (Brian2 time).
        seed: of Brian2's random numbers.
        progress: called with (fraction done, label) while the circuit runs.
        label: what runs, for progress and the log.
        threads: of OpenMP, for cpp_standalone only; 1 leaves OpenMP out. None takes Brian2's
            preference devices.cpp_standalone.openmp_threads, which is off unless you set it.

    Returns:
        what ``Built.collect`` gives, and the device with the reason for it.

    Raises:
        FwpError: a size that no device of this machine ends, no time step, ``build`` returns no
            `Built`, unknown device, missing compiler package, no GPU for cuda_standalone, or one of
            the `guards`.
    """
    threads = asked_threads(threads, device)
    affordable_steps(size.steps, "the simulation")
    affordable(size.elements, "the cells and synapses that are touched in every step")
    draft: list[Draft] = []  # of a standalone program, once somebody wants to know its cost

    def drafted() -> Draft:
        if not draft:
            draft.append(Draft(build, dt=dt, seed=seed, threads=threads))
        return draft[0]

    program = None
    try:
        try:
            chosen, reason = choose(device, size, lambda: drafted().in_cache())
            if chosen == "cpp_standalone":
                program = drafted().program()
        except Cannot as problem:
            if device != "auto":
                raise
            chosen, reason = choose(device, size, standalone=False)
            reason = f"{reason}; not standalone: {problem}"
        info = {"device": chosen, "device_reason": reason}
        if device == "auto":
            announce(label, chosen, reason)
        if program is not None:
            return program.run(progress=_labelled(progress, label)), info
        if chosen == "cuda_standalone":
            return _on_cuda(build, dt, seed), info
        return _here(build, chosen, dt, seed, progress, label), info
    finally:
        for each in draft:
            each.close()


def _labelled(progress: Progress | None, label: str):
    return None if progress is None else lambda fraction: progress(fraction, label)


def _here(build, target: str, dt, seed: int, progress, label: str) -> dict[str, Any]:
    """Run in this process."""
    with runtime(target, dt, seed):
        with made() as objects:
            built = built_by(build)
        guards.check(built, target, objects())
        check_cost(built.duration, clocks_of(built.network), target)
        with guards.its_objects():
            built.network.run(built.duration, namespace={}, **_report(progress, label))
        if float(built.network.t) < float(built.duration) - 0.5 * float(dt):
            # Brian2 answers Ctrl+C by ending early, as if all were well
            raise KeyboardInterrupt
        guards.compiled_as_asked(built.network, target)
        guards.check_results(built)
        return collected(built)


def _on_cuda(build, dt, seed: int) -> dict[str, Any]:
    check_machine()
    folder = temporaries.make("cuda")
    try:
        with standalone("cuda_standalone", folder, dt, seed) as b2:
            built = _stated(build, "cuda_standalone", b2)
            execute(b2.device, folder)
            guards.check_results(built)
            return collected(built)
    finally:
        temporaries.remove(folder)


def _stated(build, device: str, b2) -> Built:
    """Make the network of a standalone device and state its run, behind the guards."""
    with guards.plain_sentences(device):
        with made() as objects:
            built = built_by(build)
        guards.check(built, device, objects())
        check_cost(built.duration, clocks_of(built.network), device)
        with guards.its_objects():
            built.network.run(built.duration, namespace={})
        if device == "cuda_standalone":
            guards.timing_between_runs(b2.get_device())
    return built


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
    """Write the standalone C++ or CUDA project of a circuit without compiling or running it.

    Returns:
        the folder, which holds ``main.cpp`` or ``main.cu``.

    Raises:
        FwpError: an argument of another kind, a folder that cannot be written to, brian2cuda is
            missing, or one of the `guards`.
    """
    if device == "cuda_standalone":
        need_brian2cuda()
    folder = Path(directory)
    with _made(folder), standalone(device, folder, dt, seed) as b2:
        built = _stated(build, device, b2)  # noqa: F841  it must stay alive
        whole = temporaries.written(f"the project in {str(directory)!r}")
        with guards.plain_sentences(device), whole:
            b2.device.build(directory=str(folder), compile=False, run=False)
    return folder


@contextmanager
def _made(folder: Path):
    """Make a folder and those above it; if what is done inside fails, remove those that are new."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FwpError(f"directory {str(folder)!r} cannot be written: {problem.strerror}") from None
    try:
        yield
    except BaseException:
        for each in new[-1:]:
            shutil.rmtree(each, ignore_errors=True)
        raise


def _report(progress, label):
    if progress is None:
        return {}

    def report(elapsed, completed, start, duration):
        progress(float(completed), label)

    return {"report": report, "report_period": 1 * b2.second}
