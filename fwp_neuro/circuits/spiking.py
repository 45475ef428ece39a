"""The spiking realisation: key cells, two-compartment value cells, NMDA-gated writes, AMPA read-out."""

from __future__ import annotations

import warnings

import numpy as np

from .. import synapses
from ..devices import simulate
from ..errors import FwpError, pick
from ..programs import Program
from ..provenance import provenance
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import initial_states
from . import biophysical, calibration, cells, drugs, generic, writes
from .quantities import time
from .schedule import Timeline, make

LAYOUTS = ("population", "synapse")
FORMS = ("auto", "biophysical", "generic")
SIGNED = ("refuse", "opponent")


def prepare(
    program: Program, rule: Rule, *, initial_weights=None, seed: int = 0, form: str = "auto",
    layout: str = "population", cells_per_number=100, key_cells: str = "poisson", signed_keys: str = "refuse",
    synapse: str = "two_compartment_nmda", parameters: str | None = None, constants=None, timeline=None,
    calibrate: str = "propagator", drug_list=(), dt=None, record_every=None, record_spikes: bool = True,
    feedback: bool = False,
):  # fmt: skip
    """Turn a programme and a rule into a network plan; see `realise` for the arguments.

    Returns:
        (build, size, dt, schedule, details) ready for `devices.simulate`.
    """
    import brian2 as b2

    pick(form, FORMS, "form of the spiking realisation:")
    pick(layout, LAYOUTS, "layout of the spiking realisation:")
    pick(signed_keys, SIGNED, "signed_keys of the spiking realisation:")
    number = cells.check(cells_per_number, key_cells)
    dt = time(dt, "dt", 0.5 * b2.ms)
    if constants is not None and not isinstance(constants, dict):
        raise FwpError(
            "constants must be a dict from parameter name to value, such as {'weight_baseline': 2.0}, "
            f"got {type(constants).__name__}"
        )
    model = synapses.get(synapse, parameters).changed(**(constants or {}))
    timeline = Timeline() if timeline is None else timeline
    if not isinstance(timeline, Timeline):
        raise FwpError(f"timeline must be a fwp_neuro.circuits.Timeline, got {type(timeline).__name__}")
    listed = isinstance(drug_list, (list, tuple))
    for drug in drug_list if listed else [drug_list]:
        if not listed or not isinstance(drug, (drugs.AP5, drugs.CNQX)):
            raise FwpError(f"drugs must be a list of AP5(...) and CNQX(...), got {drug!r}")
    signals = program.bind(rule)
    weights = initial_states(rule, program, initial_weights)["w"]
    schedule = make(timeline, dt, program.tokens)
    write = writes.derive(rule, signals, (program.pre, program.post))
    if form == "biophysical" and isinstance(write, str):
        raise FwpError(
            f"rule {rule.name!r} has no biophysical form: {write}; use form='generic', which evaluates the "
            "text on filtered population activity"
        )
    details = {
        "cells": number, "key_cells": key_cells, "dt": dt, "rate": model.parameters["rate"],
    }  # fmt: skip
    if form == "generic" or isinstance(write, str):
        why = "asked for" if form == "generic" else str(write)
        if drug_list:
            raise FwpError(
                f"drugs need the biophysical form, and rule {rule.name!r} runs in the generic one ({why})"
            )
        if rule.locality.feedback and not feedback:
            raise FwpError(
                f"rule {rule.name!r} needs feedback: back() sums over the value cells at the key cell, and the "
                "spiking circuit has no such pathway unless you ask for it with feedback=True"
            )
        if not np.isfinite(number):
            raise FwpError("cells=inf (rates instead of spikes) needs the biophysical form, or the rate realisation")
        states = initial_states(rule, program, initial_weights)
        build, size = generic.builder(rule, signals, states, int(number), key_cells, model, schedule, dt, seed)
        return build, size, dt, schedule, {"form": "generic", "form_reason": why, **details}, 1.0
    where = "the spiking circuit"
    if signed_keys == "refuse":
        for name, array in (("key", write.key), ("query", signals["q"])):
            _nonnegative(name, array, where)
    elif layout == "synapse" and ((write.key < 0).any() or (signals["q"] < 0).any()):
        raise FwpError("signed_keys='opponent' needs layout='population': its ON and OFF cells share mirrored weights")
    scale = max(1.0, float(np.abs(write.value).max()))
    limit = 2 * model.parameters["weight_baseline"]
    if np.abs(weights).max() > limit * scale:
        raise FwpError(
            f"initial_weights reach {np.abs(weights).max():.4g}, beyond the +-{limit * scale:.4g} that ON and OFF "
            "weights in [0, 2*weight_baseline] can hold; raise constants={'weight_baseline': ...}"
        )
    for name, keep in (("presynaptic", write.keep_pre), ("postsynaptic", write.keep_post)):
        if (keep < 0).any() or (keep > 1).any():
            raise FwpError(
                f"a {name} decay factor lies outside 0..1 (from {keep.min():.4g} to {keep.max():.4g}), and receptor "
                "turnover can only let a weight decay toward its baseline"
            )
    if layout == "synapse" and float(schedule.token_steps * dt / model.parameters["tau_nmda"]) > 500:
        raise FwpError("a token lasts over 500 NMDA time constants: the exact event-driven scheme would overflow")
    eta = calibration.learning_rate(
        write.strength, (write.key**2).sum(-1), write.compare, model, schedule, calibrate,
        layout == "synapse" and np.isfinite(number),
    )  # fmt: skip
    where_drug = {
        "spans": schedule.spans, "token_steps": schedule.token_steps, "tokens": program.tokens, "dt": float(dt)
    }  # fmt: skip
    every = 0 if record_every is None else _steps(time(record_every, "record_every"), dt)
    plan = biophysical.Plan(
        write.key, signals["q"], write.value / scale, eta, write.compare, write.keep_pre, write.keep_post,
        weights / scale, drugs.combined(drug_list, drugs.AP5, **where_drug),
        drugs.combined(drug_list, drugs.CNQX, **where_drug), number, key_cells, layout, seed, every, record_spikes,
    )  # fmt: skip
    _check_rates(plan, model, dt)
    build, size = biophysical.builder(plan, model, schedule, dt)
    details |= {
        "form": "biophysical", "layout": layout, "synapse": model.name, "parameters": model.block or "linear",
        "constants": model.parameters, "calibrate": calibrate, "signed_keys": signed_keys,
        "drugs": [str(drug) for drug in drug_list], "value_scale": scale,
    }  # fmt: skip
    return build, size, dt, schedule, details, scale


