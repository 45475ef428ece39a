"""Helpers of the tests of identities: draw signals, run a memory or a rule on them."""

import torch
from memory_cases import BATCH, HEADS, draw

from fwp_neuro.artificial import apply
from fwp_neuro.artificial.memories import memory

TOKENS = 19


def run(name, signals, form="step", state=None, **options):
    """Run a memory; state from `initial` unless given; constants by default those of the
    memory."""
    built = memory(name, **options)
    value_dim, key_dim = signals["v"].shape[-1], signals["q"].shape[-1]
    heads = signals["q"].shape[2]
    first = built.initial(len(signals["q"]), heads, value_dim, key_dim, signals["q"])
    for part, constant in built.constants(value_dim, key_dim).items():
        signals = {part: constant.double().expand(heads, -1), **signals}
    return built.run(form, first | (state or {}), signals)


def drawn(name, tokens=TOKENS, **options):
    return draw(memory(name, **options), tokens, heads=HEADS, batch=BATCH)


def ones(signals):
    return torch.ones(signals["q"].shape[:3], dtype=torch.float64)


def rule(name, signals, **gates):
    return apply(name, signals["q"], signals["k"], signals["v"], **gates)
