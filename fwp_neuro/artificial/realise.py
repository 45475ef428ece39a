"""Programme in, Recording out, by the artificial fast-weight programmer."""

from __future__ import annotations

import logging

import numpy as np

from ..errors import FwpError, pick, warn
from ..programs import Program
from ..provenance import provenance
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import final_states, further_states, initial_states
from .numpy_form import oracle

#: "auto" takes the fastest that fits
FORMS = ("auto", "step", "parallel", "chunk", "compiled", "library")

log = logging.getLogger("fwp_neuro")


def realise(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    backend: str = "torch",
    dtype: str = "float64",
    form: str = "auto",
    record: str | None = None,
    initial_states_of=None,
) -> Recording:
    """Run the artificial realisation.

    Args:
        program: what the slow net commands.
        rule: the rule.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: recorded only; this realisation draws no random numbers.
        backend: "torch" (the differentiable forms) or "numpy" (the oracle, step form only).
        dtype: "float64" or "float32".
        form: "auto", "step", "parallel", "chunk", "compiled" or "library" (see
            `fwp_neuro.artificial.apply`);
            the choice and its reason are logged and kept in the provenance.
        record: "all": the states after every token ("weights"), which only the step form has;
            "final": those after the last one ("final_weights"). None takes "all" where it can.
        initial_states_of: a Recording to carry on from (its synaptic states after the last token).
    """
    pick(backend, ("torch", "numpy"), "backend of the artificial realisation:")
    pick(dtype, ("float64", "float32"), "dtype of the artificial realisation:")
    record = _recorded(record, form, backend)
    signals = {name: array.astype(dtype) for name, array in program.bind(rule).items()}
    states = initial_states(rule, program, initial_weights, initial_states_of)
    states = {name: array.astype(dtype) for name, array in states.items()}
    options = {"backend": backend, "dtype": dtype, "record": record}
    if record == "final" and backend == "torch":
        readout, final, chosen = _fast(rule, signals, states, form)
    else:
        readout, traces = (oracle if backend == "numpy" else _torch)(rule, signals, states)
        final = {name: trace[-1] for name, trace in traces.items()}
        asked = form == "step" or backend == "numpy"
        chosen = ("step", "asked for" if asked else "the weights after every token are recorded")
    options |= dict(zip(("form", "form_reason"), chosen, strict=True))
    log.info("rule %r runs in the %s form: %s", rule.name, *chosen)
    bad = ~np.isfinite(readout).reshape(len(readout), -1).all(1)
    if bad.any():
        warn(
            f"rule {rule.name!r} gives a read-out that is not finite from token "
            f"{int(bad.argmax())} on: there its text divides by zero or leaves the range "
            "of a root or logarithm",
            stacklevel=3,
        )
    every = record == "all"
    return make_recording(
        program, rule, "artificial", readout, traces["w"] if every else None,
        further_states(rule, traces) if every else final_states(final),
        provenance(rule, "artificial", seed, options),
    )  # fmt: skip


def _recorded(record: str | None, form: str, backend: str) -> str:
    """Return "all" or "final", checked against the form."""
    pick(form, FORMS, "form")
    if record is None:
        record = "all" if form in ("auto", "step") else "final"
    pick(record, ("all", "final"), "record of the artificial realisation:")
    if form not in ("auto", "step") and (record == "all" or backend == "numpy"):
        what = "the numpy backend" if backend == "numpy" else "record='all'"
        raise FwpError(f"{what} goes with form='step' or 'auto' only, got form={form!r}")
    return record


def _fast(rule, signals, states, form: str):
    """Run any form, batch of one: read-out, final states, (form, reason)."""
    import torch

    from .choice import choose
    from .torch_form import run

    signals = {name: torch.as_tensor(array)[None] for name, array in signals.items()}
    states = {name: torch.as_tensor(array)[None] for name, array in states.items()}
    query = signals["q"]
    chosen = choose(form, rule, query.shape[1], query.dtype, query.device)
    with torch.no_grad():
        readout, final = run(rule, signals, states, chosen[0])
    return readout[0].numpy(), {name: state[0].numpy() for name, state in final.items()}, chosen


def _torch(rule, signals, states):
    import torch

    from ..symbolic import arrays
    from .unrolling import unroll

    placed = {
        n: arrays.to_home(torch.as_tensor(signals[n]), home) for n, home in rule.homes.items()
    }
    states = {name: torch.as_tensor(array) for name, array in states.items()}
    with torch.no_grad():
        readouts, traces, _ = unroll(rule, placed, torch.as_tensor(signals["q"]), states, "torch")
    return torch.stack(readouts).numpy(), {
        n: torch.stack(trace).numpy() for n, trace in traces.items()
    }
