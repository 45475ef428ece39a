"""The rate realisation: a Brian2 circuit of rate cells that runs a fast-weight programme."""

from __future__ import annotations

from math import exp

from ..devices import simulate
from ..errors import FwpError, pick, warn
from ..programs import Program
from ..provenance import provenance
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import further_states, initial_states
from . import continuous, events, gains, phases
from .layout import Layout
from .quantities import time

DYNAMICS = ("auto", "continuous", "event")
WRITES = ("synaptic", "factored")


def prepare(
    program: Program, rule: Rule, *, initial_weights=None, initial_states_of=None,
    dynamics: str = "auto", write: str | None = None, relation: str | None = None,
    dt=None, window=None, ampa_lag=None,
):  # fmt: skip
    """Turn a programme and a rule into a network plan; see `realise` for the arguments.

    Returns:
        (build, size, dt, details) ready for `devices.simulate` or `devices.generate`.
    """
    import brian2 as b2

    pick(dynamics, DYNAMICS, "dynamics of the rate realisation:")
    signals = program.bind(rule)
    states = initial_states(rule, program, initial_weights, initial_states_of)
    layout = Layout(program.heads or 1, program.pre, program.post)
    found = phases.derive(rule)
    given = {"write": write, "relation": relation, "dt": dt, "window": window, "ampa_lag": ampa_lag}
    if dynamics == "event" or isinstance(found, str):
        why = "asked for" if dynamics == "event" else found
        if dynamics == "continuous":
            raise FwpError(
                f"rule {rule.name!r} has no exact continuous form: {found}; use dynamics='event'"
            )
        for name, value in given.items():
            if value is not None:
                raise FwpError(
                    f"option {name} shapes continuous dynamics only, but rule {rule.name!r} runs "
                    f"as event-time updates ({why}); leave it out"
                )
        dt = 1 * b2.ms
        build, size = events.builder(rule, signals, layout, states, dt)
        return build, size, dt, {"dynamics": "event", "dynamics_reason": why, "dt": dt}
    write, relation = write or "synaptic", relation or "integrator-aware"
    pick(write, WRITES, "write of the rate realisation:")
    pick(relation, gains.RELATIONS, "relation of the rate realisation:")
    dt, window, lag, steps = _times(dt, window, ampa_lag, relation)
    factored, seconds = write == "factored", None if lag is None else float(lag)
    windows = continuous.plan(found, signals, layout, steps, float(dt), relation, seconds, factored)
    build, size = continuous.builder(
        windows, layout, states["w"], program.tokens, dt, lag, factored
    )
    if lag is not None and float(window / lag) < 20:
        warn(
            f"window={window} is shorter than 20 AMPA time constants: expect errors of about "
            f"exp(-window/ampa_lag) = {exp(-float(window / lag)):.1g}",
            stacklevel=4,
        )
    details = {
        "dynamics": "continuous",
        "dynamics_reason": "every statement is one window of an ODE",
    }
    details |= {"write": write, "relation": relation, "dt": dt, "window": window, "ampa_lag": lag}
    return build, size, dt, details


def realise(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    initial_states_of=None,
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
        initial_states_of: a Recording to carry on from (its synaptic states after the last token).
        dynamics: "continuous" (one window of ODE for each statement, exact by construction),
            "event" (the text itself, once a token) or "auto" (continuous where the rule allows it).
        write: "synaptic" (default; every synapse integrates) or "factored" (one number a cell
            integrates, and the rank-one change is committed once a window).
        relation: "integrator-aware" (default; exact at any dt) or "exponential" (textbook; its
            error falls with dt).
        dt: time step, 0.5 ms unless given.
        window: duration of one window, 50 ms unless given (20 AMPA time constants with a lag).
        ampa_lag: time constant of the AMPA current behind the weights; None for an instant sum.
        device: "auto", "numpy", "cython", "cpp_standalone" or "cuda_standalone".
        progress: called with (fraction, label) while it runs.

    Returns:
        Recording; its provenance says which of the two forms ran and why (``dynamics``,
        ``dynamics_reason``).

    Raises:
        FwpError: a token that no first-order continuous dynamics can run (beta*|k|^2 >= 1), a rule
            without continuous form under dynamics="continuous", a bad option.
    """
    build, size, dt, details = prepare(
        program, rule, initial_weights=initial_weights, initial_states_of=initial_states_of,
        dynamics=dynamics, write=write, relation=relation, dt=dt, window=window, ampa_lag=ampa_lag,
    )  # fmt: skip
    found, info = simulate(
        build, size, device=device, dt=dt, seed=seed, progress=progress, label=f"rate {rule.name}"
    )
    return make_recording(
        program, rule, "rate", found["readout"], found["w"], further_states(rule, found),
        provenance(rule, "rate", seed, details | info),
    )  # fmt: skip


def _times(dt, window, ampa_lag, relation: str):
    """Check the times of continuous dynamics; return dt, window, lag and the steps of a window."""
    import brian2 as b2

    dt = time(dt, "dt", 0.5 * b2.ms)
    lag = time(ampa_lag, "ampa_lag")
    window = time(window, "window", 50 * b2.ms if lag is None else 20 * lag)
    steps = round(float(window / dt))
    if steps < 1 or abs(steps * float(dt) - float(window)) > 1e-9 * float(window):
        raise FwpError(
            f"window must be a whole number of time steps; got window={window} with dt={dt}"
        )
    if lag is not None and (float(dt) > 0.5 * float(lag) or relation == "exponential"):
        raise FwpError(
            "ampa_lag needs relation='integrator-aware' and dt at most half the lag; "
            f"got relation={relation!r}, dt={dt}, ampa_lag={lag}"
        )
    return dt, window, lag, steps
