"""What synapses will cost, said before they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brian2 as b2
import numpy as np
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from ...errors import FwpError, shown
from ...validation import affordable, in_bytes, machine_memory
from ..plain_numbers import stands_for_cells

_MOST = 2**31 - 1  # Brian2 numbers synapses by int32
#: pairs that a condition may be tried on: more take longer than an hour
_MOST_TRIED = 10**12


def count(groups: Mapping[str, Any], pairs: Mapping[str, Any]) -> float | None:
    """Return how many synapses to expect, or None where only Brian2 can tell."""
    n = pairs.get("n", 1)
    if isinstance(n, str) or isinstance(pairs.get("p"), str):
        return None
    every = [np.size(pairs[name]) for name in ("i", "j")
             if name in pairs and not isinstance(pairs[name], str)
             and not stands_for_cells(pairs[name])]  # fmt: skip
    if "i" in pairs or "j" in pairs:
        if len(every) < 2:
            return None
        return float(max(every) * np.max(n, initial=0)) if all(every) else 0.0
    condition = pairs.get("condition", True)
    if condition is False:
        return 0.0
    if condition is not True:
        return None
    both = float(len(groups["pre"])) * float(len(groups["post"]))
    return both * pairs.get("p", 1.0) * float(np.max(n))


def bytes_each(model, dense: bool) -> int:
    """Return how many bytes a synapse takes: its variables and the numbers of its
    cells."""
    own = [e for e in b2.Equations(model.equations.synapse).values()
           if e.type in (PARAMETER, DIFFERENTIAL_EQUATION)
           and "shared" not in e.flags]  # fmt: skip
    stamp = any("event-driven" in e.flags for e in own)
    # once more while they are made: numbers of cells, and those by which spikes find
    # synapses
    return 8 * (len(own) + stamp) + (0 if dense else 8 + 12)


def check_delay(side: str, delay, dt: float) -> None:
    """Refuse a delay whose spikes on the way would fill the memory.

    Args:
        side: "pre" or "post".
        delay: Brian2 time.
        dt: time step, seconds.

    Raises:
        FwpError: with the number of steps.
    """
    steps = int(min(float(np.max(delay)) / dt, 1e300))
    affordable(
        steps, f"delay: a queue of {shown(side)} spikes for {steps:.3g} time steps", 64
    )


def check(
    model, groups: Mapping[str, Any], pairs: Mapping[str, Any], dense: bool
) -> None:
    """Refuse more synapses than Brian2 can number or the machine's memory can hold.

    Raises:
        FwpError: with their number and memory.
    """
    cells = " to ".join(str(len(group)) for group in groups.values())
    tried = float(len(groups["pre"])) * float(len(groups["post"]))
    if isinstance(pairs.get("condition"), str) and tried > _MOST_TRIED:
        raise FwpError(f"connect would try a condition on {tried:.3g} pairs ({cells} "
                       "cells): give the pairs as i and j")  # fmt: skip
    expected = count(groups, pairs)
    if expected is None:
        return
    cost = expected * bytes_each(model, dense)
    memory = float(machine_memory() or "inf")
    if expected <= _MOST and cost <= memory:
        return
    limit = f"Brian2 numbers at most {_MOST}" if cost <= memory else (
        f"this machine has {in_bytes(memory)}")  # fmt: skip
    raise FwpError(
        f"connecting {cells} cells makes {expected:.3g} synapses, which take about "
        f"{in_bytes(cost)}, and {limit}: connect fewer, as with connect={{'p': 0.01}}"
    )
