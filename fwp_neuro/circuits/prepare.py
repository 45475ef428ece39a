"""From a programme, a rule and a user's options to a spiking network, every option checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import brian2 as b2
import numpy as np

from .. import synapses
from ..devices import Size
from ..errors import Cannot, FwpError, shown
from ..programs import Program, refuse_negative
from ..rules import Rule
from ..states import starting_states
from ..synapses.models import CircuitSynapse
from ..validation import affordable, in_bytes
from ..weight_recording import LIMIT, Keep, choose
from . import biophysical, biophysical_ports, calibration, cells, drugs, generic, writes
from .collector import Record, asked
from .kept import check_number
from .plan import Plan
from .recorded_cells import fired
from .schedule import Schedule, Timeline, make

LAYOUTS = ("auto", "population", "synapse")
_POPULATION = (
    "every command of a programme is one number for a key dimension, so that all cells of a "
    "dimension share one weight"
)
FORMS = ("auto", "biophysical", "generic")
SIGNED = ("refuse", "opponent")


#: options without meaning in the generic form, and their values when nobody gives them
_BIOPHYSICAL = {
    "layout": "auto", "signed_keys": "refuse", "synapse": "two_compartment_nmda",
    "parameters": None, "calibration": "propagator",
}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A spiking network ready for `devices.simulate` or `devices.generate`.

    Attributes:
        build, size: for the device; dt: time step; keep: what is kept of the fast weights.
        details: what the provenance says about the run.
        scale: the value that teachers code as 1; read-out and weights are multiplied by it.
        citation: text with the keys of the papers of the synapse model.
    """

    build: Callable
    size: Size
    dt: Any
    details: dict[str, Any]
    scale: float = 1.0
    keep: Keep = field(kw_only=True)
    citation: str = ""


def prepare(
    program: Program, rule: Rule, *, initial_weights=None, initial_states=None,
    initial_states_of=None, seed: int = 0, **options,
) -> Prepared:  # fmt: skip
    """Turn a programme and a rule into a network; options are those of `spiking.realise`."""
    options = {**options, "seed": seed, "heads": program.heads is not None}
    options["dt"] = 0.5 * b2.ms if options["dt"] is None else options["dt"]
    _check_record(options)
    model = _model(options)
    schedule = _schedule(options, program.tokens)
    check_drugs(options["drugs"])
    signals = program.bind(rule)
    write, why = None, "asked for"
    if options["form"] != "generic":
        try:
            write = writes.derive(rule, signals, (program.pre, program.post))
        except Cannot as reason:
            why = str(reason)
    if options["form"] == "biophysical" and write is None:
        raise FwpError(
            f"rule {rule.name!r} has no biophysical form: {why}; use form='generic', which "
            "evaluates the text on filtered population activity"
        )
    states = starting_states(rule, program, initial_weights, initial_states_of, initial_states)
    if write is None:
        return _generic(program, rule, signals, states, why, model, schedule, options)
    return _biophysical(program, write, signals["q"], states["w"], model, schedule, options)


def _model(options) -> CircuitSynapse:
    model = options["synapse"]
    if not isinstance(model, CircuitSynapse):
        model = synapses.get(model, options["parameters"], kind="circuit")
    return model.changed(**(options["constants"] or {}))


def _schedule(options, tokens: int) -> Schedule:
    return make(options["timeline"] or Timeline(), options["dt"], tokens)


def check_drugs(given) -> None:
    listed = isinstance(given, (list, tuple))
    for drug in given if listed else [given]:
        if not listed or not isinstance(drug, (drugs.AP5, drugs.CNQX)):
            raise FwpError(f"drugs must be a list of AP5(...) and CNQX(...), got {shown(drug)}")


def _check_record(options) -> None:
    names, every = options["record"], options["record_every"]
    if names is not None and not names:
        raise FwpError("record names nothing; leave it out, or name variables such as 'w'")
    if names and every is None:
        raise FwpError("record needs record_every, a time such as 1*ms")


def _common(model, options) -> dict[str, Any]:
    names = ("cells", "key_cells", "dt")
    return {**{name: options[name] for name in names}, "rate": model.parameters["rate"]}


