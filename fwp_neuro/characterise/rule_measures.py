"""Measure what a plasticity rule writes, erases, lets decay and gates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..circuits.protocols import check_ports
from ..synapses.coding import Experiment
from ..synapses.synapse_class import Synapse
from . import bilinear, storage
from .bilinear import Bilinear
from .pairing_runs import resting, run

#: what an erase is fitted with: 1 - dw_after/dw_before over the window = sum of these
ERASES = ("always", "key", "value", "key and value")


@dataclass(frozen=True)
class RuleMeasures:
    """A plasticity rule, measured.

    Attributes:
        model: name.
        coding: of keys and values, see `Experiment`.
        table: mean change of the effective weight [value, key].
        noise: standard deviation of a single synapse's change over its mean, at the
            middle of the grid: one over the signal-to-noise ratio.
        write: `Bilinear` of the table.
        kept: how much of a weight is left after the window [value, key].
        erase: what is lost in the window, by cause (see `ERASES`), at the middle of the
            grid.
        decay: time constant of the weight in silence, seconds; infinite if nothing is
            lost.
        cross: change of a write, as a share of it, by other synapses of the cell whose
            weights are raised so that they predict the value; -1 would be a full
            delta-rule correction.
        gate: (change with the gate at 0, at one half) as shares of that with the gate at
            1.
        stored: `storage.Stored`: random keys and values written one after the other.
        note: what a reader of the table must know.
    """

    model: str
    coding: str
    table: np.ndarray
    noise: float
    write: Bilinear
    kept: np.ndarray
    erase: tuple[float, ...]
    decay: float
    cross: float
    gate: tuple[float, float]
    stored: storage.Stored
    note: str = ""


def measure(
    model: Synapse, how: Experiment, repeats: int = 16, seed: int = 0
) -> RuleMeasures:
    """Run a rule's Brian2 text on spikes that code keys and values.

    Args:
        model: a plasticity or short-term plasticity model.
        how: one of its experiments.
        repeats: synapses for each pair of a key and a value entry.
        seed: of the spikes.

    Raises:
        FwpError: a model with a port that spikes of its two cells do not drive.
    """
    check_ports(model)
    if how.changes:
        model = model.changed(**how.changes)
    if how.weight:
        model = replace(model, weight=how.weight)
    if not how.gate and "nmda" in model.parameters:
        how = replace(how, gate="nmda")
    keys, values = np.array(how.keys), np.array(how.values)
    spikes = _grid(how, keys, values, repeats, np.random.default_rng(seed))
    size = (len(values), len(keys), repeats)
    before, after = (_weights(model, how, *spikes, start, size) for start in
                     (how.start, how.start + how.shift))  # fmt: skip
    change = before - resting(model, how)
    table = change.mean(-1)
    kept = ((after - before) / _shift(model, how)).mean(-1)
    middle = how.typical
    spread = float(change[middle].std())
    silent = float(kept[0, 0])
    lasts = how.window + how.settle
    return RuleMeasures(
        model.name,
        how.coding,
        table,
        spread / abs(table[middle]) if table[middle] else float("inf"),
        bilinear.fit(table - table[0, 0], values, keys),
        kept,
        _erase(kept, values, keys, middle),
        _time_constant(silent, lasts),
        storage.cross(model, how, seed) if how.state else float("nan"),
        _gate(model, how, spikes, size, table[middle], middle),
        storage.store(model, how, seed=seed),
        how.note,
    )


def _time_constant(kept: float, lasts: float) -> float:
    """Return the time constant of what keeps a share ``kept`` over ``lasts`` seconds."""
    if not np.isfinite(kept) or kept <= 0:  # no weight of its own, or all of it gone
        return float("nan") if not np.isfinite(kept) else 0.0
    return -lasts / np.log(kept) if kept < 1 - 1e-9 else float("inf")


def _grid(how: Experiment, keys, values, repeats: int, rng):
    """Return spikes of one pair of cells for every synapse [value, key, repeat], flat."""
    value, key, _ = np.meshgrid(values, keys, np.arange(repeats), indexing="ij")
    return how.key_spikes(key.ravel(), rng), how.value_events(value.ravel(), rng)


def _weights(model, how: Experiment, pre, post, start, size) -> np.ndarray:
    return run(model, how, pre, post, start, pairing="one")["weight"].reshape(size)


def _shift(model, how: Experiment) -> float:
    """Return by how much raising the state raises the effective weight."""
    raised = replace(how, start=how.start + how.shift)
    return (resting(model, raised) - resting(model, how)) or float("nan")


def _erase(kept: np.ndarray, values, keys, middle) -> tuple[float, ...]:
    """Return what the middle of the grid loses, by cause (least squares over the
    grid)."""
    v, k = np.meshgrid(values, keys, indexing="ij")
    v, k = v / values[middle[0]], k / keys[middle[1]]
    causes = np.stack([np.ones_like(v), k, v, k * v], -1).reshape(-1, 4)
    if not np.isfinite(kept).all():
        return (float("nan"),) * 4
    found = np.linalg.lstsq(causes, (1 - kept).ravel(), rcond=None)[0]
    return tuple(float(item) for item in found)


def _gate(
    model, how: Experiment, spikes, size, whole: float, middle
) -> tuple[float, float]:
    """Return the change with the gate closed and half open, as shares of the whole
    one."""
    if not how.gate:
        return (float("nan"), float("nan"))
    cells = np.arange(int(np.prod(size))).reshape(size)[middle]
    shares = []
    for opening in (0.0, 0.5):
        gated = model.changed(**{how.gate: opening * model.parameters[how.gate]})
        pre, post = spikes[0][:, cells], spikes[1][:, cells]
        found = _weights(gated, how, pre, post, how.start, (len(cells),))
        shares.append(float((found - resting(gated, how)).mean() / whole))
    return tuple(shares)
