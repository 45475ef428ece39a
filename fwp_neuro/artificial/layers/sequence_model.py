"""``SequenceModel``: residual blocks of a token mixer and a gated network, streamed or at
once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ...arguments import FLAG, inside, takes
from ...errors import FwpError, shown
from ...short_reprs import screen
from ...validation import affordable, flag, real, seed_number, whole
from ..lookup import keeps_tokens
from ..packed import run_module
from ..precision import dense, same_device
from ..tracing import transformed
from .block import Block, Mixer, make_mixer
from .layer import Layer


@takes(
    layers=inside("a whole number of at least 1", lambda: 1),
    model_dim=inside("a whole number of at least 1", lambda: 8),
    vocabulary=inside("a whole number of at least 1, or None"),
    input_size=inside("a whole number of at least 1, or None"),
    output_size=inside("a whole number of at least 1, or None"),
    mixer=inside("the name of a rule, memory or network, or one for each layer"),
    mixer_options=inside("a dict of options, one for each layer, or None"),
    mlp_expansion=inside("a number of at least 0"),
    tied_head=FLAG,
)
class SequenceModel(nn.Module):
    """Embedding, residual blocks [mixer, gated MLP], norm and a linear head.

    Args:
        layers: number of blocks.
        model_dim: size of the residual stream.
        vocabulary: number of symbols: x [batch, token] of whole numbers; or else
        input_size: size of vectors: x [batch, token, input_size].
        output_size: numbers a token; ``vocabulary`` (or ``input_size``) if None.
        mixer: name of a rule, memory or recurrent network, a `Rule`, a `Memory`, or a
            function of model_dim; or a list of these, one for each block.
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
            raise FwpError(
                "SequenceModel needs one of vocabulary and input_size, and not both"
            )
        affordable(
            model_dim, f"SequenceModel: vectors of model_dim={shown(model_dim)}", 4
        )
        hidden = real(mlp_expansion, "SequenceModel: mlp_expansion", least=0) * model_dim
        hidden = min(hidden, 1e300)  # which is still refused, and no infinity
        if output_size is not None:
            whole(output_size, "SequenceModel: output_size")
        ends = whole(
            vocabulary if input_size is None else input_size,
            f"SequenceModel: {'vocabulary' if input_size is None else 'input_size'}",
        ) + (output_size or 1)
        # a block without any number still takes some kilobytes as an object
        affordable(
            layers
            * (4 * model_dim * model_dim + 3 * model_dim * math.ceil(hidden) + 2500)
            + ends * model_dim,
            f"SequenceModel: {shown(layers)} layers of model_dim={shown(model_dim)}",
            4,
        )
        self.vocabulary, self.input_size = vocabulary, input_size
        if vocabulary is not None:
            self.input = nn.Embedding(vocabulary, model_dim)
            nn.init.normal_(self.input.weight, std=model_dim**-0.5)
        else:
            self.input = nn.Linear(input_size, model_dim)
        mixers = _for_each(mixer, layers, "mixer")
        options = _for_each(mixer_options, layers, "mixer_options")
        hidden = round(hidden)
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
                raise FwpError(
                    "SequenceModel: tied_head needs output_size equal to vocabulary"
                )
            self.head.weight = self.input.weight

    def __repr__(self) -> str:
        numbers = sum(parameter.numel() for parameter in self.parameters())
        given = "vocabulary" if self.vocabulary is not None else "input_size"
        mixers = [
            str(getattr(block.mixer, "name", "") or type(block.mixer).__name__)
            for block in self.blocks
        ]
        return screen(
            f"SequenceModel({given}={getattr(self, given)}, output_size="
            f"{self.output_size}, blocks: {', '.join(mixers)}; {numbers} parameters)"
        )

    def forward(
        self,
        x: torch.Tensor,
        state: Sequence | None = None,
        return_state: bool = False,
        *,
        cu_seqlens: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ):
        """Run over a sequence.

        Args:
            x: [batch, token] of symbols, or [batch, token, input_size].
            state: list of the states of the blocks; the start if None.
            return_state: whether to return the states after the last token too.
            cu_seqlens, mask: packed sequences and padding, as for `Layer.forward`.

        Returns:
            y [batch, token, output_size], or (y, state).

        Raises:
            FwpError: x or state does not fit. A token outside the vocabulary is named on
                the CPU, without compilation; elsewhere torch's own error ends the run.
        """
        flag(return_state, "SequenceModel: return_state")
        self._check(x)
        if cu_seqlens is not None or mask is not None:
            mixers = [block.mixer for block in self.blocks]
            apart = any(
                isinstance(one, Layer) and keeps_tokens(one.rule) for one in mixers
            )
            y, state = run_module(
                self, x, state, cu_seqlens, mask, self._initial, apart, self.output_size
            )
            return (y, state) if return_state else y
        if state is None:
            state = [None] * len(self.blocks)
        elif not isinstance(state, list | tuple) or len(state) != len(self.blocks):
            got = len(state) if isinstance(state, list | tuple) else type(state).__name__
            raise FwpError(
                f"SequenceModel: state must be a list of {len(self.blocks)}, got {got}"
            )
        x, states = self._embedded(x), []
        for block, its in zip(self.blocks, state, strict=True):
            x, its = block(x, its)
            states.append(its)
        y = self.head(self.norm(x))
        return (y, states) if return_state else y

    @torch.no_grad()
    def generate(
        self,
        prompt: torch.Tensor,
        tokens: int,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        state: Sequence | None = None,
        return_state: bool = False,
    ):
        """Write on after a prompt, one symbol after the other, each read once with the
        state.

        Args:
            prompt: [batch, token] of symbols, at least one.
            tokens: how many symbols to write.
            temperature: 0: the most likely symbol; else one is drawn from softmax(y /
                temperature).
            seed: of what is drawn; the random numbers of the caller stay as they are.
            state: to carry on from, as ``return_state=True`` gave it; the start if None.
            return_state: whether to return the state after the last symbol written too.

        Returns:
            the symbols written, [batch, tokens] of the prompt's dtype, or (symbols,
            state).

        Raises:
            FwpError: the model has no symbols, or an argument is not legal.

        Example:
            >>> model.generate(torch.tensor([[0, 1]]), 10)  # doctest: +SKIP
        """
        if self.vocabulary is None or self.output_size != self.vocabulary:
            raise FwpError(
                "generate: it needs a SequenceModel with a vocabulary, and output_size "
                "equal to it"
            )
        whole(tokens, "generate: tokens", least=0)
        temperature = real(temperature, "generate: temperature", least=0)
        flag(return_state, "generate: return_state")
        drawn = torch.Generator().manual_seed(seed_number(seed))
        self._check(prompt)
        if not prompt.shape[1]:
            raise FwpError("generate: prompt must hold at least one symbol")
        # a tensor for each symbol step is some hundred bytes as an object
        affordable(tokens, f"generate: {shown(tokens)} tokens", 500)
        y, state = self(prompt, state, return_state=True)
        written = [prompt[:, :0]]
        for _ in range(tokens):
            last = _finite(y[:, -1])
            if temperature:  # at the lowest a quotient would overflow
                above = last - last.amax(-1, keepdim=True)
                chances = (above / temperature).softmax(-1).cpu()
                symbol = torch.multinomial(chances, 1, generator=drawn).to(prompt)
            else:
                symbol = last.argmax(-1, keepdim=True).to(prompt)
            written.append(symbol)
            y, state = self(symbol, state, return_state=True)
        found = torch.cat(written, 1)
        return (found, state) if return_state else found

    def _initial(self, count: int) -> list:
        """Return the states of the blocks before the first token of ``count``
        sequences."""
        weight = self.norm.weight
        x = weight.new_zeros(count, 1, len(weight))
        return [
            block.mixer.initial(x if isinstance(block.mixer, Layer) else count)
            if hasattr(block.mixer, "initial")
            else None
            for block in self.blocks
        ]

    def _check(self, x) -> None:
        symbols = self.vocabulary is not None
        dense("SequenceModel: x", x)
        if x.ndim != (2 if symbols else 3):
            wanted = (
                "[batch, token] of symbols" if symbols else "[batch, token, input_size]"
            )
            raise FwpError(
                f"SequenceModel: x must be a tensor {wanted}, got {tuple(x.shape)}"
            )
        same_device("SequenceModel", x, self.norm.weight)
        if symbols and x.dtype not in (torch.int64, torch.int32):
            raise FwpError(
                f"SequenceModel: x must hold symbols as int64 or int32, got {x.dtype}"
            )
        if not symbols and x.shape[2] != self.input_size:
            raise FwpError(
                f"SequenceModel: x must be a tensor [batch, token, {self.input_size}], "
                f"got {tuple(x.shape)}"
            )

    def _embedded(self, x: torch.Tensor) -> torch.Tensor:
        """Return what enters the blocks; torch checks symbols anyway, so that this costs
        nothing.

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
                "SequenceModel: x has a token outside the vocabulary of "
                f"{self.vocabulary} symbols, 0 to {self.vocabulary - 1}{where}"
            ) from problem


def _finite(scores: torch.Tensor) -> torch.Tensor:
    """Return the scores of the symbols in float64.

    Raises:
        FwpError: some are not finite, so that no symbol is the most likely one.
    """
    if not scores.isfinite().all():
        raise FwpError(
            "generate: the model gives scores that are not finite (NaN or infinity)"
        )
    return scores.double()


def _for_each(given, count: int, name: str) -> list:
    """Return one entry a block."""
    if not isinstance(given, list | tuple):
        return [given] * count
    if len(given) != count:
        raise FwpError(f"SequenceModel: {name} must have one entry a layer ({count}), "
                       f"got {len(given)}")  # fmt: skip
    return list(given)
