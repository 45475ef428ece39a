"""A recurrence over a number of tokens that is not known yet: what `torch.export` keeps
of it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..remembered import while_it_lives
from ..rules import Rule
from ..symbolic import arrays


def any_number(tokens) -> bool:
    """Whether an export leaves the number of tokens open."""
    return torch.compiler.is_exporting() and isinstance(tokens, torch.SymInt)


def last_tokens(x: torch.Tensor, count) -> torch.Tensor:
    """Return the last ``count`` tokens of x [batch, token, ...]; either number may be
    open."""
    tokens = x.shape[1]
    if any_number(tokens):  # a slice would have to know whether it is empty
        return x[:, torch.arange(tokens, device=x.device) >= tokens - count]
    return x[:, tokens - count :]


def scanned(step: Callable, signals: dict, states: dict) -> tuple[torch.Tensor, dict]:
    """Run a step token by token in a loop of the graph.

    Args:
        step: (states, signals of one token [batch, head(, dim)]) -> (read-out, new
            states).
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
    # copies: a scan of a graph mixes up two states that are one tensor
    states = {
        name: x.clone(memory_format=torch.contiguous_format) for name, x in states.items()
    }
    states, readouts = scan(combine, states, along)
    return readouts.movedim(0, 1), states


class ExportedStep:
    """One token of a rule as plain tensor code, all symbolic work done when it is
    made."""

    def __init__(self, rule: Rule):
        self.homes, self.step = dict(rule.homes), arrays.torch_step(rule)

    def __call__(self, states: dict, signals: dict) -> tuple[torch.Tensor, dict]:
        """Take one token: signals [batch, head(, dim)], states [batch, head, d_v,
        d_k]."""
        now = {
            name: arrays.to_home(signals[name], home) for name, home in self.homes.items()
        }
        states = self.step(states, now)
        return self.step.read(states["w"], signals["q"]), states

    def alone(self, states: dict, signals: dict) -> tuple[torch.Tensor, dict]:
        """Take the only token of sequences: signals [batch, 1, head(, dim)], as they
        come; the read-out is [batch, 1, head, d_v].

        The same numbers as a call, in fewer views: a small token costs little more.
        """
        now = {name: _ALONE[home](signals[name]) for name, home in self.homes.items()}
        states = self.step(states, now)
        found = self.step.product(states["w"], signals["q"].transpose(1, 2))
        return found.permute(0, 3, 1, 2), states


#: home -> signals [batch, 1, head(, dim)] to the shape of the home
_ALONE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "shared": lambda x: x.mT.unsqueeze(-1),
    "pre": lambda x: x.transpose(1, 2),
    "post": lambda x: x.permute(0, 2, 3, 1),
}


@while_it_lives
def one_token(rule: Rule) -> ExportedStep:
    """Return the step of a rule, made once."""
    return ExportedStep(rule)
