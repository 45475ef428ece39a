"""A layer is an ordinary module: number formats, and refusals of what does not fit."""

import copy

import pytest
import torch
from layer_cases import (
    EVERYTHING_SMALL,
    REPRESENTATIVE,
    TYPED_IN,
    distance,
    inputs,
    layer,
    title,
)

from fwp_neuro.artificial import Layer, SequenceModel
from fwp_neuro.errors import FwpError

EVERY = pytest.mark.parametrize("rule", EVERYTHING_SMALL, ids=title)


@EVERY
def test_autocast_keeps_fast_weights_in_float32(rule):
    net, x = layer(rule, dtype=torch.float32), inputs(tokens=16, dtype=torch.float32)
    plain = net(x).detach()
    with torch.autocast("cpu", torch.bfloat16):
        y, state = net(x, return_state=True)
        usual = torch.nn.Linear(8, 8)(x).dtype
        again, _ = net(y, state, return_state=True)
    y.float().square().sum().backward()
    assert y.dtype == usual == torch.bfloat16 and again.dtype == usual
    assert all(t.dtype == torch.float32 for t in state.values())
    assert bool(torch.isfinite(y).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in net.parameters())
    # bfloat16 keeps 8 bits; a handful of roundings one after the other
    assert distance(y.float(), plain) < 8 * 2**-8 * (1 + float(plain.abs().max()))


@pytest.mark.parametrize("form", ["chunk", "compiled"])
def test_autocast_of_the_fast_forms(form):
    net = layer("gated_delta", dtype=torch.float32, form=form)
    x = inputs(tokens=40, dtype=torch.float32)
    plain = net(x).detach()
    with torch.autocast("cpu", torch.bfloat16):
        y = net(x)
    y.float().square().sum().backward()
    assert y.dtype == torch.bfloat16
    assert distance(y.float(), plain) < 8 * 2**-8 * (1 + float(plain.abs().max()))
    assert all(bool(torch.isfinite(p.grad).all()) for p in net.parameters())


@EVERY
def test_parameters_of_half_the_bits_keep_fast_weights_in_float32(rule):
    net, x = layer(rule, dtype=torch.float32), inputs(tokens=16, dtype=torch.float32)
    half = copy.deepcopy(net).bfloat16()
    y, state = half(x.bfloat16(), return_state=True)
    assert y.dtype == torch.bfloat16 and bool(torch.isfinite(y).all())
    assert all(t.dtype == torch.float32 for t in state.values())
    assert distance(y.float(), net(x)) < 12 * 2**-8 * (
        1 + float(net(x).detach().abs().max())
    )


@EVERY
def test_double_and_single_agree(rule):
    single = layer(rule, dtype=torch.float32)
    double = copy.deepcopy(single).double()
    x = inputs(tokens=16)
    y, state = double(x, return_state=True)
    assert y.dtype == torch.float64 and all(
        t.dtype == torch.float64 for t in state.values()
    )
    assert distance(single(x.float()).double(), y) < 1e-4


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"rule": "detla"}, "did you mean 'delta'"),
        ({"form": "chnk"}, "did you mean 'chunk'"),
        ({"heads": 3}, "heads=3 must divide model_dim=8"),
        ({"heads": 0}, "heads is 0"),
        ({"key_dim": 0}, "key_dim is 0"),
        ({"key_norm": "l3"}, "unknown key_norm 'l3'"),
        ({"feature_map": "sillu"}, "did you mean 'silu'"),
        ({"value_map": "dpfp"}, "value_map must keep value_dim=4"),
        ({"beta_range": (0, 3)}, r"beta_range must be \(0, 1\) or \(0, 2\)"),
        (
            {"rule": "gla", "beta_range": (0, 2)},
            "needs a gate beta, and the rule has alpha",
        ),
        ({"gates": {"bta": "sigmoid"}}, "did you mean 'beta'"),
        ({"gates": {"beta": "sigmod"}}, "did you mean 'sigmoid'"),
        ({"gates": {"beta": float("nan")}}, "must be finite"),
        ({"gates": "mamba"}, "gates must be a dict"),
        ({"rule": "mlstm", "gates": {"input": "sigmoid"}}, "use 'identity'"),
        ({"tied": "p"}, "unknown presynaptic signal"),
        ({"convolution": -1}, "convolution is -1"),
        ({"output_norm": "rsm"}, "did you mean 'rms'"),
        ({"output_gate": 1}, "output_gate must be True or False"),
        ({"initial_state": "learnt"}, "did you mean 'learned'"),
        ({"rule": "softmax_attention", "initial_state": "learned"}, "nothing to learn"),
        ({"query_scale": "big"}, "query_scale must be a finite number"),
        ({"rule": "titans", "form": "parallel"}, "form of memory 'titans'"),
        (
            {"rule": REPRESENTATIVE[7], "form": "chunk"},
            "has no parallel and no chunk form",
        ),
    ],
    ids=lambda value: str(list(value.values())) if isinstance(value, dict) else "",
)
def test_options_that_are_not_legal(options, sentence):
    options = {"rule": "delta", "heads": 2} | options
    with pytest.raises(FwpError, match=sentence):
        Layer(options.pop("rule"), 8, **options)


def test_inputs_and_states_that_do_not_fit():
    net, x = layer("delta"), inputs()
    for wrong in (x[0], x[..., :3], x[:, :0], x.tolist(), x.float()):
        with pytest.raises(FwpError, match="x must be"):
            net(wrong)
    state = net(x, return_state=True)[1]
    for wrong, sentence in [
        ([1], "state must be the dict"),
        ({"w": state["w"]}, "lacks 'convolution_tail'"),
        (state | {"ww": x}, "did you mean 'w'"),
        (state | {"w": state["w"][:1]}, "must be"),
        (state | {"w": state["w"].float()}, "float32"),
        (state | {"w": 1}, "must be a torch tensor"),
    ]:
        with pytest.raises(FwpError, match=sentence):
            net(x, wrong)
    for index in (3, -1, True, 1.0):
        with pytest.raises(
            FwpError, match="batch_index must be a whole number from 0 to 2"
        ):
            net.program(x, index)
    with pytest.raises(
        FwpError, match="x holds 3 sequences and a programme is one of them: give"
    ):
        net.program(x)
    for n in range(3):
        alone = net.program(x[n : n + 1])
        assert all((net.program(x, n)[name] == alone[name]).all() for name in alone.names)


def test_a_typed_in_rule_survives_a_copy_without_a_second_derivation():
    net = layer(TYPED_IN)
    assert copy.deepcopy(net).fast.fast is net.fast.fast


@pytest.mark.parametrize("mixer", ["delta", "lstm"])
def test_input_on_another_device_than_the_parameters_is_one_sentence(mixer):
    net = SequenceModel(1, 8, vocabulary=3, mixer=mixer)
    with pytest.raises(
        FwpError, match="parameters on cpu, so x must be there, got a .* on meta"
    ):
        net(torch.ones(1, 2, dtype=torch.int64, device="meta"))
    with pytest.raises(
        FwpError, match="parameters on cpu, so x must be there, got a .* on meta"
    ):
        net.blocks[0].mixer(torch.ones(1, 2, 8, device="meta"))
