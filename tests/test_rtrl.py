"""Real-time recurrent learning equals back-propagation through time, in constant
memory."""

import numpy as np
import pytest
import torch

from fwp_neuro.artificial.recurrent import network, networks
from fwp_neuro.artificial.recurrent.elementwise_recurrence import Elementwise
from fwp_neuro.artificial.recurrent.registered_networks import NETWORKS
from fwp_neuro.artificial.rtrl import RealTimeLearner
from fwp_neuro.errors import FwpError

BATCH, DIM = 3, 4
ELEMENTWISE = [name for name in networks() if issubclass(NETWORKS.get(name), Elementwise)]
OPTIONS = {
    "elstm": [{"hidden_dim": 6}, {"output_gate": False}],
    "s4d": [{"modes": 3}, {"modes": 2, "write": "euler"}],
    "s6": [{"modes": 3}, {"modes": 2, "write": "zoh"}],
}
EVERY_CASE = pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name in ELEMENTWISE for options in [{}, *OPTIONS.get(name, ())]],
    ids=str,
)


def build(name, options, seed=0):
    torch.manual_seed(seed)
    net = network(name, DIM, **options).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return net


def task(tokens, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, tokens, BATCH, DIM, dtype=torch.double, generator=generator)


def learn(net, xs, targets, learner=None):
    """Gradients of all losses by the learner, one `backward` at every token."""
    net.zero_grad()
    learner = learner or RealTimeLearner(net, BATCH)
    outputs = []
    for x, target in zip(xs, targets, strict=True):
        y = learner.step(x)
        (y - target).square().sum().backward()
        outputs.append(y.detach())
    return torch.stack(outputs), {n: p.grad.clone() for n, p in net.named_parameters()}


def through_time(net, xs, targets):
    net.zero_grad()
    y = net(xs.transpose(0, 1)).transpose(0, 1)
    (y - targets).square().sum().backward()
    return y.detach(), {n: p.grad.clone() for n, p in net.named_parameters()}


def test_the_elementwise_networks_are_found():
    assert {"elstm", "s4d", "s6"} <= set(ELEMENTWISE)


@EVERY_CASE
def test_gradients_are_those_of_back_propagation_through_time(name, options):
    net, (xs, targets) = build(name, options), task(30)
    y, gradients = learn(net, xs, targets)
    expected, through = through_time(net, xs, targets)
    assert (y - expected).abs().max() < 1e-12
    assert gradients.keys() == through.keys()
    for parameter, gradient in through.items():
        assert gradient.abs().max() > 1e-8, parameter
        error = (gradients[parameter] - gradient).abs().max() / gradient.abs().max()
        assert error < 1e-12, (parameter, float(error))


def test_a_loss_at_the_last_token_alone_reaches_the_first():
    net, (xs, targets) = build("elstm", {}), task(25)
    learner = RealTimeLearner(net, BATCH)
    for x in xs:
        y = learner.step(x)
    (y - targets[-1]).square().sum().backward()
    gradients = {n: p.grad.clone() for n, p in net.named_parameters()}
    net.zero_grad()
    (net(xs.transpose(0, 1))[:, -1] - targets[-1]).square().sum().backward()
    for name, parameter in net.named_parameters():
        error = (
            gradients[name] - parameter.grad
        ).abs().max() / parameter.grad.abs().max()
        assert error < 1e-12, name


def test_elstm_sensitivities_follow_the_published_recursion():
    net, (xs, _) = build("elstm", {}), task(9)
    learner = RealTimeLearner(net, BATCH)
    p = {n: t.detach().numpy() for n, t in net.named_parameters()}
    c = np.zeros((BATCH, DIM))
    s_z, s_f = np.zeros((BATCH, DIM, DIM)), np.zeros((BATCH, DIM, DIM))
    s_wz, s_wf = np.zeros((BATCH, DIM)), np.zeros((BATCH, DIM))
    for x in xs.numpy():
        f_in = x @ p["forget.weight"].T + p["forget.bias"] + p["forget_again"] * c
        f = 1 / (1 + np.exp(-f_in))
        z = np.tanh(
            x @ p["candidate.weight"].T + p["candidate.bias"] + p["candidate_again"] * c
        )
        to_z, to_f = (1 - f) * (1 - z**2), (c - z) * f * (1 - f)
        jacobian = f + to_z * p["candidate_again"] + to_f * p["forget_again"]
        s_z = jacobian[..., None] * s_z + to_z[..., None] * x[:, None]
        s_f = jacobian[..., None] * s_f + to_f[..., None] * x[:, None]
        s_wz, s_wf = jacobian * s_wz + to_z * c, jacobian * s_wf + to_f * c
        c = f * c + (1 - f) * z
        learner.step(torch.as_tensor(x))
    for name, expected in (
        ("candidate.weight", s_z),
        ("forget.weight", s_f),
        ("candidate_again", s_wz),
        ("forget_again", s_wf),
    ):
        assert np.abs(learner.sensitivities[name].numpy() - expected).max() < 1e-13
    assert np.abs(learner.c.numpy() - c).max() < 1e-13


def test_memory_does_not_grow_with_the_sequence():
    net, (xs, targets) = build("elstm", {}), task(60)
    learner = RealTimeLearner(net, BATCH)
    counts = []
    for x, target in zip(xs, targets, strict=True):
        y = learner.step(x)
        kept = [learner.c, *learner.sensitivities.values()]
        assert all(tensor.grad_fn is None and not tensor.requires_grad for tensor in kept)
        counts.append(sum(tensor.untyped_storage().nbytes() // 8 for tensor in kept))
        # the graph of a token holds no earlier token: it can be used up at once
        (y - target).square().sum().backward()
    # one number a recurrent parameter and sequence, and the state
    assert set(counts) == {
        BATCH * (sum(net.get_parameter(n).numel() for n in net.own) + DIM)
    }


def test_the_parameters_that_are_not_recurrent_need_no_sensitivities():
    net = build("elstm", {})
    learner = RealTimeLearner(net, BATCH)
    assert set(learner.sensitivities) == {*net.own, *net.shared}
    assert "gate.weight" not in learner.sensitivities


def test_online_learning_lowers_the_loss_of_a_delayed_copy():
    torch.manual_seed(0)
    net = network("elstm", 2, hidden_dim=12).double()
    optimiser = torch.optim.Adam(net.parameters(), lr=0.03)
    signs = torch.randint(0, 2, (600, 8, 2), dtype=torch.double) * 2 - 1
    learner, losses = RealTimeLearner(net, 8), []
    for t in range(2, len(signs)):
        loss = (learner.step(signs[t]) - signs[t - 1]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    # answering zero costs 1
    assert np.mean(losses[:10]) > 0.9 and np.mean(losses[-20:]) < 0.1


def test_what_does_not_fit_is_refused():
    net = build("elstm", {})
    with pytest.raises(FwpError, match="elementwise recurrence.*'lstm'"):
        RealTimeLearner(network("lstm", DIM), BATCH)
    with pytest.raises(FwpError, match="elementwise recurrence.*'int'"):
        RealTimeLearner(3, BATCH)
    with pytest.raises(FwpError, match="batch"):
        RealTimeLearner(net, 0)
    learner = RealTimeLearner(net, BATCH)
    with pytest.raises(FwpError, match="model_dim"):
        learner.step(torch.zeros(BATCH, DIM + 1, dtype=torch.double))
    with pytest.raises(FwpError, match="float64"):
        learner.step(torch.zeros(BATCH, DIM))
