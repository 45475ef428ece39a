"""What the spiking circuit is told: a plan in numbers, and its courses over time for Brian2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np

from ..synapses.models import CircuitSynapse
from ..weight_recording import Keep
from .calibration import decay
from .collector import Record
from .schedule import Schedule, timed


@dataclass(frozen=True)
class Plan:
    """Everything the network needs as numbers; tokens first, then head.

    Attributes:
        key, query: [token, head, pre]; value: [token, head, post] in [-1, 1].
        eta: learning rate in 1/s, [token, head].
        compare: whether the basal prediction is subtracted (delta) or not (Hebb).
        keep_pre, keep_post: decay factors of the fast weight, [token, head, pre or post].
        weights: initial fast weights [head, post, pre].
        ap5, cnqx: blocked fraction at every step.
        cells: cells a number, or inf; kind: of the key and teacher cells.
        layout: "population" or "synapse"; seed: of the initial phases.
        weight_baseline: weight at which a synapse and the fixed inhibition cancel.
        keep: what is kept of the fast weights; record: what else is recorded.
    """

    key: np.ndarray
    query: np.ndarray
    value: np.ndarray
    eta: np.ndarray
    compare: bool
    keep_pre: np.ndarray
    keep_post: np.ndarray
    weights: np.ndarray
    ap5: np.ndarray | float
    cnqx: np.ndarray | float
    cells: float
    kind: str
    layout: str
    seed: int
    weight_baseline: float
    keep: Keep
    record: Record = Record()

    @property
    def own(self) -> bool:
        """Whether every key cell has weights of its own."""
        return self.layout == "synapse" and not np.isinf(self.cells)

    @property
    def signed(self) -> bool:
        """Whether keys need ON and OFF populations."""
        return bool((self.key < 0).any() or (self.query < 0).any())


def tables(plan: Plan, model: CircuitSynapse, schedule: Schedule, dt) -> dict[str, Any]:
    """Return the network's namespace: courses over time, kicks, and the model's parameters.

    A spike kicks a trace of time constant tau by (1 - exp(-dt/tau)) / (cells x rate x dt), for
    which the mean of the trace is the coded number at any dt; 1 / (rate tau) would be biased.
    """
    tokens, rate = schedule.tokens, model.parameters["rate"]
    infinite = np.isinf(plan.cells)

    def flat(array):
        return array.reshape(len(array), -1)

    shown = flat(schedule.course(("shown", plan.key), ("query", plan.query)))
    half = np.concatenate([plan.value, -plan.value], -1) / 2
    teach = flat(schedule.course(("shown", half))) + model.parameters["value_baseline"]
    unblocked = 1 - np.broadcast_to(plan.ap5, (tokens * schedule.token_steps,))
    gate = flat(schedule.course(("write", plan.eta))) * unblocked[:, None]
    channels = np.repeat(gate, 2 * plan.value.shape[-1], axis=1)
    ampa = 1 - np.broadcast_to(plan.cnqx, (tokens * schedule.token_steps,))
    reading = np.tile(schedule.active("read"), tokens) / (
        np.ptp(schedule.spans["read"]) * schedule.dt
    )
    starts = np.repeat(np.arange(tokens) * schedule.token_steps * schedule.dt, schedule.token_steps)
    tables = {
        "shown_table": timed(shown, dt),
        "teach_table": timed(teach, dt),
        "teacher_rate": timed(teach * float(rate), dt, b2.Hz),
        "eta_table": timed(channels, dt, b2.Hz),
        "ampa_open": timed(ampa, dt),
        "reading": timed(reading, dt, b2.Hz),
        "token_start": timed(starts, dt, b2.second),
    }
    if plan.signed:
        pair = np.concatenate([np.maximum(shown, 0), np.maximum(-shown, 0)], 1)
    else:
        pair = shown
    tables["key_rate"] = timed(pair * float(rate), dt, b2.Hz)
    each = float(rate) * schedule.dt * (1 if infinite else plan.cells)
    for name in ("ampa", "nmda", "teacher"):
        tables[f"kick_{name}"] = (1 - decay(model, f"tau_{name}", schedule.dt)) / each
    tables["kick_nmda_own"] = tables["kick_nmda"] * (1 if infinite else plan.cells)
    parameters = {
        name: value
        for name, value in model.parameters.items()
        if name not in ("rate", "weight_baseline")
    }
    return {**tables, **parameters, "w0": model.parameters["weight_baseline"]}
