"""Compiled programs that stay for circuits of one structure, which differ in numbers.

The first circuit of a structure is compiled, or its program is taken from the cache. The
next one of this structure feeds its numbers to that program: Brian2 makes no objects and
no code for it. "auto" compiles a structure in the background once it has run
`BEFORE_COMPILING` times, and works with another device until the program is there.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable
from typing import Any

import brian2 as b2

from ..errors import Cannot, FwpError
from . import compiled_builds
from .device import DeviceJob
from .device_program import DeviceProgram, Draft

log = logging.getLogger("fwp_neuro.devices")

#: runs of a structure after which "auto" compiles it
BEFORE_COMPILING = 3
#: programs that a process keeps, and structures that it counts
MOST, MOST_COUNTED = 16, 4096
#: how often a build is told to end, in tenths of a second
_TRIES = 50

#: what Brian2's preferences for code begin with
_PREFERENCES = ("core.", "codegen.", "devices.cpp_standalone.")

_kept: OrderedDict[Hashable, DeviceProgram] = OrderedDict()
_runs: Counter = Counter()
_builds: dict[Hashable, _Build] = {}
_failed: set[Hashable] = set()


class _Build:
    """A draft that a thread compiles."""

    def __init__(self, draft: Draft):
        self.draft, self.problem = draft, None
        self.thread = threading.Thread(target=self._compile, daemon=True)
        self.thread.start()

    def _compile(self) -> None:
        try:
            compiled_builds.program(self.draft.folder)
        except BaseException as problem:  # noqa: BLE001  it is told where it is read
            self.problem = problem


def clear() -> None:
    """Forget all programs of this process, and how often structures ran."""
    _end_builds()
    for program in _kept.values():
        program.close()
    for memory in (_kept, _runs, _failed):
        memory.clear()


def program(job: DeviceJob) -> DeviceProgram:
    """Return the program of a job's structure, compiled now if it must be.

    Raises:
        Cannot: there is no compiler, or it failed.
    """
    found = _ready(job)
    if found is None:
        found = _keep(job, draft_of(job))
    return found


def start(job: DeviceJob):
    """Return what runs a job on the program of its structure and gives its results."""
    found, structure, told = program(job), job.structure, job.progress
    progress = None if told is None else lambda fraction: told(fraction, job.label)

    def run() -> dict[str, Any]:
        numbers = found._known(structure.refill(found.built))
        return found.run(
            numbers, seed=job.seed, duration=structure.duration, progress=progress
        )

    return run


def compiled_before(job: DeviceJob) -> bool:
    """Tell whether the program of a job's structure is there, and count its runs.

    A structure that has run often is compiled from here on, in the background.
    """
    key = key_of(job)
    if _ready(job) is not None:
        return True
    if _marked(key) and draft_of(job).in_cache():
        _keep(job, job.draft)
        return True
    _runs[key] += 1
    if len(_runs) > MOST_COUNTED:
        _runs.clear()
    if _runs[key] > BEFORE_COMPILING and key not in _builds and key not in _failed:
        try:
            _builds[key] = _Build(draft_of(job))
        except FwpError as problem:  # the other device says what is wrong with it
            _failed.add(key)
            log.info("%s: not compiled: %s", job.label, problem)
            return False
        job.draft = None  # the thread's
        log.info("%s: after %d runs of this structure it is compiled in the background",
                 job.label or "circuit", BEFORE_COMPILING)  # fmt: skip
    return False


def key_of(job: DeviceJob) -> tuple:
    """Return what circuits of one program have in common: the structure, and Brian2's
    preferences for its code."""
    chosen = [(n, repr(b2.prefs[n])) for n in b2.prefs if n.startswith(_PREFERENCES)]
    return job.structure.key, tuple(sorted(chosen))


def draft_of(job: DeviceJob) -> Draft:
    """Return the source of a job's program, written once."""
    if job.draft is None:
        job.draft = Draft(job.build, dt=job.dt, seed=job.seed, threads=job.threads)
    return job.draft


def _ready(job: DeviceJob) -> DeviceProgram | None:
    """Return the kept program of a job's structure, also one that is compiled by now."""
    key = key_of(job)
    build = _builds.get(key)
    if build is not None and not build.thread.is_alive():
        del _builds[key]
        if build.problem is None:
            return _put(key, build.draft.program())
        build.draft.close()
        _failed.add(key)
        log.info("%s: not compiled: %s", job.label, build.problem)
    if key in _kept and not _kept[key].whole:  # its parent process has removed it
        del _kept[key]
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    return None


def _keep(job: DeviceJob, draft: Draft) -> DeviceProgram:
    made = draft.program()
    if draft is job.draft:
        job.draft = None  # its folder is the program's from now on
    return _put(key_of(job), made)


def _put(key: Hashable, made: DeviceProgram) -> DeviceProgram:
    _kept[key] = made
    compiled_builds.mark(made.place, _name(key))
    while len(_kept) > MOST:
        _kept.popitem(last=False)[1].close()
    return made


def _name(key: Hashable) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:24]


def _marked(key: Hashable) -> bool:
    try:
        return compiled_builds.marked(_name(key))
    except Cannot:
        return False


@atexit.register
def _end_builds() -> None:
    """End what is compiled in the background, and leave no file of it behind."""
    while _builds:
        _, build = _builds.popitem()
        for _ in range(_TRIES):
            compiled_builds.stop(build.draft.folder)
            build.thread.join(0.1)
            if not build.thread.is_alive():
                break
        build.draft.close()


if hasattr(os, "register_at_fork"):
    # threads stay with the parent process, and so do the programs that they compile
    os.register_at_fork(after_in_child=_builds.clear)
