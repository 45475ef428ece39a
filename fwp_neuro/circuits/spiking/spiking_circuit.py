"""The spiking realisation: NMDA-gated writes into AMPA weights, read out by spiking key
cells."""

from __future__ import annotations

from functools import partial
from inspect import Parameter, signature
from typing import Any

import brian2 as b2

from ... import divisive as divisive_inhibition
from ...arguments import (
    FLAG,
    SEED,
    Kind,
    cells,
    inside,
    instance,
    one_of,
    optional,
    real,
    several,
    takes,
    text,
    whole,
)
from ...errors import Cannot, FwpError, pick, shown
from ...programs import Program
from ...quantities import a_time
from ...realisations import Realisation
from ...rules import Rule
from ...run_arguments import (  # fmt: skip
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
)
from ...states import starting_states
from ...synapses.argument_kinds import name_or_model
from ...synapses.circuit_models import CircuitSynapse
from ...synapses.registered_synapses import get, names, split
from ...synapses.synapse_class import Synapse
from ..head_layout import KINDS
from ..prepared_circuit import PreparedCircuit, check_drugs, check_record
from ..rate import ode_windows
from ..token_schedule import Timeline, make
from . import any_local_rule, biophysical, voltage_form
from .calibration import CALIBRATIONS
from .circuit_plan import parts as biophysical_plan
from .synapse_form import CODINGS

LAYOUTS = ("auto", "population", "synapse")
FORMS = ("auto", "biophysical", "generic")
SIGNED = ("refuse", "opponent")
SCALES = ("unit", "fit")
TEACHERS = ("spiking", "tonic")
WRITES = ("first_order", "held_target", "held_error")


_SCALE = "'unit', 'fit' or a number above 0"


