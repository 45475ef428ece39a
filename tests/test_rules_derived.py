"""What is derived from a rule's text: transition, eigenvalues, locality, LaTeX, local
objective."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
import torch
from matplotlib.mathtext import MathTextParser
from oracles import draw, draw_states, walk

from fwp_neuro.rules import Rule, rule, rules
from fwp_neuro.symbolic import arrays, language, spectrum
from fwp_neuro.symbolic.objective import Objective, asymmetry

PRE, POST = 5, 3
EVERY_RULE = pytest.mark.parametrize("name", rules())
#: registered rules that divide by, or take functions of, a state
NOT_AFFINE = ["preconditioned_delta"]
AFFINE_RULES = [name for name in rules() if name not in NOT_AFFINE]
BETA = {"beta": "shared"}
TYPED_IN = {
    "normalised": Rule(
        "normalised", "w = w/(1 + pool(k*k))\nw += beta*(v - read(k))*k", BETA
    ),
    "both_sides": Rule(
        "both_sides", "w += (v - read(k))*k\nw += beta*v*(k - back(v))", BETA
    ),
    "row_keys": Rule("row_keys", "w += (v - read(k))*(k + v)"),
    "two_states": Rule(
        "two_states", "w = 0.9*w + m\nm = 0.5*m + read(q)*k - 0.1*w", states=("m",)
    ),
    "fresh": Rule("fresh", "w = v*k"),
}
NONLINEAR = {
    "saturating": Rule("saturating", "w = tanh(w) + v*k"),
    "squared_error": Rule("squared_error", "w += read(k)**2*k"),
    "self_read": Rule("self_read", "w += read(pool(k)*k)*w"),
    "replayed": Rule("replayed", "w += v*read(back(v))*k"),
}


def token_of(chosen, seed, pre=PRE, post=POST):
    """One token's signals, name -> number or vector, and states [post, pre]."""
    signals = {n: array[0] for n, array in draw(chosen, (1,), pre, post, seed).items()}
    return signals, draw_states(chosen, (), pre, post, seed)


def at_home(chosen, signals):
    return {
        n: arrays.to_home(np.asarray(signals[n]), home)
        for n, home in chosen.homes.items()
    }


def number(expression, values):
    """Evaluate a sympy expression with plain NumPy; pool sums over everything it is
    given."""
    expression = sympy.sympify(expression)
    symbols = sorted(expression.free_symbols, key=str)
    words = [{"pool": np.sum, "pool_post": np.sum}, "numpy"]
    return sympy.lambdify(symbols, expression, words)(*(values[s.name] for s in symbols))


# ---------------------------------------------------------------- transition


def affine_step(part, states, signals):
    """One affine statement by hand: own entries, f (W x), g (W' y), input."""
    values = dict(signals)
    for item in part.statement.sums:
        if item.kind == "pool":
            values[item.symbol.name] = number(item.argument, values).sum()
    w = states["w"]
    new = number(part.input, values) + np.zeros_like(w)
    for name, coefficient in part.own.items():
        new = new + number(coefficient, values) * states[name]
    for x, f in part.reads:
        new = new + number(f, values) * (
            w @ np.broadcast_to(number(x, values), (1, PRE)).T
        )
    for y, g in part.backs:
        new = new + number(g, values) * (
            np.broadcast_to(number(y, values), (POST, 1)).T @ w
        )
    return {**states, part.target: new}


AFFINE = [*map(rule, AFFINE_RULES), *TYPED_IN.values()]


@pytest.mark.parametrize("chosen", AFFINE, ids=lambda r: r.name)
def test_the_affine_parts_reproduce_the_step(chosen):
    assert chosen.transition.affine
    signals, states = token_of(chosen, seed=1)
    now = states
    for part in chosen.transition.statements:
        now = affine_step(part, now, at_home(chosen, signals))
    want = arrays.step(chosen.statements, states, at_home(chosen, signals))
    for name in chosen.states:
        assert np.abs(now[name] - want[name]).max() < 1e-12


@pytest.mark.parametrize("name", AFFINE_RULES)
def test_registered_rules_are_affine_maps_of_their_states(name):
    chosen = rule(name)
    signals, one = token_of(chosen, seed=2)
    _, two = token_of(chosen, seed=3)
    rows = {n: np.asarray(array)[None] for n, array in signals.items()}

    def step(states):
        return np.concatenate([trace[-1] for trace in walk(name, rows, states)[1]])

    mixed = {n: 0.3 * one[n] + 0.7 * two[n] for n in one}
    assert np.abs(step(mixed) - 0.3 * step(one) - 0.7 * step(two)).max() < 1e-12


