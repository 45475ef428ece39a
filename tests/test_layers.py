"""Laws of every layer: an independent computation, causality, streaming, programmes,
copies."""

import copy
import pickle

import numpy as np
import pytest
import torch
from layer_cases import (
    DIM,
    EVERY_RULE,
    EVERYTHING,
    HEADS,
    REPRESENTATIVE,
    TOKENS,
    TYPED_IN,
    distance,
    inputs,
    layer,
    title,
)
from oracles import walk

import fwp_neuro as fwp
from fwp_neuro.errors import FwpError

EVERY = pytest.mark.parametrize("rule", EVERYTHING, ids=title)
RULES = pytest.mark.parametrize("rule", EVERY_RULE, ids=title)
SOME = pytest.mark.parametrize("rule", REPRESENTATIVE, ids=title)


def silu(x):
    return x / (1 + np.exp(-x))


def by_hand(net, x):
    """A layer with the delta rule in NumPy, for one sequence x [token, dim]."""
    p = {name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}
    mixed = x @ p["slow.linear.weight"].T
    kernel, convolved = p["slow.convolution.weight"], np.zeros_like(mixed)
    for t in range(len(x)):
        for lag in range(min(len(kernel), t + 1)):
            convolved[t] += kernel[len(kernel) - 1 - lag] * mixed[t - lag]
    q, k, v = np.split(silu(convolved.reshape(len(x), HEADS, -1)), [4, 8], axis=-1)
    q, k = (a / np.sqrt((a * a).sum(-1, keepdims=True)) for a in (q, k))
    raw = (
        x @ p["slow.gates.gate_beta.linear.weight"].T
        + p["slow.gates.gate_beta.linear.bias"]
    )
    beta = 2 / (1 + np.exp(-raw))
    heads = []
    for h in range(HEADS):
        signals = {"q": q[:, h], "k": k[:, h], "v": v[:, h], "beta": beta[:, h]}
        read = walk("delta", signals, {"w": np.zeros((v.shape[-1], 4))})[0]
        heads.append(read / np.sqrt((read * read).mean(-1, keepdims=True) + 1e-5))
    y = np.stack(heads, 1) * p["readout.gain"]
    y = y.reshape(len(x), -1) * silu(x @ p["readout.gate.weight"].T)
    return y @ p["readout.linear.weight"].T


def test_a_layer_equals_its_equations_in_numpy():
    net = layer("delta", value_dim=3, beta_range=(0, 2), convolution=3)
    with torch.no_grad():
        net.readout.gain.copy_(torch.tensor([0.5, 1.0, 2.0]))
    x = inputs()
    expected = np.stack([by_hand(net, sequence) for sequence in x.numpy()])
    assert np.abs(net(x).detach().numpy() - expected).max() < 1e-12


@RULES
def test_the_programme_of_a_layer_gives_its_read_out(rule):
    net, x = layer(rule, value_dim=3, initial_state="learned"), inputs()
    with torch.no_grad():
        net.start.learned["initial_w"].normal_()
    readout = net.read(x)[0][1].detach().numpy()
    program = net.program(x, 1)
    assert program.heads == HEADS and program.tokens == TOKENS
    found = fwp.run(
        program, net.rule, initial_weights=net.initial_weights(), backend="numpy"
    )
    assert np.abs(found["readout"].values - readout).max() < 1e-12


@EVERY
def test_a_layer_is_causal(rule):
    net, x = layer(rule), inputs()
    changed = x.clone()
    changed[:, 12:] += 1
    y, z = net(x), net(changed)
    assert distance(y[:, :12], z[:, :12]) < 1e-13
    assert distance(y[:, 12], z[:, 12]) > 1e-6


