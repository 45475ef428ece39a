"""The compiled parts of a layer: the numbers of their tensor forms, with gradients."""

import copy
import pickle

import numpy as np
import pytest
import torch
from layer_cases import EVERYTHING_SMALL, distance, inputs, layer, title
from torch import nn

from fwp_neuro import toolchain
from fwp_neuro.artificial.kernels import compiler, layer_parts
from fwp_neuro.artificial.kernels.layer_parts import GatedNorm, Mix, Part
from fwp_neuro.artificial.layers import programmer
from fwp_neuro.artificial.layers.readout import ReadOut, _rms_gated
from fwp_neuro.errors import Cannot

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")

SILU, UNIT, BOTH = (True, False), (False, True), (True, True)
#: (batch, tokens, heads, size of the convolution, rest), parts of a head
LAYOUTS = {
    "usual": ((3, 19, 2, 4, 0), ((8, *BOTH, 1.0), (8, *BOTH, 1.0), (5, *SILU, 1.0))),
    "with gates": ((2, 30, 3, 4, 7), ((16, *BOTH, 0.3), (17, *SILU, 1.0))),
    "mixed maps": ((2, 9, 2, 3, 2), ((3, *UNIT, 2.0), (40, *SILU, 1.0), (1, *BOTH, 1.0))),
    "no maps": ((2, 9, 1, 4, 0), ((33, False, False, 1.0),)),
    "pieces": ((1, 600, 1, 4, 1), ((6, *BOTH, 1.0), (6, *SILU, 1.0))),
    "many short": ((700, 2, 1, 4, 1), ((4, *BOTH, 1.0), (4, *UNIT, 1.0))),
    "one token": ((5, 1, 2, 4, 3), ((4, *BOTH, 1.0), (4, *SILU, 1.0))),
    "size 1": ((4, 7, 2, 1, 2), ((4, *BOTH, 1.0), (4, *SILU, 1.0))),
    "size 6": ((2, 300, 1, 6, 0), ((4, *BOTH, 1.0), (4, *UNIT, 1.0))),
}
EVERY = pytest.mark.parametrize("name", LAYOUTS)


def oracle(mixed, tail, weight, heads, parts, rest):
    """NumPy: token by token, sum_j c_j x_{t-n+1+j}, then SiLU, length and factor."""
    size, channels = weight.shape
    outputs = [np.zeros((*mixed.shape[:2], heads, width)) for width, *_ in parts]
    for b, sequence in enumerate(mixed[..., :channels]):
        rows = np.concatenate([tail[b], sequence])
        for t in range(len(sequence)):
            z = (weight * rows[t : t + size]).sum(0).reshape(heads, -1)
            begin = 0
            for out, (width, silu, unit, scale) in zip(outputs, parts, strict=True):
                x = z[:, begin : begin + width]
                x = x / (1 + np.exp(-x)) if silu else x
                x = x / np.linalg.norm(x, axis=-1, keepdims=True) if unit else x
                out[b, t], begin = scale * x, begin + width
    return [*outputs, *[mixed[..., channels:]] * bool(rest)]


def drawn(name, dtype=torch.float64):
    """A kernel, and what it is given."""
    (batch, tokens, heads, size, rest), parts = LAYOUTS[name]
    generator = torch.Generator().manual_seed(0)
    channels = heads * sum(width for width, *_ in parts)

    def random(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    given = (random(batch, tokens, channels + rest), random(batch, size - 1, channels),
             random(size, channels))  # fmt: skip
    parts = tuple(Part(*part) for part in parts)
    return Mix(heads, parts, rest, plain_of(heads, parts, rest)), given


def plain_of(heads, parts, rest):
    """The tensor form, as a layer has it."""
    slow = layer("delta").slow
    slow.heads, slow.parts = heads, parts
    slow.sizes = [part.width for part in parts]

    def plain(mixed, tail, weight):
        y, _ = programmer.convolved(mixed[..., : weight.shape[1]], tail, weight)
        return (*slow._mapped(y), *[mixed[..., weight.shape[1] :]] * bool(rest))

    return plain


def results(run, given):
    """Outputs of a function, and the gradients of a weighted sum of them."""
    leaves = [x.detach().requires_grad_() for x in given]
    outputs = run(*leaves)
    loss = sum(
        (x * torch.linspace(-1, 1, x.numel(), dtype=x.dtype).view_as(x)).sum()
        for x in outputs
    )
    slopes = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [x.detach() for x in (*outputs, *slopes)]


def worst(found, expected):
    """Largest difference, against the largest number where that is above one."""
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if b.numel()]
    return max(distance(a, b) / max(1, float(b.abs().max())) for a, b in pairs)


@EVERY
def test_the_convolution_and_its_maps_are_those_of_the_oracle(name):
    kernel, given = drawn(name)
    found = layer_parts.run(kernel, *given)
    expected = oracle(
        *(x.numpy() for x in given), kernel.heads, kernel.parts, kernel.rest
    )
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert np.abs(a.numpy() - b).max() < 1e-12