@pytest.mark.parametrize(
    "chosen", [*NONLINEAR.values(), *map(rule, NOT_AFFINE)], ids=lambda r: r.name
)
def test_a_text_that_is_not_affine_says_so(chosen):
    assert not chosen.transition.affine
    assert chosen.forms == ("step", "compiled")
    assert chosen.transition.statements == ()
    assert chosen.eigenvalues is None


@pytest.mark.parametrize(
    ("name", "side", "structure", "rank"),
    [
        ("hebb", "elementwise", "identity", 0),
        ("decayed_hebb", "elementwise", "scalar", 0),
        ("gla", "elementwise", "presynaptic diagonal", 0),
        ("delta", "right", "identity + rank 1", 1),
        ("gated_delta", "right", "scalar + rank 1", 1),
        ("kimi_delta", "right", "presynaptic diagonal + rank 1", 1),
        ("longhorn", "right", "identity + rank 1, one matrix for each row", 1),
        ("delta_product", "right", "scalar + 2 rank-one factors", 2),
        ("oja", "left", "identity + rank 1", 1),
        ("oja_neuron", "elementwise", "postsynaptic diagonal", 0),
        ("gated_oja", "left", "postsynaptic diagonal + rank 1", 1),
        ("momentum_delta", "right", "scalar + rank 1, on the joint state (w, m)", 1),
    ],
)
def test_structure_of_the_transition(name, side, structure, rank):
    transition = rule(name).transition
    assert (transition.side, transition.structure, transition.rank) == (
        side,
        structure,
        rank,
    )
    assert structure in str(transition)


def test_every_affine_rule_has_fast_forms_unless_both_sides_or_synapses_mix():
    for name in AFFINE_RULES:
        assert rule(name).forms == ("step", "parallel", "chunk", "compiled"), name
    assert TYPED_IN["both_sides"].forms == ("step", "compiled")


# ---------------------------------------------------------------- eigenvalues

CLOSED = [each for each in AFFINE if spectrum.closed_form(each.transition)]


@pytest.mark.parametrize("chosen", CLOSED, ids=lambda r: r.name)
@pytest.mark.parametrize("seed", range(3))
def test_closed_form_eigenvalues_agree_with_numbers(chosen, seed):
    signals, _ = token_of(chosen, seed)
    placed = at_home(chosen, signals)
    numeric = np.linalg.eigvals(
        spectrum.matrix(chosen.statements, chosen.states, placed, (POST, PRE))
    )
    closed = [number(value, placed) for value in chosen.eigenvalues.closed_form]
    closed = np.concatenate([np.ravel(value) for value in closed]).astype(complex)
    distance = np.abs(numeric[:, None] - closed)
    assert distance.min(1).max() < 1e-6, (
        "a numeric eigenvalue is missing from the closed form"
    )
    assert distance.min(0).max() < 1e-6, "a closed form is not an eigenvalue"


def test_most_rules_have_a_closed_form_and_it_is_withheld_where_rows_mix_with_columns():
    names = {each.name for each in CLOSED}
    assert {"hebb", "gla", "delta", "gated_delta", "comba", "longhorn"} <= names
    assert {"oja", "oja_neuron"} <= names
    assert "normalised" in names
    assert (
        not {"kimi_delta", "delta_product", "row_keys", "both_sides", "two_states"}
        & names
    )


@pytest.mark.parametrize(
    ("name", "beta", "low", "high"),
    [
        ("hebb", (0, 1), 1, 1),
        ("delta", (0, 1), 0, 1),
        ("delta", (0, 2), -1, 1),
        ("gated_delta", (0, 2), -1, 1),
        ("longhorn", (0, 1), 0.5, 1),
        ("oja", (0, 2), -1, 1),
    ],
)
def test_known_ranges_for_unit_keys(name, beta, low, high):
    given = rule(name)
    found = Rule(name, given.text, given.gates, domains={"beta": beta}).eigenvalues
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert not found.complex and found.radius == pytest.approx(1, abs=1e-9)
    assert f"{found.high:.3g}]" in str(found)


def test_two_reflections_give_complex_eigenvalues_and_one_does_not():
    found = rule("delta_product").eigenvalues
    assert found.complex and found.radius == pytest.approx(1, abs=1e-9)
    assert not rule("delta").eigenvalues.complex
    # of unit keys at an angle: the rotation by twice the angle, so e^(+-2i angle)
    angle = 0.7
    keys = np.array([[1, 0, 0], [np.cos(angle), np.sin(angle), 0]])
    signals = {"k": keys[0], "k2": keys[1], "v": np.ones(1), "v2": np.ones(1)}
    signals |= {"alpha": 1.0, "beta": 2.0, "beta2": 2.0}
    chosen = rule("delta_product")
    matrix = spectrum.matrix(
        chosen.statements, chosen.states, at_home(chosen, signals), (1, 3)
    )
    phases = np.sort(np.angle(np.linalg.eigvals(matrix)))
    assert phases == pytest.approx([-2 * angle, 0, 2 * angle], abs=1e-12)


