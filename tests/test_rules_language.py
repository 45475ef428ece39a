"""The language of rule texts: what it accepts, what it means, and the sentences of its
errors."""

import numpy as np
import pytest
import torch

import fwp_neuro as fwp
from fwp_neuro.artificial import apply, oracle
from fwp_neuro.errors import FwpError, nearest, pick, unknown
from fwp_neuro.rules import Reduction, Rule, register, rule, rules
from fwp_neuro.symbolic.objective import Objective

K, V, W = (
    np.array([0.4, -0.7]),
    np.array([0.3, 0.9, -0.5]),
    np.arange(6.0).reshape(3, 2) / 5,
)


def one_step(text, gates=None, signals=None, states=(), **values):
    """Run one token of a text from W and return the weights, after NumPy and PyTorch
    agreed."""
    chosen = Rule("r", text, gates, signals, states)
    given = {"k": K, "q": K, "v": V} | {
        n: np.asarray(value, float) for n, value in values.items()
    }
    given = {n: given[n] for n in {**chosen.homes, "q": "pre", "v": "post"}}
    start = {n: W if n == "w" else np.zeros_like(W) for n in chosen.states}
    _, traces = oracle(chosen, {n: array[None] for n, array in given.items()}, start)
    tensors = {n: torch.tensor(array)[None, None, None] for n, array in given.items()}
    start = {n: torch.tensor(array)[None, None] for n, array in start.items()}
    _, final = apply(chosen, tensors.pop("q"), **tensors, initial_state=start)
    for name in chosen.states:
        other = (final[name] if isinstance(final, dict) else final).numpy()[0, 0]
        assert np.allclose(traces[name][-1], other, atol=1e-15), name
    return traces["w"][-1]


# ---------------------------------------------------------------- meaning

VK = np.outer(V, K)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("w = v*k", VK),
        ("w += v*k", W + VK),
        ("w -= v*k", W - VK),
        ("w *= v*k", W * VK),
        ("w /= 1 + v**2", W / (1 + V**2)[:, None]),
        ("w += k", W + K),
        ("w = v", np.outer(V, [1, 1])),
        ("w = 2", np.full((3, 2), 2.0)),
        ("w = +v - -k", V[:, None] + K),
        ("w = v*k/3 + 1e-3", VK / 3 + 1e-3),
        ("w = read(k)", np.outer(W @ K, [1, 1])),
        ("w = back(v)", np.outer([1, 1, 1], V @ W)),
        ("w = pool(k)*v", np.outer(V, [1, 1]) * K.sum()),
        ("w = read(pool(k)*k)", np.outer(W @ K, [1, 1]) * K.sum()),
        ("w = read(back(v))", np.outer(W @ (V @ W), [1, 1])),
        ("w = pool(back(v))", np.full((3, 2), (V @ W).sum())),
        ("w = exp(k)*log(2)*sqrt(3)", np.exp(K) * np.log(2) * np.sqrt(3) + 0 * W),
        ("w = exp(-1)*w + tanh(1/2)*v*k", np.exp(-1) * W + np.tanh(0.5) * VK),
        ("w = sign(v)*abs(k) + tanh(w)", np.outer(np.sign(V), np.abs(K)) + np.tanh(W)),
        ("w = sqrt(v**2)*k", np.outer(np.abs(V), K)),
        ("w = q*v", VK),
        ("# a comment\n\n  w += v*k  # and another\n", W + VK),
        # the read sees the first write
        ("w = v*k\nw = w - read(k)*k", VK - np.outer(VK @ K, K)),
        ("w = (w - read(k)*k) + v*k", W - np.outer(W @ K, K) + VK),
    ],
)
def test_what_a_text_means(text, weights):
    assert np.allclose(one_step(text), weights, atol=1e-14)


def test_a_gate_is_a_number_or_a_vector_at_its_home():
    for home, value in (("shared", 0.7), ("pre", [0.2, 0.3]), ("post", [0.1, 0.2, 0.3])):
        placed = np.asarray(value)[:, None] if home == "post" else np.asarray(value)
        assert np.allclose(one_step("w = g*w", {"g": home}, g=value), placed * W)
    assert np.allclose(
        one_step("w += v*kappa", None, {"kappa": "pre"}, kappa=2 * K), W + 2 * VK
    )