@EVERY
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_adjoint_of_the_convolution_is_the_gradient(name, dtype):
    kernel, given = drawn(name, dtype)
    assert layer_parts.runs(*given)
    expected = results(kernel.plain, [x.double() for x in given])
    found = results(lambda *leaves: layer_parts.run(kernel, *leaves), given)
    limit = 1e-12 if dtype is torch.float64 else 2e-5
    assert worst([x.double() for x in found], expected) < limit


def norm_given(dtype=torch.float64, tokens=300):
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(2, tokens, 3, 21, generator=generator, dtype=torch.float64)
    gate = torch.randn(2, tokens, 63, generator=generator, dtype=torch.float64)
    gain = torch.rand(21, generator=generator, dtype=torch.float64)
    return [x.to(dtype) for x in (y, gate, gain)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_norm_and_the_gate_are_those_of_the_tensor_form(dtype):
    kernel, given = GatedNorm(lambda *x: (_rms_gated(*x),)), norm_given(dtype)
    expected = results(kernel.plain, [x.double() for x in given])
    found = results(lambda *leaves: layer_parts.run(kernel, *leaves), given)
    limit = 1e-12 if dtype is torch.float64 else 1e-5
    assert worst([x.double() for x in found], expected) < limit


def test_sigmoid_has_the_range_of_exp():
    """Far out, at zero, and what is no number goes through."""
    x = torch.tensor([-1e4, -750, -90, -20, -1e-9, 0, 1e-9, 20, 90, 750, 1e4, np.nan])
    for dtype in (torch.float32, torch.float64):
        z = x.to(dtype).view(1, -1, 1)
        kernel = Mix(1, (Part(1, True, False, 1.0),), 0, None)
        found = kernel.forward(z, z[:, :0], torch.ones(1, 1, dtype=dtype))[0].flatten()
        torch.testing.assert_close(
            found, torch.nn.functional.silu(z).flatten(), equal_nan=True, rtol=1e-6,
            atol=1e-30,
        )  # fmt: skip


def test_a_key_of_zeros_stays_zero_and_has_a_gradient_of_numbers():
    kernel, (mixed, tail, weight) = drawn("usual")
    given = mixed * 0, tail * 0, weight
    expected = results(kernel.plain, given)
    found = results(lambda *leaves: layer_parts.run(kernel, *leaves), given)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_any_strides_and_missing_gradients():
    kernel, given = drawn("with gates")
    strange = [x.mT.contiguous().mT for x in given]
    assert not strange[0].is_contiguous()
    assert worst(layer_parts.run(kernel, *strange), kernel.plain(*given)) < 1e-12
    for which in range(3):
        leaves = [x.detach().requires_grad_() for x in strange]

        def one(run, which=which, leaves=leaves):
            y = run(*leaves)[which]
            slope = torch.ones_like(y).mT.contiguous().mT
            return torch.autograd.grad(y, leaves, slope, allow_unused=True)

        for a, b in zip(one(lambda *x: layer_parts.run(kernel, *x)), one(kernel.plain),
                        strict=True):  # fmt: skip
            torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b)


def test_a_gradient_of_a_gradient_is_that_of_the_tensor_form():
    for kernel, given in (
        drawn("mixed maps"),
        (GatedNorm(lambda *x: (_rms_gated(*x),)), norm_given(tokens=3)),
    ):

        def twice(run, given=given):
            leaves = [x.detach().requires_grad_() for x in given]
            loss = sum(x.sin().sum() for x in run(*leaves))
            slopes = torch.autograd.grad(loss, leaves, create_graph=True)
            return torch.autograd.grad(sum(x.cos().sum() for x in slopes), leaves)

        found = twice(lambda *leaves, kernel=kernel: layer_parts.run(kernel, *leaves))
        assert worst(found, twice(kernel.plain)) < 1e-12


def test_threads_change_no_bit():
    kernel, given = drawn("pieces", torch.float32)
    monkey = layer_parts._WORK
    before = torch.get_num_threads()
    found = []
    try:
        layer_parts._WORK = 10**6
        for count in (1, 3):
            torch.set_num_threads(count)
            run = lambda *leaves: layer_parts.run(kernel, *leaves)  # noqa: E731
            found.append(results(run, given))
    finally:
        layer_parts._WORK = monkey
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def both_ways(net, x, *states):
    """Results and gradients of a layer with compiled parts, and without."""
    found = []
    for compiled in (True, False):
        net.slow.compiled = net.readout.compiled = compiled
        leaf = x.detach().requires_grad_()
        y, state = net(leaf, *states, return_state=True)
        parts = [s for s in state.values() if s.is_floating_point()]
        loss = y.sin().sum() + sum(s.cos().sum() for s in parts)
        slopes = torch.autograd.grad(
            loss, [leaf, *net.parameters()], allow_unused=True, materialize_grads=True
        )
        found.append([y, *parts, *slopes])
    return found


