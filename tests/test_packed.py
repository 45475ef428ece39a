"""Packed sequences and padding: the same numbers as one sequence after the other."""

import numpy as np
import pytest
import torch
from layer_cases import (
    EVERYTHING_SMALL,
    NOT_AFFINE,
    SMALL,
    TYPED_IN,
    inputs,
    layer,
    title,
)
from memory_cases import draw as draw_memory
from oracles import draw, draw_states

from fwp_neuro.artificial import Layer, SequenceModel, apply
from fwp_neuro.artificial.memories import Memory, memories, memory
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import rule, rules

PRE, POST, HEADS = 5, 3, 2
LONG = {"k": "key", "v": "value", "q": "query"}
#: one empty, one of a single token, two alike, not in order
LENGTHS = (9, 0, 21, 1, 9, 4)
ENDS = torch.tensor([0, *LENGTHS]).cumsum(0)
TOTAL = sum(LENGTHS)
RULES = [*map(rule, rules()), TYPED_IN, NOT_AFFINE]
EVERY_RULE = pytest.mark.parametrize("chosen", RULES, ids=lambda one: one.name)


def leaf(array):
    return torch.as_tensor(array).double().clone().requires_grad_()


def case(chosen, batch=1, tokens=TOTAL, count=6):
    """Signals [batch, token, ...] and the states of ``count`` sequences, as leaves."""
    if isinstance(chosen, Memory):
        signals = draw_memory(chosen, tokens, heads=HEADS, batch=batch)
        states = None
    else:
        signals = draw(chosen, (batch, tokens, HEADS), PRE, POST)
        states = {
            n: leaf(x) for n, x in draw_states(chosen, (count, HEADS), PRE, POST).items()
        }
    return {LONG.get(n, n): leaf(x) for n, x in signals.items()}, states


def rows(state, n):
    return (
        None if state is None else {name: part[n : n + 1] for name, part in state.items()}
    )


def cut(chosen, signals, batch, places):
    """The signals of some tokens of a row; constants of a memory have no tokens."""
    moving = {LONG.get(n, n) for n in (*chosen.homes, "q")}
    return {
        n: x[batch : batch + 1, places] if n in moving else x for n, x in signals.items()
    }


def parts(state):
    return [state[name] for name in sorted(state)] if isinstance(state, dict) else [state]


def by_sequence(states, count):
    """A list of the parts of each sequence's state."""
    if isinstance(states, list):
        return [parts(one) for one in states]
    return [[part[n : n + 1] for part in parts(states)] for n in range(count)]


def gradients(outputs, leaves):
    loss = sum(
        (out * (1 + torch.arange(out.numel())).view_as(out).sin()).sum()
        for out in outputs
    )
    return torch.autograd.grad(loss, leaves, materialize_grads=True)


def alike(ones, others, tolerance=1e-12):
    for one, other in zip(ones, others, strict=True):
        assert one.shape == other.shape
        if one.numel():
            error = float((one - other).detach().abs().max())
            assert error < tolerance * (1 + float(other.detach().abs().max())), error


def check(chosen, form, pieces, batch, tokens, **packing):
    """One call against one call for each of ``pieces``, lists of (row, places)."""
    signals, states = case(chosen, batch, tokens, len(pieces))
    readout, final = apply(chosen, **signals, initial_state=states, form=form, **packing)
    final = by_sequence(final, len(pieces))
    alone = [
        apply(
            chosen,
            **cut(chosen, signals, b, places),
            initial_state=rows(states, n),
            form=form,
        )
        for n, (b, places) in enumerate(pieces)
    ]
    found = [readout[b : b + 1, places] for b, places in pieces]
    alike(found, [y for y, _ in alone])
    for mine, (_, other) in zip(final, alone, strict=True):
        alike(mine, parts(other))
    silent = torch.ones(batch, tokens, dtype=torch.bool)
    for b, places in pieces:
        silent[b, places] = False
    assert not readout[silent].any()
    leaves = [*signals.values(), *(states or {}).values()]
    ours = gradients([*found, *(p for state in final for p in state)], leaves)
    theirs = gradients(
        [*(y for y, _ in alone), *(p for _, s in alone for p in parts(s))], leaves
    )
    alike(ours, theirs, 1e-11)


PACKED = [(0, torch.arange(int(a), int(b))) for a, b in zip(ENDS, ENDS[1:], strict=False)]


@pytest.mark.parametrize("form", ["auto", "step", "chunk", "compiled"])
@EVERY_RULE
def test_packed_rules_equal_one_by_one(chosen, form):
    if form not in ("auto", *chosen.forms):
        pytest.skip("the rule has no such form")
    check(chosen, form, PACKED, 1, TOTAL, cu_seqlens=ENDS)


