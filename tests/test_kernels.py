"""Compiled kernels: numbers and gradients of the step form and of the hand-written
oracles."""

import re

import numpy as np
import pytest
import torch
import torch.fx.experimental.proxy_tensor
from oracles import draw, draw_states, walk

import fwp_neuro as fwp
from fwp_neuro.artificial import apply, kernels
from fwp_neuro.artificial.kernels import call
from fwp_neuro.errors import Cannot, FwpError
from fwp_neuro.rules import rule, rules

#: nested pools, a gain of its own a row, two reads, functions, C++ keywords, a query in
#: the text
TYPED = fwp.Rule(
    "typed in",
    "w = a*w + read(k)*q/3\n"
    "w += double*(tanh(v) - read(k))*k/(1 + pool(k*k*exp(-pool(k)**2)))**0.5",
    {"a": "pre", "double": "post"},
)
#: printed as they stand: no plan covers read and back together, what does not factorise,
#: or tanh(w)
READ_AND_BACK = fwp.Rule(
    "read and back",
    "w = a*w + b*(v - read(k))*k\nw += b*v*(k - back(v*tanh(read(k)))) - "
    "g*back(v)*read(q)/9",
    {"a": "pre", "b": "shared", "g": "post"},
)
ENTRYWISE = fwp.Rule(
    "entrywise decay",
    "m = exp(-a*b*c)*m + (1 - a*b*(1 - pool(k*pool(k))**2/9))*v*k\nw = (1 - abs(a - "
    "b))*w + c*m",
    {"a": "pre", "b": "post", "c": "shared"},
    states=["m"],
)
SATURATING = fwp.Rule(
    "saturating", "w = tanh(c*w + v*k - w*back(v)*read(k)/9)", {"c": "shared"}
)
LITERAL = [READ_AND_BACK, ENTRYWISE, SATURATING]
FAST = [rule("gated_delta"), rule("gated_oja"), rule("momentum_delta"), TYPED]
SLOW = [one for one in map(rule, rules()) if one.name not in {r.name for r in FAST}]
ALL = [*FAST, *LITERAL, *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)]
SLOW_ONES = ALL[len(FAST) + len(LITERAL) :]
SHAPES = [(5, 3, 67), (70, 33, 40), (9, 17, 1)]  # d_k, d_v, tokens


@pytest.fixture(scope="module", autouse=True)
def cache(request):
    """Keep kernels between runs of the tests, away from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FWP_NEURO_CACHE", str(request.config.cache.mkdir("fwp_neuro")))
        yield


def tensors(of, lead=(2, 7, 2), pre=5, post=3, dtype=torch.float64):
    """Draw signals, none much longer than 1 so that nothing explodes, and states."""
    batch, tokens, heads = lead
    signals = {
        name: torch.tensor(
            array if name in of.gates else array / np.sqrt(array.shape[-1])
        )
        for name, array in draw(of, lead, pre, post).items()
    }
    states = draw_states(of, (batch, heads), pre, post)
    states = {name: torch.tensor(array) for name, array in states.items()}
    together = (*signals.values(), *states.values())
    return (
        [item.to(dtype).requires_grad_() for item in together],
        list(signals),
        list(states),
    )


def step(of, signals, states):
    rest = {name: item for name, item in signals.items() if name not in "qkv"}
    query, key, value = (signals.get(name) for name in "qkv")
    readout, final = apply(
        of, query, key, value, initial_state=states, form="step", **rest
    )
    return readout, final if isinstance(final, dict) else {"w": final}


def results(run, of, leaves, names, states):
    """Return read-out, final states and the gradients of a random sum of both."""
    named = dict(zip([*names, *states], leaves, strict=True))
    found = run(of, {n: named[n] for n in names}, {n: named[n] for n in states})
    outputs = [found[0], *(found[1][name] for name in states)]
    random = torch.Generator().manual_seed(1)
    loss = sum(
        (
            item
            * torch.randn(item.shape, generator=random, dtype=torch.float64).to(
                item.dtype
            )
        ).sum()
        for item in outputs
    )
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    gradients = [
        torch.zeros_like(leaf) if item is None else item
        for item, leaf in zip(gradients, leaves, strict=True)
    ]
    return [item.detach() for item in outputs] + gradients


def gap(ours, theirs):
    """Return the largest difference, in units of the largest entry of each array."""
    return max(
        float((a - b).abs().max() / b.abs().max().clamp(min=1e-30))
        for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("of", ALL, ids=lambda one: one.name)
def test_equals_the_step_form(of):
    for pre, post, tokens in SHAPES:
        leaves, *names = tensors(of, (2, tokens, 2), pre, post)
        ours = results(kernels.run, of, leaves, *names)
        assert gap(ours, results(step, of, leaves, *names)) < 1e-10


@pytest.mark.parametrize("of", ALL[:1] + ALL[4:], ids=lambda one: one.name)
def test_single_precision(of):
    leaves, *names = tensors(of, (1, 70, 2), 70, 33, torch.float32)
    exact = [item.detach().double().requires_grad_() for item in leaves]
    ours = results(kernels.run, of, leaves, *names)
    assert all(item.dtype == torch.float32 for item in ours)
    assert gap([item.double() for item in ours], results(step, of, exact, *names)) < 1e-4


@pytest.mark.parametrize("of", ALL[:3] + SLOW_ONES, ids=lambda one: one.name)
def test_equals_the_oracle(of):
    signals, states = draw(of, (41,), 6, 3), draw_states(of, (), 6, 3)
    signals = {n: a if n in of.gates else a / 2 for n, a in signals.items()}
    readout, trace = walk(of.name, signals, states)
    ours, final = kernels.run(
        of,
        {name: torch.tensor(array)[None, :, None] for name, array in signals.items()},
        {name: torch.tensor(array)[None, None] for name, array in states.items()},
    )
    assert np.allclose(ours[0, :, 0], readout, rtol=0, atol=1e-10)
    for name, kept in zip(of.states, trace, strict=True):
        assert np.allclose(final[name][0, 0], kept[-1], rtol=0, atol=1e-10)


def gated(lead=(2, 7, 2), pre=5, post=3, **options):
    """Return gated delta's tensors and a function of them."""
    leaves, names, states = tensors(FAST[0], lead, pre, post, **options)

    def run(*given):
        readout, final = kernels.run(
            FAST[0], dict(zip(names, given, strict=False)), {"w": given[-1]}
        )
        return readout, final["w"]

    return leaves, names, run


