"""The fast forms, derived from the text, against the plain recurrence."""

import logging

import numpy as np
import pytest
import torch
from oracles import draw, draw_states, walk

import fwp_neuro as fwp
from fwp_neuro.artificial import apply, library
from fwp_neuro.artificial.engine import decay_products
from fwp_neuro.artificial.form_choice import choose
from fwp_neuro.artificial.kernels import compiler
from fwp_neuro.errors import FwpError, FwpWarning
from fwp_neuro.rules import Rule, rule, rules

PRE, POST, TOKENS = 5, 3, 21  # 21 tokens are no multiple of a chunk of 8

TYPED_IN = [
    Rule(
        "row decay",
        "w = a*w\nw += beta*(v - read(k))*k",
        gates={"a": "post", "beta": "post"},
    ),
    Rule(
        "hebb, delta, decay",
        "w += b*v*k\nw += beta*(v - read(k))*k\nw = g*w",
        gates={"b": "shared", "beta": "shared", "g": "pre"},
    ),
    Rule(
        "two reads",
        "w = a*w + beta*(v - read(k) + c*read(p))*k - read(p)*z",
        gates={"a": "pre", "beta": "shared", "c": "post"},
        signals={"p": "pre", "z": "pre"},
    ),
    Rule("oja, column gate", "w += beta*v*(k - back(v))", gates={"beta": "pre"}),
    Rule(
        "oja, decays",
        "w = a*w*b\nw += beta*v*(k - back(v))",
        gates={"beta": "pre", "a": "post", "b": "shared"},
    ),
    Rule(
        "slow momentum",
        "m = eta*m + v*k\nw = alpha*w + m",
        gates={"eta": "shared", "alpha": "shared"},
        states=("m",),
    ),
    Rule(
        "three decays",
        "w = a*b*c*w + v*k",
        gates={"a": "pre", "b": "post", "c": "shared"},
    ),
    Rule(
        "states that mix", "w = 0.9*w + m\nm = 0.5*m + read(q)*k - 0.1*w", states=("m",)
    ),
    Rule("mixed channels", "w += 0.3*(v - read(k))*(k + v)"),
    Rule("fresh", "w = v*k"),
    Rule("pooled", "w = w/(1 + pool(k*k)) + v*k*exp(-g)", gates={"g": "shared"}),
]
EVERY = [*(rule(name) for name in rules()), *TYPED_IN]
EVERY_RULE = pytest.mark.parametrize("chosen", EVERY, ids=lambda r: r.name)
CHUNKED = [chosen for chosen in EVERY if "chunk" in chosen.forms]
FORMS = pytest.mark.parametrize(
    "how",
    [("chunk", 8), ("chunk", None), ("parallel", None)],
    ids=str,
)
LONG = {"k": "key", "v": "value", "q": "query"}


def case(chosen, tokens=TOKENS, seed=0, **changes):
    """Leaves of a run: signals [2, token, 2, dim] and states [2, 2, post, pre]."""
    signals = draw(chosen, (2, tokens, 2), PRE, POST, seed) | changes
    states = draw_states(chosen, (2, 2), PRE, POST, seed)
    leaf = lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True)  # noqa: E731
    return {n: leaf(x) for n, x in signals.items()}, {
        n: leaf(x) for n, x in states.items()
    }


def run(chosen, signals, states, form, chunk=None):
    """Read-out and final states, as one list."""
    given = {LONG.get(name, name): tensor for name, tensor in signals.items()}
    readout, final = apply(chosen, **given, initial_state=states, form=form, chunk=chunk)
    return [readout, *(final.values() if isinstance(final, dict) else [final])]


def gradients(outputs, leaves):
    """Gradients of a sum of everything with fixed weights of either sign."""
    loss = sum(
        (out * torch.arange(out.numel()).view_as(out).sin()).sum() for out in outputs
    )
    return torch.autograd.grad(loss, leaves, materialize_grads=True)


def distance(ones, others):
    """Largest difference over the largest number, list by list."""
    pairs = zip(ones, others, strict=True)
    errors = [
        (a - b).detach().abs().max() / (1 + a.detach().abs().max()) for a, b in pairs
    ]
    return float(torch.stack(errors).max())  # not a number if any is


