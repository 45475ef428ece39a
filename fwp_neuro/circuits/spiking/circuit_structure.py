"""What spiking circuits with one compiled program have in common, and their numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import brian2 as b2
import numpy as np

from ...devices import Built
from ...devices.device import Structure


def structure(network) -> Structure:
    """Return the structure of a circuit that `biophysical` has prepared and not built."""
    return Structure(_key(network), partial(_refill, network), network.collector.run_time)


def _key(network) -> tuple:
    """Return what circuits with one compiled program have in common."""
    plan, schedule, record = network.plan, network.schedule, network.plan.record
    model = network.model
    each = 0 if network.infinite or network.counted else int(plan.cells)
    probes = 0 if plan.keep.probes is None else plan.keep.probes.shape[1]
    grids = [(name, float(one.dt), one.values.shape[1:])
             for name, one in network.namespace.items()
             if isinstance(one, b2.TimedArray)]  # fmt: skip
    return (
        "biophysical", model.compartments, model.unblocked_code("V_apical"),
        model.rest_code("value_baseline"), plan.compare,
        plan.signed, plan.tonic, plan.weights.shape, network.own, network.infinite,
        plan.kind, each,
        plan.keep.mode, probes, record.names, record.every, record.spikes,
        tuple(sorted(schedule.spans.items())), schedule.token_steps, schedule.dt,
        tuple(sorted(grids)),
    )  # fmt: skip


def _refill(network, built: Built) -> dict[str, Any]:
    """Make the results of a circuit of the same structure those of this one; return
    the numbers of this one."""
    other, mine = built.keep[-1], network.collector
    other.plan, other.schedule, other.namespace = (
        network.plan, network.schedule, network.namespace)  # fmt: skip
    other.collector.renew(mine, int(network.plan.cells) if network.counted else 0)
    mine.probing.events(network.namespace)  # adds the table of token ends
    numbers = _numbers(network.namespace)
    keys = "key_cells" if network.own else "key_traces"
    probes = {f"{keys}.{n}": one for n, one in mine.probing.values().items()}
    start = network.start(int(network.plan.cells) if network.own else 1)
    return {**numbers, **probes, **_phases(network), "fast_weights.w": start}


def _numbers(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the constants and tables of a namespace, with their units."""
    found = {}
    for name, one in namespace.items():
        if isinstance(one, b2.TimedArray):
            found[name] = b2.Quantity(one.values, dim=one.dim)
        elif not callable(one):
            found[name] = one
    return found


def _phases(network) -> dict[str, np.ndarray]:
    """Return the initial phases of cells that integrate, as they are drawn when the
    cells are made."""
    plan = network.plan
    if network.infinite or plan.kind == "poisson":
        return {}
    phases, cells = np.random.default_rng(plan.seed), int(plan.cells)
    keys = network.heads * network.pre * (1 + plan.signed) * cells
    first = phases.random(keys)
    teachers = phases.random(network.heads * 2 * network.post * cells)
    return {"key_cells.phase": first, "teachers.phase": teachers}
