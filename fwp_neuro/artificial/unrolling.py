"""The plain recurrence, one token after the other; every faster form is tested against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..rules import Rule
from ..symbolic import arrays


def unroll(
    rule: Rule,
    signals: Mapping[str, Sequence],
    queries: Sequence,
    states: Mapping[str, Any],
    namespace: str = "numpy",
    keep_states: bool = True,
    watch: Callable[[Mapping[str, Any]], None] | None = None,
) -> tuple[list, dict[str, list], dict[str, Any]]:
    """Step a rule over a sequence, reading after every write (y_t = W_t q_t).

    Args:
        rule: the rule.
        signals: name -> one array a token, in the shape of its home (`arrays.to_home`).
        queries: one array [..., d_k] a token.
        states: synaptic states before the first token, [..., d_v, d_k].
        namespace: "numpy" or "torch".
        keep_states: whether to keep the states after every token.
        watch: called with the states after every token.

    Returns:
        read-outs (one [..., d_v] a token), kept states by name, and the final states.
    """
    states = dict(states)
    readouts, kept = [], {name: [] for name in rule.states}
    for token, query in enumerate(queries):
        now = {name: values[token] for name, values in signals.items()}
        states = arrays.step(rule.statements, states, now, namespace)
        readouts.append((states["w"] @ query[..., None])[..., 0])
        if watch is not None:
            watch(states)
        if keep_states:
            for name in rule.states:
                kept[name].append(states[name])
    return readouts, kept, states
