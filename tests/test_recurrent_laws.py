"""Laws that every recurrent network must pass; a newly registered one is tested by them
at once."""

import copy
import io
import pickle

import pytest
import torch

from fwp_neuro.artificial.recurrent import network, networks
from fwp_neuro.artificial.recurrent.registered_networks import NETWORKS
from fwp_neuro.errors import FwpError

BATCH, TOKENS, DIM = 3, 7, 6

#: further options that the laws run with, beside the defaults
OPTIONS = {
    "schmidhuber1992": [{"squash": "sigmoid"}, {"squash": "identity"}],
    "recurrent_delta": [{"heads": 2, "feature": "normalised_elu"}],
    "delta_rnn": [{"heads": 3, "feature": "softmax"}],
    "delta_lstm": [{"heads": 2, "candidate": "tanh"}],
    "srwm": [{"heads": 2, "input_feature": "identity"}, {"strengths": 1}],
    "fast_weights_rnn": [
        {"hidden_dim": 5, "steps": 3},
        {"activation": "tanh", "layer_norm": 0},
    ],
    "fast_weight_memory": [{"memory_dim": 4, "controller": "none", "reads": 1}],
    "differentiable_plasticity": [{"trace": "oja", "hidden_dim": 5}],
    "backpropamine": [{"retroactive": True, "hidden_dim": 5}, {"fan_out": False}],
    "elman": [{"activation": "relu", "hidden_dim": 5}],
    "lstm": [{"hidden_dim": 5}],
    "elstm": [{"hidden_dim": 5}, {"output_gate": False}],
    "s4d": [{"modes": 3, "write": "euler"}],
    "s6": [{"modes": 3, "write": "zoh"}],
    "hopfield": [{"update": "synchronous", "sweeps": 3}],
}
CASES = [
    (name, options) for name in networks() for options in [{}, *OPTIONS.get(name, ())]
]
EVERY_CASE = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=[f"{n}-{o}" if o else n for n, o in CASES]
)
EVERY_NETWORK = pytest.mark.parametrize("name", networks())


def build(name, options=None, dim=DIM, seed=0, spread=0.4):
    """A network in double precision whose parameters are all of order one."""
    torch.manual_seed(seed)
    net = network(name, dim, **(options or {})).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return net


def inputs(batch=BATCH, tokens=TOKENS, dim=DIM, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, tokens, dim, dtype=torch.double, generator=generator)


TRAINED = [case for case in CASES if list(network(case[0], DIM, **case[1]).parameters())]
EVERY_TRAINED_CASE = pytest.mark.parametrize(
    ("name", "options"), TRAINED, ids=[f"{n}-{o}" if o else n for n, o in TRAINED]
)


@EVERY_NETWORK
def test_each_network_says_what_it_is(name):
    kind = NETWORKS.get(name)
    assert kind.summary and kind.citation and any(c.isdigit() for c in kind.citation)
    assert kind.no_circuit.endswith(".")
    assert "Source:" in kind.__doc__ or "Taken from" in kind.__doc__
    for alias in kind.aliases:
        assert NETWORKS.get(alias) is kind


@EVERY_CASE
def test_output_has_the_shape_of_the_input_and_depends_on_the_past(name, options):
    net, x = build(name, options), inputs()
    y = net(x)
    assert y.shape == x.shape and y.dtype == x.dtype and y.isfinite().all()
    other = torch.cat((inputs(seed=2)[:, :-1], x[:, -1:]), 1)
    assert (net(other)[:, -1] - y[:, -1]).abs().max() > 1e-6


@EVERY_CASE
def test_causal(name, options):
    net, x = build(name, options), inputs()
    later = torch.cat((x[:, :4], inputs(seed=2)[:, 4:]), 1)
    assert (net(x)[:, :4] - net(later)[:, :4]).abs().max() < 1e-13
    assert (net(x)[:, 4:] - net(later)[:, 4:]).abs().max() > 1e-3


@EVERY_CASE
def test_whole_equals_two_halves_and_single_steps(name, options):
    net, x = build(name, options), inputs()
    whole, final = net(x, return_state=True)
    first, middle = net(x[:, :3], return_state=True)
    second, end = net(x[:, 3:], middle, return_state=True)
    assert (torch.cat((first, second), 1) - whole).abs().max() < 1e-12
    state = net.initial(BATCH)
    for t in range(TOKENS):
        y, state = net.step(x[:, t], state)
        assert (y - whole[:, t]).abs().max() < 1e-12
    for name_of_state, tensor in final.items():
        assert (end[name_of_state] - tensor).abs().max() < 1e-12
        assert (state[name_of_state] - tensor).abs().max() < 1e-12