@FORMS
@EVERY_RULE
def test_fast_forms_equal_the_step_in_readout_state_and_gradients(chosen, how):
    signals, states = case(chosen)
    if how[0] not in chosen.forms:
        with pytest.raises(fwp.FwpError, match="has no parallel and no chunk form"):
            run(chosen, signals, states, *how)
        return
    values, slopes = off_the_step(chosen, signals, states, *how)
    assert values < 1e-12 and slopes < 1e-12


@pytest.mark.skipif(compiler.find() is None, reason="there is no C++ compiler")
@EVERY_RULE
def test_the_compiled_form_equals_the_step_in_readout_state_and_gradients(chosen):
    values, slopes = off_the_step(chosen, *case(chosen), "compiled")
    assert values < 1e-12 and slopes < 1e-12


def off_the_step(chosen, signals, states, *how):
    """Largest differences from the step: of read-out and states, and of gradients."""
    leaves = [*signals.values(), *states.values()]
    step, fast = run(chosen, signals, states, "step"), run(chosen, signals, states, *how)
    slopes = distance(gradients(step, leaves), gradients(fast, leaves))
    return distance(step, fast), slopes


@pytest.mark.parametrize("chosen", CHUNKED, ids=lambda r: r.name)
def test_the_chunk_form_of_two_halves_is_that_of_the_whole(chosen):
    signals, states = case(chosen)
    whole, *final = run(chosen, signals, states, "chunk", 4)
    first = {n: x[:, :10] for n, x in signals.items()}
    second = {n: x[:, 10:] for n, x in signals.items()}
    early, *carried = run(chosen, first, states, "chunk", 4)
    carried = dict(zip(chosen.states, carried, strict=True))
    late, *last = run(chosen, second, carried, "chunk", 4)
    assert distance([whole, *final], [torch.cat([early, late], 1), *last]) < 1e-13


@pytest.mark.parametrize("tokens", [1, 2, 7, 8, 9, 600])
@pytest.mark.parametrize(
    "name", ["gated_delta", "kimi_delta", "delta_product", "gated_oja"]
)
def test_any_number_of_tokens(name, tokens):
    signals, states = case(rule(name), tokens)
    step, fast = (
        run(rule(name), signals, states, "step"),
        run(rule(name), signals, states, "chunk"),
    )
    assert distance(step, fast) < 1e-12


DECAYING = [r for r in EVERY if {"alpha", "decay", "a", "eta"} & set(r.gates)]


@pytest.mark.parametrize("form", ["chunk", "compiled"])
@pytest.mark.parametrize("chosen", DECAYING, ids=lambda r: r.name)
def test_strong_decays_neither_overflow_nor_lose_digits(chosen, form):
    """Decays of 1e-4 a token, with some of 1 among them, over 4096 tokens, by the hand's
    step."""
    if form not in chosen.forms:
        pytest.skip("no such form, see above")
    if form == "compiled" and compiler.find() is None:
        pytest.skip("there is no C++ compiler")
    rng = np.random.default_rng(0)
    signals = draw(chosen, (4096,), PRE, POST)
    for name in {"alpha", "decay", "a", "eta"} & set(chosen.gates):
        shape = signals[name].shape
        signals[name] = np.where(rng.uniform(size=shape) < 0.1, 1.0, 1e-4)
    states = draw_states(chosen, (), PRE, POST)
    batched = {
        n: torch.tensor(x)[None, :, None].requires_grad_() for n, x in signals.items()
    }
    start = {n: torch.tensor(x)[None, None] for n, x in states.items()}
    outputs = run(chosen, batched, start, form)
    if chosen.name in rules():
        expected = walk(chosen.name, signals, states)[0]
    else:
        expected = run(chosen, batched, start, "step")[0][0, :, 0].detach().numpy()
    found = outputs[0][0, :, 0].detach().numpy()
    assert np.abs(found - expected).max() < 1e-9 * np.abs(expected).max()
    slopes = gradients(outputs, list(batched.values()))
    assert all(bool(torch.isfinite(slope).all()) for slope in slopes)


@pytest.mark.parametrize("form", ["chunk", "compiled"])
@pytest.mark.parametrize("name", ["decayed_hebb", "gla", "gated_delta", "kimi_delta"])
def test_decays_of_zero_and_below_zero_are_exact_with_their_gradients(name, form):
    if form == "compiled" and compiler.find() is None:
        pytest.skip("there is no C++ compiler")
    rng = np.random.default_rng(1)
    shape = draw(rule(name), (2, TOKENS, 2), PRE, POST)["alpha"].shape
    alpha = rng.choice([0.0, -0.7, 1.0], shape)
    signals, states = case(rule(name), alpha=alpha)
    step, fast = (
        run(rule(name), signals, states, "step"),
        run(rule(name), signals, states, form),
    )
    leaves = [*signals.values(), *states.values()]
    assert distance(step, fast) < 1e-13
    assert distance(gradients(step, leaves), gradients(fast, leaves)) < 1e-13


