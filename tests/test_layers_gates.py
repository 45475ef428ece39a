"""The maps of gates, the options of keys and values, and the short convolution, each by
hand."""

import math

import numpy as np
import pytest
import torch
from layer_cases import HEADS, TOKENS, distance, inputs, layer

from fwp_neuro.artificial import Layer
from fwp_neuro.artificial.layers.convolution import ShortConvolution
from fwp_neuro.artificial.layers.gates import KINDS, make_gate, softplus
from fwp_neuro.artificial.memories.features import feature_map
from fwp_neuro.rules import Rule


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


BY_HAND = {
    "sigmoid": lambda raw, rate: -1 + 4 * sigmoid(raw),
    "identity": lambda raw, rate: raw,
    "xlstm": lambda raw, rate: raw,
    "mamba": lambda raw, rate: np.exp(-rate * np.log1p(np.exp(raw))),
    "forget": lambda raw, rate: 1 - np.exp(-rate * np.log1p(np.exp(raw))),
    "gla": lambda raw, rate: sigmoid(raw) ** (1 / 16),
    "gsa": lambda raw, rate: sigmoid(raw) ** (1 / 8),
    "rwkv7": lambda raw, rate: np.exp(-math.exp(-0.5) * sigmoid(raw)),
}


@pytest.mark.parametrize("dim", [None, 3])
@pytest.mark.parametrize("kind", BY_HAND)
def test_gates_equal_their_equations(kind, dim):
    torch.manual_seed(0)
    gate = make_gate(kind, "g", 5, 2, dim, (-1.0, 3.0)).double()
    x = inputs(dim=5)
    raw = (
        x.numpy() @ gate.linear.weight.detach().numpy().T
        + gate.linear.bias.detach().numpy()
    )
    rate = np.exp(gate.log_rate.detach().numpy()) if hasattr(gate, "log_rate") else 1.0
    if dim is not None:
        raw, rate = raw.reshape(*raw.shape[:2], 2, 3), np.reshape(rate, (-1, 1))
    found = gate(x, torch.float64).detach().numpy()
    assert found.shape == (3, TOKENS, 2) + ((dim,) if dim else ())
    assert np.abs(found - BY_HAND[kind](raw, rate)).max() < 1e-14
    assert set(BY_HAND) | {"softplus"} == set(KINDS)


@pytest.mark.parametrize(
    "domain, by_hand",
    [
        ((0.0, 1.0), sigmoid),
        ((0.0, 2.0), lambda raw: 2 * sigmoid(raw)),
        ((-3.0, 5.0), lambda raw: -3 + 8 * sigmoid(raw)),
        ((0.0, math.inf), lambda raw: np.log1p(np.exp(raw))),
        ((2.0, math.inf), lambda raw: 2 + np.log1p(np.exp(raw))),
        ((-math.inf, 1.0), lambda raw: 1 - np.log1p(np.exp(raw))),
        ((-math.inf, math.inf), lambda raw: raw),
    ],
)
def test_without_a_convention_a_gate_fills_its_domain(domain, by_hand):
    rule = Rule("typed", "w = g*w + v*k", gates={"g": "pre"}, domains={"g": domain})
    net, x = layer(rule), inputs()
    linear = net.slow.gates["gate_g"].linear
    raw = (x @ linear.weight.T + linear.bias).detach().numpy()
    found = net.program(x, batch_index=0)["g"]
    assert np.abs(found - by_hand(raw)[0].reshape(TOKENS, HEADS, 4)).max() < 1e-14


def test_softplus_far_out():
    x = torch.tensor([-800.0, -40.0, 0.0, 40.0, 800.0], dtype=torch.float64)
    expected = [0.0, math.exp(-40), math.log(2), 40 + math.exp(-40), 800.0]
    assert np.allclose(softplus(x).numpy(), expected, rtol=1e-15, atol=0)


def test_decays_of_mamba_start_where_the_paper_puts_them():
    torch.manual_seed(0)
    gate = make_gate("mamba", "alpha", 4, 4000, None, (0.0, 1.0)).double()
    steps, rates = softplus(gate.linear.bias).detach(), gate.log_rate.exp().detach()
    assert 0.99e-3 < float(steps.min()) < 1.1e-3 and 0.09 < float(steps.max()) < 0.1001
    assert 1 < float(rates.min()) < 1.1 and 15.9 < float(rates.max()) < 16
    # log-uniform: half of them below the geometric mean of the ends
    assert abs(float((steps < 0.01).double().mean()) - 0.5) < 0.03


@pytest.mark.parametrize("home", ["shared", "pre", "post"])
def test_gates_that_are_fixed(home):
    rule = Rule("typed", "w = a*b*w + v*k", gates={"a": home, "b": home})
    program = layer(rule, gates={"a": "constant", "b": -0.25}).program(
        inputs(), batch_index=0
    )
    expected = np.array([1 - 2**-5, 1 - 2**-6])
    expected = expected if home == "shared" else expected[:, None]
    assert np.array_equal(program["a"], np.broadcast_to(expected, program["a"].shape))
    assert np.array_equal(program["b"], np.full(program["b"].shape, -0.25))


