"""``SequenceModel``: residual blocks of a token mixer and a gated network, streamed or at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional

from ...errors import LIST, FwpError, pick
from ...rules import Rule
from ...rules.registry import all_names as rule_names
from ...validation import flag, real, whole
from ..choice import transformed
from ..memories.base import Memory
from ..memories.registry import REGISTRY as MEMORIES
from ..recurrent.registry import REGISTRY as NETWORKS
from .layer import Layer

Mixer = str | Rule | Memory | Callable[[int], nn.Module]


def make_mixer(mixer: Mixer, model_dim: int, options: Mapping | None = None) -> nn.Module:
    """Build a token mixer: module(x, state=None, return_state=False), x [batch, token, model_dim].

    Args:
        mixer: name of a rule, memory or recurrent network, a `Rule`, a `Memory`, or a function of
            model_dim that returns such a module.
        model_dim: size of input and output.
        options: of the `Layer` or network.

    Raises:
        FwpError: unknown name or option, or what the function returned is no module.
    """
    options = dict(options or {})
    if isinstance(mixer, str):
        names = [*rule_names(), *MEMORIES.all_names(), *NETWORKS.all_names()]
        if pick(mixer, names, "mixer", LIST) in NETWORKS.all_names():
            return NETWORKS.make(mixer, model_dim, **options)
    elif not isinstance(mixer, Rule | Memory):
        if not callable(mixer):
            raise FwpError(
                "mixer must be a name, a Rule, a Memory or a function of model_dim, got "
                f"{type(mixer).__name__}"
            )
        built = mixer(model_dim, **options)
        if not isinstance(built, nn.Module):
            raise FwpError(
                f"mixer must return a torch.nn.Module, and gave a {type(built).__name__}"
            )
        return built
    legal = list(Layer.__init__.__kwdefaults__) + ["heads"]
    for name in options:
        pick(name, legal, "option of Layer:")
    return Layer(mixer, model_dim, **options)


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
            self.mlp = nn.Sequential(nn.RMSNorm(model_dim, 1e-5), GatedMlp(model_dim, hidden))

    def forward(self, x: torch.Tensor, state) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the block's output [batch, token, model_dim] and the state of its mixer."""
        mixed, state = self.mixer(self.norm(x), state, return_state=True)
        x = x + mixed
        return (x if self.mlp is None else x + self.mlp(x)), state


