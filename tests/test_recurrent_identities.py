"""Identities between recurrent networks, the rules and PyTorch's own layers."""

import numpy as np
import pytest
import torch
from test_recurrent_laws import build, inputs
from test_recurrent_oracles import BATCH, DIM, TOKENS, sigmoid, softmax

from fwp_neuro.artificial import apply


@pytest.mark.parametrize(("name", "reference"), [("elman", "RNN"), ("lstm", "LSTM")])
def test_baselines_equal_those_of_pytorch_on_copied_weights(name, reference):
    net, x = build(name, {}, DIM), inputs(BATCH, TOKENS, DIM)
    other = getattr(torch.nn, reference)(DIM, DIM, batch_first=True).double()
    other.load_state_dict(net.core.state_dict())
    assert (net(x) - other(x)[0]).abs().max() < 1e-12


def test_the_first_programmer_without_squashing_is_linear_attention():
    net, x = (
        build("schmidhuber1992", {"squash": "identity"}, DIM),
        inputs(BATCH, TOKENS, DIM),
    )
    scores = (x @ net.key(x).mT).tril()
    assert (net(x) - scores @ net.value(x)).abs().max() < 1e-12


def test_srwm_with_one_strength_multiplies_from_the_right_and_never_gains_rank():
    net, x = build("srwm", {"strengths": 1}, DIM), inputs(1, TOKENS, DIM)
    with torch.no_grad():
        net.start[:] = net.start[:, :, :2] @ torch.randn(1, 2, DIM, dtype=torch.double)
    W0 = net.start.detach().numpy()[0]
    assert np.linalg.matrix_rank(W0) == 2
    state = net.initial(1)
    for token in x[0]:
        before = state["w"].detach().numpy()[0, 0]
        _, state = net.step(token[None], state)
        now = before @ softmax(token.numpy())
        q, k = softmax(now[DIM : 2 * DIM]), softmax(now[2 * DIM : 3 * DIM])
        A = np.eye(DIM) + sigmoid(now[-1]) * np.outer(q - k, k)
        after = state["w"].detach().numpy()[0, 0]
        assert np.abs(after - before @ A).max() < 1e-13
        assert np.abs(after - before).max() > 1e-6
        assert np.linalg.matrix_rank(after, tol=1e-10) == 2
        # the column space is that of W_0
        assert np.linalg.matrix_rank(np.hstack([W0, after]), tol=1e-10) == 2


def test_recurrent_delta_without_its_recurrence_is_the_delta_rule():
    net, x = build("recurrent_delta", {"heads": 2}, DIM), inputs(BATCH, TOKENS, DIM)
    with torch.no_grad():
        net.recurrent.zero_()
    signals = net.slow(x.flatten(0, 1))
    q, k, v, b = (s.unflatten(0, (BATCH, TOKENS)) for s in signals)
    y, _ = apply("delta", q.softmax(-1), k.softmax(-1), v, beta=b.squeeze(-1).sigmoid())
    assert (net(x) - net.output(y.flatten(-2))).abs().max() < 1e-12


def test_plastic_nets_without_plasticity_are_elman_networks():
    x = inputs(BATCH, TOKENS, DIM)
    for name in ("differentiable_plasticity", "backpropamine"):
        net, plain = build(name, {}, DIM), build("elman", {}, DIM)
        with torch.no_grad():
            net.alpha.zero_()
            plain.core.weight_ih_l0.copy_(net.input.weight)
            plain.core.bias_ih_l0.copy_(net.input.bias)
            plain.core.weight_hh_l0.copy_(net.w)
            plain.core.bias_hh_l0.zero_()
        assert (net(x) - plain(x)).abs().max() < 1e-13


def test_the_trace_of_backpropamine_stays_within_its_clip():
    net = build("backpropamine", {"clip": 0.3}, DIM, spread=2.0)
    _, state = net(inputs(BATCH, 30, DIM), return_state=True)
    assert state["hebb"].abs().max() == 0.3


def test_the_norm_of_the_fast_weight_memory_stays_within_one():
    net = build("fast_weight_memory", {"memory_dim": 3}, DIM, spread=2.0)
    _, state = net(inputs(BATCH, 40, DIM), return_state=True)
    assert (state["f"].flatten(1).norm(dim=1) <= 1 + 1e-12).all()


def test_zero_order_hold_is_the_exact_solution_for_an_input_that_is_held():
    net = build("s4d", {"modes": 3}, DIM)
    held = torch.ones(1, 8, DIM, dtype=torch.double)
    _, state = net(held, return_state=True)
    rate, step = net.log_rate.exp(), net.log_step.exp()[:, None]
    exact = net.weights_in / rate * (1 - torch.exp(-8 * step * rate))
    assert (state["c"][0] - exact).abs().max() < 1e-13


@pytest.mark.parametrize("name", ["s4d", "s6"])
def test_the_parallel_form_is_safe_where_decays_underflow(name):
    torch.manual_seed(0)
    net, x = build(name, {"modes": 3}, DIM), inputs(BATCH, 100, DIM)
    with torch.no_grad():
        net.log_rate[:, 0] = 12.0
        net.log_rate[:, 1] = -30.0
    x.requires_grad_()
    y = net(x)
    y.square().sum().backward()
    assert x.grad.isfinite().all() and all(
        p.grad.isfinite().all() for p in net.parameters()
    )
    state, steps = net.initial(BATCH), []
    for token in x.unbind(1):
        out, state = net.step(token, state)
        steps.append(out)
    steps = torch.stack(steps, 1)
    assert ((y - steps).abs().max() / steps.abs().max()) < 1e-12
    through_steps = torch.autograd.grad(steps.square().sum(), x)[0]
    assert (x.grad - through_steps).abs().max() / through_steps.abs().max() < 1e-11
