"""The NumPy oracle: a rule's statements applied token by token, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..arguments import inside, takes
from ..errors import FwpError, shown
from ..rules import Rule
from ..rules import rule as rule_named
from ..symbolic import arrays
from .unrolling import check_names, recur


def _signals():
    return {name: np.ones((3, 2)) for name in "kvq"} | {"beta": np.ones(3)}


@takes(
    rule=inside("a Rule", lambda: rule_named("hebb")),
    signals=inside("a dict from name to array, tokens first", _signals),
    states=inside("a dict from state to array", lambda: {"w": np.zeros((2, 2))}),
)
def oracle(
    rule: Rule, signals: Mapping[str, np.ndarray], states: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Run a rule over a sequence in NumPy.

    Args:
        rule: the rule.
        signals: text name -> array with tokens first: pre [token, ..., d_k], post [token,
            ..., d_v], shared [token, ...]; includes ``q``.
        states: synaptic state -> [..., d_v, d_k] before the first token.

    Whole numbers and half precision are computed as real numbers of double precision.

    Returns:
        read-out [token, ..., d_v] and every state after each token, name -> [token, ...,
        d_v, d_k].

    Raises:
        FwpError: a signal or state is missing, holds no real numbers, or has another
            shape.
    """
    check_names(rule, signals, states, "oracle")
    if "q" not in signals:
        raise FwpError("oracle: signals lack the query 'q' [token, ..., d_k]")
    query = _numbers("q", signals["q"])
    if query.ndim < 2 or not query.shape[0]:
        raise FwpError(
            f"oracle: q must be [token, ..., d_k] with a token, got {query.shape}"
        )
    given = {name: _numbers(name, signals[name]) for name in rule.homes}
    starts = {name: _numbers(name, states[name]) for name in rule.states}
    rows = starts["w"].shape[-2:-1]
    dims = {"shared": (), "pre": query.shape[-1:], "post": rows}
    legal = {name: (*query.shape[:-1], *dims[home]) for name, home in rule.homes.items()}
    legal |= {name: (*query.shape[1:-1], *rows, query.shape[-1]) for name in rule.states}
    for name, array in {**given, **starts}.items():
        if array.shape != legal[name]:
            raise FwpError(
                f"oracle: {name} must have shape {legal[name]}, got {array.shape}"
            )
    placed = {
        name: arrays.to_home(given[name], home) for name, home in rule.homes.items()
    }
    readouts, traces, _ = recur(rule, placed, query, starts)
    return np.stack(readouts), {name: np.stack(trace) for name, trace in traces.items()}


def _numbers(name: str, given) -> np.ndarray:
    """Return an array of real numbers, in single precision at least."""
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise FwpError(
            f"oracle: {name} must be an array of numbers, got {shown(given)}"
        ) from problem
    if array.dtype.kind not in "fiu" or hasattr(given, "dimensions"):
        raise FwpError(
            f"oracle: {name} must hold real numbers without units, got {shown(given)}"
        )
    return (
        array
        if array.dtype.itemsize > 2 and array.dtype.kind == "f"
        else array.astype(float)
    )