def _read_scale(value, name: str):
    if isinstance(value, str):
        return pick(value, SCALES, f"{name} of the spiking realisation:")
    return real(0, above=True).read(value, name)


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
    value_cells=optional(whole()),
    coding=one_of(CODINGS, "coding of the spiking realisation:"),
    key_cells=one_of(KINDS, "key_cells of the spiking realisation:"),
    signed_keys=one_of(SIGNED, "signed_keys of the spiking realisation:"),
    synapse=name_or_model("two_compartment_nmda"),
    parameters=optional(text("linear")),
    constants=CONSTANTS,
    timeline=optional(instance("fwp_neuro.circuits.token_schedule:Timeline", Timeline)),
    calibration=one_of(CALIBRATIONS, "calibration of the spiking realisation:"),
    value_scale=Kind(_SCALE, _read_scale, lambda: "fit"),
    teacher=one_of(TEACHERS, "teacher of the spiking realisation:"),
    write=one_of(WRITES, "write of the spiking realisation:"),
    clean_up=optional(several(real())),
    realism=optional(instance("fwp_neuro.circuits.spiking.realism:Realism")),
    divisive=optional(divisive_inhibition.GAIN),
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
def prepare(
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
    value_cells: int | None = None,
    coding: str = "auto",
    key_cells: str = "poisson",
    signed_keys: str = "refuse",
    synapse: str | Synapse = "two_compartment_nmda",
    parameters: str | None = None,
    constants=None,
    timeline=None,
    calibration: str = "propagator",
    value_scale: str | float = "unit",
    teacher: str = "spiking",
    write: str = "first_order",
    clean_up=None,
    realism=None,
    divisive: float | None = None,
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
) -> PreparedCircuit:
    """Prepare the spiking circuit.

    Args:
        program: keys >= 0 (or signed_keys="opponent"), values, queries, gates.
        rule: Hebb, delta and their decays run in the biophysical form; any other local
            text generically.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: of spikes and initial phases.
        initial_states: synaptic state -> numbers as ``initial_weights``; zeros where not
            named.
        initial_states_of: a Recording to carry on from (its synaptic states after the
            last token; traces and voltages start anew).
        form: "biophysical" (NMDA-gated write of AMPA conductances), "generic" (the text,
            evaluated at the end of each token on population activity averaged over the
            write window) or "auto".
        layout: "population" (one weight for a key dimension), "synapse" (one for each key
            cell, by the exact event-driven scheme; it keeps w and one number more) or
            "auto": population, because a programme commands all cells of a key dimension
            alike. Without spikes (cells=inf) the two are one circuit. In spikes they are
            equal up to noise only: each weight of a cell follows the spikes of that cell,
            with regular cells no bias is left.
        cells: key and teacher cells for each number, or float("inf") for rates instead of
            spikes.
        value_cells: for each channel of a value, with a published synapse; 10 unless
            given, 1 with the coding "voltage".
        coding: of keys and values with a published synapse: "rates", "volleys",
            "voltage" (a value drives the membrane that recalls it, whose voltage is the
            error; for anti_hebbian and mikulasch_2021 with delta, see
            `fwp_neuro.circuits.spiking.voltage_form`) or "auto" ("voltage" where that
            can be, else the one in which the plasticity rule is measured best, see
            ``fwp-neuro plasticity``).
        key_cells: "poisson" or "integrate_and_fire" (regular).
        signed_keys: "refuse", or "opponent": an ON and an OFF population for each key
            dimension whose mirrored weights (w and 2 w0 - w) share one opponent NMDA
            trace; a choice without direct evidence.
        synapse, parameters, constants: synapse model, its parameter set, and changes to
            single parameters. Any plasticity model can hold the weights, by name or
            composed (see `fwp_neuro.synapses.compose`); one without a receptor is read
            out through AMPA. It runs hebb and delta, with cells, value_cells, coding,
            timeline, dt, device and seed as its options (with the coding "voltage" also
            drugs); its gain is calibrated by one token. The default writes the difference
            of basal and apical voltage, which no basal spine sees: an idealisation, see
            docs/local_writes.md.
        timeline: durations of a token's windows, a `Timeline`.
        calibration: "propagator" or "closed" (see
            `fwp_neuro.circuits.spiking.calibration`).
        value_scale: the number that the circuit codes as 1. "unit": 1, or the largest
            value of the programme where that is more. "fit": the largest value of each
            head, so that small values use the whole range of the circuit and its noise
            counts less. A number: that number, to leave room in the bounds of weights.
        teacher: "spiking": an ON and an OFF teacher fire at (v0 +- v/2) times the rate,
            so that the baseline v0 adds most of the noise of the write. "tonic": the
            baseline is a steady conductance of the apical compartment, and only v/2
            spikes, by excitatory teachers where it is positive and by inhibitory ones
            where it is negative; a choice without direct evidence.
        write: "first_order", or a write that holds what the key recalled before it (see
            `fwp_neuro.circuits.spiking.held_writes`), which may have a strength in
            (1, 2): "held_target" or "held_error".
        clean_up: levels to which the prediction of "held_target" is restored, such as
            [-1, 0, 1].
        realism: a `Realism`, which says what idealisations are taken away.
        divisive: gain G of divisive inhibition: the last value is a pool z of keys (see
            `fwp_neuro.with_pool`) that shunts the read-out cells of the others,
            which rest at W q/(1/G + z.q).
        drugs: list of AP5(...) and CNQX(...).
        dt: time step, 0.5 ms unless given.
        record: names of what is sampled every ``record_every``, on the dim "time": "w"
            (fast weights), "w_channel" (what a synapse transmits), "g_ampa",
            "g_inhibition", "g_basal", "g_apical" (in leak conductances, of which the
            circuit knows no siemens), "x_nmda", "x_ampa" (population layout), "teacher",
            "V" (both compartments), "V_basal", "V_apical", "unblocked", "error", "drive"
            (1), "gate", "write" (Hz), with realism also "recalled" (the number that the
            basal voltage codes); in the generic form the states and the signals of
            the rule ("w", "k", "v", "q"); with a published synapse every variable of its
            text (traces, the receptor's conductance in siemens, a membrane in volt, each
            a mean over the cells of a number), "w" (fast weights), "w_channel" (effective
            weights of the model, ON and OFF), "teacher" and "recalled" (siemens). A name
            that the recording has already, such as that of a state, gets "_trace" added.
        record_every: sampling interval, whole time steps. Without ``record`` it samples
            V_basal, V_apical and drive, and in the population layout with record_weights
            "snapshots" also the weights, as "weight_course", up to 64 MB.
        record_spikes: True for the spikes of all cells (key, teacher, value if they
            spike), False for none, or populations such as ["key"]. In the population
            layout only the number of Poisson cells that fire is drawn; which cells they
            were is drawn when somebody asks the recording for spikes.
        record_weights: "snapshots" (after every token), "last", "none" or "auto"
            (snapshots while the circuit's own weights take up to 64 MB over all tokens,
            else the last ones).
        probes: [probe, pre] or [head, probe, pre], read as W x after every token
            ("probe_readout") off the weights themselves, without spikes; at most 32.
        feedback: allow back() in the generic form.
        device: "auto", "numpy", "cython", "cpp_standalone" or "cuda_standalone". A
            seed gives the same numbers with "numpy" and "cpp_standalone" (one thread), to
            rounding; the others draw in another order.
        progress: called with (fraction, label) while it runs; None: a bar after two
            seconds, on a terminal or in a notebook.

    Returns:
        The circuit. Its run gives a Recording with readout and weights (ON minus OFF),
        spikes ("spike_time" and "spike_cell", a number of the dim "cell", whose
        coordinates "population", "number", "dimension", "cell_head" and "cell_sign" say
        what the cell is), and traces where asked for. Its provenance says which form and
        layout ran and why, how many bytes the fast weights take (``fast_weight_bytes``),
        and ``clipped``, the fraction of weights at a bound of [0, 2 weight_baseline] at
        token ends (of the last token alone without snapshots).

    Raises:
        FwpError: one sentence for every argument the circuit cannot run.
    """
    options = {n: value for n, value in locals().items() if n not in ("program", "rule")}
    published = chosen(synapse, parameters)
    if published is not None:
        return voltage_form.prepare(program, rule, published, options, USUAL)
    if value_cells not in (None, 10) or coding != "auto":
        raise FwpError("value_cells and coding shape a circuit of published synapses: "
                       "give synapse=..., or leave them out")  # fmt: skip
    return _own(program, rule, options)