def realise(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    form: str = "auto",
    layout: str = "population",
    cells=100,
    key_cells: str = "poisson",
    signed_keys: str = "refuse",
    synapse: str = "two_compartment_nmda",
    parameters: str | None = None,
    constants=None,
    timeline=None,
    calibration: str = "propagator",
    drugs=(),
    dt=None,
    record_every=None,
    record_spikes: bool = True,
    feedback: bool = False,
    device: str = "auto",
    progress=None,
) -> Recording:
    """Run the spiking circuit.

    Args:
        program: keys >= 0 (or signed_keys="opponent"), values, queries, gates.
        rule: Hebb, delta and their decays run in the biophysical form; any other local text generically.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: of spikes and initial phases.
        form: "biophysical" (NMDA-gated write of AMPA conductances), "generic" (the text, evaluated at the
            end of each token on population activity averaged over the write window) or "auto".
        layout: "population" (one weight for a key dimension) or "synapse" (one for each key cell, by the
            exact event-driven scheme).
        cells: key and teacher cells for each number, or float("inf") for rates instead of spikes.
        key_cells: "poisson" or "integrate_and_fire" (regular).
        signed_keys: "refuse", or "opponent": an ON and an OFF population for each key dimension whose
            mirrored weights (w and 2 w0 - w) share one opponent NMDA trace; a choice without direct evidence.
        synapse, parameters, constants: synapse model, its parameter set, and changes to single parameters.
        timeline: durations of a token's windows, a `Timeline`.
        calibration: "propagator" or "closed" (see `fwp_neuro.circuits.calibration`).
        drugs: list of AP5(...) and CNQX(...).
        dt: time step, 0.5 ms unless given.
        record_every: sampling interval of voltage and weight traces, whole time steps; none if None.
        record_spikes: whether to keep the key cells' spikes.
        feedback: allow back() in the generic form.
        device: "auto", "numpy", "cython", "cpp_standalone" or "cuda_standalone".
        progress: called with (fraction, label) while it runs.

    Returns:
        Recording with readout and weights (ON minus OFF), ``clipped`` (fraction of weights at a bound of
        [0, 2 weight_baseline] at token ends), spikes, and traces where asked for.

    Raises:
        FwpError: one sentence for every argument the circuit cannot run.
    """
    build, size, dt, schedule, details, scale = prepare(
        program, rule, initial_weights=initial_weights, seed=seed, form=form, layout=layout,
        cells_per_number=cells, key_cells=key_cells, signed_keys=signed_keys, synapse=synapse,
        parameters=parameters, constants=constants, timeline=timeline, calibrate=calibration,
        drug_list=drugs, dt=dt, record_every=record_every, record_spikes=record_spikes, feedback=feedback,
    )  # fmt: skip
    found, info = simulate(
        build, size, device=device, dt=dt, seed=seed, progress=progress, label=f"spiking {rule.name}"
    )
    if found.get("clipped", 0) > 0.001:
        warnings.warn(
            f"{100 * found['clipped']:.1f} % of the weights of rule {rule.name!r} sit at a bound of "
            "[0, 2*weight_baseline] at token ends, which biases the memory: raise constants={'weight_baseline': ...}",
            stacklevel=3,
        )
    details |= info | {name: found[name] for name in ("clipped", "lowest") if name in found}
    return make_recording(
        program, rule, "spiking", found["readout"] * scale, found["weights"] * scale,
        _extra(found, rule, scale), provenance(rule, "spiking", seed, details),
    )  # fmt: skip


