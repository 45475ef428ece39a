"""Second and forward derivatives of `apply`: the numbers of the plain recurrence, or a
sentence."""

import logging

import pytest
import torch
from layer_cases import NOT_AFFINE, SMALL, TYPED_IN, title
from memory_cases import draw as draw_memory
from oracles import draw, draw_states
from test_library import stub  # noqa: F401  the fixture

from fwp_neuro.artificial import Layer, apply, library
from fwp_neuro.artificial.form_choice import FEW
from fwp_neuro.artificial.memories import Memory, memories, memory
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import rule, rules

PRE, POST, TOKENS = 4, 3, FEW + 3  # more than the tokens that "auto" takes step by step
LONG = {"k": "key", "v": "value", "q": "query"}
RULES = [*map(rule, rules()), TYPED_IN, NOT_AFFINE]
MEMORIES = [memory(name, **SMALL.get(name, {})) for name in memories()]
EVERYTHING = pytest.mark.parametrize("chosen", [*RULES, *MEMORIES], ids=title)


def case(chosen):
    """Leaves, and a function of them that gives the sum of a curved function of all
    outputs."""
    if isinstance(chosen, Memory):
        signals, states = draw_memory(chosen, TOKENS, heads=1, batch=1), {}
    else:
        signals = draw(chosen, (1, TOKENS, 1), PRE, POST)
        states = draw_states(chosen, (1, 1), PRE, POST)
    names = [LONG.get(n, n) for n in signals]
    leaves = [torch.as_tensor(x).double() for x in (*signals.values(), *states.values())]

    def loss(form, *given):
        state = dict(zip(states, given[len(names) :], strict=True)) or None
        named = dict(zip(names, given, strict=False))
        readout, final = apply(chosen, **named, initial_state=state, form=form)
        final = final.values() if isinstance(final, dict) else [final]
        return readout.sin().sum() + sum(part.cos().sum() for part in final)

    return leaves, loss


def directions(leaves):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(x.shape, generator=generator, dtype=x.dtype) for x in leaves]


def twice(loss, form, leaves):
    """The Hessian times a vector, by the gradient of a gradient."""
    leaves = [x.clone().requires_grad_() for x in leaves]
    first = torch.autograd.grad(loss(form, *leaves), leaves, create_graph=True)
    along = sum(
        (slope * v).sum() for slope, v in zip(first, directions(leaves), strict=True)
    )
    return torch.autograd.grad(along, leaves, materialize_grads=True)


def far(ones, others):
    pairs = zip(ones, others, strict=True)
    return max(
        float((a - b).abs().max() / (1 + b.abs().max())) for a, b in pairs if a.numel()
    )


@EVERYTHING
def test_auto_has_second_derivatives(chosen):
    leaves, loss = case(chosen)
    assert far(twice(loss, "auto", leaves), twice(loss, "step", leaves)) < 1e-9


@EVERYTHING
def test_auto_has_forward_derivatives(chosen):
    leaves, loss = case(chosen)
    given, along = tuple(leaves), tuple(directions(leaves))
    _, auto = torch.func.jvp(lambda *x: loss("auto", *x), given, along)
    started = [x.clone().requires_grad_() for x in leaves]
    slopes = torch.autograd.grad(loss("step", *started), started, materialize_grads=True)
    expected = sum((slope * v).sum() for slope, v in zip(slopes, along, strict=True))
    assert far([auto], [expected]) < 1e-9
    with torch.autograd.forward_ad.dual_level():
        dual = [
            torch.autograd.forward_ad.make_dual(x, v)
            for x, v in zip(given, along, strict=True)
        ]
        found = torch.autograd.forward_ad.unpack_dual(loss("auto", *dual)).tangent
    assert far([found], [expected]) < 1e-9


def test_auto_says_which_form_gives_the_second_derivative(caplog):
    leaves, loss = case(rule("delta"))
    with caplog.at_level(logging.INFO, "fwp_neuro"):
        twice(loss, "auto", leaves)
    assert (
        "the gradient that may be differentiated again runs in the chunk form"
        in caplog.text
    )


def test_signals_that_depend_on_one_another_are_not_counted_twice():
    leaves, loss = case(rule("comba"))  # whose two keys may be tied

    def tied(form, key):
        return loss(form, *[key * 0.5 if x.shape == key.shape else x for x in leaves])

    found = [twice(tied, form, [leaves[0] + 0.1]) for form in ("auto", "step")]
    assert far(*found) < 1e-9


@pytest.mark.parametrize("name", ["delta", "saturating"])
def test_the_compiled_form_refuses_instead_of_giving_zeros(name):
    leaves, loss = case(next(one for one in RULES if one.name == name))
    with pytest.raises(
        FwpError, match="for second derivatives use form='chunk', or form='step'"
    ):
        twice(loss, "compiled", leaves)
    for transform in (
        lambda f: torch.func.jvp(f, (leaves[0],), (leaves[0],)),
        lambda f: torch.func.hessian(f)(leaves[0]),
        lambda f: torch.autograd.functional.hvp(f, leaves[0], leaves[0]),
    ):
        with pytest.raises(FwpError, match="form='chunk'"):
            transform(lambda x: loss("compiled", x, *leaves[1:]))


def test_a_layer_has_second_derivatives():
    torch.manual_seed(0)
    nets = [Layer("gated_delta", 8, form=form).double() for form in ("auto", "step")]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(1, TOKENS, 8).double()
    found = [twice(lambda form, x, net=net: net(x).sin().sum(), "", [x]) for net in nets]
    assert far(*found) < 1e-9


def test_the_library_refuses_too(stub, monkeypatch):  # noqa: F811
    monkeypatch.setattr(library, "check", lambda *_: None)
    leaves, loss = case(rule("delta"))
    started = [x.clone().requires_grad_() for x in leaves]
    assert all(
        x is not None for x in torch.autograd.grad(loss("library", *started), started)
    )
    with pytest.raises(FwpError, match="flash-linear-attention have no second"):
        twice(loss, "library", leaves)
    with pytest.raises(FwpError, match="no forward derivative"):
        torch.func.jvp(lambda *x: loss("library", *x), tuple(leaves), tuple(leaves))