def _generic(program, rule, signals, states, why, model, schedule, options) -> Prepared:
    if options["drugs"]:
        raise FwpError(
            f"drugs need the biophysical form, and rule {rule.name!r} runs in the generic one "
            f"({why})"
        )
    for name, usual in _BIOPHYSICAL.items():
        if options[name] != usual and (name, options[name]) != ("layout", "population"):
            raise FwpError(
                f"option {name} shapes the biophysical form only, but rule {rule.name!r} runs in "
                f"the generic one ({why}); leave it out"
            )
    if rule.locality.feedback and not options["feedback"]:
        raise FwpError(
            f"rule {rule.name!r} needs feedback: back() sums over the value cells at the key "
            "cell, and the spiking circuit has no such pathway unless you ask for it with "
            "feedback=True"
        )
    if not np.isfinite(options["cells"]):
        raise FwpError(
            "cells=inf (rates instead of spikes) needs the biophysical form, or the rate "
            "realisation"
        )
    number, dt = int(options["cells"]), options["dt"]
    numbers = sum(state.size for state in states.values())
    keep = _kept(program, options, numbers)
    ports = generic.ports(rule, states["w"].shape)
    names, every = options["record"], _every(options["record_every"], dt, schedule)
    if every and not names:
        raise FwpError(
            f"record_every alone samples voltages, but rule {rule.name!r} runs in the generic form "
            f"({why}), which has none: name what to sample, record={tuple(ports)!r} or some of it"
        )
    names = asked(names or (), ports, f"rule {rule.name!r} in the generic form ({why})")
    sizes = {of: int(np.prod(shape)) for of, shape in generic.sizes(states["w"].shape).items()}
    _check_traces(names, ports, sizes, schedule, every)
    spikes = fired(options["record_spikes"], tuple(generic.populations(rule).values()))
    build, size = generic.builder(
        rule, signals, states, number, options["key_cells"], model, schedule, dt, options["seed"],
        keep, Record(names, every, spikes),
    )  # fmt: skip
    layout = ("population", "the text is evaluated once for each key and value dimension")
    details = {"form": "generic", "form_reason": why, **_common(model, options)}
    details |= _said(names, options)
    return Prepared(build, size, dt, details | _memory(layout, numbers, keep), keep=keep)


def _kept(program, options, numbers: int) -> Keep:
    keep = choose(options["record_weights"], options["probes"], program, numbers)
    check_number(keep.probes)
    return keep


def _memory(layout: tuple[str, str], numbers: int, keep: Keep) -> dict[str, Any]:
    """What the provenance says about the fast weights."""
    details = dict(zip(("layout", "layout_reason"), layout, strict=True))
    return details | {"fast_weight_bytes": 8 * numbers} | keep.details


def _biophysical(program, write, query, weights, model, schedule, options) -> Prepared:
    dt, layout, why = options["dt"], options["layout"], "asked for"
    if layout == "auto":
        layout, why = "population", _POPULATION
    _check_signs(write.key, query, {**options, "layout": layout})
    for name, keep in (("presynaptic", write.keep_pre), ("postsynaptic", write.keep_post)):
        if (keep < 0).any() or (keep > 1).any():
            token = int(np.argwhere((keep < 0) | (keep > 1))[0][0])
            raise FwpError(
                f"the {name} decay factor at token {token} lies outside 0..1 (over all tokens "
                f"{keep.min():.4g} to {keep.max():.4g}), and receptor turnover can only let a "
                "weight decay toward its baseline; change that gate, or use form='generic'"
            )
    if (
        layout == "synapse"
        and float(schedule.token_steps * dt / model.parameters["tau_nmda"]) > 500
    ):
        raise FwpError(
            "a token lasts over 500 NMDA time constants: the exact event-driven scheme would "
            "overflow"
        )
    scale = max(1.0, float(np.abs(write.value).max()))
    limit = 2 * model.parameters["weight_baseline"] * scale
    if np.abs(weights).max() > limit:
        raise FwpError(
            f"initial_weights reach {np.abs(weights).max():.4g}, beyond the +-{limit:.4g} that ON "
            "and OFF weights in [0, 2*weight_baseline] can hold; raise "
            "constants={'weight_baseline': ...}"
        )
    events = layout == "synapse" and bool(np.isfinite(options["cells"]))
    norm = (write.key**2).sum(-1)
    eta = calibration.learning_rate(
        write.strength, norm, write.compare, model, schedule, options["calibration"], events
    )
    blocked = {
        kind: drugs.combined(
            options["drugs"], kind, spans=schedule.spans, token_steps=schedule.token_steps,
            tokens=schedule.tokens, dt=schedule.dt,
        )
        for kind in (drugs.AP5, drugs.CNQX)
    }  # fmt: skip
    synapses = 2 * weights.size * (int(options["cells"]) if events else 1)
    keep = _kept(program, options, synapses)
    plan = Plan(
        write.key, query, write.value / scale, eta, write.compare, write.keep_pre, write.keep_post,
        weights / scale, blocked[drugs.AP5], blocked[drugs.CNQX], options["cells"],
        options["key_cells"], layout, options["seed"], model.parameters["weight_baseline"], keep,
    )  # fmt: skip
    plan = replace(plan, record=_record(plan, model, schedule, scale, options))
    _check_rates(plan, model, dt)
    build, size = biophysical.builder(plan, model, schedule, dt)
    details = {
        "form": "biophysical", **_common(model, options), "synapse": model.name,
        "parameters": model.block or "linear", "constants": model.parameters,
        "calibration": options["calibration"], "signed_keys": options["signed_keys"],
        "drugs": [str(drug) for drug in options["drugs"]], "value_scale": scale,
        **_said(plan.record.names, options),
    }  # fmt: skip
    # of its own a synapse keeps w and the integral of its postsynaptic cell that it has seen
    numbers = synapses * (2 if events else 1)
    details |= _memory((layout, why), numbers, keep)
    papers = "; ".join([model.citation, *model.sources.values()])
    return Prepared(build, size, dt, details, scale, papers, keep=keep)