@EVERY
def test_streaming_equals_the_whole_and_changes_nothing_given(rule):
    net, x = layer(rule), inputs()
    whole, final = net(x, return_state=True)
    state, outputs = None, []
    for token in x.split(1, 1):
        before = {n: t.clone() for n, t in (state or {}).items()}
        given, here = state, token.clone()
        y, state = net(token, state, return_state=True)
        outputs.append(y)
        assert torch.equal(here, token)
        assert all(torch.equal(before[n], given[n]) for n in before)
    assert distance(torch.cat(outputs, 1), whole) < 1e-12
    assert state.keys() == final.keys()
    assert all(distance(state[n], final[n]) < 1e-11 for n in state)


@EVERY
def test_two_parts_with_carried_state_equal_the_whole(rule):
    net, x = layer(rule), inputs()
    early, state = net(x[:, :7], return_state=True)
    assert distance(torch.cat([early, net(x[:, 7:], state)], 1), net(x)) < 1e-12


@EVERY
def test_copies_and_saved_weights_give_the_same_numbers(rule):
    net, x = layer(rule), inputs()
    y = net(x)
    other = layer(rule, seed=5)
    other.load_state_dict(net.state_dict())
    again = layer(rule)
    copies = [other, again, copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    for twin in copies:
        assert torch.equal(twin(x), y)
    with torch.no_grad():
        copies[2].slow.linear.weight.add_(1)
    assert torch.equal(net(x), y)


@EVERY
def test_every_parameter_is_used(rule):
    net = layer(rule)
    # more tokens than the window of any hybrid
    net(inputs(1, 70)).square().sum().backward()
    assert not [name for name, p in net.named_parameters() if p.grad is None]


@EVERY
def test_default_conventions_keep_long_sequences_bounded(rule):
    """A Hebbian sum grows with the tokens, and nothing grows faster."""
    net, tokens = layer(rule), 400
    with torch.no_grad():
        readout, _ = net.read(3 * inputs(1, tokens))
    assert float(readout.abs().max()) < 2 * tokens


@SOME
def test_a_single_token(rule):
    net = layer(rule)
    y, state = net(inputs(tokens=1), return_state=True)
    assert y.shape == (3, 1, DIM) and bool(torch.isfinite(y).all())


@SOME
def test_gradients(rule):
    net = layer(rule, 4, 2, convolution=2)
    x = inputs(1, 4, 4).requires_grad_()
    assert torch.autograd.gradcheck(net, (x,))
    state = {
        name: torch.randn_like(tensor).div(4).requires_grad_()
        for name, tensor in net(x, return_state=True)[1].items()
        if name in ("w", "convolution_tail")
    }
    if state.keys() == net.initial(x).keys():
        tail, w = state["convolution_tail"], state["w"]
        assert torch.autograd.gradcheck(
            lambda w, tail: net(x, {"w": w, "convolution_tail": tail}, True)[0], (w, tail)
        )


@pytest.mark.parametrize("form", ["step", "chunk", "parallel"])
def test_forms_agree(form):
    x = inputs()
    assert distance(layer(TYPED_IN, form=form)(x), layer(TYPED_IN)(x)) < 1e-12


@pytest.mark.parametrize("rule", ["delta", "momentum_delta", "ttt_mlp", "titans", "mesa"])
def test_learned_initial_weights_start_where_the_others_do_and_get_gradients(rule):
    net, x = layer(rule, initial_state="learned"), inputs()
    assert torch.equal(net(x), layer(rule)(x))
    net(x).square().sum().backward()
    grads = {n: p.grad for n, p in net.start.named_parameters()}
    assert grads and all(
        bool(g.abs().max() > 0) for n, g in grads.items() if "initial_w" in n
    )


@pytest.mark.parametrize("rule", ["softmax_attention", "mesa"])
def test_a_memory_has_no_programme(rule):
    net = layer(rule)
    with pytest.raises(FwpError, match="no programme for a circuit") as caught:
        net.program(inputs())
    assert net.rule.no_circuit in str(caught.value)
    with pytest.raises(FwpError, match="no programme"):
        net.initial_weights()
