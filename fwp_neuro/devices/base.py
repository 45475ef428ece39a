"""What a device is given to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