def loss_of(run):
    return lambda *given: sum((item**2).sum() for item in run(*given))


def test_strong_decays_stay_exact():
    signals, states = draw(FAST[0], (4096,), 8, 4), draw_states(FAST[0], (), 8, 4)
    signals["alpha"][:] = 1e-4
    signals["k"][1000:3000] = 0  # what is left decays to nothing
    readout, trace = walk(FAST[0].name, signals, states)
    ours, final = kernels.run(
        FAST[0],
        {name: torch.tensor(array)[None, :, None] for name, array in signals.items()},
        {name: torch.tensor(array)[None, None] for name, array in states.items()},
    )
    assert np.allclose(ours[0, :, 0], readout, rtol=0, atol=1e-9)
    assert np.allclose(final["w"][0, 0], trace[0][-1], rtol=0, atol=1e-9)
    leaves, names, states = tensors(FAST[0], (1, 300, 1))
    with torch.no_grad():
        leaves[names.index("alpha")].fill_(1e-4)
    ours = results(kernels.run, FAST[0], leaves, names, states)
    assert gap(ours, results(step, FAST[0], leaves, names, states)) < 1e-9


def test_any_strides_and_nothing_changed_in_place():
    leaves, _, run = gated()
    dense = [item.detach() for item in leaves]
    strided = [item.transpose(0, -1).contiguous().transpose(0, -1) for item in dense]
    strided[0] = dense[0].repeat(1, 1, 1, 2)[..., : dense[0].shape[-1]]
    before = [item.clone() for item in strided]
    assert not strided[1].is_contiguous()
    for ours, theirs in zip(run(*strided), run(*dense), strict=True):
        assert torch.equal(ours, theirs)
    assert all(torch.equal(a, b) for a, b in zip(strided, before, strict=True))


def test_one_row_for_all_batches_may_be_expanded():
    leaves, _, run = gated((1, 7, 2))
    wide = [item.expand(3, *item.shape[1:]) for item in leaves]
    for ours, one in zip(run(*wide), run(*leaves), strict=True):
        assert torch.equal(ours, one.expand_as(ours))


def test_two_threads_give_the_same_bits(monkeypatch):
    leaves, names, _ = gated((2, 50, 3), 20, 18)
    monkeypatch.setattr(call, "THREAD_WORK", 1)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(results(kernels.run, FAST[0], leaves, names, ["w"]))
            assert call.Shapes(2, 50, 3, 18, 20).threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_gradients_by_finite_differences():
    leaves, _, run = gated((1, 5, 1), 3, 2)
    assert torch.autograd.gradcheck(run, leaves)


def test_torch_func():
    leaves, _, run = gated()
    leaves = [item.detach() for item in leaves]
    every, loss = tuple(range(len(leaves))), loss_of(run)
    many = [torch.stack([item, 0.5 * item, 0.2 * item], 1) for item in leaves]
    mapped = torch.func.vmap(run, in_dims=1)(*many)
    sample = torch.func.vmap(torch.func.grad(loss, every), in_dims=1)(*many)
    for n in range(3):
        one = [item[:, n].clone().requires_grad_() for item in many]
        assert (
            gap([item[n] for item in mapped], [item.detach() for item in run(*one)])
            < 1e-12
        )
        assert (
            gap([item[n] for item in sample], torch.autograd.grad(loss(*one), one))
            < 1e-12
        )

    def total(query, keys):
        shared = [query if n == 3 else item for n, item in enumerate(leaves)]
        return torch.func.vmap(lambda key: loss(key, *shared[1:]))(keys).sum()

    keys = many[0].movedim(1, 0)
    outer = torch.func.grad(total)(leaves[3], keys)
    query = leaves[3].clone().requires_grad_()
    each = sum(loss(key, *leaves[1:3], query, *leaves[4:]) for key in keys)
    assert gap([outer], torch.autograd.grad(each, query)) < 1e-12


