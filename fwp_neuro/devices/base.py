"""What a device is given to run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as repr_of
from typing import Any

from ..errors import FwpError


@dataclass
class Built:
    """A network ready to run.

    Attributes:
        network: explicit Brian2 Network (never a magic one).
        collect: called after the run, returns plain arrays by name.
        duration: how long to run (Brian2 time).
        keep: further objects that must stay alive until the run is over.
    """

    network: Any
    collect: Callable[[], dict[str, Any]]
    duration: Any
    keep: tuple = ()


@dataclass(frozen=True)
class Size:
    """What decides between devices: steps, updaters a step, cells and synapses touched a step."""

    steps: int
    objects: int
    elements: int


def built_by(build: Callable[[], Built]) -> Built:
    """Call ``build`` and return what it made.

    Raises:
        FwpError: it is no function, or does not return a `Built` with fields of the right kind.
    """
    import brian2 as b2

    if not callable(build):
        raise FwpError(f"build must be a function without arguments, got {build!r}")
    made = build()
    wanted = "build must return fwp.devices.Built(network, collect, duration)"
    if not isinstance(made, Built):
        raise FwpError(f"{wanted}, got {_shown(made)}")
    if not isinstance(made.network, b2.Network):
        raise FwpError(f"{wanted}: network must be a Brian2 Network, got {_shown(made.network)}")
    if not callable(made.collect):
        raise FwpError(f"{wanted}: collect must be a function, got {_shown(made.collect)}")
    if not (_is_time(made.duration) and float(made.duration) >= 0):
        raise FwpError(
            f"{wanted}: duration must be a time such as 100*ms, got {_shown(made.duration)}"
        )
    return made


def check_step(dt) -> None:
    """Raise `FwpError` for a time step that is not one positive Brian2 time."""
    if not (_is_time(dt) and float(dt) > 0):
        raise FwpError(f"dt must be a positive time such as 0.1*ms, got {_shown(dt)}")


def _is_time(value) -> bool:
    """Whether a value is one finite Brian2 time."""
    import brian2 as b2

    # a plain 0 has the dimensions of everything for Brian2, but says nothing of a unit
    if not isinstance(value, b2.Quantity) or value.dim != b2.second.dim:
        return False
    return value.size == 1 and math.isfinite(float(value))


def _shown(value) -> str:
    """Return a value in a few words."""
    import brian2 as b2

    return "a Brian2 Network" if isinstance(value, b2.Network) else repr_of(value)
