"""What "auto" takes for a few tokens, and what a call costs beside its tensors."""

import cProfile
import pstats

import pytest
import torch
from layer_cases import EVERY_RULE, layer, title

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.artificial import apply, form_choice
from fwp_neuro.artificial.form_choice import FEW, FEWEST, choose, few
from fwp_neuro.artificial.kernels import compiler
from fwp_neuro.rules import Rule, rules

CPU = torch.device("cpu")
needs_compiler = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")


def drawn(rule, tokens, dim=8):
    generator = torch.Generator().manual_seed(0)
    signals = {}
    for name, home in {**rule.homes, "q": "pre"}.items():
        shape = (1, tokens, 4) if home == "shared" else (1, tokens, 4, dim)
        signals[name] = torch.rand(shape, generator=generator)
    long = {"q": "query", "k": "key", "v": "value"}
    return {long.get(name, name): x for name, x in signals.items()}


@needs_compiler
def test_registered_rules_take_their_kernel_from_four_tokens(monkeypatch):
    built = []
    monkeypatch.setattr(form_choice.kernels, "build", lambda *which: built.append(which))
    for name in rules():
        rule = fwp.rule(name)
        for tokens in (1, FEWEST, FEWEST + 1, FEW, FEW + 1):
            form, _ = choose("auto", rule, tokens, torch.float32, CPU)
            plain = tokens <= FEWEST or form_choice._functions_at_synapses(rule)
            if not plain:
                assert form == "compiled"
            else:
                assert form != "compiled"
    assert built


@needs_compiler
def test_a_rule_typed_in_is_compiled_for_many_tokens_alone(monkeypatch):
    built = []
    monkeypatch.setattr(form_choice.kernels, "build", lambda *which: built.append(which))
    own = Rule("own", "w += beta*v*k", gates={"beta": "shared"})
    # the name alone makes no rule a registered one
    twin = Rule("delta", fwp.rule("delta").text, gates=fwp.rule("delta").gates)
    for rule in (own, twin):
        assert few(rule) == FEW
        assert choose("auto", rule, FEW, torch.float32, CPU)[0] == "step"
        assert not built
        assert choose("auto", rule, FEW + 1, torch.float32, CPU)[0] == "compiled"
        built.clear()


@needs_compiler
def test_the_choice_does_not_hang_on_what_ran_before():
    """The same call gives the same bits, whatever was compiled in between."""
    rule = Rule(
        "never seen",
        "w = g*w + 0.5*beta*v*k",
        gates=dict.fromkeys(("g", "beta"), "shared"),
    )
    short, long = drawn(rule, FEW), drawn(rule, FEW + 1)
    first = apply(rule, **short)[0]
    apply(rule, **long)
    assert torch.equal(apply(rule, **short)[0], first)
    delta = fwp.rule("delta")
    given = drawn(delta, FEWEST + 1)
    auto, compiled = (
        apply(delta, **given, form=form)[0] for form in ("auto", "compiled")
    )
    assert torch.equal(auto, compiled)
    torch.testing.assert_close(auto, apply(delta, **given, form="step")[0])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_without_a_kernel_a_few_tokens_are_stepped(device, monkeypatch):
    monkeypatch.setattr(compiler, "there", lambda: False)
    for tokens in (FEWEST + 1, FEW):
        form, why = choose("auto", fwp.rule("delta"), tokens, torch.float32,
                           torch.device(device))  # fmt: skip
        assert (form, why) == ("step", f"{tokens} tokens are few")


@needs_compiler
@pytest.mark.parametrize("rule", EVERY_RULE, ids=title)
def test_a_few_tokens_of_a_layer_are_those_of_the_step(rule):
    x = torch.randn(2, FEWEST + 2, 8, dtype=torch.float64)
    found = []
    for form in ("auto", "step"):
        net = layer(rule, form=form)
        leaf = x.clone().requires_grad_()
        y = net(leaf)
        found.append((y, *torch.autograd.grad(y.sin().sum(), leaf)))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("tokens", "most"), [(1, 115), (FEWEST, 165)])
def test_a_call_costs_few_calls_and_no_symbols(tokens, most):
    """Calls of functions are counted, which no load of the machine changes."""
    rule = fwp.rule("delta")
    given = drawn(rule, tokens) | {"initial_state": torch.zeros(1, 4, 8, 8)}
    for _ in range(2):
        apply("delta", **given)
    profile = cProfile.Profile()
    profile.enable()
    apply("delta", **given)
    profile.disable()
    stats = pstats.Stats(profile)
    assert stats.total_calls <= most
    assert not [where for where, *_ in stats.stats if "sympy" in where]


@needs_compiler
def test_a_kernel_and_its_adjoint_are_called_straight_away():
    """Nothing reads the signature of a Python function, as torch does for a Function with
    a context of its own, and which takes longer than the kernel."""
    given = {n: x.requires_grad_() for n, x in drawn(fwp.rule("delta"), 8).items()}

    def step():
        apply("delta", **given, form="compiled")[0].sum().backward()

    step()
    profile = cProfile.Profile()
    profile.enable()
    step()
    profile.disable()
    stats = pstats.Stats(profile)
    assert not [where for where, *_ in stats.stats if where.endswith("inspect.py")]
    assert all(x.grad is not None for x in given.values())


def test_one_token_is_that_of_a_longer_sequence():
    for name in rules():
        rule = fwp.rule(name)
        given = {n: x.double() for n, x in drawn(rule, 2, 5).items()}
        both, final = apply(rule, **given, form="step")
        state, parts = None, []
        for token in range(2):
            now = {n: x[:, token : token + 1] for n, x in given.items()}
            y, state = apply(rule, **now, initial_state=state)
            parts.append(y)
        torch.testing.assert_close(torch.cat(parts, 1), both, rtol=0, atol=1e-12)
        for a, b in zip(_parts(state), _parts(final), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def _parts(state):
    return list(state.values()) if isinstance(state, dict) else [state]


def test_what_does_not_fit_is_still_refused():
    """The quick look lets nothing through that the long one refuses."""
    good = drawn(fwp.rule("delta"), 2)
    for name, bad in {
        "key": good["key"][:, :1],
        "beta": good["beta"][..., None],
        "value": good["value"].double(),
        "query": good["query"][0],
    }.items():
        with pytest.raises(fwp.FwpError, match=name if name != "value" else "dtype"):
            apply("delta", **good | {name: bad})
    with pytest.raises(fwp.FwpError, match="alpha"):
        apply("delta", **good, alpha=good["beta"])
    with pytest.raises(fwp.FwpError, match="strided|dense"):
        apply("delta", **good | {"beta": good["beta"].to_sparse()})
    wide = apply("delta", **good | {"beta": 0.5})[0]
    torch.testing.assert_close(
        wide, apply("delta", **good | {"beta": torch.full((1, 2, 4), 0.5)})[0]
    )
