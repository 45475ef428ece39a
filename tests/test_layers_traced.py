"""Every rule and every memory as a layer under torch.compile, torch.export and
torch.func."""

import copy
import pickle

import pytest
import sympy
import torch
from layer_cases import EVERYTHING_SMALL, distance, inputs, layer, title
from tracing_laws import (
    compiled,
    compiled_carries_on,
    compiled_equals_plain,
    exported_equals_plain,
    gradients_of_every_sample,
    vmap_equals_one_after_the_other,
)

import fwp_neuro as fwp
from fwp_neuro.artificial.memories import Memory, memory
from fwp_neuro.artificial.memories.features import feature_map
from fwp_neuro.rules import rule as rule_named
from fwp_neuro.symbolic import normal_form, separation

EVERY = pytest.mark.parametrize("rule", EVERYTHING_SMALL, ids=title)
MEMORIES = [rule for rule in EVERYTHING_SMALL if isinstance(rule, Memory)]
COUNTING = [rule for rule in MEMORIES if rule.counters]
#: more than the tokens up to which a rule takes its plain recurrence
MANY = 19
#: rules of each kind that are no slow tests; `test_apply_traced` has all of them
SOME_RULES = ("delta", "gated_delta", "kimi_delta", "momentum_delta", "oja")
#: more than two mini-batches, windows or blocks
SOME = 11


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(r, marks=() if isinstance(r, Memory) or title(r) in SOME_RULES
                     else pytest.mark.slow)
        for r in EVERYTHING_SMALL
    ],
    ids=title,
)  # fmt: skip
def test_compiles_as_one_graph(rule):
    compiled_equals_plain(layer(rule), inputs(tokens=MANY), 1e-12)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(r, marks=() if r in MEMORIES else pytest.mark.slow)
        for r in EVERYTHING_SMALL
    ],
    ids=title,
)
def test_a_compiled_layer_carries_on_from_any_state(rule):
    compiled_carries_on(layer(rule), inputs(2, SOME), 3, SOME - 3)


@pytest.mark.slow
@EVERY
def test_compiled_streaming(rule):
    compiled_carries_on(layer(rule), inputs(2, 7), *[1] * 7)


@pytest.mark.parametrize("rule", COUNTING, ids=title)
def test_compiled_streaming_of_memories_that_count_tokens(rule):
    compiled_carries_on(layer(rule), inputs(2, 7), *[1] * 7)


@pytest.mark.parametrize("name", ["delta", "momentum_delta"])
def test_few_tokens_compile_as_one_graph(name):
    compiled_equals_plain(layer(name), inputs(tokens=5), 1e-12)


@pytest.mark.parametrize("form", ["step", "chunk", "compiled"])
def test_every_form_compiles_as_one_graph(form):
    compiled_equals_plain(layer("gated_delta", form=form), inputs(tokens=17), 1e-12)


@pytest.mark.parametrize("rule", ["gated_delta", "saturating", "log_linear_attention"])
def test_compiles_ahead_of_time(rule):
    rule = next(item for item in EVERYTHING_SMALL if title(item) == rule)
    compiled_equals_plain(layer(rule), inputs(tokens=18), 1e-12, "aot_eager")


@pytest.mark.slow
@EVERY
def test_everything_compiles_ahead_of_time(rule):
    compiled_equals_plain(layer(rule), inputs(tokens=18), 1e-11, "aot_eager")


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", ["gated_delta", "oja", "ttt_mlp", "log_linear_attention"]
)
def test_compiles_with_inductor(rule):
    compiled_equals_plain(layer(rule), inputs(tokens=18), 1e-10, "inductor")


@pytest.mark.parametrize("rule", ["delta", "softmax_attention", "log_linear_attention"])
def test_exports_with_any_batch(rule):
    rule = next(item for item in EVERYTHING_SMALL if title(item) == rule)
    exported_equals_plain(
        layer(rule), inputs(3, SOME), inputs(1, SOME, seed=9), inputs(5, SOME)
    )


