"""Brian2's module state (device, target, time step, seed), set for one run and put
back."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brian2 as b2
from brian2.core.base import BrianObject
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet
from brian2.devices import reset_device

from .device import device


@contextmanager
def runtime(target: str, dt, seed: int):
    """Let Brian2 run in this process with a code generation target; yields brian2."""
    with _active(b2.all_devices["runtime"], dt, seed, {"codegen.target": target}):
        yield b2


@contextmanager
def standalone(name: str, folder: Path, dt, seed: int, fresh=None, threads: int = 1):
    """Let Brian2 write a project of its own into a folder; yields brian2.

    Args:
        name: "cpp_standalone" or "cuda_standalone".
        fresh: the device to use, a new one of Brian2's if None.
        threads: of OpenMP; 1 leaves OpenMP out.
    """
    # Brian2 starts as many compilers as there are files, whatever the number of cores
    make = "devices.cpp_standalone.extra_make_args_unix"
    preferences: dict[str, Any] = {make: [f"-j{os.cpu_count() or 1}"]}
    preferences["devices.cpp_standalone.openmp_threads"] = 0 if threads == 1 else threads
    one = device(name)
    if one.preferences is not None:
        preferences |= one.preferences(b2.prefs)
    # a device of its own, so that a project which the user has under way stays untouched
    fresh = type(b2.all_devices[name])() if fresh is None else fresh
    if one.prepare is not None:
        one.prepare(fresh)
    with (
        _errors_only(one.loggers),
        _active(fresh, dt, seed, preferences, directory=str(folder), build_on_run=False),
    ):
        yield b2


@contextmanager
def reading(standalone_device):
    """Let the results of a standalone device be read; it must have been run."""
    runtime = b2.all_devices["runtime"]
    runtime_dt, own_dt = runtime.defaultclock.dt, standalone_device.defaultclock.dt
    b2.set_device(standalone_device, build_on_run=False)
    try:
        # Brian2 handed the time step of the device before over to this one, whose values
        # that are kept as of an earlier time would be read at a wrong time
        standalone_device.defaultclock.dt = own_dt
        yield
    finally:
        reset_device()
        runtime.defaultclock.dt = runtime_dt


@contextmanager
def made():
    """Watch which Brian2 objects are made; yields a function that returns those still
    alive."""

    def alive() -> dict[int, Any]:
        found = (reference() for reference in list(BrianObject.__instances__()))
        return {id(item): item for item in found if item is not None}

    before = alive()
    new: list[Any] = []

    def objects() -> list[Any]:
        return new

    yield objects
    new.extend(item for key, item in alive().items() if key not in before)


@contextmanager
def own_names():
    """Let Brian2 name objects as if there were no others, so that names do not depend on
    them."""
    kept = InstanceFollower.instance_sets
    InstanceFollower.instance_sets = defaultdict(InstanceTrackerSet)
    try:
        yield
    finally:
        InstanceFollower.instance_sets = kept


@contextmanager
def _errors_only(names: tuple[str, ...]):
    """Let the named loggers report errors only (brian2cuda lists all preferences at a
    build)."""
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
    """Make a Brian2 device active with a time step, seed and preferences; then put all
    back."""
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
