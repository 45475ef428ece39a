"""Programme in, Recording out, by the artificial fast-weight programmer."""

from __future__ import annotations

import numpy as np

from ..errors import pick, warn
from ..programs import Program
from ..provenance import provenance
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import further_states, initial_states
from .numpy_form import oracle


def realise(
    program: Program,
    rule: Rule,
    *,
    initial_weights=None,
    seed: int = 0,
    backend: str = "torch",
    dtype: str = "float64",
    initial_states_of=None,
) -> Recording:
    """Run the artificial realisation.

    Args:
        program: what the slow net commands.
        rule: the rule.
        initial_weights: [post, pre] or [head, post, pre]; zeros if None.
        seed: recorded only; this realisation draws no random numbers.
        backend: "torch" (the differentiable step) or "numpy" (the oracle).
        dtype: "float64" or "float32".
        initial_states_of: a Recording to carry on from (its synaptic states after the last token).
    """
    pick(backend, ("torch", "numpy"), "backend of the artificial realisation:")
    pick(dtype, ("float64", "float32"), "dtype of the artificial realisation:")
    signals = {name: array.astype(dtype) for name, array in program.bind(rule).items()}
    states = initial_states(rule, program, initial_weights, initial_states_of)
    states = {name: array.astype(dtype) for name, array in states.items()}
    readout, traces = (
        oracle(rule, signals, states) if backend == "numpy" else _torch(rule, signals, states)
    )
    bad = ~np.isfinite(readout).reshape(len(readout), -1).all(1)
    if bad.any():
        warn(
            f"rule {rule.name!r} gives a read-out that is not finite from token "
            f"{int(bad.argmax())} on: there its text divides by zero or leaves the range "
            "of a root or logarithm",
            stacklevel=3,
        )
    options = {"backend": backend, "dtype": dtype}
    return make_recording(
        program, rule, "artificial", readout, traces["w"], further_states(rule, traces),
        provenance(rule, "artificial", seed, options),
    )  # fmt: skip


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
