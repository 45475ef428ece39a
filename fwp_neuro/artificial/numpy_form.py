"""The NumPy oracle: a rule's statements applied token by token, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..rules import Rule
from ..symbolic import arrays
from .unrolling import unroll


def oracle(
    rule: Rule, signals: Mapping[str, np.ndarray], states: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Run a rule over a sequence in NumPy.

    Args:
        rule: the rule.
        signals: text name -> array with tokens first: pre [token, ..., d_k], post [token, ...,
            d_v], shared [token, ...]; includes ``q``.
        states: synaptic state -> [..., d_v, d_k] before the first token.

    Returns:
        read-out [token, ..., d_v] and every state after each token, name -> [token, ..., d_v, d_k].
    """
    placed = {name: arrays.to_home(signals[name], home) for name, home in rule.homes.items()}
    readouts, traces, _ = unroll(rule, placed, signals["q"], states)
    return np.stack(readouts), {name: np.stack(trace) for name, trace in traces.items()}
