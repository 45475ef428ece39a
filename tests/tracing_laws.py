"""What every module of sequences must pass under torch.compile, torch.export and
torch.func."""

import torch
from layer_cases import distance
from torch.func import functional_call, grad, vmap


def run(net, x, *state):
    """Output, and gradients of input and parameters."""
    x = x.clone().requires_grad_()
    y = net(x, *state)
    wanted = [x, *net.parameters()] if y.requires_grad else []
    loss = (y.float() * torch.arange(y.numel()).view_as(y).sin()).sum()
    return y, torch.autograd.grad(loss, wanted, materialize_grads=True) if wanted else []


def compiled(net, backend="eager"):
    """A module traced as one graph."""
    torch._dynamo.reset()
    return torch.compile(net, fullgraph=True, backend=backend)


def compiled_equals_plain(net, x, tolerance, backend="eager"):
    (y, ours), (z, theirs) = run(net, x), run(compiled(net, backend), x)
    assert distance(y, z) < tolerance
    for a, b in zip(ours, theirs, strict=True):
        assert distance(a, b) < 10 * tolerance * (1 + float(a.abs().max()))


def compiled_carries_on(net, x, *sizes):
    """Parts of some tokens, all of them compiled but the first."""
    whole, final = net(x, return_state=True)
    first, *parts = x.split(sizes, 1)
    y, state = net(first, return_state=True)
    traced, outputs = compiled(net), [y]
    for part in parts:
        y, state = traced(part, state, return_state=True)
        outputs.append(y)
    assert distance(torch.cat(outputs, 1), whole) < 1e-11
    assert state.keys() == final.keys()
    assert all(distance(state[n], final[n]) < 1e-11 for n in final if final[n].numel())


def exported_equals_plain(net, x, *others):
    """From the start, and from a state."""
    batch = torch.export.Dim("batch", min=1, max=64)
    cut = x.shape[1] // 2
    program = torch.export.export(net, (x,), dynamic_shapes={"x": {0: batch}})
    for other in others:
        assert distance(program.module()(other), net(other)) < 1e-12
    _, state = net(x[:, :cut], return_state=True)
    shapes = {"x": {0: batch}, "state": {name: {0: batch} for name in state}}
    program = torch.export.export(net, (x[:, cut:], state), dynamic_shapes=shapes)
    for other in others:
        y, state = net(other[:, :cut], return_state=True)
        found = program.module()(other[:, cut:], state)
        assert distance(found, net(other)[:, cut:]) < 1e-11


def gradients_of_every_sample(net, x):
    """From the start, and from the states that the first tokens of each sample leave."""
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    cut = x.shape[1] // 2

    def loss(parameters, sample, *state):
        state = [{name: part[None] for name, part in each.items()} for each in state]
        return functional_call(net, parameters, (sample[None], *state)).square().sum()

    _, state = net(x[:, :cut], return_state=True)
    state = {name: part.detach() for name, part in state.items()}
    for given in ((x,), (x[:, cut:], state)):
        found = vmap(grad(loss), (None, *[0] * len(given)))(parameters, *given)
        for n in range(len(x)):
            one = [p[n : n + 1] if isinstance(p, torch.Tensor) else
                   {name: part[n : n + 1] for name, part in p.items()}
                   for p in given]  # fmt: skip
            # what a state takes the place of has no part in the output: zero, whatever is
            # left
            loss_of_one = net(*one).square().sum() + 0 * sum(
                p.sum() for p in net.parameters()
            )
            wanted = torch.autograd.grad(loss_of_one, list(net.parameters()))
            for name, gradient in zip(parameters, wanted, strict=True):
                error = distance(found[name][n], gradient)
                assert error < 1e-10 * (1 + float(gradient.abs().max()))


def vmap_equals_one_after_the_other(nets, x):
    stacked = {
        name: torch.stack([dict(net.named_parameters())[name].detach() for net in nets])
        for name, _ in nets[0].named_parameters()
    }
    found = vmap(lambda p: functional_call(nets[0], p, (x,)))(stacked)
    assert all(distance(found[n], net(x)) < 1e-12 for n, net in enumerate(nets))
