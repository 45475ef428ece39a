"""What a device is: its costs, its guards, and how it runs a circuit; each is one file here.

The file of the device "numpy" is ``numpy_device.py``, which defines ``DEVICE``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from ..device_names import BRIAN
from .built_network import Built

#: all but "auto", which chooses among them
NAMES = tuple(name for name in BRIAN if name != "auto")
#: those that write a program of their own
STANDALONE = tuple(name for name in NAMES if name.endswith("_standalone"))


@dataclass(frozen=True)
class Costs:
    """Rough seconds of one core of a server of 2023; only their ratios matter for the choice.

    The numbers of numpy, cython and cpp_standalone were measured on eight networks (3 to 30
    updaters, 20 to 2e5 elements) and hold within a factor of 2.

    Attributes:
        updater: of one Brian2 updater, in every step.
        element: of one cell or synapse that is touched in a step.
        generate: making the network and its code.
        compiler: what a compiler takes at least.
        compile_updater: what it takes for each updater.
    """

    updater: float
    element: float
    generate: float
    compiler: float = 0.0
    compile_updater: float = 0.0


@dataclass
class DeviceJob:
    """A circuit to be run.

    Attributes:
        build: makes the network.
        dt: time step (Brian2 time).
        seed: of Brian2's random numbers.
        threads: of OpenMP.
        progress: called with (fraction done, label), or None.
        label: what runs.
        draft: the source of its program, once somebody asked for it; it is closed at the end.
    """

    build: Callable[[], Built]
    dt: Any
    seed: int
    threads: int = 1
    progress: Callable[[float, str], None] | None = None
    label: str = ""
    draft: Any = None


@dataclass(frozen=True)
class Device:
    """A way to run a circuit.

    Attributes:
        name: as a user asks for it.
        costs: for the choice.
        start: makes a job ready (compiles it, if it must be), and returns what runs it and gives
            its results; raises `Cannot` for a circuit that the device cannot run.
        guards: functions that raise for a Brian2 network that the device would run wrongly.
        compiles: whether it needs a C++ compiler.
        need: raises `FwpError` if a package is missing that it needs.
        works: for "auto", whether the rest of this machine has what it needs; asked only where
            the device would be the cheapest.
        in_cache: whether a job is compiled already; None for a device that keeps nothing.
        preferences: Brian2's, for writing the program, from those that are set.
        prepare: makes a fresh device of Brian2 ready.
        loggers: names of loggers that shall report errors only.
    """

    name: str
    costs: Costs
    start: Callable[[DeviceJob], Callable[[], dict[str, Any]]]
    guards: tuple[Callable[[Any], None], ...] = ()
    compiles: bool = True
    need: Callable[[], None] | None = None
    works: Callable[[], bool] | None = None
    in_cache: Callable[[DeviceJob], bool] | None = None
    preferences: Callable[[Any], dict[str, Any]] | None = None
    prepare: Callable[[Any], None] | None = None
    loggers: tuple[str, ...] = ()

    @property
    def standalone(self) -> bool:
        """Whether it writes a program of its own."""
        return self.name in STANDALONE


@cache
def device(name: str) -> Device:
    """Return a device by its name, one of `NAMES`."""
    return import_module(f"{__package__}.{name}_device").DEVICE
