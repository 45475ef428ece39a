"""Programme in, Recording out, by the artificial fast-weight programmer."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import divisive as divisive_inhibition
from ..arguments import SEED, one_of, optional, takes
from ..errors import FwpError, callers, warn
from ..programs import Program
from ..provenance import provenance
from ..realisation_options import Prepared
from ..recording import Recording, make_recording
from ..rules import Rule
from ..run_arguments import (
    PROBES,
    PROGRAM,
    RECORD_WEIGHTS,
    RECORDING,
    RULE,
    STATES,
    WEIGHTS,
)  # fmt: skip
from ..states import Keep, choose, starting_states, variables
from ..symbolic import arrays
from .form_names import FORMS
from .unrolling import recur

#: "auto" takes the fastest that fits

log = logging.getLogger("fwp_neuro")


@takes(
    "artificial realisation",
    program=PROGRAM,
    rule=RULE,
    initial_weights=WEIGHTS,
    seed=SEED,
    backend=one_of(("torch", "numpy"), "backend of the artificial realisation:"),
    dtype=one_of(("float64", "float32"), "dtype of the artificial realisation:"),
    form=one_of(FORMS, "form"),
    record_weights=RECORD_WEIGHTS,
    probes=PROBES,
    initial_states=STATES,
    initial_states_of=optional(RECORDING),
    divisive=optional(divisive_inhibition.GAIN),
)
def prepare(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    backend: str = "torch",
    dtype: str = "float64",
    form: str = "auto",
    record_weights: str = "auto",
    probes=None,
    initial_states=None,
    initial_states_of=None,
    divisive: float | None = None,
) -> Prepared:
    """Prepare the artificial realisation.

    Args:
        program: what the slow net commands.
        rule: the rule.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: recorded only; this realisation draws no random numbers.
        backend: "torch" (the differentiable forms) or "numpy" (the oracle, step form
            only).
        dtype: "float64" or "float32".
        form: "auto", "step", "parallel", "chunk", "compiled" or "library" (see
            `fwp_neuro.artificial.apply`);
            the choice and its reason are logged and kept in the provenance.
        record_weights: "snapshots": the states after every token ("weights"), which only
            the step form has; "last": those after the last one ("final_weights"); "none";
            or "auto":
            snapshots where the form has them and they take up to 64 MB, else the last
            ones.
        probes: [probe, pre] or [head, probe, pre], read as W x after every token
            ("probe_readout"), in any form and without keeping a matrix for each token.
        initial_states: synaptic state -> numbers as ``initial_weights``; zeros where not
            named.
        initial_states_of: a Recording to carry on from (its synaptic states after the
            last token).
        divisive: gain G of divisive inhibition: the last value is a pool z of keys (see
            `fwp_neuro.with_pool`), and the others are read as W q/(1/G + z.q).
    """
    options = {n: value for n, value in locals().items() if n not in ("program", "rule")}
    if divisive is not None:
        divisive_inhibition.check(program)
    keep = _kept(record_weights, probes, form, backend, program, rule)
    signals = {name: array.astype(dtype) for name, array in program.bind(rule).items()}
    states = starting_states(
        rule, program, initial_weights, initial_states_of, initial_states
    )
    states = {name: array.astype(dtype) for name, array in states.items()}
    chosen = _form(form, keep, backend, rule, signals)
    return _Computation(program, rule, options, keep, signals, states, chosen)


@dataclass(frozen=True)
class _Computation(Prepared):
    """A programme whose signals and states are numbers of one type, and the form that
    runs it."""

    program: Program
    rule: Rule
    options: Mapping[str, Any]
    keep: Keep
    signals: dict[str, np.ndarray]
    states: dict[str, np.ndarray]
    form: tuple[str, str]

    def run(self) -> Recording:
        """Run it."""
        rule, keep, backend = self.rule, self.keep, self.options["backend"]
        if self.form[0] == "step":
            found = _step(rule, self.signals, self.states, backend, keep)
        else:
            found = _fast(rule, self.signals, self.states, self.form[0], keep)
        log.info("rule %r runs in the %s form: %s", rule.name, *self.form)
        _check_finite(rule, found["readout"])
        said = {"backend": backend, "dtype": self.options["dtype"], **keep.details}
        said |= dict(zip(("form", "form_reason"), self.form, strict=True))
        gain = self.options["divisive"]
        if gain is not None:
            said["divisive"] = gain
            found["readout"] = divisive_inhibition.divided(found["readout"], gain)
        return make_recording(
            self.program, rule, "artificial", found["readout"],
            *variables(rule, keep, found),
            provenance(rule, "artificial", self.options["seed"], said, _PAPERS[backend]),
        )  # fmt: skip


def _check_finite(rule: Rule, readout: np.ndarray) -> None:
    """Warn of the first token whose read-out is not finite."""
    bad = ~np.isfinite(readout).reshape(len(readout), -1).all(1)
    if bad.any():
        warn(
            f"rule {rule.name!r} gives a read-out that is not finite from token "
            f"{int(bad.argmax())} on: there its text divides by zero or leaves the range "
            "of a root or logarithm",
            stacklevel=callers(),
        )


#: backend -> key of its paper
_PAPERS = {"numpy": "harris2020array", "torch": "paszke2019pytorch"}


def _kept(
    record_weights, probes, form: str, backend: str, program: Program, rule: Rule
) -> Keep:
    """Settle what is kept of the weights, checked against the form."""
    steps = form in ("auto", "step")
    numbers = len(rule.states) * (program.heads or 1) * program.pre * program.post
    if record_weights == "auto" and not steps:
        keep = choose("last", probes, program, numbers)
        keep = replace(keep, reason=f"the {form} form has no weights between tokens")
    else:
        keep = choose(record_weights, probes, program, numbers)
    if not steps and (keep.mode == "snapshots" or backend == "numpy"):
        what = "the numpy backend" if backend == "numpy" else "record_weights='snapshots'"
        raise FwpError(f"{what} goes with form='step' or 'auto' only, got form={form!r}")
    return keep


def _form(form: str, keep: Keep, backend: str, rule: Rule, signals) -> tuple[str, str]:
    """Return the form that runs and why."""
    if form == "step" or backend == "numpy":
        return "step", "asked for"
    if keep.mode == "snapshots":
        return "step", "the weights after every token are recorded"
    import torch  # noqa: PLC0415  the NumPy backend does without it

    from .form_choice import choose as choose_form  # noqa: PLC0415  needs torch

    query = torch.as_tensor(signals["q"])
    return choose_form(form, rule, len(query), query.dtype, query.device)


def _step(rule: Rule, signals, states, backend: str, keep: Keep) -> dict:
    """Run token by token in NumPy or PyTorch; see `states.variables` for the result."""
    as_array, stack, no_grad = np.asarray, np.stack, contextlib.nullcontext
    if backend == "torch":
        import torch  # noqa: PLC0415  the NumPy backend does without it

        as_array, stack, no_grad = torch.as_tensor, torch.stack, torch.no_grad
    placed = {
        n: arrays.to_home(as_array(signals[n]), home) for n, home in rule.homes.items()
    }
    states = {name: as_array(array) for name, array in states.items()}
    read: list = []
    watch = None
    if keep.probes is not None:
        probes = as_array(keep.probes.astype(signals["q"].dtype))

        def watch(now):
            read.append(probes @ now["w"].swapaxes(-1, -2))

    every = keep.mode == "snapshots"
    with no_grad():
        readouts, traces, final = recur(
            rule,
            placed,
            as_array(signals["q"]),
            states,
            backend,
            keep_states=every,
            watch=watch,
        )
        found: dict = {"readout": np.asarray(stack(readouts))}
        if every:
            found["snapshots"] = {
                n: np.asarray(stack(trace)) for n, trace in traces.items()
            }
        found["last"] = {name: np.asarray(state) for name, state in final.items()}
        if read:
            found["probe_readout"] = np.asarray(stack(read))
    return found


def _fast(rule: Rule, signals, states, form: str, keep: Keep) -> dict:
    """Run a form without weights between tokens; a probe is one more sequence with its
    query."""
    import torch  # noqa: PLC0415  the NumPy backend does without it

    from .forms import run  # noqa: PLC0415  needs torch

    queries = signals["q"][None]  # [sequence, token, head, pre]
    if keep.probes is not None:
        probes = np.swapaxes(keep.probes, 0, 1)[:, None].astype(queries.dtype)
        shown = np.broadcast_to(probes, (len(probes), *queries.shape[1:]))
        queries = np.concatenate([queries, shown])

    def repeated(array):
        return torch.as_tensor(np.repeat(array[None], len(queries), axis=0))

    signals = {name: repeated(array) for name, array in signals.items() if name != "q"}
    signals["q"] = torch.as_tensor(queries)
    with torch.no_grad():
        readout, final = run(
            rule, signals, {n: repeated(s) for n, s in states.items()}, form
        )
    readout = readout.numpy()
    found = {
        "readout": readout[0],
        "last": {n: state[0].numpy() for n, state in final.items()},
    }
    if keep.probes is not None:
        found["probe_readout"] = np.moveaxis(readout[1:], 0, 2)
    return found
