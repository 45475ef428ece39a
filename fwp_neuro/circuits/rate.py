"""The rate realisation: a Brian2 circuit of rate cells that runs a fast-weight programme."""

from __future__ import annotations

import warnings

from ..devices import simulate
from ..errors import FwpError, pick
from ..programs import Program
from ..provenance import provenance
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import initial_states
from . import continuous, events, gains, phases
from .layout import Layout
from .quantities import time

DYNAMICS = ("auto", "continuous", "event")
WRITES = ("synaptic", "factored")


def realise(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    dynamics: str = "auto",
    write: str | None = None,
    relation: str | None = None,
    dt=None,
    window=None,
    ampa_lag=None,
    device: str = "auto",
    progress=None,
) -> Recording:
    """Run the rate circuit.

    Args:
        program: keys, values, queries and gates.
        rule: any rule with a local text; ``back()`` gets a return pathway from the value cells.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: recorded only; the circuit draws no random numbers.
        dynamics: "continuous" (one window of ODE for each statement, exact by construction), "event"
            (the text itself, once a token) or "auto" (continuous where the rule allows it).
        write: "synaptic" (default; every synapse integrates) or "factored" (one number a cell integrates, and
            the rank-one change is committed once a window).
        relation: "integrator-aware" (default; exact at any dt) or "exponential" (textbook; error falls with dt).
        dt: time step, 0.5 ms unless given.
        window: duration of one window, 50 ms unless given (20 AMPA time constants with a lag).
        ampa_lag: time constant of the AMPA current behind the weights; None for an instant sum.
        device: "auto", "numpy", "cython", "cpp_standalone" or "cuda_standalone".
        progress: called with (fraction, label) while it runs.

    Returns:
        Recording; its ``dynamics`` attribute says which of the two forms ran and why.

    Raises:
        FwpError: a token that no first-order continuous dynamics can run (beta*|k|^2 >= 1), a rule
            without continuous form under dynamics="continuous", a bad option.
    """
    import brian2 as b2

    pick(dynamics, DYNAMICS, "dynamics of the rate realisation:")
    given = {"write": write, "relation": relation, "dt": dt, "window": window, "ampa_lag": ampa_lag}
    write, relation = write or "synaptic", relation or "integrator-aware"
    pick(write, WRITES, "write of the rate realisation:")
    pick(relation, gains.RELATIONS, "relation of the rate realisation:")
    dt = time(dt, "dt", 0.5 * b2.ms)
    lag = None if ampa_lag is None else time(ampa_lag, "ampa_lag")
    window = time(window, "window", 50 * b2.ms if lag is None else 20 * lag)
    steps = round(float(window / dt))
    if steps < 1 or abs(steps * float(dt) - float(window)) > 1e-9 * float(window):
        raise FwpError(f"window must be a whole number of time steps; got window={window} with dt={dt}")
    if lag is not None and (float(dt) > 0.5 * float(lag) or relation == "exponential"):
        raise FwpError(
            "ampa_lag needs relation='integrator-aware' and dt at most half the lag; "
            f"got relation={relation!r}, dt={dt}, ampa_lag={lag}"
        )
    signals = program.bind(rule)
    states = initial_states(rule, program, initial_weights)
    layout = Layout(program.heads or 1, program.pre, program.post)
    found = phases.derive(rule)
    if dynamics == "continuous" and isinstance(found, str):
        raise FwpError(f"rule {rule.name!r} has no exact continuous form: {found}; use dynamics='event'")
    if dynamics == "event" or isinstance(found, str):
        for name, value in given.items():
            if value is not None:
                raise FwpError(
                    f"option {name} shapes continuous dynamics only, but rule {rule.name!r} runs as "
                    f"event-time updates ({'asked for' if dynamics == 'event' else found}); leave it out"
                )
    options = {"write": write, "relation": relation, "dt": dt, "window": window, "ampa_lag": lag}
    if dynamics == "event" or isinstance(found, str):
        why = "asked for" if dynamics == "event" else found
        build, size = events.builder(rule, signals, layout, states, 1 * b2.ms)
        form, dt, options = "event", 1 * b2.ms, {}
    else:
        why = "every statement is one window of an ODE"
        factored = write == "factored"
        seconds = None if lag is None else float(lag)
        windows = continuous.plan(found, signals, layout, steps, float(dt), relation, seconds, factored)
        build, size = continuous.builder(windows, layout, states["w"], program.tokens, dt, lag, factored)
        form = "continuous"
        if lag is not None and float(window / lag) < 20:
            warnings.warn(
                f"window={window} is shorter than 20 AMPA time constants: expect errors of about "
                f"exp(-window/ampa_lag) = {2.718281828 ** -float(window / lag):.1g}",
                stacklevel=3,
            )
    found_arrays, info = simulate(
        build, size, device=device, dt=dt, seed=seed, progress=progress, label=f"rate {rule.name}"
    )
    dims = ("token", "head", "post", "pre")
    extra = {
        name: (dims, found_arrays[name], {"units": "1", "long_name": f"synaptic state {name}"})
        for name in rule.states
        if name != "w"
    }
    weights = found_arrays["weights"] if form == "continuous" else found_arrays["w"]
    details = {"dynamics": form, "dynamics_reason": why, **options, **info}
    return make_recording(
        program, rule, "rate", found_arrays["readout"], weights, extra,
        provenance(rule, "rate", seed, details),
    )  # fmt: skip
