"""What is looked at whenever a network with plastic synapses is about to run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import brian2 as b2
import numpy as np

from ...errors import FwpError
from . import initial_values, plastic_steps


def networks(synapses) -> Iterator[b2.Network]:
    """Yield the networks that hold some synapses."""
    for reference in list(b2.Network.__instances__()):
        network = reference()
        if network is not None and synapses in getattr(network, "objects", ()):
            yield network


def between_runs(plastic, what: str) -> None:
    """Refuse what takes effect at the start of a run while a run goes on.

    The call is then inside ``Network.run``, from a network operation.

    Raises:
        FwpError: with the method that was called.
    """
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        network = frame.f_locals.get("self") if frame.f_code.co_name == "run" else None
        if isinstance(network, b2.Network) and plastic.synapses in network.objects:
            raise FwpError(
                f"{what} takes effect at the start of a run, and the network runs: call "
                "it between two runs"
            )


def complete(plastic) -> None:
    """Refuse a network that lacks a part of the synapses, or has a name twice.

    Raises:
        FwpError: with the names.
    """
    for network in networks(plastic.synapses):
        every = list(inside(network.objects))
        known = set(map(id, every))
        missing = [one.name for one in plastic.objects if id(one) not in known]
        if missing:
            raise FwpError(
                f"the network lacks {', '.join(map(repr, missing))} of the plastic "
                f"synapses {plastic.synapses.name!r}: put all of their objects into it, "
                "as in Network(cells, *made.objects)"
            )
        own = {part.name for one in plastic.objects for part in inside([one])}
        twice = sorted(name for name, n in Counter(one.name for one in every).items()
                       if n > 1 and name in own)  # fmt: skip
        if twice:
            raise FwpError(
                "the network has more than one object called "
                f"{', '.join(map(repr, twice))}: give each connect a name of its own, or "
                "leave name out"
            )


def inside(objects: Iterable[Any]) -> Iterator[Any]:
    """Yield objects and what they contain, each once."""
    waiting, seen = list(objects), set()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += one._contained_objects


def all_active(plastic) -> None:
    """Refuse parts that were switched off: what is left would not be the model."""
    renewing = plastic.renewing
    free = () if renewing is None else (*renewing.often, *renewing.held)
    for one in inside(plastic.objects):
        recorder = isinstance(one, b2.StateMonitor)  # which may rest
        if not one._active and not recorder and not any(one is other for other in free):
            raise FwpError(
                f"{one.name!r} is a part of the plastic synapses "
                f"{plastic.synapses.name!r} and is not active: use made.freeze() to stop "
                "learning"
            )


def moved_on(plastic, old: float, new: float) -> None:
    """Let variables of cells that advance exactly fit another time step.

    They hold what they were one step before the next one.

    Raises:
        FwpError: a delay that takes another number of steps, values that no number can
            hold, or a standalone program between two of its runs.
    """
    for name, delay in plastic.lines.items():
        if round(float(delay) / old) != round(float(delay) / new):
            raise FwpError(
                f"{name!r} stores values of {_steps(delay, old)} steps, and with the "
                f"time step of {new * 1e3:g} ms it would be {_steps(delay, new)}: set "
                "the time step before connect"
            )
    plastic_steps.check(plastic.model, new)
    exact = getattr(plastic.model.equations, "exact", ())
    if plastic.renewing is not None:
        plastic.renewing.follow(new)
    if not exact:
        return
    try:
        if plastic.renewing is not None and plastic.time() > 0:
            plastic.renewing.now(back=False)
        for group in {
            id(plastic.where[n][0]): plastic.where[n][0] for n in exact
        }.values():
            names = [n for n in exact if plastic.where[n][0] is group]
            _shift(plastic, group, names, old - new)
    except NotImplementedError:
        raise FwpError(
            "the time step was changed between two runs of a standalone program, where "
            "the factorised layout cannot follow: use layout='textbook'"
        ) from None


def _steps(delay, dt: float) -> int:
    return round(float(delay) / dt)


def _shift(plastic, group, names: list[str], by: float) -> None:
    """Advance variables exactly by a time, which may be negative."""
    state: dict[str, Any] = {n: float(v) for n, v in plastic.model.parameters.items()
                             if np.ndim(v) == 0}  # fmt: skip
    state |= {n: np.array(plastic.where[n][0].variables[n].get_value())
              for n, one in plastic.model.varying.items()
              if one.place != "synapse"}  # fmt: skip
    own = {name: np.array(getattr(group, f"{name}_")[:]) for name in names}
    state |= {**own, "dt": by}
    with np.errstate(over="ignore", invalid="ignore"):
        initial_values.advance(group.equations, names, state)
    for name in names:
        if not np.isfinite(state[name]).all():
            raise FwpError(
                f"{name!r} of {plastic.model.name!r} decays too fast for the time step "
                "that was set after connect: keep it on the synapse with "
                f"keep=({name!r},)"
            )
        setattr(group, f"{name}_", state[name])
