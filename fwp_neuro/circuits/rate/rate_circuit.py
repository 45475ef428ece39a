"""The rate realisation: a Brian2 circuit of rate cells that runs a fast-weight
programme."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import exp
from typing import Any

import brian2 as b2

from ... import divisive as divisive_inhibition
from ...arguments import SEED, one_of, optional, takes
from ...errors import Cannot, FwpError, callers, warn
from ...programs import Program
from ...quantities import a_time
from ...realisations import Realisation
from ...rules import Rule
from ...run_arguments import (  # fmt: skip
    DEVICE,
    PROBES,
    PROGRAM,
    PROGRESS,
    RECORD_WEIGHTS,
    RECORDING,
    RULE,
    STATES,
    WEIGHTS,
)
from ...states import Keep, choose, starting_states
from ...validation import affordable_steps
from ..head_layout import Layout
from ..prepared_circuit import PreparedCircuit, memory_details
from ..token_schedule import check_number
from . import (
    continuous,
    continuous_network,
    event_updates,
    low_rank,
    low_rank_events,
    ode_windows,
    window_rates,
)

DYNAMICS = ("auto", "continuous", "event")
HELD = ("held_target", "held_error")
WRITES = ("synaptic", "factored", *HELD)


@takes(
    "rate realisation",
    program=PROGRAM,
    rule=RULE,
    initial_weights=WEIGHTS,
    seed=SEED,
    initial_states=STATES,
    initial_states_of=optional(RECORDING),
    dynamics=one_of(DYNAMICS, "dynamics of the rate realisation:"),
    write=optional(one_of(WRITES, "write of the rate realisation:")),
    relation=optional(
        one_of(window_rates.RELATIONS, "relation of the rate realisation:")
    ),
    dt=optional(a_time()),
    window=optional(a_time("50*ms")),
    ampa_lag=optional(a_time("2*ms")),
    layout=one_of(low_rank.LAYOUTS, "layout of the rate realisation:"),
    record_weights=RECORD_WEIGHTS,
    probes=PROBES,
    divisive=optional(divisive_inhibition.GAIN),
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
    dynamics: str = "auto",
    write: str | None = None,
    relation: str | None = None,
    dt=None,
    window=None,
    ampa_lag=None,
    layout: str = "auto",
    record_weights: str = "auto",
    probes=None,
    divisive: float | None = None,
    device: str = "auto",
    progress=None,
) -> PreparedCircuit:
    """Prepare the rate circuit.

    Args:
        program: keys, values, queries and gates.
        rule: any rule with a local text; ``back()`` gets a return pathway from the value
            cells.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: recorded only; the circuit draws no random numbers.
        initial_states: synaptic state -> numbers as ``initial_weights``; zeros where not
            named.
        initial_states_of: a Recording to carry on from (its synaptic states after the
            last token).
        dynamics: "continuous" (one window of ODE for each statement, exact by
            construction), "event" (the text itself, once a token) or "auto" (continuous
            where the rule allows it).
        write: "synaptic" (default; every synapse integrates) or "factored" (one number a
            cell integrates, and the rank-one change is committed once a window).
            "held_target" and "held_error" are "synaptic" with the prediction of a
            window's start held over it, by persistent activity of a small pool or a
            plateau of the cell (a choice); so a write strength may be anything, also in
            (1, 2). Of "held_target" the teacher is over-driven beyond its value, of
            "held_error" the error itself is written.
        relation: "integrator-aware" (default; exact at any dt) or "exponential"
            (textbook; its error falls with dt).
        dt: time step, 0.5 ms unless given.
        window: duration of one window, 50 ms unless given (20 AMPA time constants with a
            lag).
        ampa_lag: time constant of the AMPA current behind the weights; None for an
            instant sum.
        layout: "synapse" (a weight at every synapse), "low_rank" (a cell for each write
            between key and value cells holds its two vectors: tokens * (pre + post)
            numbers and no pre * post; same numbers to rounding) or "auto" (low rank where
            it stores at most half as much).
        record_weights: "snapshots" (after every token), "last", "none" or "auto"
            (snapshots up to 64 MB, else the last ones).
        probes: [probe, pre] or [head, probe, pre], read as W x after every token
            ("probe_readout"), whatever is recorded of the weights.
        divisive: gain G of divisive inhibition: the last value is a pool z of keys (see
            `fwp_neuro.with_pool`), and the read-out cells of the others rest at
            W q/(1/G + z.q).
        device: "auto", "numpy", "cython", "cpp_standalone" or "cuda_standalone".
        progress: called with (fraction, label) while it runs; None: a bar after two
            seconds, on a terminal or in a notebook.

    Returns:
        The circuit. The provenance of its Recording says which form and layout ran and
        why (``dynamics``, ``dynamics_reason``, ``layout``, ``layout_reason``) and what
        they store (``fast_weight_bytes``). The low-rank layout also records what it
        stores after the last token, "token_cell_pre" and "token_cell_post": the weights
        are the sum of their products over token cells.

    Raises:
        FwpError: a token that no first-order continuous dynamics can run (beta*|k|^2 >=
            1 with a teacher fixed at the value), a rule without continuous form under
            dynamics="continuous", a bad option.
    """
    options = {n: value for n, value in locals().items() if n not in ("program", "rule")}
    if divisive is not None:
        divisive_inhibition.check(program)
    signals = program.bind(rule)
    states = starting_states(
        rule, program, initial_weights, initial_states_of, initial_states
    )
    cells = Layout(program.heads or 1, program.pre, program.post)
    keep = choose(record_weights, probes, program, len(rule.states) * cells.synapses)
    shapes = {
        name: options[name] for name in ("write", "relation", "dt", "window", "ampa_lag")
    }
    found, why = _windows(rule, dynamics)
    if found is None:
        _check_event(rule, dynamics, shapes, why)
        made = _event(rule, signals, states, cells, layout, keep, why)
    else:
        made = _continuous(found, signals, states["w"], cells, layout, keep, **shapes)
    build, size, dt, keep, details, structure = made
    more: dict[str, Any] = {}
    if divisive is not None:
        details["divisive"] = divisive
        more = {"finish": partial(_divided, divisive),
                "citation": divisive_inhibition.PAPERS}  # fmt: skip
    return PreparedCircuit("rate", program, rule, options, build, size, dt, keep, details,
                           structure=structure, **more)  # fmt: skip


def _divided(gain: float, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the circuit found, with read-out cells that a pool shunts."""
    return {**found, "readout": divisive_inhibition.divided(found["readout"], gain)}