USUAL = {n: p.default for n, p in signature(prepare).parameters.items()
         if p.default is not Parameter.empty}  # fmt: skip


def chosen(synapse, parameters: str | None) -> Synapse | None:
    """Return a published synapse, or None for one of the package's own circuit models."""
    if isinstance(synapse, str):
        own = split(synapse)[0] in names("circuit")
        return None if own else get(synapse, parameters)
    if not isinstance(synapse, Synapse):
        raise FwpError(
            f"synapse must be a Synapse or the name of one, got {shown(synapse)}"
        )
    if parameters is not None:
        raise FwpError(
            f"synapse {synapse.name!r} has its parameters: leave out parameters="
        )
    if isinstance(synapse, CircuitSynapse):
        return None
    return getattr(synapse, "textbook", synapse)


def _check(options) -> None:
    check_drugs(options.drugs)
    chosen(options.synapse, options.parameters)


SPIKING = Realisation("spiking", prepare, _check)
SpikingOptions = SPIKING.options


def _own(program: Program, rule: Rule, options: dict[str, Any]) -> PreparedCircuit:
    """Prepare a circuit of the package's own synapses."""
    given = {**options, "dt": 0.5 * b2.ms if options["dt"] is None else options["dt"]}
    dt = given["dt"]
    check_record(given)
    model = given["synapse"]
    if not isinstance(model, CircuitSynapse):
        model = get(model, given["parameters"], kind="circuit")
    model = model.changed(**(given["constants"] or {}))
    schedule = make(given["timeline"] or Timeline(), dt, program.tokens)
    check_drugs(given["drugs"])
    if given["divisive"] is not None:
        _check_divisive(program, given)
    signals = program.bind(rule)
    write, why = None, "asked for"
    if given["form"] != "generic":
        try:
            write = ode_windows.biophysical_write(
                rule, signals, (program.pre, program.post)
            )
        except Cannot as reason:
            why = str(reason)
    if given["form"] == "biophysical" and write is None:
        raise FwpError(
            f"rule {rule.name!r} has no biophysical form: {why}; use form='generic', "
            "which evaluates the text on filtered population activity"
        )
    states = starting_states(
        rule, program, given["initial_weights"], given["initial_states_of"],
        given["initial_states"],
    )  # fmt: skip
    if write is None:
        build, size, dt, keep, details, structure = any_local_rule.parts(
            program, rule, signals, states, why, model, schedule, given
        )
        return PreparedCircuit("spiking", program, rule, options, build, size, dt, keep,
                               details, structure=structure)  # fmt: skip
    plan, dt, keep, details = biophysical_plan(
        program, write, signals["q"], states["w"], model, schedule, given
    )
    kind: Any = None
    if plan.realism is not None:
        from .homeostasis import realistic  # noqa: PLC0415  few runs need it

        plan, kind = realistic(plan, model, dt, given["device"], given["seed"])
    elif plan.hold is not None:
        from .held_network import HeldNetwork as kind  # noqa: PLC0415  few runs
    elif plan.divisive is not None:
        from .divided_network import DividedNetwork as kind  # noqa: PLC0415  few runs
    build, size, structure = biophysical.builder(plan, model, schedule, dt, kind)
    papers = "; ".join([model.citation, *model.sources.values()])
    if plan.divisive is not None:
        papers = f"{papers}; {divisive_inhibition.PAPERS}"
    if plan.realism is not None and (more := kind.papers(plan.realism)):
        papers = f"{papers}; {more}"
    return PreparedCircuit(
        "spiking", program, rule, options, build, size, dt, keep, details, papers,
        partial(_in_units, plan.record.scale, details.get("recall_gain", 1.0),
                rule.name),
        structure,
    )  # fmt: skip


def _in_units(scale, gain: float, name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the biophysical circuit found in the units of the programme.

    Args:
        scale: the weight that it codes as 1, [1 or head, 1, 1].
        gain: what it recalls of weights, as a share of W q.
    """
    for mode in ("snapshots", "last"):
        if mode in found:
            found[mode] = {n: one * scale for n, one in found[mode].items()}
    found["readout"] = found["readout"] * (scale / gain)[..., 0]
    if "probe_readout" in found:
        found["probe_readout"] = found["probe_readout"] * scale
    found["details"] = {key: found[key] for key in ("clipped", "lowest")}
    if found["clipped"] > 0.001:
        found["doubt"] = (
            f"{100 * found['clipped']:.1f} % of the weights of rule {name!r} sit at a "
            "bound of [0, 2*weight_baseline] at token ends, which biases the memory: "
            "raise weight_baseline"
        )
    return found


def _check_divisive(program: Program, given) -> None:
    """Refuse what divisive inhibition cannot be combined with."""
    divisive_inhibition.check(program)
    others = {"realism": given["realism"] is not None and given["realism"].on,
              "write": given["write"] != "first_order",
              "value_scale='fit'": given["value_scale"] == "fit"}  # fmt: skip
    for name, given_too in others.items():
        if given_too:
            raise FwpError(f"divisive and {name} cannot be combined yet: give one of "
                           "them")  # fmt: skip