def test_torch_compile_traces_it_whole():
    leaves, _, run = gated()
    traced = torch.compile(run, fullgraph=True, backend="aot_eager")
    ours = torch.autograd.grad(loss_of(traced)(*leaves), leaves)
    assert gap(ours, torch.autograd.grad(loss_of(run)(*leaves), leaves)) < 1e-12


def test_an_exported_graph_needs_no_rule(tmp_path):
    leaves, names, run = gated()
    module = type(
        "Memory", (torch.nn.Module,), {"forward": lambda self, *given: run(*given)}
    )()
    batch, token = torch.export.Dim("batch", max=64), torch.export.Dim("token", max=512)
    dims = tuple({0: batch, 1: token} for _ in names) + ({0: batch},)
    graph = torch.export.export(module, tuple(leaves), dynamic_shapes=(dims,))
    torch.export.save(graph, tmp_path / "graph.pt2")
    loaded = torch.export.load(tmp_path / "graph.pt2").module()
    wider, *_ = gated((3, 40, 2))
    assert (
        gap([x.detach() for x in loaded(*wider)], [x.detach() for x in run(*wider)])
        < 1e-12
    )
    ours = torch.autograd.grad(loss_of(loaded)(*wider), wider)
    assert gap(ours, torch.autograd.grad(loss_of(run)(*wider), wider)) < 1e-12


def test_operator_declares_itself_truly():
    leaves, _, _ = gated()
    given = (call.declaration(FAST[0]), leaves[:-1], leaves[-1:], True)
    assert set(torch.library.opcheck(kernels.operator.recurrence, given).values()) == {
        "SUCCESS"
    }


def test_second_derivatives_are_refused():
    leaves, _, run = gated()
    (slope,) = torch.autograd.grad(loss_of(run)(*leaves), leaves[0], create_graph=True)
    with pytest.raises(FwpError, match="use form='chunk', or form='step' where a rule"):
        torch.autograd.grad(slope.sum(), leaves[0])


def test_forward_derivatives_are_not_lost_in_silence():
    leaves, _, run = gated()
    leaves = [item.detach() for item in leaves]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(leaves[0], torch.ones_like(leaves[0]))
        with pytest.raises(
            FwpError, match="no forward derivative .jvp.: use form='chunk'"
        ):
            run(dual, *leaves[1:])
    with pytest.raises(FwpError, match="no forward derivative"):
        torch.func.jvp(lambda key: run(key, *leaves[1:]), (leaves[0],), (leaves[0],))
    with pytest.raises(FwpError, match="no gradient of its own|no forward derivative"):
        torch.func.hessian(lambda key: loss_of(run)(key, *leaves[1:]))(leaves[0])


def test_tracing_with_real_tensors_sees_the_operator():
    leaves, _, run = gated()
    leaves = [item.detach() for item in leaves]
    graph = torch.fx.experimental.proxy_tensor.make_fx(run)(*leaves)
    assert "fwp_neuro.recurrence" in graph.code
    wider = [2 * item for item in leaves]
    for ours, theirs in zip(graph(*wider), run(*wider), strict=True):
        assert torch.equal(ours, theirs)


def test_which_tensors_kernels_take():
    kernels.check(torch.float64, "cpu")
    kernels.check(torch.float32, torch.device("cpu"))
    with pytest.raises(Cannot, match="on cuda"):
        kernels.check(torch.float32, "cuda")
    with pytest.raises(Cannot, match="torch.float16"):
        kernels.check(torch.float16, "cpu")


def test_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -O3")
    with pytest.raises(Cannot, match="CXX names 'no-such-compiler -O3'"):
        kernels.check(torch.float32, "cpu")
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", "")
    words = "no C++ compiler was found: install one of g++, c++, clang++ or set CXX"
    with pytest.raises(Cannot, match=re.escape(words) + "$"):
        kernels.check(torch.float32, "cpu")


@pytest.mark.filterwarnings("ignore::fwp_neuro.errors.FwpWarning")
def test_a_compiler_that_fails_is_asked_once(monkeypatch):
    tried = []

    def library(*given):
        tried.append(given)
        raise Cannot("the compiler is broken")

    monkeypatch.setattr(call.compiler, "library", library)
    own = fwp.Rule("of a test", "w += b*(v - read(k))*k", {"b": "shared"})
    q, v, b = torch.rand(1, 64, 2, 4), torch.rand(1, 64, 2, 3), torch.rand(1, 64, 2)

    def refused():
        with pytest.raises(FwpError, match="the compiler is broken"):
            apply(own, q, q, v, b=b, form="compiled")

    for _ in range(3):
        apply(own, q, q, v, b=b)  # by tensor operations
        refused()
    assert len(tried) == 1
    monkeypatch.setenv("CXX", "c++ -O2")  # another one may do it
    refused()
    refused()
    assert len(tried) == 2