def test_a_further_state_starts_at_zero_and_belongs_to_the_synapse():
    text = "m = 0.5*m + v*k\nw += m\nm += v*k\nw += m"
    assert np.allclose(one_step(text, states=("m",)), W + 3 * VK)
    assert Rule("r", text, states="m").states == ("w", "m")


SYMPY_NAMES = ["S", "E", "I", "O", "Q", "gamma", "zeta", "lamda", "beta1", "Symbol", "f"]


@pytest.mark.parametrize("name", SYMPY_NAMES)
def test_names_that_mean_something_to_sympy_are_just_names(name):
    assert np.allclose(
        one_step(f"w += {name}*v*k", {name: "shared"}, **{name: 0.3}), W + 0.3 * VK
    )


def test_homes_list_what_a_programme_must_supply():
    chosen = rule("gdn2")
    assert chosen.homes == {"k": "pre", "v": "post"} | chosen.gates
    assert "k" not in rule("hgrn2").homes
    assert chosen.differentiable and not Rule("r", "w = abs(w)").differentiable
    assert repr(rule("hebb")) == "Rule('hebb': w += beta*v*k)"


# ---------------------------------------------------------------- registry


def test_listing_aliases_and_lookup():
    assert fwp.rules() == rules() and "delta" in rules()
    assert rule("deltanet") is rule("delta") is fwp.rule("delta")
    mine = Rule("mine", "w = v*k")
    assert rule(mine) is mine and "mine" not in rules()


@pytest.mark.parametrize("name", rules())
def test_registered_rules_have_a_source_and_a_summary(name):
    chosen = rule(name)
    assert chosen.name == name and len(chosen.citation) > 8 and chosen.summary
    for each in chosen.reductions:
        assert isinstance(each, Reduction) and rule(each.to)


@pytest.mark.parametrize("name", ["delta", "deltanet"])
def test_a_taken_name_cannot_be_registered_again(name):
    before = rules()
    with pytest.raises(FwpError, match=f"{name!r} is registered already"):
        register(Rule(name, "w = v*k"))
    assert rules() == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "dleta",
            "unknown rule 'dleta'; did you mean 'delta'.*legal: delta, .* and "
            r"\d+ more, see ",
        ),
        (
            "quite_different",
            r"unknown rule 'quite_different' \(legal: .* more, see `fwp-neuro list`",
        ),
        (None, "rule must be a name or a Rule, got NoneType"),
        (["delta"], "rule must be a name or a Rule, got list"),
    ],
)
def test_unknown_rule(name, sentence):
    with pytest.raises(FwpError, match=sentence):
        rule(name)


def test_nearest_and_pick():
    assert (
        nearest("bta", ["alpha", "beta"]) == "beta" and nearest("zzz", ["alpha"]) is None
    )
    assert pick("a", ["a", "b"], "letter") == "a"
    with pytest.raises(FwpError, match=r"unknown letter 'c' \(legal: none\)"):
        pick("c", [], "letter")
    assert issubclass(FwpError, ValueError)


def test_of_many_legal_names_the_nearest_are_named():
    many = [f"name{number:02d}" for number in range(21)]
    sentence = str(unknown("nme07", many, "item", "`lister`"))
    assert sentence.startswith(
        "unknown item 'nme07'; did you mean 'name07'? (legal: name07, "
    )
    assert (
        sentence.endswith(" and 16 more, see `lister`)") and sentence.count("name") == 6
    )
    # a name that only begins like a legal one is named too
    assert "(legal: long_and_longer, " in str(
        unknown("long", ["long_and_longer", *many], "x", "y")
    )
    # nothing is hidden where it could not be found again
    assert all(name in str(unknown("nme07", many, "item")) for name in many)
    assert "name19)" in str(unknown("nme07", many[:20], "item", "`lister`"))


# ---------------------------------------------------------------- nonsense

