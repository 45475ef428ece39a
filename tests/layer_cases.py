"""Layers that the tests of layers share."""

import torch

from fwp_neuro.artificial import Layer
from fwp_neuro.artificial.memories import memories, memory
from fwp_neuro.rules import Rule, rules

TYPED_IN = Rule(
    "two reads",
    "w = g*w\nw += beta*(v - read(k) + 0.1*tanh(c)*read(p))*k",
    gates={"g": "pre", "beta": "shared", "c": "post"},
    signals={"p": "pre"},
)
#: not affine in w, so that it has neither the parallel nor the chunk form
NOT_AFFINE = Rule("saturating", "w = tanh(0.9*w + beta*v*k)", gates={"beta": "shared"})

REPRESENTATIVE = [
    "delta",
    "gated_delta",
    "gla",
    "oja",
    "rwkv7",
    "delta_product",
    TYPED_IN,
    NOT_AFFINE,
    "mesa",
    "softmax_attention",
]
EVERY_RULE = [*rules(), TYPED_IN, NOT_AFFINE]
EVERYTHING = [*EVERY_RULE, *memories()]
#: memory -> options that bring its mini-batches, windows and iterations below a few
#: tokens
SMALL = {
    "mesa": {"iterations": 4},
    "rwkv6": {"block": 4},
    "ttt_linear": {"batch": 4, "token_scale": True},
    "ttt_mlp": {"batch": 4},
    "log_linear_attention": {"levels": 6},
    "hybrid_synchronous": {"window": 4, "feature_map": "favor"},
    "hybrid_delayed_streaming": {"window": 4},
    "hybrid_delayed_chunk": {"window": 4},
}
EVERYTHING_SMALL = [
    *EVERY_RULE,
    *(memory(name, **SMALL.get(name, {})) for name in memories()),
]
DIM, HEADS, TOKENS = 8, 2, 19


def title(rule):
    """Name of a rule, for the ids of tests."""
    return rule if isinstance(rule, str) else rule.name


def layer(rule, dim=DIM, heads=HEADS, seed=0, dtype=torch.float64, **options):
    """A layer from a seed."""
    torch.manual_seed(seed)
    return Layer(rule, dim, heads, **options).to(dtype)


def inputs(batch=3, tokens=TOKENS, dim=DIM, seed=1, dtype=torch.float64):
    """Gaussian inputs [batch, token, dim]."""
    return torch.randn(
        batch, tokens, dim, generator=torch.Generator().manual_seed(seed)
    ).to(dtype)


def distance(ones, others):
    """Largest difference between two tensors."""
    return float((ones - others).detach().abs().max())