MASK = torch.rand(4, 20, generator=torch.Generator().manual_seed(3)) < 0.6
MASK[1], MASK[2, :7] = False, False  # one row without tokens, one padded on the left
MASKED = [(b, row.nonzero()[:, 0]) for b, row in enumerate(MASK)]


@EVERY_RULE
def test_padding_writes_nothing(chosen):
    check(chosen, "auto", MASKED, 4, 20, mask=MASK)


MEMORIES = [memory(name, **SMALL.get(name, {})) for name in memories()]


@pytest.mark.parametrize("built", MEMORIES, ids=title)
def test_memories_packed_and_padded(built):
    lengths = torch.tensor([0, 5, 5, 14, 15])
    pieces = [(0, torch.arange(a, b)) for a, b in ((0, 5), (5, 5), (5, 14), (14, 15))]
    check(built, "auto", pieces, 1, 15, cu_seqlens=lengths)
    mask = MASK[:3, :12]
    masked = [(b, row.nonzero()[:, 0]) for b, row in enumerate(mask)]
    check(built, "auto", masked, 3, 12, mask=mask)


@pytest.mark.parametrize("built", MEMORIES, ids=title)
def test_packed_memories_carry_on(built):
    signals, _ = case(built, 1, 16)
    first, state = apply(
        built, **cut(built, signals, 0, slice(0, 9)), cu_seqlens=torch.tensor([0, 3, 9])
    )
    order = [*range(0, 3), *range(9, 12), *range(3, 9), *range(12, 16)]
    again = {"initial_state": state, "cu_seqlens": torch.tensor([0, 3, 7])}
    second, _ = apply(built, **cut(built, signals, 0, slice(9, 16)), **again)
    whole, _ = apply(
        built, **cut(built, signals, 0, order), cu_seqlens=torch.tensor([0, 6, 16])
    )
    alike([torch.cat([first, second], 1)[:, order]], [whole], 1e-11)


def test_a_mask_inside_packed_sequences():
    kept = torch.arange(TOTAL) % 3 != 1
    pieces = [(0, places[kept[places]]) for _, places in PACKED]
    check(rule("gated_delta"), "auto", pieces, 1, TOTAL, cu_seqlens=ENDS, mask=kept[None])


def test_nothing_but_padding_and_no_sequence_at_all():
    signals, states = case(rule("delta"), 2, 4, 2)
    mask = torch.zeros(2, 4, dtype=torch.bool)
    readout, final = apply("delta", **signals, initial_state=states, mask=mask)
    assert readout.shape == (2, 4, HEADS, POST) and not readout.any()
    assert torch.equal(final, states["w"])
    none = cut(rule("delta"), signals, 0, slice(0, 0))
    readout, final = apply("delta", **none, cu_seqlens=torch.tensor([0]))
    assert readout.shape == (1, 0, HEADS, POST) and final.shape == (0, HEADS, POST, PRE)


# ---------------------------------------------------------------- layers and models


def check_module(net, x, start=None):
    y, state = net(
        x, start, return_state=True, cu_seqlens=torch.tensor([0, 7, 8, 15, 19])
    )
    for n, (begin, end) in enumerate(((0, 7), (7, 8), (8, 15), (15, 19))):
        alone, last = net(x[:, begin:end], return_state=True)
        alike([y[:, begin:end]], [alone], 1e-11)
        its = state[n] if isinstance(state, list) and len(state) == 4 else None
        flat, _ = torch.utils._pytree.tree_flatten(its if its is not None else state)
        wanted, _ = torch.utils._pytree.tree_flatten(last)
        alike(
            [part if its is not None else part[n : n + 1] for part in flat], wanted, 1e-11
        )


@pytest.mark.parametrize("chosen", EVERYTHING_SMALL, ids=title)
def test_layers_do_not_see_over_the_borders(chosen):
    net, x = layer(chosen), inputs(1).requires_grad_()
    check_module(net, x)
    # the gradient of one sequence touches no other
    y = net(x, cu_seqlens=torch.tensor([0, 7, 19]))
    (slope,) = torch.autograd.grad(y[:, 7:].square().sum(), x)
    assert not slope[:, :7].any() and bool(slope[:, 7:].any())