RATE = Realisation("rate", prepare)
RateOptions = RATE.options


def _windows(rule: Rule, dynamics: str) -> tuple:
    """Return the windows of continuous dynamics, or None, and why there are none."""
    if dynamics == "event":
        return None, "asked for"
    try:
        return ode_windows.derive(rule), ""
    except Cannot as reason:
        return None, str(reason)


def _check_event(rule: Rule, dynamics: str, shapes: Mapping[str, Any], why: str) -> None:
    """Refuse what only windows of an ODE have; ``why`` there are none."""
    if dynamics == "continuous":
        raise FwpError(
            f"rule {rule.name!r} has no exact continuous form: {why}; use "
            "dynamics='event'"
        )
    for name, value in shapes.items():
        if value is not None:
            raise FwpError(
                f"option {name} shapes continuous dynamics only, but rule {rule.name!r} "
                f"runs as event-time updates ({why}); leave it out"
            )


def _event(
    rule: Rule, signals, states, cells: Layout, layout: str, keep: Keep, why: str
) -> tuple:
    """The circuit of event-time updates, with a weight at every synapse or token
    cells."""
    dt, tokens = 1 * b2.ms, len(signals["q"])
    steps: tuple[low_rank.LowRankStep, ...] = ()
    chosen = layout, "asked for"
    try:
        if layout != "synapse":
            steps = low_rank.derive(rule)
        if layout == "auto":
            writes = sum(len(step.writes) for step in steps)
            chosen = low_rank.choose(writes, tokens, cells, states["w"])
    except Cannot as reason:
        if layout == "low_rank":
            raise FwpError(
                f"rule {rule.name!r} has no low-rank layout: {reason}; use "
                "layout='synapse'"
            ) from None
        chosen = "synapse", str(reason)
    memory = None
    if chosen[0] == "low_rank":
        memory = low_rank_events.store(steps, cells, tokens, states["w"])
        made = low_rank_events.builder(steps, signals, memory, dt, keep)
    else:
        check_number(keep.probes)
        made = event_updates.builder(rule, signals, cells, states, dt, keep)
    details = {"dynamics": "event", "dynamics_reason": why, "dt": dt}
    numbers = len(rule.states) * cells.synapses if memory is None else memory.numbers
    build, size, structure = made
    details |= memory_details(chosen, numbers, keep)
    return build, size, dt, keep, details, structure


