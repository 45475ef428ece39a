"""The spiking realisation: NMDA-gated writes into AMPA weights, read out by spiking key cells."""

from __future__ import annotations

from inspect import Parameter, signature

from ..arguments import FLAG, SEED, cells, inside, instance, one_of, optional, takes, text, whole
from ..device_names import DEVICES
from ..devices import simulate
from ..errors import FwpError, warn
from ..programs import Program
from ..provenance import provenance
from ..quantities import a_time
from ..recording import Recording, make_recording
from ..rules import Rule
from ..run_arguments import (
    CONSTANTS,
    DEVICE,
    PROBES,
    PROGRAM,
    PROGRESS,
    RECORD,
    RECORD_SPIKES,
    RECORD_WEIGHTS,
    RECORDING,
    RULE,
    STATES,
    WEIGHTS,
)  # fmt: skip
from ..synapses.argument_kinds import name_or_model
from ..synapses.model import Synapse
from ..weight_recording import variables
from .calibration import CALIBRATIONS
from .cells import KINDS
from .prepare import FORMS, LAYOUTS, SIGNED, prepare
from .published_synapses import chosen
from .published_synapses import realise as published_run
from .schedule import Timeline
from .synapse_form import CODINGS


@takes(
    "spiking realisation",
    program=PROGRAM,
    rule=RULE,
    initial_weights=WEIGHTS,
    seed=SEED,
    initial_states=STATES,
    initial_states_of=optional(RECORDING),
    form=one_of(FORMS, "form of the spiking realisation:"),
    layout=one_of(LAYOUTS, "layout of the spiking realisation:"),
    cells=cells(),
    value_cells=whole(),
    coding=one_of(CODINGS, "coding of the spiking realisation:"),
    key_cells=one_of(KINDS, "key_cells of the spiking realisation:"),
    signed_keys=one_of(SIGNED, "signed_keys of the spiking realisation:"),
    synapse=name_or_model("two_compartment_nmda"),
    parameters=optional(text("linear")),
    constants=CONSTANTS,
    timeline=optional(instance("fwp_neuro.circuits.schedule:Timeline", Timeline)),
    calibration=one_of(CALIBRATIONS, "calibration of the spiking realisation:"),
    drugs=inside("a list of AP5(...) and CNQX(...)", list),
    dt=optional(a_time()),
    record=RECORD,
    record_every=optional(a_time()),
    record_spikes=RECORD_SPIKES,
    record_weights=RECORD_WEIGHTS,
    probes=PROBES,
    feedback=FLAG,
    device=DEVICE,
    progress=PROGRESS,
)
def realise(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    initial_states=None,
    initial_states_of=None,
    form: str = "auto",
    layout: str = "auto",
    cells=100,
    value_cells: int = 10,
    coding: str = "auto",
    key_cells: str = "poisson",
    signed_keys: str = "refuse",
    synapse: str | Synapse = "two_compartment_nmda",
    parameters: str | None = None,
    constants=None,
    timeline=None,
    calibration: str = "propagator",
    drugs=(),
    dt=None,
    record=None,
    record_every=None,
    record_spikes=True,
    record_weights: str = "auto",
    probes=None,
    feedback: bool = False,
    device: str = "auto",
    progress=None,
) -> Recording:
    """Run the spiking circuit.

    Args:
        program: keys >= 0 (or signed_keys="opponent"), values, queries, gates.
        rule: Hebb, delta and their decays run in the biophysical form; any other local text
            generically.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: of spikes and initial phases.
        initial_states: synaptic state -> numbers as ``initial_weights``; zeros where not named.
        initial_states_of: a Recording to carry on from (its synaptic states after the last token;
            traces and voltages start anew).
        form: "biophysical" (NMDA-gated write of AMPA conductances), "generic" (the text, evaluated
            at the end of each token on population activity averaged over the write window) or
            "auto".
        layout: "population" (one weight for a key dimension), "synapse" (one for each key cell,
            by the exact event-driven scheme; it keeps w and one number more) or "auto": population,
            because a programme commands all cells of a key dimension alike. Without spikes
            (cells=inf) the two are one circuit. In spikes they are equal up to noise only: each
            weight of a cell follows the spikes of that cell, with regular cells no bias is left.
        cells: key and teacher cells for each number, or float("inf") for rates instead of spikes.
        value_cells: for each channel of a value, with a published synapse.
        coding: of keys and values with a published synapse: "rates", "volleys" or "auto" (the one
            in which the plasticity rule is measured best, see ``fwp-neuro plasticity``).
        key_cells: "poisson" or "integrate_and_fire" (regular).
        signed_keys: "refuse", or "opponent": an ON and an OFF population for each key dimension
            whose mirrored weights (w and 2 w0 - w) share one opponent NMDA trace; a choice without
            direct evidence.
        synapse, parameters, constants: synapse model, its parameter set, and changes to single
            parameters. Any plasticity model can hold the weights, by name or composed (see
            `fwp_neuro.synapses.compose`); one without a receptor is read out through AMPA. It runs
            hebb and delta, with cells, value_cells, coding, timeline, dt, device and seed as its
            options; its gain is calibrated by one token.
        timeline: durations of a token's windows, a `Timeline`.
        calibration: "propagator" or "closed" (see `fwp_neuro.circuits.calibration`).
        drugs: list of AP5(...) and CNQX(...).
        dt: time step, 0.5 ms unless given.
        record: names of what is sampled every ``record_every``, on the dim "time": "w" (fast
            weights), "w_channel" (what a synapse transmits), "g_ampa", "g_inhibition", "g_basal",
            "g_apical" (in leak conductances, of which the circuit knows no siemens), "x_nmda",
            "x_ampa" (population layout), "teacher", "V" (both compartments), "V_basal",
            "V_apical", "unblocked", "error", "drive" (1), "gate", "write" (Hz); in the generic
            form the states and the signals of the rule ("w", "k", "v", "q"). A name that the
            recording has already, such as that of a state, gets "_trace" added.
        record_every: sampling interval, whole time steps. Without ``record`` it samples V_basal,
            V_apical and drive, and in the population layout with record_weights "snapshots" also
            the weights, as "weight_course", up to 64 MB.
        record_spikes: True for the spikes of all cells (key and teacher), False for none, or
            populations such as ["key"].
        record_weights: "snapshots" (after every token), "last", "none" or "auto" (snapshots while
            the circuit's own weights take up to 64 MB over all tokens, else the last ones).
        probes: [probe, pre] or [head, probe, pre], read as W x after every token
            ("probe_readout") off the weights themselves, without spikes; at most 32.
        feedback: allow back() in the generic form.
        device: "auto", "numpy", "cython", "cpp_standalone" or "cuda_standalone".
        progress: called with (fraction, label) while it runs.

    Returns:
        Recording with readout and weights (ON minus OFF), spikes ("spike_time" and "spike_cell", a
        number of the dim "cell", whose coordinates "population", "number", "dimension",
        "cell_head" and "cell_sign" say what the cell is), and traces where asked for. Its
        provenance says which form and layout ran and why, how many bytes the fast weights take
        (``fast_weight_bytes``), and ``clipped``, the fraction of weights at a bound of
        [0, 2 weight_baseline] at token ends (of the last token alone without snapshots).

    Raises:
        FwpError: one sentence for every argument the circuit cannot run.
    """
    given = dict(locals())
    published = chosen(synapse, parameters)
    if published is not None:
        return published_run(program, rule, published, given, USUAL)
    if value_cells != USUAL["value_cells"] or coding != "auto":
        raise FwpError("value_cells and coding shape a circuit of published synapses: give "
                       "synapse=..., or leave them out")  # fmt: skip
    ready = prepare(
        program, rule, initial_weights=initial_weights, initial_states=initial_states,
        initial_states_of=initial_states_of, seed=seed, form=form, layout=layout, cells=cells,
        key_cells=key_cells, signed_keys=signed_keys, synapse=synapse, parameters=parameters,
        constants=constants, timeline=timeline, calibration=calibration, drugs=drugs, dt=dt,
        record=record, record_every=record_every, record_spikes=record_spikes,
        record_weights=record_weights, probes=probes, feedback=feedback,
    )  # fmt: skip
    found, info = simulate(
        ready.build, ready.size, device=device, dt=ready.dt, seed=seed, progress=progress,
        label=f"spiking {rule.name}",
    )  # fmt: skip
    if found.get("clipped", 0) > 0.001:
        warn(
            f"{100 * found['clipped']:.1f} % of the weights of rule {rule.name!r} sit at a bound "
            "of [0, 2*weight_baseline] at token ends, which biases the memory: raise "
            "weight_baseline",
            stacklevel=3,
        )
    seen = {name: found[name] for name in ("clipped", "lowest") if name in found}
    details = {**ready.details, **info, **seen}
    for name in ("snapshots", "last"):
        if name in found and ready.scale != 1:
            found[name] = {state: array * ready.scale for state, array in found[name].items()}
    for name in ("readout", "probe_readout"):
        if name in found:
            found[name] = found[name] * ready.scale
    weights, extra = variables(rule, ready.keep, found)
    known = {*program.names, *extra}
    for name, entry in found["recorded"].items():
        extra[f"{name}_trace" if name in known else name] = entry
    papers = f"{DEVICES.citation(info['device'])}; {ready.citation}"
    return make_recording(
        program, rule, "spiking", found["readout"], weights, extra,
        provenance(rule, "spiking", seed, details, papers), found["coords"], found["duration"],
    )  # fmt: skip


USUAL = {n: p.default for n, p in signature(realise).parameters.items()
          if p.default is not Parameter.empty}  # fmt: skip