@pytest.mark.parametrize("chosen", ["gated_delta", "hybrid_delayed_chunk"])
def test_padding_of_a_layer(chosen):
    built = next(one for one in EVERYTHING_SMALL if title(one) == chosen)
    net, x = layer(built), inputs(2, 9)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[0, :4], mask[1, 3] = False, False
    y, state = net(x, return_state=True, mask=mask)
    for n in range(2):
        alone, last = net(x[n : n + 1, mask[n]], return_state=True)
        alike([y[n : n + 1, mask[n]]], [alone], 1e-11)
        its = (
            state[n]
            if isinstance(state, list)
            else {m: p[n : n + 1] for m, p in state.items()}
        )
        alike(its.values(), last.values(), 1e-11)
    assert not y[~mask].any()
    carried = net(x, state, mask=mask)
    assert carried.shape == x.shape


@pytest.mark.parametrize(
    "mixer", ["gated_delta", "lstm", ["delta", "softmax_attention"]], ids=str
)
def test_models_do_not_see_over_the_borders(mixer):
    torch.manual_seed(0)
    net = SequenceModel(2, 8, vocabulary=7, mixer=mixer).double()
    x = torch.randint(7, (1, 19), generator=torch.Generator().manual_seed(1))
    check_module(net, x)
    mask = torch.ones(1, 19, dtype=torch.bool)
    mask[0, :5] = False
    alike([net(x, mask=mask)[:, 5:]], [net(x[:, 5:])], 1e-11)


def test_a_module_of_the_user_as_mixer():
    class Sum(torch.nn.Module):
        def forward(self, x, state=None, return_state=False):
            y = x.cumsum(1) + (0 if state is None else state[:, None])
            return (y, y[:, -1]) if return_state else y

    net = SequenceModel(1, 8, input_size=3, mixer=lambda dim: Sum()).double()
    x = torch.randn(1, 9, 3).double()
    y, state = net(x, return_state=True, cu_seqlens=torch.tensor([0, 4, 9]))
    alike([y], [torch.cat([net(x[:, :4]), net(x[:, 4:])], 1)])
    assert state[0].shape == (2, 8)
    with pytest.raises(FwpError, match="pack no sequence without tokens"):
        net(x, return_state=True, cu_seqlens=torch.tensor([0, 4, 4, 9]))


SIGNALS, _ = case(rule("delta"), 1, 6, 1)


@pytest.mark.parametrize(
    ("packing", "sentence"),
    [
        (dict(cu_seqlens=[0, 6]), r"cu_seqlens must be a tensor \[sequence \+ 1\]"),
        (dict(cu_seqlens=torch.tensor([[0, 6]])), r"got \(1, 2\)"),
        (
            dict(cu_seqlens=torch.tensor([0.0, 6.0])),
            "must hold int32 or int64, got torch.float32",
        ),
        (
            dict(cu_seqlens=torch.tensor([0, 5])),
            r"must rise from 0 to the 6 tokens, got \[0, 5\]",
        ),
        (dict(cu_seqlens=torch.tensor([1, 6])), "must rise from 0"),
        (dict(cu_seqlens=torch.tensor([0, 4, 3, 6])), "must rise from 0"),
        (dict(cu_seqlens=torch.tensor([], dtype=torch.int64)), r"got \(0,\)"),
        (
            dict(mask=torch.ones(1, 6)),
            r"mask must be a tensor \[batch, token\] of bool, got .*flo",
        ),
        (dict(mask=torch.ones(6, dtype=torch.bool)), r"= \(1, 6\), got \(6,\)"),
        (dict(mask=True), "of bool, got True"),
        (dict(mask=torch.ones(1, 6, dtype=torch.int64)), "of bool, got torch.int64"),
        (dict(mask=np.ones((1, 6), bool)), "of bool, got array"),
        (dict(mask=[[1] * 6]), r"of bool, got \[\[1"),
        (
            dict(cu_seqlens=np.array([0, 6])),
            r"a tensor \[sequence \+ 1\] of whole .* got array",
        ),
    ],
)
def test_nonsense_is_refused(packing, sentence):
    with pytest.raises(FwpError, match=sentence):
        apply("delta", **SIGNALS, **packing)
    with pytest.raises(FwpError, match=sentence):
        Layer("delta", 4)(torch.ones(1, 6, 4), **packing)


def test_a_batch_cannot_be_packed_and_states_must_be_one_each():
    x = torch.ones(2, 6, 4)
    with pytest.raises(FwpError, match="into a batch of 1, got a batch of 2"):
        Layer("delta", 4)(x, cu_seqlens=torch.tensor([0, 6]))
    with pytest.raises(FwpError, match="one row for each of the 2 sequences, got"):
        Layer("delta", 4)(x[:1], {"w": x[:1]}, cu_seqlens=torch.tensor([0, 3, 6]))
    with pytest.raises(FwpError, match="a list of one state for each of the 2 sequences"):
        Layer("softmax_attention", 4)(x[:1], {}, cu_seqlens=torch.tensor([0, 3, 6]))
