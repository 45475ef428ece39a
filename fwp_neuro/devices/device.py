"""What a device is, and what it is given to run; each device is one file here.

The file of the device "numpy" is ``numpy_device.py``, which defines ``DEVICE``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import brian2 as b2

from ..arguments import Kind, function, takes, whole
from ..device_names import BRIAN, DEVICES
from ..errors import FwpError, shown
from ..quantities import a_time

#: those of this package that write a program of their own
STANDALONE = tuple(name for name in BRIAN if name.endswith("_standalone"))
#: the most steps, updaters or elements that can be counted in a float
_MOST = 2**53


def _read_network(value, name: str):
    if not isinstance(value, b2.Network):
        raise FwpError(f"{name} must be a Brian2 Network, got {shown(value)}")
    return value


def _read_kept(value, name: str) -> tuple:
    if not isinstance(value, tuple | list):
        raise FwpError(f"{name} must be a tuple of objects, got {shown(value)}")
    return tuple(value)


def _network():
    return b2.Network(b2.NeuronGroup(1, "x : 1"))


@takes(
    "Built",
    network=Kind("a Brian2 Network", _read_network, _network),
    collect=function(),
    duration=a_time("100*ms"),
    keep=Kind("a tuple of objects", _read_kept, tuple),
)
@dataclass
class Built:
    """A network ready to run.

    Attributes:
        network: explicit Brian2 Network (never a magic one).
        collect: called after the run, returns plain arrays by name.
        duration: how long to run (Brian2 time above 0).
        keep: further objects that must stay alive until the run is over.

    Raises:
        FwpError: a field of another kind.
    """

    network: Any
    collect: Callable[[], dict[str, Any]]
    duration: Any
    keep: tuple = ()

    def __repr__(self) -> str:
        count = len(getattr(self.network, "objects", ()))
        return f"Built(a network of {count} objects, {self.duration})"


@dataclass(frozen=True)
class Structure:
    """What a circuit has in common with others that differ from it in numbers alone.

    Attributes:
        key: equal for circuits whose Brian2 equations, sizes and recordings are equal;
            hashable, with a ``repr`` that is the same in every process.
        refill: called with the `Built` of another circuit of this structure; makes its
            ``collect`` that of this circuit, and returns this circuit's numbers by name,
            as `DeviceProgram.run` takes them.
        duration: of the run (Brian2 time).
    """

    key: Hashable
    refill: Callable[[Built], dict[str, Any]]
    duration: Any


@takes(
    "Size",
    steps=whole(0, _MOST, example=1),
    objects=whole(0, _MOST, example=1),
    elements=whole(0, _MOST, example=1),
)
@dataclass(frozen=True)
class Size:
    """What decides between devices: steps, updaters a step, cells and synapses touched a
    step.

    Args:
        steps: time steps of the run.
        objects: updaters a step.
        elements: cells and synapses that are touched a step.

    Raises:
        FwpError: one of them is no whole number from 0 to 2**53.
    """

    steps: int
    objects: int
    elements: int


def _example() -> Built:
    return Built(_network(), dict, 1 * b2.ms)


def _read_build(value, name: str):
    try:
        return function().read(value, name)
    except FwpError:
        raise FwpError(f"{name} must be {BUILD.legal}, got {shown(value)}") from None


#: kinds of arguments of all functions that build a circuit
BUILD = Kind(
    "a function without arguments that returns a Built", _read_build, lambda: _example
)
DT = a_time("0.1*ms")


def built_by(build: Callable[[], Built]) -> Built:
    """Call ``build`` and return what it made.

    Raises:
        FwpError: it does not return a `Built`.
    """
    made = build()
    if not isinstance(made, Built):
        raise FwpError(
            "build must return fwp.devices.Built(network, collect, duration), got "
            f"{'a Brian2 Network' if hasattr(made, 'sorted_objects') else shown(made)}"
        )
    return made


def collected(built: Built) -> dict[str, Any]:
    """Return what ``collect`` gives.

    Raises:
        FwpError: no dict of names.
    """
    found = built.collect()
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise FwpError(
            f"collect must return a dict from name to array, got {shown(found)}"
        )
    return found


@dataclass(frozen=True)
class Costs:
    """Rough seconds of one core of a server of 2023; only their ratios matter for the
    choice.

    The numbers of numpy, cython and cpp_standalone were measured on eight networks (3 to
    30 updaters, 20 to 2e5 elements) and hold within a factor of 2.

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
        make_structure: gives the structure of the circuit, for devices that keep
            programs; None for a circuit that shares its program with no other.
        draft: the source of its program, once somebody asked for it; it is closed at the
            end.
    """

    build: Callable[[], Built]
    dt: Any
    seed: int
    threads: int = 1
    progress: Callable[[float, str], None] | None = None
    label: str = ""
    make_structure: Callable[[], Structure] | None = None
    draft: Any = None

    @cached_property
    def structure(self) -> Structure | None:
        """Of the circuit, made when a device asks for it."""
        return None if self.make_structure is None else self.make_structure()


@dataclass(frozen=True)
class Device:
    """A way to run a circuit.

    Attributes:
        name: as a user asks for it.
        costs: for the choice.
        start: makes a job ready (compiles it, if it must be), and returns what runs it
            and gives its results; raises `Cannot` for a circuit that the device cannot
            run.
        guards: functions that raise for a Brian2 network that the device would run
            wrongly.
        told: functions that raise for a Brian2 device that was told what it would do
            wrongly.
        compiles: whether it needs a C++ compiler.
        need: raises `FwpError` if a package is missing that it needs.
        works: for "auto", whether the rest of this machine has what it needs; asked only
            where the device would be the cheapest.
        in_cache: whether a job is compiled already; None for a device that keeps nothing.
        preferences: Brian2's, for writing the program, from those that are set.
        prepare: makes a fresh device of Brian2 ready.
        loggers: names of loggers that shall report errors only.
    """

    name: str
    costs: Costs
    start: Callable[[DeviceJob], Callable[[], dict[str, Any]]]
    guards: tuple[Callable[[Any], None], ...] = ()
    told: tuple[Callable[[Any], None], ...] = ()
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
        return self.name.endswith("_standalone")


@cache
def device(name: str) -> Device:
    """Return a device by its name."""
    found = DEVICES.get(name)  # one from outside is there itself
    if isinstance(found, Device):
        return found
    return import_module(f"{__package__}.{name}_device").DEVICE


def every() -> list[Device]:
    """Return all devices."""
    return [device(name) for name in DEVICES if name != "auto"]