@pytest.mark.parametrize("name", AFFINE_RULES)
def test_the_report_of_eigenvalues_is_consistent(name):
    found = rule(name).eigenvalues
    assert found.low <= found.high <= found.radius + 1e-12
    assert set(found.domains) == set(rule(name).gates)


def test_closed_form_for_unit_keys():
    beta, delta = sympy.Symbol("beta", real=True), rule("delta").eigenvalues.closed_form
    unit = {language.pool(sympy.Symbol("k", real=True) ** 2): 1}
    assert {value.subs(unit) for value in delta} == {sympy.Integer(1), 1 - beta}


# ---------------------------------------------------------------- locality

LOCALITY = {
    "local": ("hebb", "decayed_hebb", "gla", "hgrn2", "oja_neuron"),
    "post-local error": (
        "delta", "gated_delta", "delta_then_decay", "leaky_delta", "kimi_delta", "gdn2",
        "comba", "rwkv7", "iplr", "dplr", "delta_product", "momentum_delta",
        "momentum_deltanet", "preconditioned_delta",
    ),
    "post-local error with pooled presynaptic activity": ("longhorn",),
    "needs feedback": ("oja", "gated_oja"),
}  # fmt: skip


CLASS_OF = [(name, words) for words, names in LOCALITY.items() for name in names]


@pytest.mark.parametrize(("name", "words"), CLASS_OF)
def test_locality_class(name, words):
    found = rule(name).locality
    assert found.name == words
    assert found.feedback == ("feedback" in words)
    assert found.local == (words in ("local", "post-local error"))


@EVERY_RULE
def test_locality_lists_every_signal_with_its_place(name):
    chosen = rule(name)
    listed = {signal: place for signal, place in chosen.locality.signals}
    words = set(re.findall(r"\w+", " ".join(listed)))
    assert set(chosen.homes) <= words
    place = {"pre": "presynaptic", "post": "postsynaptic", "shared": "broadcast to all"}
    for signal, home in chosen.homes.items():
        assert listed.get(signal, place[home]) == place[home]
    assert chosen.locality.name in str(chosen.locality)


# ---------------------------------------------------------------- LaTeX

GREEK = ("alpha", "beta", "eta", "kappa", "gamma", "phi", "mu", "rho")


def in_latex(name, home):
    """How a signal is spelled with the index of its home, as a regular expression."""
    stem, digits = re.fullmatch(r"([a-z]+)(\d*)", name).groups()
    spelled = (
        rf"\\{stem}"
        if stem in GREEK
        else stem
        if len(stem) == 1
        else rf"\\mathrm{{{stem}}}"
    )
    index = {"pre": "[jlm]", "post": "[ilm]", "shared": ""}[home]
    inside = ",".join(part for part in (digits, index) if part)
    return spelled + (rf"_\{{{inside}\}}" if inside else r"(?![_\w])")


@EVERY_RULE
def test_latex_mentions_every_signal_with_its_index_and_renders(name):
    chosen = rule(name)
    for signal, home in chosen.homes.items():
        assert re.search(in_latex(signal, home), chosen.latex), (signal, chosen.latex)
    lines = chosen.latex.split(r" \\ ")
    assert len(lines) == len(chosen.statements)
    for line in lines:
        assert r" \leftarrow " in line
        MathTextParser("path").parse(f"${line}$")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("w = v*k", r"w_{ij} \leftarrow k_{j} v_{i}"),
        (
            "w = -read(k)*v",
            r"w_{ij} \leftarrow - \left(\sum_{l} w_{il} k_{l}\right) v_{i}",
        ),
        ("w = v - read(k)", r"w_{ij} \leftarrow - \sum_{l} w_{il} k_{l} + v_{i}"),
        (
            "w = read(k - q)",
            r"w_{ij} \leftarrow \sum_{l} w_{il} \left(k_{l} - q_{l}\right)",
        ),
        # the square of a sum is not the sum of squares
        ("w = pool(k)**2", r"w_{ij} \leftarrow \left(\sum_{l} k_{l}\right)^{2}"),
        ("w = pool(k**2)", r"w_{ij} \leftarrow \sum_{l} k_{l}^{2}"),
        # a sum within a sum runs over another index
        ("w = read(back(v))", r"w_{ij} \leftarrow \sum_{l} w_{il} \sum_{m} w_{ml} v_{m}"),
    ],
)
def test_latex_of_sums(text, latex):
    assert Rule("r", text).latex == latex
    MathTextParser("path").parse(f"${latex}$")