def _extra(found, rule, scale) -> dict:
    """Name the dims and units of everything beside read-out and weights."""
    extra = {}
    for name in rule.states[1:]:
        if name in found:
            extra[name] = (("token", "head", "post", "pre"), found[name], {"units": "1"})
    if "spike_cell" in found:
        extra["spike_cell"] = (("spike",), found["spike_cell"], {"units": "1", "long_name": "key cell that fired"})
        extra["spike_time"] = (("spike",), found["spike_time"], {"units": "s", "long_name": "time of the spike"})
    if "sample_time" in found:
        channel = ("sample", "head", "channel", "post")
        extra["sample_time"] = (("sample",), found["sample_time"], {"units": "s", "long_name": "time"})
        for name, units in (("V_basal", "V"), ("V_apical", "V"), ("drive", "1")):
            extra[name] = (channel, found[name], {"units": units, "long_name": f"{name} of ON and OFF value cells"})
    if "weight_course" in found:
        extra["weight_course"] = (
            ("sample", "head", "post", "pre"), found["weight_course"] * scale,
            {"units": "1", "long_name": "fast weight, ON minus OFF"},
        )  # fmt: skip
    return extra


def _nonnegative(name: str, array: np.ndarray, where: str) -> None:
    if (array < 0).any():
        token, head, dim = np.argwhere(array < 0)[0]
        raise FwpError(
            f"{name} at token {token}, dimension {dim} is {array[token, head, dim]:.4g}, and {where} needs "
            "non-negative keys: firing rates cannot be negative; use a feature map, or signed_keys='opponent'"
        )


def _steps(interval, dt) -> int:
    steps = round(float(interval / dt))
    if steps < 1 or abs(steps * float(dt) - float(interval)) > 1e-9:
        raise FwpError(f"record_every={interval} must be a whole number of time steps dt={dt}")
    return steps


def _check_rates(plan, model, dt) -> None:
    lowest = np.abs(plan.value).max() / 2
    if model.parameters["value_baseline"] < lowest:
        raise FwpError(
            f"value_baseline {model.parameters['value_baseline']:.4g} is below half the largest value "
            f"({lowest:.4g}), and a teacher cannot fire at a negative rate"
        )
    fastest = max(np.abs(plan.key).max(), np.abs(plan.query).max(), 2 * model.parameters["value_baseline"])
    if np.isfinite(plan.cells):
        cells.check_rate(fastest, model.parameters["rate"], dt)
