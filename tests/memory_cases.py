"""Cases of the laws of memories: every registered memory, and options that change its
equation."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fwp_neuro.artificial.memories import memories, memory
from fwp_neuro.errors import FwpError

PRE, POST, TOKENS, BATCH, HEADS = 5, 3, 23, 2, 2

#: memory -> further options to test beside the defaults
VARIANTS = {
    "normalised_linear_attention": [
        {"feature_map": "silu", "normalise": False, "key_norm": "l2"},
        {"feature_map": "softmax", "key_norm": "sum"},
    ],
    "mlstm": [{"forget_gate": "exp", "key_scale": 1.0}],
    "rwkv6": [{"block": 4}],
    "mesa": [{"solver": "exact"}, {"ridge_map": "identity"}],
    "ttt_linear": [
        {"batch": 1, "layer_norm": False, "residual": False, "bias": False},
        {"batch": 5, "residual": False},
        {"batch": 4, "token_scale": True},
    ],
    "ttt_mlp": [{"batch": 5, "residual": False, "expansion": 2, "activation": "silu"}],
    "titans": [{"depth": 1}, {"depth": 3, "expansion": 1, "activation": "silu"}],
    "log_linear_attention": [{"levels": 6}],
    "softmax_attention": [{"scale": 1.0}],
    "path_attention": [{"scale": 1.0, "direction_norm": "none"}],
    "path_fox": [{"scale": 1.0, "direction_norm": "none"}],
    "forgetting_attention": [{"scale": 1.0}],
    "deltaformer": [
        {"kernel": "linear", "scale": 1.0},
        {"correction": "query"},
        {"kernel": "linear", "correction": "query"},
    ],
    "gated_slot_attention": [{"slots": 3, "block": 4, "scale": 1.0}, {"slots": 1}],
    "bounded_memory_attention": [{"slots": 3, "block": 5}],
    "based": [{"normalise": False}],
    "rebased": [{"layer_norm": False}, {"normalise": False}],
    **{
        name: [
            {"window": 4},
            {"window": 1, "mixing": "scalar"},
            {"window": 0, "mixing": "sum"},
            {"window": 7, "feature_map": "elu", "key_norm": "sum", "scale": 1.0},
        ]
        for name in (
            "hybrid_synchronous",
            "hybrid_delayed_streaming",
            "hybrid_delayed_chunk",
        )
    },
}
#: (memory, gate) -> factor of its random values, where the usual ones soon leave nothing
#: to see
GENTLE = {("titans", "alpha"): 0.05, ("titans", "theta"): 0.3}
CASES = [
    (name, options) for name in memories() for options in ({}, *VARIANTS.get(name, []))
]

PARALLEL = [case for case in CASES if "parallel" in memory(case[0], **case[1]).forms]


def largest(array):
    """The largest magnitude, 0 of an empty tensor."""
    return float(array.detach().abs().max()) if array.numel() else 0.0


def apart(one, two):
    """The largest difference of two tensors of the same shape and dtype."""
    assert one.shape == two.shape and one.dtype == two.dtype
    return largest(one - two)


def each(cases=CASES):
    ids = [
        name + "".join(f"-{n}={x}" for n, x in options.items()) for name, options in cases
    ]
    return pytest.mark.parametrize(("name", "options"), cases, ids=ids)


def start(built, heads=HEADS, batch=BATCH, dtype=torch.float64, pre=PRE, post=POST):
    """The state before the first token, and the value_dim (the key's where it has to
    be)."""
    like = torch.zeros((), dtype=dtype)
    try:
        return built.initial(batch, heads, post, pre, like), post
    except FwpError as error:
        assert "value_dim must equal key_dim" in str(error)
        return built.initial(batch, heads, pre, pre, like), pre


def draw(built, tokens=TOKENS, seed=0, heads=HEADS, batch=BATCH, pre=PRE, post=POST):
    """Random signals [batch, token, head(, dim)] and constants [head, ...] in float64."""
    rng = np.random.default_rng(seed)
    _, post = start(built, heads, batch, pre=pre, post=post)
    signals = {}
    for name, home in {**built.homes, "q": "pre"}.items():
        dim = {"shared": (), "pre": (pre,), "post": (post,)}[home]
        shape = (batch, tokens, heads, *dim)
        low, high = (
            built.domains.get(name, (0, 1)) if name in built.gates else (-np.inf, np.inf)
        )
        if np.isinf(low):
            signals[name] = 0.6 * rng.standard_normal(shape)
        else:
            width = (min(high, low + 2) - low) * GENTLE.get((built.name, name), 1)
            signals[name] = low + rng.uniform(0.1, 0.7, shape) * width
    for name, default in built.constants(post, pre).items():
        spread = 0.2 * rng.standard_normal((heads, *default.shape))
        signals[name] = default.double().numpy() + spread
    return {name: torch.as_tensor(array) for name, array in signals.items()}


def moved(state, seed=1):
    """The state with fast weights that are not zero."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: array
        + 0.3 * torch.randn(array.shape, generator=generator, dtype=array.dtype)
        if name[0] in "wb"
        else array
        for name, array in state.items()
    }


def cut(built, signals, begin, end):
    """The tokens begin..end of the signals; constants stay."""
    return {
        n: x[:, begin:end] if n in {*built.homes, "q"} else x for n, x in signals.items()
    }


def later(name, options, seed=0, tokens=TOKENS, before=3):
    """A memory, a state that three tokens have written, and the signals after them."""
    built = memory(name, **options)
    signals = draw(built, tokens + before, seed)
    state, _ = start(built)
    _, state = built.run("step", moved(state), cut(built, signals, 0, before))
    return built, state, cut(built, signals, before, None)


def head(built, signals, state, batch, head):
    """One head as NumPy: signals as attributes, state by name."""
    signals = {
        n: x[batch, :, head] if n in {*built.homes, "q"} else x[head]
        for n, x in signals.items()
    }
    states = {  # keys and values have the time before the head
        n: x[batch, :, head]
        if n in built.growing
        else x[batch, head]
        if x.ndim > 1
        else x[batch]
        for n, x in state.items()
    }
    arrays = {n: x.numpy() for n, x in signals.items()}
    return SimpleNamespace(**arrays), {n: x.detach().numpy() for n, x in states.items()}