# ---------------------------------------------------------------- 6 local objectives

WITH_OBJECTIVE = [name for name in rules() if rule(name).objective]


def loss(chosen, w, signals, states=()):
    """The objective as a number, evaluated by Python itself on torch tensors [post,
    pre]."""
    words = {n: torch.as_tensor(array) for n, array in at_home(chosen, signals).items()}
    words |= {
        "w": w,
        **{n: torch.as_tensor(one) for n, one in dict(states).items() if n != "w"},
        "read": lambda x: w @ x.T,
        "back": lambda y: y.T @ w,
        "pool": torch.sum,
    }
    return sum(eval(term, {}, words).sum() for term in chosen.objective.terms)


def test_the_rules_of_the_primer_declare_their_objective():
    names = {"hebb", "decayed_hebb", "delta", "gated_delta", "longhorn", "oja"}
    assert names <= set(WITH_OBJECTIVE)


@pytest.mark.parametrize("name", WITH_OBJECTIVE)
@pytest.mark.parametrize("seed", range(3))
def test_the_rule_is_a_gradient_step_on_its_objective(name, seed):
    chosen = rule(name)
    assert chosen.objective.mismatch(chosen, seed) < 1e-12
    # and once more without the package: autograd of the loss, the hand-written step
    signals, states = token_of(chosen, seed)
    rows = {n: np.asarray(array)[None] for n, array in signals.items()}
    after = walk(name, rows, states)[1][0][0]
    start = states["w"]
    if chosen.objective.moment == "decayed":  # the first statement alone: w = alpha w
        alpha = arrays.to_home(np.asarray(signals["alpha"]), chosen.homes["alpha"])
        start = alpha * start
    if name == "delta_product":  # the first of its two writes
        k, v, beta = (np.asarray(signals[n]) for n in ("k", "v", "beta"))
        start = start + beta * np.outer(v - start @ k, k)
    at = torch.tensor(
        after if chosen.objective.moment == "after" else start, requires_grad=True
    )
    (slope,) = torch.autograd.grad(loss(chosen, at, signals, states), at)
    assert np.abs(after - start + slope.numpy()).max() < 1e-12


@pytest.mark.parametrize("name", sorted(rules()))
def test_a_rule_has_an_objective_or_the_proof_that_there_is_none(name):
    """The change of w is a gradient if and only if its Jacobian in w is symmetric."""
    found = [asymmetry(rule(name), seed) for seed in range(3)]
    if name in WITH_OBJECTIVE:
        assert max(found) < 1e-9
    else:
        assert min(found) > 0.01


def test_seven_rules_are_no_gradient():
    assert {*rules()} - {*WITH_OBJECTIVE} == {
        "gdn2", "comba", "rwkv7", "iplr", "dplr", "momentum_deltanet",
        "preconditioned_delta",
    }  # fmt: skip


@pytest.mark.parametrize("name", WITH_OBJECTIVE)
def test_a_wrong_objective_is_found_out(name):
    chosen = rule(name)
    terms, moment = chosen.objective.terms, chosen.objective.moment
    doubled = Objective(tuple(f"2*({term})" for term in terms), moment)
    assert doubled.mismatch(chosen) > 0.01


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("gated_delta", "decayed", "before"),
        ("longhorn", "after", "before"),
        ("delta", "before", "after"),
    ],
)
def test_the_moment_of_the_gradient_matters(name, right, wrong):
    chosen = rule(name)
    right, wrong = (
        Objective(chosen.objective.terms, moment) for moment in (right, wrong)
    )
    assert right.mismatch(chosen) < 1e-12 < 0.01 < wrong.mismatch(chosen)
    assert str(right) != str(wrong)


def test_the_oracle_of_longhorn_is_stationary():
    # argmin |W - W0|^2 / 2 + sum_i beta_i (v - W k)_i^2 / 2, whose gradient vanishes at
    # the step
    chosen = rule("longhorn")
    signals, states = token_of(chosen, seed=9)
    s = SimpleNamespace(**signals)
    rows = {n: np.asarray(array)[None] for n, array in signals.items()}
    w = walk("longhorn", rows, states)[1][0][0]
    gradient = w - states["w"] - np.outer(s.beta * (s.v - w @ s.k), s.k)
    assert np.abs(gradient).max() < 1e-14
