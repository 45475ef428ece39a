"""What the biophysical circuit is told and what it can record: a plan in numbers.

All numbers of one recorded sample are those at its time: sums are taken from the weights
and traces of that moment. The one exception are weights at the end of a token, which are
sampled before receptors turn over, so that they are the snapshots of the token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import brian2 as b2
import numpy as np

from ...errors import FwpError
from ...programs import Program
from ...states import LIMIT, Keep, choose
from ...synapses.circuit_models import CircuitSynapse
from ...validation import in_bytes, refuse_negative
from ..collector import NOTHING, Record, asked
from ..drugs import AP5, CNQX, combined
from ..head_layout import check_rate, fired
from ..prepared_circuit import check_traces, memory_details, said, steps_between
from ..rate.ode_windows import BiophysicalWrite
from ..token_schedule import Schedule, check_number, timed
from . import calibration
from .calibration import decay
from .circuit_ports import elements, ports

if TYPE_CHECKING:
    from .held_writes import Hold
    from .realism import Realism

_POPULATION = (
    "every command of a programme is one number for a key dimension, so that all cells "
    "of a dimension share one weight"
)


@dataclass(frozen=True)
class CircuitPlan:
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
        tonic: whether the teacher's baseline is a steady conductance, not spikes.
        realism: idealisations that are taken away, or None.
        gains: of each value channel, by name, where they are not those drawn.
        hold: how predictions are held over a write, or None.
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
    record: Record = NOTHING
    tonic: bool = False
    realism: Realism | None = None
    gains: dict[str, np.ndarray] | None = None
    hold: Hold | None = None
    divisive: float | None = None

    @property
    def own(self) -> bool:
        """Whether every key cell has weights of its own."""
        return self.layout == "synapse" and not np.isinf(self.cells)

    @property
    def counted(self) -> bool:
        """Whether the number of cells of a population that fire is drawn, not each of
        them."""
        finite = bool(np.isfinite(self.cells))
        drawn = self.realism is None or not self.realism.needs_cells
        return finite and not self.own and self.kind == "poisson" and drawn

    @property
    def signed(self) -> bool:
        """Whether keys need ON and OFF populations."""
        return bool((self.key < 0).any() or (self.query < 0).any())

    def by_channel(self, flat: np.ndarray) -> np.ndarray:
        """Turn [sample, synapse] into what is transmitted, [sample, head, channel, post,
        pre]."""
        heads, post, pre = self.weights.shape
        # what a synapse transmits is bounded at all times, its state only at the end of a
        # token
        sent = np.clip(flat, 0, 2 * self.weight_baseline).reshape(
            len(flat), heads, pre, -1, 2, post
        )
        # the mean over the cells of a dimension
        return np.moveaxis(sent.mean(3), 2, -1)


def tables(
    plan: CircuitPlan, model: CircuitSynapse, schedule: Schedule, dt
) -> dict[str, Any]:
    """Return the network's namespace: courses over time, kicks, and the model's
    parameters.

    A spike kicks a trace of time constant tau by (1 - exp(-dt/tau)) / (cells x rate x
    dt), for which the mean of the trace is the coded number at any dt; 1 / (rate tau)
    would be biased.
    """
    tokens, rate = schedule.tokens, model.parameters["rate"]
    infinite = np.isinf(plan.cells)
    # drugs may change in any step, all else at the edges of windows
    grid = 1 if np.ndim(plan.ap5) or np.ndim(plan.cnqx) else schedule.grid
    where = schedule.coarse(grid)

    def flat(array):
        return array.reshape(len(array), -1)

    def table(course, unit=1):
        return timed(course, grid * dt, unit, schedule.grid // grid)

    shown = flat(where.course(("shown", plan.key), ("query", plan.query)))
    half = np.concatenate([plan.value, -plan.value], -1) / 2
    taught = flat(where.course(("shown", half)))
    teach = taught + model.parameters["value_baseline"]
    steps = (tokens * where.token_steps,)
    gate = flat(where.course(("write", plan.eta)))
    gate = gate * (1 - np.broadcast_to(plan.ap5, steps))[:, None]
    reading = np.tile(where.active("read"), tokens) / (
        np.ptp(schedule.spans["read"]) * schedule.dt
    )
    starts = np.arange(tokens) * schedule.token_steps * schedule.dt
    tables = {
        "shown_table": table(shown),
        "teach_table": table(teach),
        "teacher_rate": table(
            (np.abs(taught) if plan.tonic else teach) * float(rate), b2.Hz
        ),
        "eta_table": table(np.repeat(gate, 2 * plan.value.shape[-1], axis=1), b2.Hz),
        "ampa_open": table(1 - np.broadcast_to(plan.cnqx, steps)),
        "reading": table(reading, b2.Hz),
        "token_start": table(np.repeat(starts, where.token_steps), b2.second),
    }
    tables["compares"] = float(plan.compare)
    if plan.tonic:
        tables["teacher_sign"] = table(np.sign(taught))
    pair = shown
    if plan.signed:
        pair = np.concatenate([np.maximum(shown, 0), np.maximum(-shown, 0)], 1)
    if plan.realism is not None:
        pair = plan.realism._key_numbers(pair, rate, plan.seed, plan.cells)
        if infinite and not plan.signed:
            tables["shown_table"] = table(pair)
    tables["key_rate"] = table(pair * float(rate), b2.Hz)
    if not infinite:
        tables["cells"] = float(plan.cells)
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


def turnover(plan: CircuitPlan, per: int, token) -> dict[str, Any]:
    """Return what is left of the fast weights after each token, of ``per`` weights a key
    dimension, for a token of this duration."""
    before = np.repeat(plan.keep_pre, per, axis=2).reshape(len(plan.key), -1)
    after = np.concatenate([plan.keep_post] * 2, axis=2).reshape(len(plan.key), -1)
    # nothing turns over once the last token has ended
    return {f"keep_{name}": b2.TimedArray(np.vstack([one, np.ones_like(one[:1])]),
                                          dt=token)
            for name, one in (("before", before), ("after", after))}  # fmt: skip


def start_weights(plan: CircuitPlan, per: int) -> np.ndarray:
    """Return the weight of every synapse before the first token."""
    half = plan.weights / 2
    start = np.concatenate([half, -half], axis=1)  # [head, channel, pre]
    start = np.repeat(np.swapaxes(start, 1, 2), per, axis=1)  # [head, unit, channel]
    return (plan.weight_baseline + start).reshape(-1)


# --------------------------------------------------------------- from options to the plan


def parts(program: Program, write: BiophysicalWrite, query, weights,
          model: CircuitSynapse, schedule: Schedule, options) -> tuple:  # fmt: skip
    """Return (plan, dt, keep, details) of the biophysical circuit, every option checked.

    Args:
        query: [token, head, pre]; weights: initial [head, post, pre].
        options: those of the realisation by name.
    """
    dt, layout, why = options["dt"], options["layout"], "asked for"
    if layout == "auto":
        layout, why = "population", _POPULATION
    _check_signs(
        write.key, query, {**options, "layout": layout}, program.heads is not None
    )
    _check_turnover(write)
    if (
        layout == "synapse"
        and float(schedule.token_steps * dt / model.parameters["tau_nmda"]) > 500
    ):
        raise FwpError(
            "a token lasts over 500 NMDA time constants: the exact event-driven scheme "
            "would overflow"
        )
    events = layout == "synapse" and bool(np.isfinite(options["cells"]))
    norm = (write.key**2).sum(-1)
    signed = bool((write.key < 0).any() or (query < 0).any())
    realism, hold, compare, gain = options["realism"], None, write.compare, 1.0
    told = (write.strength, norm, compare, model, schedule)
    if realism is not None and not realism.on:
        realism = None
    if realism is not None:
        from . import realistic_calibration  # noqa: PLC0415  few runs need it

        pools = (realism, write.key, query, signed)
        realistic_calibration.check(realism, options, model, signed)
        gain = realistic_calibration.recall_gain(model, schedule, *pools)
    fitted = options["value_scale"] == "fit"
    scale = _value_scale(write.value, weights / gain, model, options["value_scale"])
    if options["write"] != "first_order":
        from . import held_writes  # noqa: PLC0415  few runs need it

        hold, eta, compare = held_writes.held(
            write, norm, model, schedule, options, float(scale.max())
        )
    elif options["clean_up"] is not None:
        raise FwpError("clean_up restores predictions that are held: give write="
                       "'held_target', or leave it out")  # fmt: skip
    elif realism is not None:
        eta = realistic_calibration.learning_rate(*told, *pools)
    else:
        eta = calibration.learning_rate(*told, options["calibration"], events)
    synapses = 2 * weights.size * (int(options["cells"]) if events else 1)
    keep = choose(options["record_weights"], options["probes"], program, synapses)
    check_number(keep.probes)
    plan = CircuitPlan(
        write.key, query, write.value / scale[..., 0], eta,
        compare, write.keep_pre, write.keep_post,
        weights / gain / scale, *_blocked(schedule, options["drugs"]),
        options["cells"],
        options["key_cells"], layout, options["seed"],
        model.parameters["weight_baseline"], keep, tonic=options["teacher"] == "tonic",
        realism=realism, hold=hold, divisive=options["divisive"],
    )  # fmt: skip
    plan = replace(plan, record=_record(plan, model, schedule, gain * scale, options))
    _check_rates(plan, model, dt)
    if hold is not None and not plan.tonic and np.isfinite(plan.cells):
        held_writes.check_room(plan, write.strength, model.parameters["value_baseline"])
    details = {
        "form": "biophysical", "synapse": model.name,
        "parameters": model.block or "linear", "constants": model.parameters,
        "calibration": options["calibration"], "signed_keys": options["signed_keys"],
        "drugs": [str(drug) for drug in options["drugs"]], "teacher": options["teacher"],
        "write": options["write"],
        "value_scale": scale.ravel().tolist() if fitted else float(scale.item()),
        **said(plan.record.names, model, options),
    }  # fmt: skip
    if realism is not None:
        details |= {"realism": realism.said, "recall_gain": gain}
    # of its own a synapse keeps w and the integral of its postsynaptic cell that it has
    # seen
    numbers = synapses * (2 if events else 1)
    return plan, dt, keep, details | memory_details((layout, why), numbers, keep)


def _value_scale(value, weights, model: CircuitSynapse, kind: str | float) -> np.ndarray:
    """Return the value that the circuit codes as 1, [1 or head, 1, 1].

    Args:
        weights: initial ones of the synapses, [head, post, pre].
    """
    most = 2 * model.parameters["weight_baseline"]
    if kind == "fit":
        largest = np.maximum(
            np.abs(value).max((0, 2)), np.abs(weights).max((1, 2)) / most
        )
        return np.where(largest > 0, largest, 1.0)[:, None, None]
    scale = max(1.0, float(np.abs(value).max())) if kind == "unit" else float(kind)
    if np.abs(weights).max() > most * scale:
        raise FwpError(
            f"initial_weights reach {np.abs(weights).max():.4g}, beyond the "
            f"+-{most * scale:.4g} that ON and OFF weights in [0, 2*weight_baseline] can "
            "hold; raise constants={'weight_baseline': ...}"
        )
    return np.full((1, 1, 1), scale)


def _check_turnover(write: BiophysicalWrite) -> None:
    for name, keep in (
        ("presynaptic", write.keep_pre),
        ("postsynaptic", write.keep_post),
    ):
        if (keep < 0).any() or (keep > 1).any():
            token = int(np.argwhere((keep < 0) | (keep > 1))[0][0])
            raise FwpError(
                f"the {name} decay factor at token {token} lies outside 0..1 (over all "
                f"tokens {keep.min():.4g} to {keep.max():.4g}), and receptor turnover "
                "can only let a weight decay toward its baseline; change what that "
                "factor is made of (a gate, in some rules also the value), or "
                "use form='generic'"
            )


def _blocked(schedule: Schedule, drugs) -> tuple[np.ndarray | float, np.ndarray | float]:
    """Return the fractions that AP5 and CNQX block at every step."""
    if not drugs:
        return 0.0, 0.0
    where = {"spans": schedule.spans, "token_steps": schedule.token_steps,
             "tokens": schedule.tokens, "dt": schedule.dt}  # fmt: skip
    return combined(drugs, AP5, **where), combined(drugs, CNQX, **where)


def _check_signs(key, query, options, heads: bool) -> None:
    if options["signed_keys"] == "refuse":
        for name, array in (("key", key), ("query", query)):
            named = array if heads else array[:, 0]
            refuse_negative(name, named, "the spiking circuit", heads)
    elif options["layout"] == "synapse" and ((key < 0).any() or (query < 0).any()):
        raise FwpError(
            "signed_keys='opponent' needs layout='population': its ON and OFF cells "
            "share mirrored weights"
        )


def _check_rates(plan: CircuitPlan, model, dt) -> None:
    base, lowest = model.parameters["value_baseline"], np.abs(plan.value).max() / 2
    if base < lowest:
        raise FwpError(
            f"value_baseline {base:.4g} is below half the largest value ({lowest:.4g}), "
            "and a teacher cannot fire at a negative rate"
        )
    if np.isfinite(plan.cells):
        taught = lowest if plan.tonic else 2 * base
        fastest = max(np.abs(plan.key).max(), np.abs(plan.query).max(), taught)
        check_rate(fastest, model.parameters["rate"], dt)


def _record(
    plan: CircuitPlan, model, schedule: Schedule, scale: np.ndarray, options
) -> Record:
    """Return what is recorded: what was asked for, or with an interval alone the
    voltages, and the weights where they are few."""
    names = options["record"]
    every = steps_between(options["record_every"], options["dt"], schedule)
    populations: tuple[str, ...] = ("key", "teacher") if np.isfinite(plan.cells) else ()
    if plan.realism is not None and plan.realism.value_cells is not None:
        populations += ("value",)
    spikes = fired(options["record_spikes"], populations)
    if names is None and not every:
        return Record((), 0, spikes, scale)
    legal, sizes = ports(plan, model), elements(plan)
    if names is None and every:
        names = ["V_basal", "V_apical", "drive"]
        if not plan.own and plan.keep.mode == "snapshots":
            _check_course(schedule, every, sizes["synapse"])
            names.append("weight_course")
    names = asked(names or (), legal, "the biophysical form")
    check_traces(names, legal, sizes, schedule, every)
    return Record(names, every, spikes, scale)


def _check_course(schedule: Schedule, every: int, synapses: int) -> None:
    """Refuse a course of all weights that is larger than what a recording may hold."""
    size = 8 * synapses * (schedule.tokens * schedule.token_steps // every + 1)
    if size > LIMIT:
        raise FwpError(
            f"record_every would keep a course of {synapses} weights, {in_bytes(size)}, "
            f"and the limit is {in_bytes(LIMIT)}: sample less often, or give "
            "record_weights='last' or 'none' for the voltages alone, with probes=... "
            "for W x after every token"
        )
