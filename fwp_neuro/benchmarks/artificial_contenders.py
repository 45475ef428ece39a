"""What the benchmark of the artificial side runs: rules in their forms, and softmax
attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..artificial.form_choice import choose
from ..artificial.forms import run
from ..rules import rule

ATTENTION = "softmax attention"
RULES = ("hebb", "gla", "delta", "gated_delta")
FORMS = ("compiled", "chunk", "step")
#: floating-point operations a token and head of the recurrence, in units of d^2: decay,
#: read, write and read-out of a d x d matrix
WORK = {"hebb": 4, "gla": 5, "delta": 6, "gated_delta": 7}
#: largest relative error of a form in float32 against the step in float64
TOLERANCE = 2e-4


@dataclass(frozen=True)
class ArtificialContender:
    """One rule in one form (or attention): ``forward(*leaves) -> read-out``.

    Attributes:
        name: for tables.
        forward: over tensors [batch, token, head(, dim)].
        leaves: its inputs.
        flop: floating-point operations of one forward run, by the plain count of its
            algebra.
    """

    name: str
    forward: Callable[..., torch.Tensor]
    leaves: tuple[torch.Tensor, ...]
    flop: float

    def once(self) -> None:
        """Run forward, without gradients."""
        with torch.no_grad():
            self.forward(*self.leaves)

    def both(self) -> None:
        """Run forward and backward."""
        leaves = [leaf.detach().requires_grad_() for leaf in self.leaves]
        out = self.forward(*leaves)
        out.backward(torch.ones_like(out))


def signals(
    name: str, tokens: int, heads: int, dim: int, dtype=torch.float32, seed: int = 0
):
    """Draw inputs of a rule: unit keys and queries, normal values, decays from 0.9 to
    1."""
    generator = torch.Generator().manual_seed(seed)
    drawn = {}
    for item, home in {**rule(name).homes, "q": "pre"}.items():
        shape = (1, tokens, heads) if home == "shared" else (1, tokens, heads, dim)
        if item in rule(name).gates:
            low = 0.9 if item == "alpha" else 0.0
            tensor = low + (1 - low) * torch.rand(
                shape, generator=generator, dtype=torch.float64
            )
        else:
            tensor = torch.randn(shape, generator=generator, dtype=torch.float64)
            tensor = tensor if item == "v" else F.normalize(tensor, dim=-1)
        drawn[item] = tensor.to(dtype)
    return drawn


def attention(tokens: int, heads: int, dim: int) -> ArtificialContender:
    """Causal softmax attention as PyTorch computes it."""
    drawn = signals("hebb", tokens, heads, dim)
    leaves = tuple(drawn[item].movedim(2, 1).contiguous() for item in ("q", "k", "v"))
    flop = 2.0 * tokens * tokens * dim * heads  # two products over half of all pairs
    return ArtificialContender(
        ATTENTION,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        leaves,
        flop,
    )


def fast_weights(
    name: str, form: str, tokens: int, heads: int, dim: int
) -> ArtificialContender:
    """One rule in one form, from zero weights."""
    drawn, chosen = signals(name, tokens, heads, dim), rule(name)
    start = {"w": torch.zeros(1, heads, dim, dim)}

    def forward(*leaves):
        return run(chosen, dict(zip(drawn, leaves, strict=True)), start, form)[0]

    flop = WORK[name] * float(dim * dim) * tokens * heads
    return ArtificialContender(f"{name} {form}", forward, tuple(drawn.values()), flop)


def check_here(name: str, form: str) -> None:
    """Raise `Cannot` if a form cannot run here."""
    choose(form, rule(name), 1000, torch.float32, torch.device("cpu"))


def law_error(name: str, form: str, tokens: int = 300, dim: int = 64) -> float:
    """Return the largest relative error of read-out, final state and gradients in
    float32.

    The reference is the plain recurrence in float64. A form above `TOLERANCE` gets no
    speed.
    """
    found = []
    for dtype, kind in ((torch.float64, "step"), (torch.float32, form)):
        drawn = signals(name, tokens, 2, dim, torch.float32)
        leaves = {n: x.to(dtype).requires_grad_() for n, x in drawn.items()}
        start = {
            "w": torch.linspace(-1, 1, 2 * dim * dim, dtype=dtype).view(1, 2, dim, dim)
        }
        start["w"].requires_grad_()
        readout, final = run(rule(name), leaves, start, kind)
        loss = (readout * torch.arange(readout.numel()).view_as(readout).sin()).sum()
        loss = loss + (final["w"] * torch.arange(dim).cos()).sum()
        slopes = torch.autograd.grad(loss, [*leaves.values(), start["w"]])
        found.append([x.detach().double() for x in (readout, final["w"], *slopes)])
    errors = [(a - b).abs().max() / a.abs().max() for a, b in zip(*found, strict=True)]
    return float(torch.stack(errors).max())  # not a number if any is