def _check_signs(key, query, options) -> None:
    if options["signed_keys"] == "refuse":
        for name, array in (("key", key), ("query", query)):
            named = array if options["heads"] else array[:, 0]
            refuse_negative(name, named, "the spiking circuit", options["heads"])
    elif options["layout"] == "synapse" and ((key < 0).any() or (query < 0).any()):
        raise FwpError(
            "signed_keys='opponent' needs layout='population': its ON and OFF cells share mirrored "
            "weights"
        )


def _check_rates(plan: Plan, model, dt) -> None:
    base, lowest = model.parameters["value_baseline"], np.abs(plan.value).max() / 2
    if base < lowest:
        raise FwpError(
            f"value_baseline {base:.4g} is below half the largest value ({lowest:.4g}), and a "
            "teacher cannot fire at a negative rate"
        )
    if np.isfinite(plan.cells):
        fastest = max(np.abs(plan.key).max(), np.abs(plan.query).max(), 2 * base)
        cells.check_rate(fastest, model.parameters["rate"], dt)


def _record(plan: Plan, model, schedule: Schedule, scale: float, options) -> Record:
    """Return what is recorded: what was asked for, or with an interval alone the voltages, and the
    weights where they are few."""
    names, every = options["record"], _every(options["record_every"], options["dt"], schedule)
    ports, sizes = biophysical_ports.ports(plan, model), biophysical_ports.elements(plan)
    if names is None and every:
        names = ["V_basal", "V_apical", "drive"]
        if not plan.own and plan.keep.mode == "snapshots":
            _check_course(schedule, every, sizes["synapse"])
            names.append("weight_course")
    names = asked(names or (), ports, "the biophysical form")
    _check_traces(names, ports, sizes, schedule, every)
    populations = ("key", "teacher") if np.isfinite(plan.cells) else ()
    return Record(names, every, fired(options["record_spikes"], populations), scale)


def _said(names, options) -> dict[str, Any]:
    """What the provenance says of traces."""
    return {"record": list(names), "record_every": options["record_every"]} if names else {}


def _check_traces(names, ports, sizes: dict[str, int], schedule: Schedule, every: int) -> None:
    """Refuse traces that would not fit into memory."""
    steps = schedule.tokens * schedule.token_steps
    for name in names:
        numbers = sizes[ports[name].of] * (steps // every + 1)
        affordable(numbers, f"record of {name!r} with this record_every")


def _check_course(schedule: Schedule, every: int, synapses: int) -> None:
    """Refuse a course of all weights that is larger than what a recording may hold."""
    size = 8 * synapses * (schedule.tokens * schedule.token_steps // every + 1)
    if size > LIMIT:
        raise FwpError(
            f"record_every would keep a course of {synapses} weights, {in_bytes(size)}, and the "
            f"limit is {in_bytes(LIMIT)}: sample less often, or give record_weights='last' or "
            "'none' for the voltages alone, with probes=... for W x after every token"
        )


def _every(interval, dt, schedule: Schedule) -> int:
    if interval is None:
        return 0
    steps = round(float(interval / dt))
    if steps < 1 or abs(steps * float(dt) - float(interval)) > 1e-9:
        raise FwpError(f"record_every={interval} must be a whole number of time steps dt={dt}")
    if steps > schedule.tokens * schedule.token_steps:
        raise FwpError(
            f"record_every={interval} is longer than the run, which lasts "
            f"{schedule.tokens * schedule.token_steps * dt}"
        )
    return steps
