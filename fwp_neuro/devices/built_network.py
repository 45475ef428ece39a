"""What a device is given to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brian2 as b2

from ..arguments import Kind, function, takes, whole
from ..errors import FwpError, shown
from ..quantities import a_time

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


@takes(
    "Size",
    steps=whole(0, _MOST, example=1),
    objects=whole(0, _MOST, example=1),
    elements=whole(0, _MOST, example=1),
)
@dataclass(frozen=True)
class Size:
    """What decides between devices: steps, updaters a step, cells and synapses touched a step.

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
BUILD = Kind("a function without arguments that returns a Built", _read_build, lambda: _example)
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
        raise FwpError(f"collect must return a dict from name to array, got {shown(found)}")
    return found
