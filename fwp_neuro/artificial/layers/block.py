"""What a sequence model is built of: a token mixer and a gated network, with a
residual."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional

from ...errors import LIST, FwpError, pick, shown
from ...rules import Rule
from ...rules.registered_rules import RULES
from ..memories.memory_class import Memory
from ..memories.registered_memories import MEMORIES
from ..recurrent.registered_networks import NETWORKS, network
from .layer import Layer

Mixer = str | Rule | Memory | Callable[[int], nn.Module]


def make_mixer(mixer: Mixer, model_dim: int, options: Mapping | None = None) -> nn.Module:
    """Build a token mixer: module(x, state=None, return_state=False), x [batch, token,
    model_dim].

    Args:
        mixer: name of a rule, memory or recurrent network, a `Rule`, a `Memory`, or a
            function of model_dim that returns such a module.
        model_dim: size of input and output.
        options: of the `Layer` or network.

    Raises:
        FwpError: unknown name or option, or what the function returned is no module.
    """
    if options is not None and not isinstance(options, Mapping):
        raise FwpError(
            f"mixer_options must be a dict from option to value, got {shown(options)}"
        )
    options = dict(options or {})
    if isinstance(mixer, str):
        names = [*RULES.all_names(), *MEMORIES.all_names(), *NETWORKS.all_names()]
        if pick(mixer, names, "mixer", LIST) in NETWORKS:
            return network(mixer, model_dim, **options)
    elif not isinstance(mixer, Rule | Memory):
        if not callable(mixer):
            raise FwpError(
                "mixer must be a name, a Rule, a Memory or a function of model_dim, got "
                f"{type(mixer).__name__}"
            )
        try:
            built = mixer(model_dim, **options)
        except FwpError:
            raise
        except Exception as problem:  # whatever a foreign function raises
            first = " ".join(str(problem).split())
            raise FwpError(
                f"mixer: the function of model_dim fails: {type(problem).__name__}: "
                f"{first}"
            ) from problem
        if not isinstance(built, nn.Module):
            raise FwpError(
                f"mixer must return a torch.nn.Module, and gave a {type(built).__name__}"
            )
        _calls(built)
        return built
    legal = [name for name in Layer.__arguments__ if name not in ("rule", "model_dim")]
    for name in options:
        pick(name, legal, "option of Layer:")
    return Layer(mixer, model_dim, **options)


def _calls(built: nn.Module) -> None:
    """Raise `FwpError` if a module of a user's cannot be called as a mixer is."""
    try:
        inspect.signature(built.forward).bind(None, None, return_state=True)
    except TypeError:
        raise FwpError(
            "mixer must return a module called with (x, state, return_state=True), and "
            f"gave a {type(built).__name__} that takes ({', '.join(_arguments(built))})"
        ) from None
    except ValueError:  # a module of C that does not say what it takes
        pass


def _arguments(built: nn.Module) -> list[str]:
    return [*inspect.signature(built.forward).parameters]


class GatedMlp(nn.Module):
    """y = C (swish(A x) * B x), A and B [hidden, model_dim], at every token.

    Source: Shazeer 2020 (SwiGLU), arXiv:2002.05202.
    """

    def __init__(self, model_dim: int, hidden: int):
        super().__init__()
        self.inputs = nn.Linear(model_dim, 2 * hidden, bias=False)
        self.output = nn.Linear(hidden, model_dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [..., model_dim] to [..., model_dim]."""
        gate, up = self.inputs(x).chunk(2, -1)
        return self.output(functional.silu(gate) * up)


class Block(nn.Module):
    """x + mixer(norm(x)), then x + mlp(norm(x)) if there is one."""

    def __init__(self, mixer: nn.Module, model_dim: int, hidden: int):
        super().__init__()
        self.norm, self.mixer = nn.RMSNorm(model_dim, 1e-5), mixer
        self.mlp = None
        if hidden:
            self.mlp = nn.Sequential(
                nn.RMSNorm(model_dim, 1e-5), GatedMlp(model_dim, hidden)
            )

    def forward(
        self, x: torch.Tensor, state
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the block's output [batch, token, model_dim] and the state of its
        mixer."""
        mixed, state = self.mixer(self.norm(x), state, return_state=True)
        x = x + mixed
        return (x if self.mlp is None else x + self.mlp(x)), state
