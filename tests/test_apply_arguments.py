"""What `apply` takes beside full tensors: nothing at all, numbers, a scale, fewer heads
of keys."""

import pytest
import torch
from layer_cases import NOT_AFFINE, SMALL, TYPED_IN, title
from memory_cases import draw as draw_memory
from oracles import draw, draw_states

from fwp_neuro.artificial import apply
from fwp_neuro.artificial.memories import Memory, memories, memory
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import rule, rules

PRE, POST = 5, 3
LONG = {"k": "key", "v": "value", "q": "query"}
RULES = [*map(rule, rules()), TYPED_IN, NOT_AFFINE]
MEMORIES = [memory(name, **SMALL.get(name, {})) for name in memories()]
EVERY_RULE = pytest.mark.parametrize("chosen", RULES, ids=title)
EVERYTHING = pytest.mark.parametrize("chosen", [*RULES, *MEMORIES], ids=title)


def case(chosen, batch=2, tokens=7, heads=2):
    if isinstance(chosen, Memory):
        signals, states = draw_memory(chosen, tokens, heads=heads, batch=batch), None
    else:
        signals = draw(chosen, (batch, tokens, heads), PRE, POST)
        states = draw_states(chosen, (batch, heads), PRE, POST)
        states = {n: torch.tensor(x).requires_grad_() for n, x in states.items()}
    leaf = lambda x: torch.as_tensor(x).double().clone().requires_grad_()  # noqa: E731
    return {LONG.get(n, n): leaf(x) for n, x in signals.items()}, states


def parts(state):
    return list(state.values()) if isinstance(state, dict) else [state]


def far(one, other):
    return float((one - other).detach().abs().max()) / (
        1 + float(other.detach().abs().max())
    )


# --------------------------------------------------------- no token, no sequence, no head


@pytest.mark.parametrize("lead", [(2, 0, 2), (0, 7, 2), (2, 7, 0), (0, 0, 2)], ids=str)
@EVERYTHING
def test_nothing_in_gives_nothing_out(chosen, lead):
    signals, states = case(chosen)
    short = {n: x[: lead[0], : lead[1], : lead[2]] if x.ndim > 2 else x[: lead[2]]
             for n, x in signals.items()}  # fmt: skip
    states = states and {n: x[: lead[0], : lead[2]] for n, x in states.items()}
    for form in ("auto", *chosen.forms):
        leaves = {n: x.detach().requires_grad_() for n, x in short.items()}
        readout, final = apply(chosen, **leaves, initial_state=states, form=form)
        assert readout.shape[:3] == lead and readout.shape[3] in (PRE, POST)
        for before, after in zip((states or {}).values(), parts(final), strict=False):
            assert torch.equal(before, after) and before is not after
        loss = readout.sum() + sum(part.sum() for part in parts(final))
        for leaf, slope in zip(
            leaves.values(), torch.autograd.grad(loss, list(leaves.values())), strict=True
        ):
            assert slope.shape == leaf.shape and not slope.any()


# ---------------------------------------------------------------- numbers and axes of one


@EVERYTHING
def test_a_gate_may_be_a_number(chosen):
    signals, states = case(chosen)
    for name in {LONG.get(n, n) for n in chosen.gates} & {*signals}:
        full = torch.full_like(signals[name], 0.4)
        number = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
        expected, last = apply(chosen, **{**signals, name: full}, initial_state=states)
        ones = [1] * full.ndim
        for given in (0.4, number, full[:1, :1, :1], number.reshape(ones), full[:, :1]):
            readout, final = apply(
                chosen, **{**signals, name: given}, initial_state=states
            )
            assert far(readout, expected) < 1e-12
            assert all(
                far(a, b) < 1e-12 for a, b in zip(parts(final), parts(last), strict=True)
            )
        readout, _ = apply(chosen, **{**signals, name: number}, initial_state=states)
        (slope,) = torch.autograd.grad(readout.sum(), number)
        full = full.requires_grad_()
        readout, _ = apply(chosen, **{**signals, name: full}, initial_state=states)
        (each,) = torch.autograd.grad(readout.sum(), full)
        assert abs(float(slope - each.sum())) < 1e-9 * (1 + float(each.abs().sum()))