@pytest.mark.slow
@EVERY
def test_everything_exports_with_any_batch(rule):
    exported_equals_plain(
        layer(rule), inputs(3, SOME), inputs(1, SOME, seed=9), inputs(5, SOME)
    )


@EVERY
def test_gradients_of_every_sample_at_once(rule):
    gradients_of_every_sample(layer(rule), inputs(tokens=SOME))


@EVERY
def test_vmap_over_layers_equals_one_after_the_other(rule):
    vmap_equals_one_after_the_other([layer(rule, seed=seed) for seed in (0, 1)], inputs())


@pytest.mark.parametrize("rule", COUNTING, ids=title)
def test_the_state_counts_the_tokens_wherever_it_is_made(rule):
    """From nothing and from zeros, traced and not: the same counters."""
    net, x = layer(rule), inputs(2, 6)
    start = net.initial(x)
    plain = [net(x, state, return_state=True)[1] for state in (None, start)]
    traced = [compiled(net)(x, state, return_state=True)[1] for state in (None, start)]
    for name in net.rule.counters:
        assert all(
            torch.equal(state[name], plain[0][name]) for state in (*plain, *traced)
        )
        assert plain[0][name].dtype == start[name].dtype and bool(
            (plain[0][name] > 0).all()
        )


def test_more_tokens_than_fit_are_nan_where_a_trace_cannot_refuse_them():
    net, x = layer(memory("log_linear_attention", levels=3)), inputs(2, 4)
    y, state = net(x[:, :3], return_state=True)
    traced = compiled(net)
    last, full = traced(x[:, 3:], state, return_state=True)
    assert distance(torch.cat([y, last], 1), net(x)) < 1e-11
    assert bool(traced(x[:, 3:], full).isnan().all())
    assert bool(traced(x[:, :3], state).isnan().any())


def test_random_features_are_drawn_once_and_not_in_a_trace():
    phi = feature_map("favor", features=5)
    net, x = layer("hebb", feature_map=phi), inputs(tokens=5)
    assert torch.equal(phi.drawn[4], feature_map("favor", features=5).projection(4))
    for twin in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        compiled_equals_plain(twin, x, 1e-12)
        assert torch.equal(twin(x), net(x))
    compiled_equals_plain(net, x, 1e-12, "aot_eager")
    exported_equals_plain(net, x, inputs(1, 5))
    gradients_of_every_sample(net, x)


def test_features_drawn_without_gradients_serve_training():
    phi = feature_map("favor")
    with torch.inference_mode():
        y = phi(inputs())
    x = inputs().requires_grad_()
    assert torch.equal(phi(x), y)
    phi(x).sum().backward()


def test_a_memory_of_random_features_in_a_layer():
    net = layer(memory("normalised_linear_attention", feature_map="favor"))
    compiled_equals_plain(net, inputs(tokens=SOME), 1e-12)
    vmap_equals_one_after_the_other([net, copy.deepcopy(net)], inputs(tokens=SOME))


@pytest.mark.parametrize("name", ["gated_delta", "momentum_delta", "rwkv7"])
def test_a_rule_compiles_after_sympy_has_forgotten_its_names(name, monkeypatch):
    usual = separation.products

    def fresh(expression):
        """Return an equal expression whose names are other objects."""
        names = [
            each for each in expression.free_symbols if isinstance(each, sympy.Symbol)
        ]
        again = {
            each: sympy.Symbol.__xnew__(type(each), each.name, real=True)
            for each in names
        }
        return expression.xreplace(again)

    def products(*arguments):
        found = usual(*arguments)
        return tuple(
            type(one)(*map(fresh, (one.shared, one.pre, one.post))) for one in found
        )

    monkeypatch.setattr(normal_form, "products", products)
    old = rule_named(name)
    signals = {
        n: h for n, h in old.homes.items() if n not in old.gates and n not in "kvq"
    }
    new = fwp.Rule(f"new_{name}", old.text, old.gates, signals, states=old.states[1:])
    compiled_equals_plain(layer(new), inputs(tokens=5), 1e-12)
