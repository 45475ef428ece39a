"""Which clock the objects of plastic synapses follow, and what its time step decides.

Cells on both sides follow one clock, or two of which the coarse one ticks with every n-th
tick of the fine one. Variables then advance on the fine clock, and what a spike does
happens on the clock of the cells that spike. All objects follow the clocks of the cells,
so that a time step which is set after `connect` is theirs too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brian2 as b2

from ...errors import FwpError, shown
from ...quantities import time
from .attached_variables import whole

_SAME = 1e-6  # relative difference of time steps that are meant to be the same


class Multiple(b2.Clock):
    """A clock whose step is a multiple of another one's, and may change between runs."""

    dt, dt_ = b2.Clock.dt, b2.Clock.dt_  # Brian2 looks for them in the class itself

    def __init__(self, steps: int, dt: float, name: str):
        super().__init__(dt=steps * dt * b2.second, name=name)

    def follow(self, steps: int, dt: float) -> None:
        """Take a new step; it need not divide the time that has passed."""
        if self.dt_ != steps * dt:
            self.dt_ = steps * dt
            self._old_dt = None


class Timing:
    """The clocks of the cells on both sides.

    Args:
        groups: side -> Brian2 group.

    Raises:
        FwpError: no time step is a whole multiple of the other one.
    """

    def __init__(self, groups: Mapping[str, Any]):
        self.groups = {side: whole(group) for side, group in groups.items()}
        self.clock = self._finest()
        self.check()

    @property
    def dt(self) -> float:
        """Time step of what advances, in seconds."""
        return float(self.clock.dt_)

    def _finest(self):
        return min(
            (group.clock for group in self.groups.values()), key=lambda one: one.dt_
        )

    def check(self) -> None:
        """Raise `FwpError` for clocks that cannot run together, now that a run starts."""
        pre, post = (float(self.groups[side].clock.dt_) for side in ("pre", "post"))
        fine, coarse = sorted((pre, post))
        ratio = coarse / fine
        if abs(ratio - round(ratio)) > _SAME * ratio:
            names = " and ".join(repr(group.name) for group in self.groups.values())
            raise FwpError(
                f"the cells {names} have time steps of {_text(pre)} and {_text(post)}: "
                "plastic synapses need one that is a whole multiple of the other"
            )
        if abs(self.dt - fine) > _SAME * fine:
            raise FwpError(
                "the time step of the cells was changed after connect, and "
                f"{_text(fine)} is now finer than the {_text(self.dt)} on which the "
                "synapses advance: set it before connect"
            )

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return options of Synapses with the clock; ``dt`` and ``clock`` must agree with
        it.

        Raises:
            FwpError: another time step than the cells have.
        """
        found = dict(given)
        dt, clock = found.pop("dt", None), found.pop("clock", None)
        if dt is not None and clock is not None:
            raise FwpError("give dt or clock, not both")
        if clock is not None and not hasattr(clock, "dt_"):
            raise FwpError(f"clock must be a Brian2 Clock, got {shown(clock)}")
        wanted = float(time(dt, "dt")) if dt is not None else None
        wanted = float(clock.dt_) if clock is not None else wanted
        if wanted is not None and abs(wanted - self.dt) > _SAME * self.dt:
            raise FwpError(
                f"plastic synapses advance with their cells, by {_text(self.dt)}, got a "
                f"time step of {_text(wanted)}: leave out dt and clock, or give them to "
                "the cells"
            )
        return {**found, "clock": self.clock}


def _text(seconds: float) -> str:
    return f"{seconds * 1e3:g} ms"
