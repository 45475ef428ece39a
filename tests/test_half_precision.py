"""bfloat16 and float16: states are kept in float32, read-outs rounded once, whatever
autocast says.

Every run is measured against float32 with the same rounded inputs, by the relative error
and by the slope: a sum that stops growing correlates well with the one that does not.
"""

import copy

import numpy as np
import pytest
import torch
from memory_cases import draw as draw_memory
from oracles import draw

import fwp_neuro as fwp
from fwp_neuro.artificial import Layer, apply
from fwp_neuro.artificial.memories import memories, memory
from fwp_neuro.artificial.recurrent import network, networks
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import Rule, rule, rules

LONG = {"k": "key", "v": "value", "q": "query"}
HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
#: neither affine nor with a chunk form
SATURATING = Rule("saturating", "w = tanh(0.99*w + beta*v*k)", gates={"beta": "shared"})
#: a wide key, so that what accumulates is far above the smallest step of 8 bits
PRE, POST = 16, 8


def signals_of(chosen, tokens, dtype, heads=1):
    """Signals of a rule, rounded; keys of unit length, so that no rule explodes."""
    found = draw(chosen, (1, tokens, heads), PRE, POST)
    found = {n: torch.tensor(x).float() for n, x in found.items()}
    for name in {"k", "q"} & set(found):
        found[name] = torch.nn.functional.normalize(found[name].abs(), dim=-1)
    # a free transition: one that contracts, as in RWKV-7
    if chosen.name in ("iplr", "dplr"):
        found |= {"a": -found["k"], "b": 0.5 * found["k"]}
    if "v" in found:
        found["v"] = 0.2 + 0.1 * found["v"]
    return {LONG.get(n, n): x.to(dtype) for n, x in found.items()}


def error_and_slope(found, truth):
    found, truth = found.double().flatten(), truth.double().flatten()
    assert bool(truth.isfinite().all()) and float(truth.abs().max()) > 0
    error = float((found - truth).square().mean().sqrt() / truth.square().mean().sqrt())
    return error, float(found @ truth / (truth @ truth))


def agrees(found, truth, dtype):
    error, slope = error_and_slope(found, truth)
    assert found.dtype == dtype and error < 0.02 and abs(slope - 1) < 0.02, (error, slope)


#: one of each kind of decay and write
QUICK = ("hebb", "gated_delta", "rwkv7", "kimi_delta", "momentum_delta", "oja")


@pytest.mark.parametrize(
    "dtype",
    [torch.bfloat16, pytest.param(torch.float16, marks=pytest.mark.slow)], ids=str,
)
@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.slow] * (one not in QUICK)) for one in rules()]
    + [SATURATING],
    ids=lambda x: getattr(x, "name", x),
)
def test_rules_over_4096_tokens(name, dtype):
    chosen = rule(name)
    given = signals_of(chosen, 4096, dtype)
    truth, last = apply(name, **{n: x.float() for n, x in given.items()})
    for form in {"auto", *chosen.forms} - {"step", "parallel"}:
        readout, final = apply(name, **given, form=form)
        agrees(readout, truth, dtype)
        for one, other in zip(*(x.values() if isinstance(x, dict) else [x]
                                for x in (final, last)),
                              strict=True):  # fmt: skip
            assert one.dtype == torch.float32 and error_and_slope(one, other)[0] < 1e-4


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_the_other_forms(form):
    given = signals_of(rule("hebb"), 1024, torch.bfloat16)
    truth, _ = apply("hebb", **{n: x.float() for n, x in given.items()})
    agrees(apply("hebb", **given, form=form)[0], truth, torch.bfloat16)


def check_memory(name, tokens, dtype):
    built = memory(name, **({"levels": 13} if name == "log_linear_attention" else {}))
    given = draw_memory(built, tokens, heads=1, batch=1, pre=PRE, post=POST)
    given = {LONG.get(n, n): (0.5 * x).to(dtype) for n, x in given.items()}
    truth, _ = apply(built, **{n: x.float() for n, x in given.items()})
    readout, state = apply(built, **given)
    agrees(readout, truth, dtype)
    state = state if isinstance(state, dict) else {"w": state}
    assert {part.dtype for part in state.values()} == {torch.float32}


@HALVES
@pytest.mark.parametrize("name", memories())
def test_memories(name, dtype):
    check_memory(name, 600 if name == "titans" else 1024, dtype)


@pytest.mark.slow
@HALVES
@pytest.mark.parametrize("name", memories())
def test_memories_over_4096_tokens(name, dtype):
    check_memory(name, 4096, dtype)


SMALL = {"fast_weight_memory": {"memory_dim": 8}, "hopfield": {"sweeps": 3}}