@EVERY_CASE
def test_neither_state_nor_input_is_changed_in_place(name, options):
    net, x = build(name, options), inputs()
    _, state = net(x, return_state=True)
    before, seen = {n: s.clone() for n, s in state.items()}, x.clone()
    net(x, state)
    net.step(x[:, 0], state)
    assert state.keys() == before.keys() == net.initial(BATCH).keys()
    assert all(torch.equal(state[n], before[n]) for n in state)
    assert torch.equal(x, seen)


@EVERY_CASE
def test_sequences_of_a_batch_do_not_touch_each_other(name, options):
    net, x = build(name, options), inputs()
    together = net(x)
    for b in range(BATCH):
        assert (net(x[b : b + 1]) - together[b : b + 1]).abs().max() < 1e-12


@EVERY_CASE
def test_same_seed_same_weights_and_copies_run_alike(name, options):
    net, x = build(name, options), inputs()
    y = net(x)
    again = build(name, options)
    assert all(
        torch.equal(a, b)
        for a, b in zip(net.parameters(), again.parameters(), strict=True)
    )
    other = build(name, options, seed=5)
    other.load_state_dict(net.state_dict())
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    buffer.seek(0)
    fourth = network(name, DIM, **options).double()
    fourth.load_state_dict(torch.load(buffer))
    for copied in (
        again,
        other,
        fourth,
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
    ):
        assert torch.equal(copied(x), y)


@EVERY_CASE
def test_single_precision_agrees_with_double(name, options):
    net, x = build(name, options), inputs()
    y, state = net.float()(x.float(), return_state=True)
    assert y.dtype == torch.float32
    assert all(tensor.dtype == torch.float32 for tensor in state.values())
    assert (y - net.double()(x.float().double())).abs().max() < 1e-4


@EVERY_TRAINED_CASE
def test_gradients_reach_every_parameter(name, options):
    net, x = build(name, options), inputs()
    net(x).square().sum().backward()
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, (
            parameter_name
        )


@EVERY_TRAINED_CASE
def test_gradients_pass_gradcheck(name, options):
    tiny = {k: v for k, v in options.items() if k not in ("heads", "hidden_dim", "modes")}
    if "memory_dim" in options or name == "fast_weight_memory":
        tiny["memory_dim"] = 2
    if name in ("s4d", "s6"):
        tiny["modes"] = 2
    net, x = build(name, tiny, dim=2), inputs(2, 4, 2).requires_grad_()
    names = [n for n, _ in net.named_parameters()]

    def run(x, *parameters):
        return torch.func.functional_call(
            net, dict(zip(names, parameters, strict=True)), (x,)
        )

    parameters = [p.detach().clone().requires_grad_() for p in net.parameters()]
    assert torch.autograd.gradcheck(run, (x, *parameters), eps=1e-6, atol=1e-7, rtol=1e-5)


@EVERY_NETWORK
def test_nonsense_is_refused_in_one_sentence(name):
    net, x = build(name), inputs()
    _, state = net(x, return_state=True)
    key = next(iter(state))
    for call in (
        lambda: net(x[..., :-1]),
        lambda: net(x[:, :0]),
        lambda: net(x.float()),
        lambda: net(x.numpy()),
        lambda: net(x, {**state, key: 1.0}),
        lambda: net(x, {**state, "nonsense": x}),
        lambda: net(x, {n: s for n, s in state.items() if n != key}),
        lambda: net(x, {**state, key: state[key][:1]}),
        lambda: network(name, 0),
        lambda: network(name, DIM, nonsense=1),
    ):
        with pytest.raises(FwpError) as error:
            call()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("recurrent_delta", {"heads": 4}, "heads must divide"),
        ("recurrent_delta", {"feature": "sofmax"}, "'softmax'"),
        ("delta_lstm", {"candidate": "relu"}, "candidate"),
        ("srwm", {"strengths": 2}, "strengths must be 1 or 4"),
        ("schmidhuber1992", {"squash": "tan"}, "'tanh'"),
        ("fast_weights_rnn", {"decay": 1.5}, "decay"),
        ("fast_weights_rnn", {"steps": 0}, "steps"),
        ("fast_weight_memory", {"memory_dim": 1}, "memory_dim"),
        ("fast_weight_memory", {"controller": "gru"}, "controller"),
        ("differentiable_plasticity", {"trace": "hebb"}, "trace"),
        ("backpropamine", {"clip": -1}, "clip"),
        ("lstm", {"hidden_dim": 0}, "hidden_dim"),
        ("s4d", {"modes": 0}, "modes"),
        ("s6", {"write": "zho"}, "'zoh'"),
        ("hopfield", {"update": "parallel"}, "update"),
    ],
)
def test_illegal_options_are_named(name, options, words):
    with pytest.raises(FwpError, match=words):
        network(name, DIM, **options)