@pytest.mark.parametrize("name", ["hebb", "gla", "gated_delta", "longhorn"])
def test_memory_for_gradients_grows_with_the_tokens_not_their_square(name):
    def kept(tokens):
        signals, states = case(rule(name), tokens)
        held = {}

        def keep(tensor):
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = run(rule(name), signals, states, "chunk")
        assert outputs
        return sum(held.values())

    assert kept(4096) < 2.1 * kept(2048)


def test_products_of_decays_between_tokens():
    torch.manual_seed(0)
    factors = torch.randn(8, 2, 2, dtype=torch.float64)
    between, before, after, total = decay_products.pair_products(factors)

    def product(first, last):  # later factors act after earlier ones
        found = torch.eye(2, dtype=torch.float64)
        for factor in factors[first:last]:
            found = factor @ found
        return found

    for t in range(8):
        assert torch.allclose(before[t], product(0, t)) and torch.allclose(
            after[t], product(t + 1, 8)
        )
        for s in range(8):
            expected = (
                product(s + 1, t) if s < t else torch.zeros(2, 2, dtype=torch.float64)
            )
            assert torch.allclose(between[t, s], expected)
    assert torch.allclose(total, product(0, 8))


# ---------------------------------------------------------------- choosing a form

BOTH_SIDES = Rule("both", "w += 2*v*k - read(k)*k - v*back(v)")
NOT_AFFINE = Rule("squashed", "w = tanh(w + v*k)")
PER_SYNAPSE = Rule("per synapse", "w = w*(1 - v*v*k*k/9) + v*k")


@pytest.mark.parametrize(
    ("chosen", "why", "form"),
    [
        (BOTH_SIDES, "both read", "compiled"),
        (NOT_AFFINE, "not affine", "step"),  # because of its tanh at every synapse
        (
            PER_SYNAPSE,
            "no product of one presynaptic and one postsynaptic factor",
            "compiled",
        ),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_a_rule_without_matrix_products_says_why_and_runs_otherwise(chosen, why, form):
    signals, states = case(chosen)
    assert chosen.forms == ("step", "compiled")
    with pytest.raises(FwpError, match=f"form='chunk' cannot run: .*({why})"):
        run(chosen, signals, states, "chunk")
    assert choose("auto", chosen, 100, torch.float64, torch.device("cpu"))[0] == form
    step = run(chosen, signals, states, "step")
    for other in ("auto", "compiled"):
        assert distance(run(chosen, signals, states, other), step) < 1e-12


def test_auto_logs_what_it_chose_and_why(caplog):
    signals, states = case(rule("delta"), 3)
    with caplog.at_level(logging.INFO, "fwp_neuro"):
        run(rule("delta"), signals, states, "auto")
    assert "rule 'delta' runs in the step form: 3 tokens are few" in caplog.text


def test_auto_takes_matrix_products_on_a_gpu_without_the_library(monkeypatch):
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    chosen, why = choose("auto", rule("delta"), 100, torch.float32, torch.device("cuda"))
    assert chosen == "chunk" and "matrix products on cuda" in why
    assert "flash-linear-attention is not installed" in why


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(form="chnk"), "unknown form 'chnk'; did you mean 'chunk'"),
        (dict(form="chunk", chunk=3), "chunk must be a power of two .*got 3"),
        (dict(form="chunk", chunk="8"), "chunk must be a power of two .*got '8'"),
        (dict(form="chunk", chunk=True), "chunk must be a power of two .*got True"),
        (
            dict(form="step", chunk=8),
            "chunk=8 goes with form='chunk' only, got form='step'",
        ),
    ],
)
def test_nonsense_forms_raise_a_sentence(options, sentence):
    signals, states = case(rule("delta"), 4)
    with pytest.raises(FwpError, match=sentence):
        run(rule("delta"), signals, states, **options)


# ---------------------------------------------------------------- run

PROGRAM = fwp.tasks.associative_recall(tokens=40, dim=8, beta=0.8, alpha=0.9)