@HALVES
@pytest.mark.parametrize("name", networks())
def test_networks(name, dtype):
    torch.manual_seed(0)
    half = network(name, 8, **SMALL.get(name, {})).to(dtype)
    whole = copy.deepcopy(half).float()
    x = torch.randn(1, 120, 8).to(dtype)
    y, state = half(x, return_state=True)
    z, last = whole(x.float(), return_state=True)
    agrees(y, z, dtype)
    assert all(torch.equal(state[n], last[n]) for n in last)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(whole(x.float()), z)
        assert whole(x.bfloat16()).dtype == torch.bfloat16
    halves = [half(part, s, True) for part, s in ((x[:, :49], None), (x[:, 49:], None))]
    again = half(x[:, 49:], halves[0][1])
    assert torch.equal(torch.cat([halves[0][0], again], 1), y) or name in ("s4d", "s6")
    if list(half.parameters()):
        x.requires_grad_()
        half(x).float().square().sum().backward()
        assert x.grad.dtype == dtype
        assert all(p.grad is None or p.grad.dtype == dtype for p in half.parameters())


# ---------------------------------------------------------------- dtypes of apply


@pytest.mark.parametrize("form", ["auto", "step", "chunk", "parallel", "compiled"])
def test_autocast_changes_nothing(form):
    given = signals_of(rule("gated_delta"), 40, torch.float32)
    truth, last = apply("gated_delta", **given, form=form)
    with torch.autocast("cpu", torch.bfloat16):
        readout, final = apply("gated_delta", **given, form=form)
    assert torch.equal(readout, truth) and torch.equal(final, last)


def test_autocast_changes_no_memory():
    given = draw_memory(memory("mesa"), 9, heads=1)
    given = {LONG.get(n, n): x.float() for n, x in given.items()}
    with torch.autocast("cpu", torch.bfloat16):
        readout, _ = apply("mesa", **given)
    assert torch.equal(readout, apply("mesa", **given)[0])


@pytest.mark.parametrize("form", ["step", "chunk", "compiled"])
def test_gradients_arrive_in_the_dtype_of_each_input(form):
    given = signals_of(rule("delta"), 70, torch.bfloat16)
    given["key"] = given["key"].float()
    start = torch.zeros(1, 1, POST, PRE)
    leaves = {n: x.clone().requires_grad_() for n, x in given.items()}
    wide = {n: x.float().clone().requires_grad_() for n, x in given.items()}
    for signals, state in ((leaves, start.bfloat16()), (wide, start)):
        readout, _ = apply("delta", **signals, initial_state=state, form=form)
        readout.float().square().sum().backward()
    for name, leaf in leaves.items():
        assert leaf.grad.dtype == given[name].dtype
        assert error_and_slope(leaf.grad, wide[name].grad)[0] < 0.02


def test_the_state_may_be_given_in_float32_and_carries_on():
    given = signals_of(rule("delta"), 60, torch.bfloat16)
    whole, last = apply("delta", **given)
    early, state = apply("delta", **{n: x[:, :31] for n, x in given.items()})
    late, final = apply(
        "delta", **{n: x[:, 31:] for n, x in given.items()}, initial_state=state
    )
    assert state.dtype == final.dtype == torch.float32
    assert float((final - last).abs().max()) < 1e-6
    assert error_and_slope(torch.cat([early, late], 1), whole)[0] < 1e-3


def test_halves_and_float32_mix_and_float64_does_not():
    given = signals_of(rule("delta"), 5, torch.bfloat16)
    readout, _ = apply("delta", **{**given, "key": given["key"].float()})
    assert readout.dtype == torch.bfloat16
    assert torch.equal(readout, apply("delta", **given)[0])
    with pytest.raises(
        FwpError, match="key has dtype torch.float64 but query has torch.bfloat16"
    ):
        apply("delta", **{**given, "key": given["key"].double()})
    with pytest.raises(
        FwpError, match="must have dtype torch.float32, got torch.float64"
    ):
        apply("delta", **given, initial_state=torch.zeros(1, 1, POST, PRE).double())
    with pytest.raises(
        FwpError, match="query must hold real numbers of a float dtype, got .*fl"
    ):
        apply(
            "hebb",
            given["query"].to(torch.float8_e4m3fn),
            given["key"],
            given["value"],
            beta=1,
        )


def test_double_precision_stays_double():
    given = {
        n: x.double() for n, x in signals_of(rule("delta"), 30, torch.float32).items()
    }
    readout, final = apply("delta", **given)
    assert readout.dtype == final.dtype == torch.float64


def test_a_layer_in_half_precision_keeps_its_fast_weights():
    torch.manual_seed(0)
    net = Layer("hebb", 16, 2)
    half, x = copy.deepcopy(net).bfloat16(), torch.randn(1, 2048, 16).bfloat16()
    rounded = copy.deepcopy(half).float()
    readout, state = half.read(x)
    truth, _ = rounded.read(x.float())
    error, slope = error_and_slope(readout, truth)
    # the slow net itself rounds keys and values to 8 bits
    assert state["w"].dtype == torch.float32 and error < 0.05 and abs(slope - 1) < 0.02


def test_the_oracle_agrees_over_a_thousand_tokens():
    given = signals_of(rule("hebb"), 1024, torch.bfloat16)
    arrays = {n[0] if n in LONG.values() else n: x[0, :, 0].double().numpy()
              for n, x in given.items()}  # fmt: skip
    truth, _ = fwp.artificial.oracle(rule("hebb"), arrays, {"w": np.zeros((POST, PRE))})
    error, slope = error_and_slope(
        apply("hebb", **given)[0][0, :, 0], torch.tensor(truth)
    )
    assert error < 0.005 and abs(slope - 1) < 0.005
