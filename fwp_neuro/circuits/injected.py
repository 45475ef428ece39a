"""Run a plasticity model on spikes that are given: every device gets the very same
ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np

from ..arithmetic import evaluate
from ..devices import Built, Size, simulate
from ..errors import FwpError, pick
from ..quantities import quantity, time
from ..synapses.synapse_class import Synapse
from ..synapses.varying import PLACES, readers
from .plastic import connecting
from .plastic.connecting import LAYOUTS

PAIRINGS = ("all", "one")


def raster(trains: Sequence, duration, dt) -> np.ndarray:
    """Return spikes as a table [step, cell] of zeros and ones.

    Args:
        trains: one array of Brian2 times a cell.
        duration, dt: Brian2 times.

    Raises:
        FwpError: a spike outside [0, duration), or two of one cell in one step.
    """
    steps = int(round(float(duration / dt)))
    table = np.zeros((steps, len(trains)))
    for cell, train in enumerate(trains):
        times = quantity(
            train, b2.second, f"the spike times of cell {cell}", "times in ms"
        )
        at = np.floor(times / float(dt) + 1e-6).astype(int)
        if (at < 0).any() or (at >= steps).any():
            raise FwpError(f"cell {cell} spikes outside the run of {duration}")
        if np.unique(at).size < at.size:
            raise FwpError(f"cell {cell} spikes twice within one time step of {dt}")
        table[at, cell] = 1
    return table


def run(
    model: Synapse,
    pre: np.ndarray,
    post: np.ndarray,
    *,
    dt,
    pairing: str = "all",
    initial: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    record: Sequence[str] = (),
    record_every=None,
    layout: str = "textbook",
    writes: str = "auto",
    device: str = "numpy",
    seed: int = 0,
    copies: int = 1,
    varying: Mapping[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Run a model's synapses between cells that spike when they are told to.

    In a time step: continuous changes ("groups"), spikes, on_pre, on_post, then what a
    spike does to its own cell (resets).

    Args:
        model: a plasticity or short-term plasticity model.
        pre, post: spikes [step, cell], see `raster`.
        dt: Brian2 time.
        pairing: "all" (every presynaptic with every postsynaptic cell) or "one" (cell n
            with cell n, for many pairs that have nothing to do with each other).
        initial: synaptic variable -> number, quantity or array [post, pre] ("all") or
            [pair]; variable of a cell -> number, quantity or array [cell].
        inputs: name in the equations -> Brian2 TimedArray or constant, before the
            parameters.
        record: synaptic or postsynaptic variables to record, each every ``record_every``.
        record_every: Brian2 time; needed with ``record``.
        layout: "textbook" (every variable of a synapse on the synapse: the oracle) or
            "factorised" (what is the same for all synapses of a cell lives on the cell).
        writes: of the factorised layout, see `fwp_neuro.synapses.factorise`; "both sides"
            instead of "auto" where a synaptic variable is recorded.
        device: see `fwp_neuro.devices`.
        seed: of noise in the equations.
        copies: how many times all cells of the tables are there (with pairing "one").
        varying: parameter -> one quantity for each of the copies, or None.

    Returns:
        "weight" [post, pre] or [pair]: the effective weight at the end; every synaptic
        variable likewise (event-driven ones as of the last spike of either side, those
        that live on a cell as of the last step); "time" [sample] in seconds and for each
        recorded variable [sample, cell or synapse], synapses in order of post, then pre.

    Raises:
        FwpError: rasters that do not fit, an unknown pairing or variable.
    """
    dt, pre, post = _checked(pre, post, dt, pairing, layout, record, record_every)
    shape = (
        (post.shape[1], pre.shape[1]) if pairing == "all" else (copies * pre.shape[1],)
    )
    each = {name: np.repeat(one, pre.shape[1]) for name, one in (varying or {}).items()}

    def build() -> Built:
        return _build(model, pre, post, dt, shape, initial, inputs, record, record_every,
                      layout, writes, each)  # fmt: skip

    size = Size(len(pre), 8, 3 * int(np.prod(shape)))
    found, _ = simulate(build, size, device=device, dt=dt, seed=seed)
    courses, ends = found["courses"], found["ends"]
    ends = {name: np.asarray(array).reshape(shape) for name, array in ends.items()}
    base = {name: np.asarray(one) for name, one in each.items()}
    return {**ends, **courses, "weight": effective(model, {**base, **ends}, shape)}


def _checked(pre, post, dt, pairing, layout, record, record_every) -> tuple:
    """Return dt and both rasters as arrays, or raise `FwpError`."""
    pick(pairing, PAIRINGS, "pairing")
    pick(layout, LAYOUTS, "layout")
    dt = time(dt, "dt")
    pre, post = np.asarray(pre, dtype=float), np.asarray(post, dtype=float)
    if pre.ndim != 2 or post.ndim != 2 or len(pre) != len(post):
        raise FwpError(
            f"spikes are tables [step, cell] of as many steps each, got {pre.shape}, "
            f"{post.shape}"
        )
    if pairing == "one" and pre.shape != post.shape:
        raise FwpError("pairing 'one' needs as many cells on both sides, got "
                       f"{pre.shape[1]} and {post.shape[1]}")  # fmt: skip
    if record and record_every is None:
        raise FwpError("record needs record_every, a time such as 1*ms")
    return dt, pre, post


