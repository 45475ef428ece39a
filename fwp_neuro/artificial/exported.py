"""A recurrence over a number of tokens that is not known yet: what `torch.export` keeps of it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..rules import Rule
from ..symbolic import arrays
from ..symbolic.language import SYNAPSE


def any_number(tokens) -> bool:
    """Whether an export leaves the number of tokens open."""
    return torch.compiler.is_exporting() and isinstance(tokens, torch.SymInt)


def scanned(step: Callable, signals: dict, states: dict) -> tuple[torch.Tensor, dict]:
    """Run a step token by token in a loop of the graph.

    Args:
        step: (states, signals of one token [batch, head(, dim)]) -> (read-out, new states).
        signals: [batch, token, head(, dim)].
        states: [batch, ...].

    Returns:
        read-out [batch, token, head, dim] and the states after the last token.
    """
    from torch._higher_order_ops.scan import scan  # noqa: PLC0415  slow, for exports

    def combine(states, now):
        readout, new = step(states, now)
        return {name: new[name].clone() for name in states}, readout.clone()

    along = {name: array.movedim(1, 0) for name, array in signals.items()}
    states = {name: state.contiguous() for name, state in states.items()}
    states, readouts = scan(combine, states, along)
    return readouts.movedim(0, 1), states


class Step:
    """One token of a rule as plain tensor code, all symbolic work done when it is made."""

    def __init__(self, rule: Rule):
        self.homes, self.lines = dict(rule.homes), []
        for statement in rule.statements:
            sums = [(s.symbol.name, s.kind, *_function(s.argument)) for s in statement.sums]
            spread = statement.home(statement.expression) != SYNAPSE
            self.lines.append((statement.target, sums, *_function(statement.expression), spread))

    def __call__(self, states: dict, signals: dict) -> tuple[torch.Tensor, dict]:
        """Take one token: signals [batch, head(, dim)], states [batch, head, d_v, d_k]."""
        states = dict(states)
        now = {name: arrays.to_home(signals[name], home) for name, home in self.homes.items()}
        for target, sums, function, names, spread in self.lines:
            values, weights = {**now, **states}, states["w"]
            for name, kind, argument, of in sums:
                x = argument(*(values[each] for each in of))
                if kind == "read":
                    values[name] = weights @ x.mT
                elif kind == "back":
                    values[name] = x.mT @ weights
                else:
                    values[name] = x.sum(-1)[..., None]
            new = function(*(values[each] for each in names))
            states[target] = new + 0 * states["w"] if spread else new
        return (states["w"] @ signals["q"][..., None])[..., 0], states


def _function(expression):
    names = tuple(sorted(item.name for item in expression.free_symbols))
    return arrays.compiled(expression, names, "torch"), names