@pytest.mark.parametrize("rule", EVERYTHING_SMALL, ids=title)
def test_every_layer_gives_the_same_with_compiled_parts(rule, monkeypatch):
    monkeypatch.setattr(programmer, "PACKED", 1)
    net = layer(rule, query_scale=0.5)
    used = []
    right = layer_parts.run
    monkeypatch.setattr(layer_parts, "run", lambda *x: used.append(0) or right(*x))
    found, expected = both_ways(net, inputs(tokens=5))
    assert len(used) == 2
    assert worst(found, expected) < 1e-11


@pytest.mark.parametrize(
    "options",
    [
        {"feature_map": "dpfp", "query_norm": "sum"},
        {"feature_map": "identity", "value_map": "elu"},
        {"convolution": 1, "output_norm": "layer"},
        {"convolution": 0, "output_gate": False},
        {"gates": {"beta": 0.5}},
        {"beta_range": (0, 2), "key_norm": "none", "convolution": 7},
    ],
    ids=str,
)
def test_options_of_a_layer_with_compiled_parts(options):
    net, x = layer("delta", **options), inputs(tokens=200)
    state = net(x[:, :3], return_state=True)[1]
    state = {name: part.detach() for name, part in state.items()}
    found, expected = both_ways(net, x, state)
    assert worst(found, expected) < 1e-11


@pytest.mark.parametrize("how", ["no compiler", "it fails"])
def test_without_a_compiler_tensor_operations_run(how, monkeypatch):
    net, x = layer("delta", form="step"), inputs(tokens=5)
    expected = net(x)
    net.slow.compiled = net.readout.compiled = True
    monkeypatch.setattr(layer_parts, "_loaded", {})
    if how == "no compiler":
        monkeypatch.setattr(compiler, "there", lambda: False)
    else:
        monkeypatch.setenv("CXX", "false")
        tried = []
        monkeypatch.setattr(layer_parts.compiler, "library", _refused(tried))
    assert torch.equal(net(x), expected) and not layer_parts._loaded
    if how != "no compiler":
        net(x)
        assert len(tried) == 1  # and not at every call


def _refused(tried):
    def library(*given):
        tried.append(given)
        raise Cannot("it cannot be compiled")

    return library


def test_a_form_of_tensor_operations_has_no_compiled_part():
    for form, compiled in (("auto", True), ("compiled", True), ("chunk", False)):
        net = layer("delta", form=form)
        assert net.slow.compiled is net.readout.compiled is compiled


def test_one_product_for_all_maps_keeps_names_and_numbers():
    """Names of a state are as ever, and a map that is hooked or replaced runs itself."""
    net, x = layer("gated_delta").float(), inputs(tokens=programmer.PACKED).float()
    names = set(net.state_dict())
    assert {"slow.linear.weight", "slow.gates.gate_beta.linear.bias"} <= names
    expected = net(x)
    again = pickle.loads(pickle.dumps(copy.deepcopy(net)))  # noqa: S301  our own
    assert torch.equal(again(x), expected)
    seen = []
    gate = net.slow.gates["gate_beta"]
    for module in (net.slow.linear, gate.linear, gate, net.slow.convolution):
        handle = module.register_forward_hook(lambda *_: seen.append(0))
        assert distance(net(x), expected) < 1e-5 and len(seen) == 1
        handle.remove()
        seen.clear()
    gate.linear = nn.Sequential(gate.linear, nn.Identity())
    assert distance(net(x), expected) < 1e-5
    nn.utils.parametrizations.weight_norm(net.slow.linear)
    assert distance(net(x), expected) < 1e-5


def test_autocast_and_half_parameters():
    net, x = layer("delta", dtype=torch.float32), inputs(tokens=40).float()
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = both_ways(net, x)
    assert worst(found, expected) < 2e-2
    half = layer("delta", dtype=torch.bfloat16)
    found, expected = both_ways(half, x.bfloat16())
    assert worst(found, expected) < 4e-2


@pytest.mark.parametrize("gradients", [True, False])
def test_a_trace_of_torch_jit_holds_no_numbers(gradients):
    net, x, other = layer("delta"), inputs(tokens=20), inputs(tokens=20, seed=1)
    with torch.set_grad_enabled(gradients):
        traced = torch.jit.trace(net, x, check_trace=False)
        assert distance(traced(other), net(other)) < 1e-12


def test_the_read_out_without_norm_or_gate_stays_as_it_was():
    for norm, gated in (("none", True), ("layer", True), ("rms", False)):
        torch.manual_seed(0)
        out = ReadOut("here", 6, 2, 4, norm, gated).double()
        y = torch.randn(2, 3, 2, 4, dtype=torch.float64)
        x = torch.randn(2, 3, 6, dtype=torch.float64)
        expected = y
        if norm != "none":
            mean = y.mean(-1, keepdim=True) if norm == "layer" else 0
            rms = ((y - mean) ** 2).mean(-1, keepdim=True)
            expected = (y - mean) / (rms + 1e-5).sqrt()
        expected = expected.flatten(-2)
        if gated:
            raw = x @ out.gate.weight.T
            expected = expected * raw * torch.sigmoid(raw)
        assert distance(out(y, x), expected @ out.linear.weight.T) < 1e-12