@pytest.mark.parametrize(
    ("beta", "sentence"),
    [
        (True, "beta must be a torch tensor or a number, got bool"),
        ("0.5", "beta must be a torch tensor or a number, got str"),
        (float("nan"), "beta must be a finite number, got nan"),
        pytest.param(10**400, "must be a finite number, got 1.00e.400", id="huge"),
        (torch.ones(3), r"beta is shared and must have shape \(2, 7, 2\) .*got \(3,\)"),
        (torch.ones(2, 7, 3), r"got \(2, 7, 3\)"),
        (torch.ones(2, 7, 2, device="meta"), "beta is on meta but query is on cpu"),
        (torch.eye(2).to_sparse(), "beta must be a dense torch tensor"),
        (
            torch.ones(2, 7, 2, dtype=torch.int64),
            "beta has dtype torch.int64 but query has",
        ),
    ],
)
def test_other_gates_are_refused(beta, sentence):
    signals, _ = case(rule("delta"))
    signals = {n: x.detach().float() for n, x in signals.items()}
    with pytest.raises(FwpError, match=sentence):
        apply("delta", **{**signals, "beta": beta})


def test_keys_and_values_are_no_numbers():
    signals, _ = case(rule("delta"))
    with pytest.raises(FwpError, match="value must be a torch tensor, got float"):
        apply("delta", **{**signals, "value": 0.5})
    with pytest.raises(
        FwpError, match=r"key is pre and must have shape .*got \(1, 1, 1, 5\)"
    ):
        apply("delta", **{**signals, "key": signals["key"][:1, :1, :1]})


# ---------------------------------------------------------------- scale, heads


@EVERYTHING
def test_the_scale_multiplies_the_query(chosen):
    signals, states = case(chosen)
    scaled = {**signals, "query": signals["query"] * 5**-0.5}
    expected, _ = apply(chosen, **scaled, initial_state=states)
    readout, _ = apply(chosen, **signals, initial_state=states, scale=5**-0.5)
    assert far(readout, expected) < 1e-12
    plain, _ = apply(chosen, **signals, initial_state=states)
    for scale in (None, 1, 1.0):
        readout, _ = apply(chosen, **signals, initial_state=states, scale=scale)
        assert torch.equal(readout, plain)


@pytest.mark.parametrize(
    "scale", [True, "1", float("inf"), 1j, torch.ones(2), [1]], ids=str
)
def test_other_scales_are_refused(scale):
    with pytest.raises(FwpError, match="scale must be a finite number"):
        apply("delta", **case(rule("delta"))[0], scale=scale)


@pytest.mark.parametrize(
    "form", ["auto", *(pytest.param(one, marks=pytest.mark.slow)
                       for one in ("chunk", "compiled"))]
)  # fmt: skip
@EVERYTHING
def test_one_head_of_keys_serves_several_of_values(chosen, form):
    if form not in ("auto", *chosen.forms):
        pytest.skip("there is no such form")
    signals, states = case(chosen, heads=6)
    pre = [LONG.get(n, n) for n, home in {**chosen.homes, "q": "pre"}.items()
           if home == "pre" and n not in chosen.gates
           and "v" in chosen.homes]  # fmt: skip
    few = {n: signals[n][:, :, ::3].detach().requires_grad_() for n in pre}
    spread = {n: torch.cat([x[:, :, [h]] for h in (0, 1) for _ in range(3)], 2)
              for n, x in few.items()}  # fmt: skip
    expected, last = apply(
        chosen, **{**signals, **spread}, initial_state=states, form=form
    )
    readout, final = apply(chosen, **{**signals, **few}, initial_state=states, form=form)
    assert torch.equal(readout, expected)
    assert all(torch.equal(a, b) for a, b in zip(parts(final), parts(last), strict=True))
    slopes = [
        torch.autograd.grad(y.square().sum(), list(few.values()))
        for y in (readout, expected)
    ]
    assert all(far(a, b) < 1e-12 for a, b in zip(*slopes, strict=True))


def test_heads_that_do_not_divide_are_refused():
    signals, _ = case(rule("delta"), heads=6)
    for few in (4, 5):
        given = {
            n: x[:, :, :few] if n in ("query", "key") else x for n, x in signals.items()
        }
        with pytest.raises(
            FwpError, match=f"value has 6 heads, .* multiple .*query has {few}"
        ):
            apply("delta", **given)
    given = {n: x[:, :, :2] if n in ("value", "beta") else x for n, x in signals.items()}
    with pytest.raises(FwpError, match="value has 2 heads"):
        apply("delta", **given)
    given = {
        n: x[:, :, :3] if n in ("query", "key", "beta") else x for n, x in signals.items()
    }
    with pytest.raises(FwpError, match=r"beta is shared and must have shape \(2, 7, 6\)"):
        apply("delta", **given)
    given = {n: x[:, :, :3] if n == "query" else x for n, x in signals.items()}
    readout, _ = apply("delta", **given)  # keys of their own for each value head
    assert readout.shape[2] == 6