BETA = {"beta": "shared"}
NOT_LEGAL = "is not legal here; use "
WRONG_TEXT = [
    (
        "w += bta*v*k",
        BETA,
        "statement 1 .*unknown name 'bta'; did you mean 'beta'.*known: w, k",
    ),
    (
        "w += v*k\nw = alhpa*w",
        {"alpha": "shared"},
        "statement 2 .*'alhpa'; did you mean 'alpha'",
    ),
    ("w += gate*v*k", {}, "unknown name 'gate' .*needs a home: gates={'gate': 'shared'}"),
    ("w += reed(k)", {}, r"unknown function reed\(\); did you mean read\(\).*legal: "),
    ("w += sin(k)", {}, r"unknown function sin\(\)"),
    ("w += read(v)*k", {}, r"read\(v\) is .*must be presynaptic; v is postsynaptic"),
    ("w += read(w)", {}, r"read\(w\) is .*must be presynaptic; w is synaptic"),
    ("w += read(v*k)", {}, "must be presynaptic; k.v is synaptic"),
    ("w += back(k)*v", {}, r"back\(k\) is .*must be postsynaptic; k is presynaptic"),
    ("w += pool(v)*k", {}, r"pool\(v\) is .*must be presynaptic; v is postsynaptic"),
    ("w += pool(beta)*k", BETA, "must be presynaptic; beta is shared by all cells"),
    ("w += read(2)", {}, "must be presynaptic; 2 is shared by all cells"),
    ("w += read(read(k))", {}, r"must be presynaptic; read\(k\) is postsynaptic"),
    ("w += read(k, q)", {}, r"read\(\) takes one argument, got read\(k, q\)"),
    ("w += read()", {}, r"read\(\) takes one argument"),
    ("w += read(x=k)", {}, r"read\(\) takes one argument"),
    ("w += read(*k)", {}, NOT_LEGAL),
    ("w += read", {}, r"read is a function; write read\(...\)"),
    ("w += read(k)(k)", {}, r"unknown function read\(k\)\(\)"),
    ("x += v*k", {}, r"assigns 'x'; a rule assigns w only .*states=\('x',\)"),
    ("k = v", {}, "assigns 'k'; a rule assigns w only"),
    ("", {}, "has an empty text; write for example"),
    ("  \n# only a comment\n", {}, "has an empty text"),
    ("v*k", {}, "is not an assignment; write 'w = ...'"),
    ("w", {}, "is not an assignment"),
    ("w =", {}, "is not an assignment"),
    ("w == v*k", {}, "is not an assignment"),
    ("w **= 2", {}, "is not an assignment"),
    ("w, m = 1", {}, "is not an assignment"),
    ("w += (k", {}, "cannot be read: "),
    ("w += 2 k", {}, "cannot be read: "),
    ("w += k!", {}, "cannot be read: "),
    ("w += k; w", {}, "is not an assignment"),
    ("w += lambda*v*k", {"lambda": "shared"}, "'lambda' is a Python keyword"),
    ("w += lambda: k", {}, "'lambda' is a Python keyword"),
    ("w += k if v else q", {}, "'if' is a Python keyword"),
    ("w += True*k", {}, "'True' is a Python keyword"),
    ("w += k < v", {}, f"'k < v' {NOT_LEGAL}"),
    ("w += k.real", {}, f"'k.real' {NOT_LEGAL}"),
    ("w += (1).real", {}, NOT_LEGAL),
    ("w += k[0]", {}, NOT_LEGAL),
    ("w += [k]", {}, NOT_LEGAL),
    ("w += (k, v)", {}, NOT_LEGAL),
    ("w += (k := v)", {}, NOT_LEGAL),
    ("w += k @ v", {}, NOT_LEGAL),
    ("w += k % 2", {}, NOT_LEGAL),
    ("w += k // 2", {}, NOT_LEGAL),
    ("w += ~k", {}, NOT_LEGAL),
    ("w += f'{k}'", {}, NOT_LEGAL),
    ("w += 'k'", {}, "'k' is not a number"),
    ("w += 1j*k", {}, "1j is not a number"),
    ("w += k/0", {}, "divides by zero"),
    ("w += k/(v - v)", {}, "divides by zero"),
    ("w += log(0)*k", {}, "divides by zero"),
    ("w += sqrt(-1)*k", {}, "root or logarithm of a negative number"),
    ("w += log(-2)*k", {}, "root or logarithm of a negative number"),
    ("w += 1e400*k", {}, "beyond the range of float64"),
    ("w += oo*k", {}, "unknown name 'oo'"),
    ("w += nan*k", {}, "unknown name 'nan'"),
]


