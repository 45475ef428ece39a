"""What a model does in every time step, or at the end of every interval.

`Equations.steps` run one after another in slot "end" of the last time step of an
interval. So they find what the cells are at its end, and nothing else costs a pass over
the synapses. A ticker with as many elements as the cells fires an event of its own there;
each step is a pathway of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brian2 as b2

from ...errors import FwpError
from ...synapses.factorised.text import renamed
from .attached_variables import whole

#: places in slot "end": what comes from elsewhere, the ticker, the first step
ARRIVES, TICKS, FIRST = 9, 10, 11
#: whether a step is the last one of an interval, exact for intervals of any length
_END = "(timestep(t, dt) + 1) % timestep(every, dt) == 0"


def check(model, dt: float) -> None:
    """Refuse an interval that is not a whole number of time steps of ``dt`` seconds.

    Raises:
        FwpError: with both.
    """
    if not model.equations.steps:
        return
    every = model.parameters["every"]
    ratio = float(every) / dt
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6 * ratio:
        raise FwpError(
            f"every={every} must be a whole number of the time steps of the cells, "
            f"{dt * 1e3:g} ms"
        )


class Steps:
    """The steps of one projection.

    Args:
        model: with ``equations.steps``.
        groups: side -> cells.
        timing: their clocks.
        name: of the projection.
    """

    def __init__(self, model, groups, timing, name: str):
        self.event = f"{name}_step"
        self.side = next(
            s for s in ("pre", "post") if timing.groups[s].clock is timing.clock
        )
        check(model, timing.dt)
        every = model.parameters["every"]
        cells = whole(groups[self.side])
        self.group, space = groups[self.side], f"_{self.event}space"
        self.ticker = b2.NeuronGroup(
            len(cells),
            "",
            events={self.event: _END},
            namespace={"every": every},
            name=f"{name}_ticker",
            clock=timing.clock,
        )
        self.ticker.set_event_schedule(self.event, when="end", order=TICKS)
        cells.variables.add_reference(space, self.ticker)
        if cells is not self.group:
            self.group.variables.add_reference(space, cells)
        lines = [line for line in model.equations.steps.splitlines() if line.strip()]
        self.code = {
            f"step_{n}": line.replace("; ", "\n") for n, line in enumerate(lines)
        }

    def pathways(self, names) -> dict[str, Any]:
        """Return options of Brian2's Synapses, with variables renamed."""
        return {
            f"on_{self.side}": {
                step: renamed(line, names) for step, line in self.code.items()
            },
            "on_event": dict.fromkeys(self.code, self.event),
            "delay": dict.fromkeys(self.code, 0 * b2.second),
        }

    @contextmanager
    def known(self) -> Iterator[None]:
        """Let the cells know the event while Brian2 makes the pathways, and no longer."""
        self.group.events[self.event] = _END
        try:
            yield
        finally:
            del self.group.events[self.event]

    def place(self, synapses) -> None:
        """Give every step its place in the time step."""
        for n, step in enumerate(self.code):
            pathway = getattr(synapses, step)
            pathway.when, pathway.order = "end", FIRST + n