def effective(model: Synapse, variables: Mapping[str, np.ndarray], shape) -> np.ndarray:
    """Evaluate a model's effective weight from its variables, in base units."""
    known = {n: float(v) for n, v in model.parameters.items() if np.ndim(v) == 0}
    found = evaluate(
        model.weight, {**known, **variables}, f"the weight of {model.name!r}"
    )
    return np.broadcast_to(np.asarray(found, dtype=float), shape).copy()


def _places(model: Synapse, varying: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return parameter -> place that reads it -> its values there, for `connect`.

    Without those that no text reads, because others that follow from them are given too.
    What `connect` reads itself cannot vary, as it says.
    """
    read, text = readers(model, {}), model.equations
    fixed = {text.delay, text.delay_post, *(by for _, by in text.delayed.values())}
    fixed |= {"every"} if text.steps else set()
    every = {
        name: {place: one for place in PLACES if name in read[place]}
        or ({"synapse": one} if name in fixed else {})
        for name, one in varying.items()
    }
    return {name: places for name, places in every.items() if places}


def _build(
    model,
    pre,
    post,
    dt,
    shape,
    initial,
    inputs,
    record,
    record_every,
    layout,
    writes,
    varying,
) -> Built:
    text = model.equations
    spikes = {
        "pre_spikes": b2.TimedArray(pre, dt=dt),
        "post_spikes": b2.TimedArray(post, dt=dt),
    }
    namespace = {**model.parameters, **(inputs or {}), **spikes}

    # one group has one integrator and one value of each parameter: then connect attaches
    # the cells'
    attached = bool(text.methods or varying)
    if attached:
        text = replace(text, pre="", pre_spike="", post="", post_spike="", method="exact")
    before = _cells(pre, "pre", text, namespace, shape)
    after = _cells(post, "post", text, namespace, shape)
    pairs = _pairs(shape)
    if writes == "auto" and set(record) & set(b2.Equations(text.synapse).names):
        # Brian2 cannot record what a synapse works out from its cells
        writes = "both sides"
    made = connecting.connect(
        model,
        before,
        after,
        layout=layout,
        connect=pairs,
        initial=_start(model, initial),
        inputs=inputs,
        writes=writes,
        name="plastic",
        varying=_places(model, varying) or None,
        names={"conductance": None}
        if model.parts and attached and "conductance" in model.ports
        else None,
    )
    monitors, spread = _monitors(made, after, pairs, shape, record, record_every)
    collect = partial(_collected, made, text, dict(zip(record, monitors, strict=True)),
                      spread)  # fmt: skip
    network = b2.Network(before, after, *made.objects, *monitors)
    return Built(network, collect, len(pre) * dt, (before, after, made, namespace))


def _cells(table: np.ndarray, side: str, text, namespace: dict, shape: tuple[int, ...]):
    """Return the cells of a side, which spike as a table [step, cell] says."""
    count = table.shape[1] if len(shape) == 2 else shape[0]
    place = "i" if count == table.shape[1] else f"i % {table.shape[1]}"
    return b2.NeuronGroup(
        count, getattr(text, side), threshold=f"{side}_spikes(t, {place}) > 0.5",
        reset=getattr(text, f"{side}_spike"), method=text.method, namespace=namespace,
        name=f"{side}_cells",
    )  # fmt: skip


def _collected(made, text, monitors: Mapping, spread: Mapping) -> dict[str, Any]:
    """Return "ends" of synaptic variables and "courses" of what was recorded."""
    kept = [
        name for name, equation in b2.Equations(text.synapse).items()
        if equation.type in ("parameter", "differential equation") and "shared" not in
        equation.flags
    ]  # fmt: skip
    courses = {}
    for name, monitor in monitors.items():
        courses["time"] = np.array(monitor.t_)
        course = np.array(getattr(monitor, f"{name}_")).T
        courses[name] = course[:, spread[name]] if name in spread else course
    return {"ends": {name: made.values(name) for name in kept}, "courses": courses}


def _pairs(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the cells of each synapse, in the order of an array [post, pre]."""
    if len(shape) == 1:
        return {"i": np.arange(shape[0]), "j": np.arange(shape[0])}
    # Brian2 keeps synapses in the order in which they are made
    j, i = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    return {"i": j.ravel(), "j": i.ravel()}


def _start(model: Synapse, initial: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what variables start from; the cells have theirs already."""
    start = {**model.initial, **(initial or {})}
    return {
        name: np.ravel(each) if np.ndim(each) > 1 else each
        for name, each in start.items()
    }


def _monitors(made, after, pairs, shape, record, record_every) -> tuple[list, dict]:
    """Return the monitors, and variable on cells that is one of the synapses -> cell of
    each synapse."""
    monitors, spread = [], {}
    for name in record:
        if name in made.levels or name in made.passed:
            monitors.append(made.monitor(name, dt=record_every, label=f"of_{name}"))
            continue
        source, own = made.where[name] if name in made.where else (after, name)
        side = made.moved.get(name)
        if side:
            spread[name] = pairs["i" if side == "pre" else "j"]
        own_count = source is made.synapses
        count = np.prod(shape, dtype=int) if own_count else len(source)
        monitors.append(
            b2.StateMonitor(source, own, record=np.arange(count), dt=record_every,
                            name=f"of_{name}")
        )  # fmt: skip
    return monitors, spread