@pytest.mark.parametrize(
    ("text", "gates", "sentence"), WRONG_TEXT, ids=[row[0] for row in WRONG_TEXT]
)
def test_nonsense_in_a_text_raises_a_sentence(text, gates, sentence):
    with pytest.raises(FwpError, match=sentence) as caught:
        Rule("mine", text, gates)
    message = str(caught.value)
    assert "'mine'" in message and "\n" not in message


@pytest.mark.parametrize(
    "attack",
    [
        "w += __import__('os').system('touch {file}')",
        "w += (lambda: open('{file}', 'w'))()",
        "w += exec(\"open('{file}', 'w')\")",
        "w += [open('{file}', 'w') for k in '1'][0]",
        "w += k.__class__.__base__.__subclasses__()",
        "w += read(open('{file}', 'w'))",
        "w += __builtins__",
    ],
)
def test_a_text_never_runs_code(attack, tmp_path):
    file = tmp_path / "owned"
    with pytest.raises(FwpError):
        Rule("mine", attack.format(file=file))
    with pytest.raises(FwpError):
        rule("delta").expression(attack.format(file=file)[5:], "an objective")
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(name=""), "a rule needs a name, a non-empty string; got ''"),
        (dict(name=3), "a rule needs a name"),
        (
            dict(text=None),
            "rule 'mine' needs a text, a string of assignments; got NoneType",
        ),
        (dict(gates=BETA), "rule 'mine' declares 'beta' but its text never uses it"),
        (dict(signals={"kappa": "pre"}), "declares 'kappa' but its text never uses it"),
        (dict(states=("m",)), "declares the state 'm' but never assigns it"),
        (dict(text="m = v*k", states=("m",)), "never assigns w, the fast weight"),
        (
            dict(text="w = b*k", gates={"b": "sharde"}),
            "home of 'b' .*did you mean 'shared'",
        ),
        (
            dict(text="w = b*k", signals={"b": "shared"}),
            r"home of 'b' .*\(legal: pre, post\)",
        ),
        (dict(gates={"k": "pre"}), "'k' already has a meaning .*cannot be declared"),
        (
            dict(gates={"dt": "shared"}),
            "'dt' already has a meaning .*reserved: N, abs, back, dt",
        ),
        (dict(gates={"read": "pre"}), "'read' already has a meaning"),
        (dict(gates={"xi": "pre"}), "'xi' already has a meaning"),
        (dict(gates={"pool_0": "shared"}), "'pool_0' already has a meaning"),
        (dict(states=("w",)), "'w' already has a meaning"),
        (
            dict(gates={"b_pre": "pre"}),
            "'b_pre' cannot name .*not ending in _pre or _post",
        ),
        (dict(gates={"2b": "pre"}), "'2b' cannot name a signal"),
        (dict(gates={"b c": "pre"}), "'b c' cannot name a signal"),
        (dict(gates={"β": "pre"}), "'β' cannot name a signal"),
        (dict(gates=["beta"]), "gates must be a dict from name to home, got list"),
        (dict(signals="kappa"), "signals must be a dict from name to home, got str"),
        (
            dict(domains=[0, 1]),
            r"domains must be a dict from name to \(low, high\), got list",
        ),
        (
            dict(text="w = b*k", gates={"b": "pre"}, signals={"b": "pre"}),
            "declares 'b' twice",
        ),
        (
            dict(text="w = b*k\nb = k", gates={"b": "pre"}, states=("b",)),
            "declares 'b' twice",
        ),
        (dict(text="m = k\nw = m", states=("m", "m")), "declares 'm' twice"),
        (
            dict(text="w = beta*k", gates=BETA, domains={"bta": (0, 1)}),
            "gate in the domains of rule 'mine': 'bta'; did you mean 'beta'",
        ),
    ],
)
def test_nonsense_in_a_declaration_raises_a_sentence(arguments, sentence):
    with pytest.raises(FwpError, match=sentence):
        Rule(**{"name": "mine", "text": "w = v*k", **arguments})


def test_nonsense_in_an_objective_raises_a_sentence():
    with pytest.raises(
        FwpError, match="unknown objective moment 'befor'; did you mean 'before'"
    ):
        Objective(("w",), "befor")
    with pytest.raises(
        FwpError, match="objective of rule 'delta': unknown name 'bta'.*'beta'"
    ):
        Objective(("bta*w",)).mismatch(rule("delta"))
    with pytest.raises(FwpError, match="must be presynaptic"):
        Objective(("read(v)",)).mismatch(rule("delta"))