@pytest.mark.parametrize("form", ["chunk", "parallel"])
@pytest.mark.parametrize("name", ["gated_delta", "oja", "hebb"])
def test_run_in_a_fast_form_records_readouts_and_the_final_weights(name, form):
    every, fast = fwp.run(PROGRAM, name), fwp.run(PROGRAM, name, form=form)
    assert np.abs(fast["readout"].values - every["readout"].values).max() < 1e-13
    assert (
        np.abs(fast["final_weights"].values - every["weights"].values[-1]).max() < 1e-13
    )
    assert "weights" not in fast and fast["final_weights"].dims == ("post", "pre")
    assert fast.provenance["options"]["form"] == form


def test_run_carries_on_from_the_final_weights():
    whole = fwp.run(PROGRAM, "gated_delta")
    first = fwp.run(PROGRAM[:17], "gated_delta", form="chunk")
    second = fwp.run(PROGRAM[17:], "gated_delta", initial_states_of=first, form="chunk")
    assert np.abs(second["readout"].values - whole["readout"].values[17:]).max() < 1e-13


def test_auto_records_every_weight_by_steps_and_says_so():
    options = fwp.run(PROGRAM, "delta").provenance["options"]
    assert options["form"] == "step" and "every token" in options["form_reason"]
    final = fwp.run(PROGRAM, "delta", record_weights="last")
    assert final.provenance["options"]["form"] != "step"
    assert "final_weights" in final


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            dict(form="chunk", record_weights="snapshots"),
            "record_weights='snapshots' goes with form='step' or 'auto' only",
        ),
        (
            dict(form="chunk", backend="numpy"),
            "the numpy backend goes with form='step' or 'auto'",
        ),
        (
            dict(record_weights="final"),
            "unknown record_weights.*'final'.*legal: auto, snapshots",
        ),
    ],
)
def test_records_that_a_form_does_not_have_are_refused(options, sentence):
    with pytest.raises(FwpError, match=sentence):
        fwp.run(PROGRAM, "delta", **options)


# ---------------------------------------------------------- number formats and transforms


def test_whole_numbers_are_refused():
    x = torch.ones(1, 20, 1, 2, dtype=torch.int64)
    with pytest.raises(
        FwpError, match="query must hold real numbers of a float dtype, got .*int64"
    ):
        apply("hebb", x, x, x, beta=x[..., 0])


def test_auto_has_second_derivatives_inside_transforms():
    signals, _ = case(rule("delta"))
    given = {LONG.get(n, n): x.detach() for n, x in signals.items()}

    def loss(key, form):
        return apply("delta", **{**given, "key": key}, form=form)[0].sin().sum()

    key = given["key"]
    _, auto = torch.func.jvp(torch.func.grad(lambda k: loss(k, "auto")), (key,), (key,))
    _, step = torch.func.jvp(torch.func.grad(lambda k: loss(k, "step")), (key,), (key,))
    assert distance([step], [auto]) < 1e-12


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mlstm", "a memory"), ("xlstm", "a memory"), ("srwm", "a network")],
)
def test_memories_and_networks_are_told_apart_from_misspelt_rules(name, kind):
    with pytest.raises(
        FwpError, match=f"'{name}' is {kind}, not a rule, and runs in PyTorch only"
    ):
        fwp.run(PROGRAM, name)


def test_apply_says_how_a_network_is_built():
    x = torch.ones(1, 2, 1, 2)
    with pytest.raises(
        FwpError, match="'srwm' is a recurrent network .*artificial.network"
    ):
        apply("srwm", x)


def test_listings_can_be_called_again_and_again():
    for _ in range(2):
        assert "mlstm" in fwp.artificial.memories() and "delta" in fwp.rules()
        assert "srwm" in fwp.artificial.networks()


def test_auto_falls_back_with_a_sentence_if_the_compiler_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "/bin/false")
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path))
    mine = Rule("never compiled", "w = 0.123*w + v*k")
    signals, states = case(mine)
    with pytest.warns(
        FwpWarning, match="runs in the chunk form, .*could not compile the kernel"
    ):
        auto = run(mine, signals, states, "auto")
    assert distance(auto, run(mine, signals, states, "step")) < 1e-12


def test_statements_may_stand_on_one_line():
    one, two = "w = alpha*w; w += v*k  # a; b", "w = alpha*w\nw += v*k"
    gates = {"alpha": "pre"}
    expressions = [
        [s.expression for s in Rule("g", t, gates).statements] for t in (one, two)
    ]
    assert expressions[0] == expressions[1] and len(expressions[0]) == 2