def test_retnet_by_its_name_has_its_fixed_decays_and_full_writes():
    program = layer("retnet").program(inputs(), batch_index=0)
    assert np.array_equal(program["alpha"][0], [1 - 2**-5, 1 - 2**-6])
    assert np.array_equal(program["beta"], np.ones((TOKENS, HEADS)))
    assert layer("decayed_hebb").program(inputs(), batch_index=0)["alpha"].std() > 0


@pytest.mark.parametrize("beta_range, top", [((0, 1), 1), ((0, 2), 2), (None, 2)])
def test_range_of_the_write_strengths(beta_range, top):
    net = layer("delta_product", beta_range=beta_range)
    narrow = layer("delta_product", beta_range=(0, 1)).program(inputs(), batch_index=0)
    program = net.program(inputs(), batch_index=0)
    for name in ("beta", "beta2"):
        assert np.abs(program[name] - top * narrow[name]).max() < 1e-15


@pytest.mark.parametrize(
    "norm, size",
    [("l2", lambda k: np.sqrt((k * k).sum(-1))), ("sum", lambda k: k.sum(-1))],
)
def test_norms_of_keys_and_queries(norm, size):
    net = layer(
        "rwkv7", feature_map="elu", key_norm=norm, query_norm="none", query_scale=0.5
    )
    program = net.program(inputs(), batch_index=0)
    for name in ("key", "kappa"):
        assert np.abs(size(program[name]) - 1).max() < 1e-12
    assert np.abs(size(program["query"]) - 1).max() > 0.01
    twice = layer("rwkv7", feature_map="elu", key_norm=norm, query_norm="none").program(
        inputs(), 0
    )
    assert np.array_equal(program["query"], 0.5 * twice["query"])


def test_a_feature_map_that_widens_the_key():
    phi = feature_map("dpfp", nu=2)
    net, x = layer("delta", key_dim=3, feature_map=phi), inputs()
    assert net.feature_dim == 12 and net.program(x, batch_index=0).pre == 12
    assert net(x, return_state=True)[1]["w"].shape == (3, HEADS, 4, 12)
    named = layer("delta", key_dim=3, feature_map="dpfp")
    assert named.feature_dim == 6 and named(x).shape == x.shape


def test_the_values_of_oja_have_unit_length_because_they_decide_what_is_kept():
    for name in ("oja", "oja_neuron", "gated_oja"):
        value = layer(name).program(inputs(), batch_index=0)["value"]
        assert np.abs((value**2).sum(-1) - 1).max() < 1e-12
    assert (
        np.abs((layer("delta").program(inputs(), 0)["value"] ** 2).sum(-1) - 1).max()
        > 0.1
    )


def test_a_tied_key_is_the_key_times_a_learned_gate():
    net = layer("comba")
    with torch.no_grad():
        net.slow.tied["tie_p"].normal_()
    program = net.program(inputs(), batch_index=0)
    gate = sigmoid(net.slow.tied["tie_p"].detach().numpy())
    assert np.abs(program["p"] - gate * program["key"]).max() < 1e-15
    own = layer("comba", tied=()).program(inputs(), batch_index=0)
    assert np.abs((own["p"] ** 2).sum(-1) - 1).max() < 1e-12


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_short_convolution_is_that_of_torch(size):
    torch.manual_seed(0)
    convolution, x = ShortConvolution(6, size).double(), inputs(dim=6)
    kernel = convolution.weight.T[:, None]  # [channel, 1, size]
    padded = torch.nn.functional.pad(x.mT, (size - 1, 0))
    expected = torch.nn.functional.conv1d(padded, kernel, groups=6).mT
    y, tail = convolution(x, x.new_zeros(3, size - 1, 6))
    assert distance(y, expected) < 1e-14
    assert torch.equal(tail, x[:, TOKENS - size + 1 :])


def test_no_convolution_leaves_no_state_of_it():
    net = layer("delta", convolution=0)
    assert set(net(inputs(), return_state=True)[1]) == {"w"}
    assert set(net.program(inputs(), batch_index=0).names) == {
        "key",
        "value",
        "query",
        "beta",
    }


def test_output_norm_and_gate():
    x = inputs()
    plain = layer("delta", output_norm="none", output_gate=False)
    expected = plain.read(x)[0].flatten(-2) @ plain.readout.linear.weight.T
    assert distance(plain(x), expected) < 1e-14
    centred = layer("delta", output_norm="layer", output_gate=False)
    y = centred.read(x)[0]
    y = (y - y.mean(-1, keepdim=True)) / (
        y.var(-1, keepdim=True, correction=0) + 1e-5
    ).sqrt()
    assert distance(centred(x), y.flatten(-2) @ centred.readout.linear.weight.T) < 1e-12


def test_constants_of_a_memory_are_learned():
    net = layer("rwkv6")
    u = net.constants["constant_u"]
    assert u.shape == (HEADS, 4) and isinstance(u, torch.nn.Parameter)
    y = net(inputs())
    with torch.no_grad():
        u.mul_(2)
    assert distance(net(inputs()), y) > 1e-3


def test_gates_may_have_names_of_methods():
    rule = Rule("typed", "w = half*w + v*k", gates={"half": "shared"})
    assert Layer(rule, 4, 2)(torch.randn(1, 3, 4)).shape == (1, 3, 4)
