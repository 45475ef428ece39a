"""The plain recurrence, one token after the other; every faster form is tested against
it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arguments import FLAG, FUNCTION, inside, one_of, optional, takes
from ..errors import FwpError, shown
from ..rules import Rule
from ..rules import rule as rule_named
from ..symbolic import arrays

#: what arrays raise that do not fit together
_MISFITS = (TypeError, ValueError, IndexError, KeyError, AttributeError, RuntimeError)


def _signals():
    columns = {name: np.ones((3, 2, 1)) for name in "v"}
    return columns | {"k": np.ones((3, 1, 2)), "beta": np.ones((3, 1, 1))}


@takes(
    rule=inside("a Rule", lambda: rule_named("hebb")),
    signals=inside("a dict from name to a sequence of arrays", _signals),
    queries=inside("a sequence of arrays", lambda: np.ones((3, 2))),
    states=inside("a dict from state to array", lambda: {"w": np.zeros((2, 2))}),
    namespace=one_of(("numpy", "torch"), "namespace of unroll:"),
    keep_states=FLAG,
    watch=optional(FUNCTION),
)
def unroll(
    rule: Rule,
    signals: Mapping[str, Sequence],
    queries: Sequence,
    states: Mapping[str, Any],
    namespace: str = "numpy",
    keep_states: bool = True,
    watch: Callable[[Mapping[str, Any]], None] | None = None,
) -> tuple[list, dict[str, list], dict[str, Any]]:
    """Step a rule over a sequence; arguments and results are those of `recur`.

    Args:
        rule: a `Rule`.
        signals: signal or gate -> its arrays, token by token.
        queries: a query a token.
        states: synaptic state -> its array before the first token.
        namespace: of the functions in the text of the rule, "numpy" or "torch".
        keep_states: whether the states after each token are returned.
        watch: called with the states after each token.

    Raises:
        FwpError: an argument is missing or of another kind, or the arrays do not fit
            together.
    """
    check_names(rule, signals, states)
    if not _is_sequence(queries):
        raise FwpError(
            f"unroll: queries must hold one array a token, got {shown(queries)}"
        )
    for name in rule.homes:
        given = signals[name]
        if not _is_sequence(given) or len(given) != len(queries):
            raise FwpError(
                f"unroll: {name} must hold one array for each of the {len(queries)} "
                f"queries, got {shown(given)}"
            )
    try:
        return recur(rule, signals, queries, states, namespace, keep_states, watch)
    except FwpError:
        raise
    except _MISFITS as problem:
        first = str(problem).partition("\n")[0]
        raise FwpError(f"unroll: the arrays do not fit together: {first}") from problem


def _is_sequence(given) -> bool:
    if isinstance(given, str | bytes | bytearray | Mapping) or getattr(
        given, "is_nested", False
    ):
        return False
    return hasattr(given, "__len__") and getattr(given, "ndim", 1) > 0


def check_names(rule, signals, states, where: str = "unroll") -> None:
    """Refuse what is no rule, and signals or states that lack a name."""
    if not isinstance(rule, Rule):
        raise FwpError(f"{where}: rule must be a Rule, got {shown(rule)}")
    for what, given, needed in (
        ("signals", signals, rule.homes),
        ("states", states, rule.states),
    ):
        if not isinstance(given, Mapping):
            raise FwpError(f"{where}: {what} must be a dict by name, got {shown(given)}")
        for name in needed:
            if name not in given:
                raise FwpError(
                    f"{where}: {what} of rule {rule.name!r} lack {name!r} "
                    f"({', '.join(needed)})"
                )


def recur(
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
    step = (arrays.torch_step if namespace == "torch" else arrays.numpy_step)(rule)
    readouts, kept = [], {name: [] for name in rule.states}
    for token, query in enumerate(queries):
        now = {name: values[token] for name, values in signals.items()}
        states = step(states, now)
        readouts.append(step.read(states["w"], query))
        if watch is not None:
            watch(states)
        if keep_states:
            for name in rule.states:
                kept[name].append(states[name])
    return readouts, kept, states