def _continuous(
    found, signals, weights, cells: Layout, layout: str, keep: Keep, write, relation, dt,
    window, ampa_lag,
) -> tuple:  # fmt: skip
    """The circuit of windows of an ODE, with a weight at every synapse or token cells."""
    if layout == "low_rank" and write in ("synaptic", *HELD):
        raise FwpError(
            "layout='low_rank' has no synapse that could integrate each write: leave "
            "write out, or use layout='synapse'"
        )
    relation = relation or "integrator-aware"
    dt, window, lag, steps = _times(dt, window, ampa_lag, relation)
    tokens = len(signals["q"])
    affordable_steps(
        tokens * len(found) * steps, f"{tokens} tokens of window={window}, dt={dt}"
    )
    writes = sum(phase.side is not None for phase in found)
    if layout != "auto":
        chosen = layout, "asked for"
    elif write is not None:
        chosen = "synapse", f"write={write!r} was asked for"
    elif lag is not None or relation != "integrator-aware":
        words = (
            "only an instant sum with integrator-aware gains has the same numbers either "
            "way"
        )
        chosen = "synapse", words
    else:
        chosen = low_rank.choose(writes, tokens, cells, weights)
    write = "factored" if chosen[0] == "low_rank" else write or "synaptic"
    factored, seconds = write == "factored", None if lag is None else float(lag)
    windows = continuous.plan(
        found, signals, cells, steps, float(dt), relation, seconds, factored,
        write if write in HELD else None,
    )  # fmt: skip
    memory = None
    if chosen[0] == "low_rank":
        memory = continuous_network.store(windows, cells, weights)
    else:
        check_number(keep.probes)
    build, size, structure = continuous_network.builder(
        windows, cells, weights, tokens, dt, lag, factored, keep, memory
    )
    if lag is not None and float(window / lag) < 20:
        warn(
            f"window={window} is shorter than 20 AMPA time constants: expect errors of "
            f"about exp(-window/ampa_lag) = {exp(-float(window / lag)):.1g}",
            stacklevel=callers(),
        )
    details = {
        "dynamics": "continuous",
        "dynamics_reason": "every statement is one window of an ODE",
    }
    details |= {
        "write": write,
        "relation": relation,
        "dt": dt,
        "window": window,
        "ampa_lag": lag,
    }
    numbers = cells.synapses if memory is None else memory.numbers
    details |= memory_details(chosen, numbers, keep)
    return build, size, dt, keep, details, structure


def _times(dt, window, ampa_lag, relation: str):
    """Check the times of continuous dynamics; return dt, window, lag and the steps of a
    window."""
    dt, lag = 0.5 * b2.ms if dt is None else dt, ampa_lag
    if window is None:
        window = 50 * b2.ms if lag is None else 20 * lag
    affordable_steps(float(window / dt), f"window={window} with dt={dt}")
    steps = round(float(window / dt))
    if steps < 1 or abs(steps * float(dt) - float(window)) > 1e-9 * float(window):
        raise FwpError(
            f"window must be a whole number of time steps; got window={window} with "
            f"dt={dt}"
        )
    if lag is not None and (float(dt) > 0.5 * float(lag) or relation == "exponential"):
        raise FwpError(
            "ampa_lag needs relation='integrator-aware' and dt at most half the lag; "
            f"got relation={relation!r}, dt={dt}, ampa_lag={lag}"
        )
    return dt, window, lag, steps
