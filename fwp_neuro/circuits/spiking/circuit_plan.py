"""What the biophysical circuit is told and what it can record: a plan in numbers.

All numbers of one recorded sample are those at its time: sums are taken from the weights
and traces of that moment. The one exception are weights at the end of a token, which are
sampled before receptors turn over, so that they are the snapshots of the token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import brian2 as b2
import numpy as np

from ...errors import FwpError
from ...program_arguments import refuse_negative
from ...programs import Program
from ...states import LIMIT, Keep, choose
from ...synapses.circuit_models import CircuitSynapse
from ...validation import in_bytes
from ..collector import NOTHING, Port, Record, asked
from ..drugs import AP5, CNQX, combined
from ..head_layout import check_rate, fired
from ..prepared_circuit import check_traces, memory_details, said, steps_between
from ..probing import check_number
from ..rate.ode_windows import BiophysicalWrite
from ..token_schedule import Schedule, timed
from . import calibration
from .calibration import decay

_POPULATION = (
    "every command of a programme is one number for a key dimension, so that all cells "
    "of a dimension share one weight"
)
#: the weight that a synapse transmits
SENT = "clip(w, 0, 2*w0)"
#: in the synapse layout a weight catches up with its integral when its key cell fires
_CAUGHT_UP = (
    "clip(w + x_nmda_pre*exp((t - token_start(t))/tau_nmda)*(integral_post - seen), 0, "
    "2*w0)"
)
_LEAK = "leak conductance"


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

    @property
    def own(self) -> bool:
        """Whether every key cell has weights of its own."""
        return self.layout == "synapse" and not np.isinf(self.cells)

    @property
    def signed(self) -> bool:
        """Whether keys need ON and OFF populations."""
        return bool((self.key < 0).any() or (self.query < 0).any())


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
    starts = np.repeat(
        np.arange(tokens) * schedule.token_steps * schedule.dt, schedule.token_steps
    )
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


# ---------------------------------------------------------------- what can be recorded


def ports(plan: CircuitPlan, model: CircuitSynapse) -> dict[str, Port]:
    """Return all that a run of the circuit can record, by name."""
    heads, post, pre = plan.weights.shape
    spikes_of_cells = plan.own
    if model.block is None:  # linear membranes: a conductance stands for a current
        block, leak = "voltage factor of the write", f"{_LEAK} x (E_exc - E_leak)"
    else:
        block, leak = "fraction of NMDA receptors free of magnesium, apical", _LEAK

    def channels(array):
        return array.reshape(len(array), heads, 2, post)

    def keys(array):  # the mean over the cells of a dimension
        return array.reshape(len(array), heads, pre, -1).mean(3)

    def gate(array):  # all cells of a head share it
        return channels(array)[:, :, 0, 0]

    def sent(array):
        return by_channel(array, plan)

    def fast(array):
        both = sent(array)
        return both[:, :, 0] - both[:, :, 1]

    def post_port(code, words, unit="1", units=""):
        return Port("post", code, ("channel", "post"), channels, words, unit, units)

    weight = _CAUGHT_UP if spikes_of_cells else SENT
    course = Port("synapse", weight, ("post", "pre"), fast, "fast weight, ON minus OFF",
                  scaled=True)  # fmt: skip
    unblocked = model.unblocked_code("V_apical")
    found = {
        "w": course,
        "w_channel": Port(
            "synapse", weight, ("channel", "post", "pre"), sent,
            "weight that a synapse transmits, ON and OFF",
        ),
        "g_ampa": post_port(
            "conductance*ampa_open(t)*g_exc", "AMPA conductance through the fast "
            "weights: conductance x (1 - CNQX) x sum of w_channel x_ampa", units=leak,
        ),
        "g_inhibition": post_port(
            "conductance*ampa_open(t)*g_inh" if not spikes_of_cells
            else "conductance*ampa_open(t)*(g_exc - current)",
            "fixed feed-forward inhibition", units=leak,
        ),
        "g_basal": post_port("g_basal", "excitation of the basal "
                                        "compartment", units=leak),
        "g_apical": post_port("g_apical", "excitation by the teacher", units=leak),
        "x_nmda": Port("pre", "x_nmda", ("pre",), keys, "NMDA trace of the key cells"),
        "V": post_port({"basal": "V_basal", "apical": "V_apical"}, "membrane voltage",
                       "volt"),
        "V_basal": post_port("V_basal", "basal voltage, ON and OFF", "volt"),
        "V_apical": post_port("V_apical", "apical voltage, ON and OFF", "volt"),
        "drive": post_port("drive", "basal drive, ON and OFF"),
        "teacher": post_port("teacher", "trace of the teacher cells"),
        "unblocked": post_port(unblocked, block),
        "error": post_port("error", "what the write compares: apical minus predicted "
                                    "unblocked"),
        "write": post_port("write", "speed of a weight for an NMDA trace of 1", "Hz"),
        "gate": Port(
            "post", "eta_table(t, i)", (), gate,
            "gate of the write: learning rate while it is open, without AP5", "Hz",
        ),
        "weight_course": course,
    }  # fmt: skip
    if not spikes_of_cells:
        found["x_ampa"] = Port(
            "pre",
            "x_on - x_off",
            ("pre",),
            keys,
            "AMPA trace of the key cells, ON minus OFF",
        )
    return found


def by_channel(flat: np.ndarray, plan: CircuitPlan) -> np.ndarray:
    """Turn [sample, synapse] into what is transmitted, [sample, head, channel, post,
    pre]."""
    heads, post, pre = plan.weights.shape
    # what a synapse transmits is bounded at all times, its state only at the end of a
    # token
    sent = np.clip(flat, 0, 2 * plan.weight_baseline).reshape(
        len(flat), heads, pre, -1, 2, post
    )
    return np.moveaxis(sent.mean(3), 2, -1)  # the mean over the cells of a dimension


def elements(plan: CircuitPlan) -> dict[str, int]:
    """Return how many numbers each object of the circuit holds of one variable."""
    heads, post, pre = plan.weights.shape
    each = int(plan.cells) if plan.own else 1
    return {"pre": heads * pre * each, "post": heads * 2 * post,
            "synapse": heads * 2 * post * pre * each}  # fmt: skip


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
    scale = max(1.0, float(np.abs(write.value).max()))
    limit = 2 * model.parameters["weight_baseline"] * scale
    if np.abs(weights).max() > limit:
        raise FwpError(
            f"initial_weights reach {np.abs(weights).max():.4g}, beyond the "
            f"+-{limit:.4g} that ON and OFF weights in [0, 2*weight_baseline] can hold; "
            "raise "
            "constants={'weight_baseline': ...}"
        )
    events = layout == "synapse" and bool(np.isfinite(options["cells"]))
    norm = (write.key**2).sum(-1)
    eta = calibration.learning_rate(
        write.strength,
        norm,
        write.compare,
        model,
        schedule,
        options["calibration"],
        events,
    )
    synapses = 2 * weights.size * (int(options["cells"]) if events else 1)
    keep = choose(options["record_weights"], options["probes"], program, synapses)
    check_number(keep.probes)
    plan = CircuitPlan(
        write.key, query, write.value / scale, eta, write.compare, write.keep_pre,
        write.keep_post, weights / scale, *_blocked(schedule, options["drugs"]),
        options["cells"],
        options["key_cells"], layout, options["seed"],
        model.parameters["weight_baseline"], keep,
    )  # fmt: skip
    plan = replace(plan, record=_record(plan, model, schedule, scale, options))
    _check_rates(plan, model, dt)
    details = {
        "form": "biophysical", "synapse": model.name,
        "parameters": model.block or "linear", "constants": model.parameters,
        "calibration": options["calibration"], "signed_keys": options["signed_keys"],
        "drugs": [str(drug) for drug in options["drugs"]], "value_scale": scale,
        **said(plan.record.names, model, options),
    }  # fmt: skip
    # of its own a synapse keeps w and the integral of its postsynaptic cell that it has
    # seen
    numbers = synapses * (2 if events else 1)
    return plan, dt, keep, details | memory_details((layout, why), numbers, keep)


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
                "can only let a weight decay toward its baseline; change that gate, or "
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
        fastest = max(np.abs(plan.key).max(), np.abs(plan.query).max(), 2 * base)
        check_rate(fastest, model.parameters["rate"], dt)


def _record(
    plan: CircuitPlan, model, schedule: Schedule, scale: float, options
) -> Record:
    """Return what is recorded: what was asked for, or with an interval alone the
    voltages, and the weights where they are few."""
    names = options["record"]
    every = steps_between(options["record_every"], options["dt"], schedule)
    legal, sizes = ports(plan, model), elements(plan)
    if names is None and every:
        names = ["V_basal", "V_apical", "drive"]
        if not plan.own and plan.keep.mode == "snapshots":
            _check_course(schedule, every, sizes["synapse"])
            names.append("weight_course")
    names = asked(names or (), legal, "the biophysical form")
    check_traces(names, legal, sizes, schedule, every)
    populations = ("key", "teacher") if np.isfinite(plan.cells) else ()
    return Record(names, every, fired(options["record_spikes"], populations), scale)


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