class SequenceModel(nn.Module):
    """Embedding, residual blocks [mixer, gated MLP], norm and a linear head.

    Args:
        layers: number of blocks.
        model_dim: size of the residual stream.
        vocabulary: number of symbols: x [batch, token] of whole numbers; or else
        input_size: size of vectors: x [batch, token, input_size].
        output_size: numbers a token; ``vocabulary`` (or ``input_size``) if None.
        mixer: name of a rule, memory or recurrent network, a `Rule`, a `Memory`, or a function of
            model_dim; or a list of these, one for each block.
        mixer_options: of the `Layer` or network; a list of dicts if ``mixer`` is a list.
        mlp_expansion: hidden size of the gated MLP over model_dim; 0 leaves it out.
        tied_head: whether the head is the embedding.

    Raises:
        FwpError: an option is not legal.
    """

    def __init__(
        self,
        layers: int,
        model_dim: int,
        *,
        vocabulary: int | None = None,
        input_size: int | None = None,
        output_size: int | None = None,
        mixer: Mixer | Sequence[Mixer] = "delta",
        mixer_options: Mapping | Sequence[Mapping] | None = None,
        mlp_expansion: float = 2.0,
        tied_head: bool = False,
    ):
        super().__init__()
        layers = whole(layers, "SequenceModel: layers")
        model_dim = whole(model_dim, "SequenceModel: model_dim")
        if (vocabulary is None) == (input_size is None):
            raise FwpError("SequenceModel needs one of vocabulary and input_size, and not both")
        self.vocabulary, self.input_size = vocabulary, input_size
        if vocabulary is not None:
            whole(vocabulary, "SequenceModel: vocabulary")
            self.input = nn.Embedding(vocabulary, model_dim)
            nn.init.normal_(self.input.weight, std=model_dim**-0.5)
        else:
            self.input = nn.Linear(whole(input_size, "SequenceModel: input_size"), model_dim)
        mixers = _for_each(mixer, layers, "mixer")
        options = _for_each(mixer_options, layers, "mixer_options")
        hidden = round(real(mlp_expansion, "SequenceModel: mlp_expansion", least=0) * model_dim)
        self.blocks = nn.ModuleList(
            Block(make_mixer(one, model_dim, its), model_dim, hidden)
            for one, its in zip(mixers, options, strict=True)
        )
        self.norm = nn.RMSNorm(model_dim, 1e-5)
        output_size = output_size or vocabulary or input_size
        self.output_size = whole(output_size, "SequenceModel: output_size")
        self.head = nn.Linear(model_dim, self.output_size)
        if flag(tied_head, "SequenceModel: tied_head"):
            if output_size != vocabulary:
                raise FwpError("SequenceModel: tied_head needs output_size equal to vocabulary")
            self.head.weight = self.input.weight

    def forward(self, x: torch.Tensor, state: Sequence | None = None, return_state: bool = False):
        """Run over a sequence.

        Args:
            x: [batch, token] of symbols, or [batch, token, input_size].
            state: list of the states of the blocks; the start if None.
            return_state: whether to return the states after the last token too.

        Returns:
            y [batch, token, output_size], or (y, state).

        Raises:
            FwpError: x or state does not fit. A token outside the vocabulary is named on the CPU,
                without compilation; elsewhere torch's own error ends the run.
        """
        symbols = self.vocabulary is not None
        if not isinstance(x, torch.Tensor) or x.ndim != (2 if symbols else 3):
            wanted = "[batch, token] of symbols" if symbols else "[batch, token, input_size]"
            got = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
            raise FwpError(f"SequenceModel: x must be a tensor {wanted}, got {got}")
        if symbols and x.dtype not in (torch.int64, torch.int32):
            raise FwpError(f"SequenceModel: x must hold symbols as int64 or int32, got {x.dtype}")
        if not symbols and x.shape[2] != self.input_size:
            raise FwpError(
                f"SequenceModel: x must be a tensor [batch, token, {self.input_size}], got "
                f"{tuple(x.shape)}"
            )
        if state is None:
            state = [None] * len(self.blocks)
        elif len(state) != len(self.blocks):
            raise FwpError(
                f"SequenceModel: state must be a list of {len(self.blocks)}, got {len(state)}"
            )
        x, states = self._embedded(x), []
        for block, its in zip(self.blocks, state, strict=True):
            x, its = block(x, its)
            states.append(its)
        y = self.head(self.norm(x))
        return (y, states) if return_state else y

    def _embedded(self, x: torch.Tensor) -> torch.Tensor:
        """Return what enters the blocks; torch checks symbols anyway, so that this costs nothing.

        Raises:
            FwpError: a symbol is outside the vocabulary.
        """
        if torch.compiler.is_compiling():
            return self.input(x)
        try:
            return self.input(x)
        except IndexError as problem:
            where = ""
            if not transformed():  # else the values cannot be read
                outside = ((x < 0) | (x >= self.vocabulary)).nonzero()
                if not len(outside):
                    raise
                row, token = outside[0].tolist()
                where = f": x[{row}, {token}] is {int(x[row, token])}"
            raise FwpError(
                f"SequenceModel: x has a token outside the vocabulary of {self.vocabulary} "
                f"symbols, 0 to {self.vocabulary - 1}{where}"
            ) from problem


def _for_each(given, count: int, name: str) -> list:
    """Return one entry a block."""
    if not isinstance(given, list | tuple):
        return [given] * count
    if len(given) != count:
        raise FwpError(f"SequenceModel: {name} must have one entry a layer ({count}), got "
                       f"{len(given)}")  # fmt: skip
    return list(given)
