"""What a rule tells its user: odd arguments, gates outside their range, likely slips."""

import math
import re
import time
import warnings

import brian2  # noqa: F401  its import takes over warnings, so it comes before they are caught
import numpy as np
import pytest
import torch

import fwp_neuro as fwp
from fwp_neuro.errors import FwpWarning
from fwp_neuro.rules import Reduction, Rule, register, rule, rules
from fwp_neuro.symbolic.objective import Objective

# ---------------------------------------------------------------- odd arguments


class Silent:
    def __repr__(self):
        raise RuntimeError("no repr")


ODD = [
    None, True, False, -1, 0, 10**400, 1.5, math.nan, math.inf, "", " ", "\n",
    "k" * 100_000, "\ud800", "a\0b", "\u202e", "日本", b"x", [], [None], ["m", "m"], (), {},  # noqa: E501
    {"a": None},
    {None: "pre"}, {1: 2}, {"beta": "shared"}, {"beta": ["pre"]}, {"beta": (0, math.nan)},
    {"beta": (1, 0)}, {"beta": "ab"}, {"\ud800": "pre"}, {"x" * 100_000: "pre"}, {"m"},
    frozenset({1}), object(), Silent(), type, len, 1j, np.array([1, 2]), np.array("x"),
    range(3),
    iter([1]), slice(None), ..., {f"g{n}": "pre" for n in range(10_000)},
    [f"s{n}" for n in range(10_000)],
]  # fmt: skip
ARGUMENTS = [
    "name", "text", "gates", "signals", "states", "citation", "summary", "domains",
    "limits", "objective", "reductions", "aliases",
]  # fmt: skip
MAKERS = {
    **{
        f"Rule {name}": lambda value, name=name: Rule(
            **{
                "name": "mine",
                "text": "w += beta*v*k",
                "gates": {"beta": "shared"},
                name: value,
            }
        )
        for name in ARGUMENTS
    },
    "rule": rule,
    "expression": lambda value: rule("delta").expression(value, "here"),
    "Objective terms": lambda value: Objective(value).mismatch(rule("delta")),
    "Objective moment": lambda value: Objective(("w",), value),
    "Objective source": lambda value: Objective(("w",), source=value),
    "Reduction to": lambda value: Reduction(value, {}, {}),
    "Reduction these": lambda value: Reduction("delta", value, {}),
    "Reduction those": lambda value: Reduction("delta", {}, value),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_odd_arguments_are_legal_or_get_a_short_sentence_at_once(maker):
    refused = 0
    for value in ODD:
        start = time.process_time()
        try:
            MAKERS[maker](value)
        except fwp.FwpError as sentence:
            refused += 1
            assert len(str(sentence)) < 700 and "\n" not in str(sentence)
        assert time.process_time() - start < 1
    assert refused > len(ODD) / 2


def test_what_is_no_rule_is_not_registered():
    before = rules()
    for value in ODD:
        with pytest.raises(fwp.FwpError):
            register(value)
    with pytest.raises(fwp.FwpError, match="'b' is registered already"):
        register(Rule("a_new_one", "w += v*k", aliases=("b", "b")))
    with pytest.raises(fwp.FwpError, match="rules"):
        rules("delta")
    with pytest.raises(fwp.FwpError, match="Rule"):
        Rule("mine")
    assert rules() == before


# -------------------------------------------------------------- gates outside their range


def _run(chosen, form="run", **gates):
    """Run three tokens with unit keys and the gates given; others are 0.5."""
    rng, tokens = np.random.default_rng(0), 3
    key = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    arrays = {"k": key, "q": key, "v": rng.uniform(-1, 1, (tokens, 2))}
    size = {"shared": (), "pre": (2,), "post": (2,)}
    for name, home in chosen.homes.items():
        if name not in arrays:
            arrays[name] = (
                key if name not in chosen.gates else np.full((tokens, *size[home]), 0.5)
            )
    for name, value in gates.items():
        arrays[name][1] = value
    if form == "run":
        return fwp.run(fwp.Program(**arrays), chosen)
    if form == "rate":
        return fwp.run(
            fwp.Program(**arrays), chosen, "rate", dynamics="event", device="numpy"
        )
    tensors = {name: torch.tensor(array)[None, :, None] for name, array in arrays.items()}
    query, k, v = (tensors.pop(name) for name in "qkv")
    if form == "apply":
        return fwp.artificial.apply(chosen, query, k, v, **tensors)
    layer = fwp.artificial.Layer(
        chosen, 4, gates={name: float(x) for name, x in gates.items()}
    )
    return layer(torch.randn(1, 3, 4))


GATES = [(name, gate) for name in rules() for gate in rule(name).gates]


def _warned(call) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(each.message) for each in caught if each.category is FwpWarning]


@pytest.mark.parametrize(("name", "gate"), GATES)
def test_every_registered_gate_has_limits_and_a_run_outside_them_says_so_once(name, gate):
    chosen = rule(name)
    low, high = chosen.limits[gate]
    assert low == 0 and high in (1, 2, math.inf)
    inside = [low, high] if high < math.inf else [low, 7]
    for value in inside:
        assert not _warned(lambda value=value: _run(chosen, **{gate: value}))
        assert not _warned(lambda value=value: _run(chosen, "apply", **{gate: value}))
    for value in [low - 0.25] + ([high + 0.25] if high < math.inf else []):
        for form in ("run", "apply"):
            found = _warned(
                lambda value=value, form=form: _run(chosen, form, **{gate: value})
            )
            assert len(found) == 1, found
            assert re.search(
                f"{name!r}: gate {gate!r} is {value:.4g} at token 1", found[0]
            )


@pytest.mark.parametrize("form", ["run", "rate", "apply", "layer"])
def test_decays_as_logarithms_are_announced_wherever_they_are_used(form):
    [sentence] = _warned(lambda: _run(rule("gated_delta"), form, alpha=-0.1))
    assert (
        "gate 'alpha' is -0.1" in sentence
        and "[0, 1]" in sentence
        and "logarithm" in sentence
    )


def test_two_gates_outside_their_range_are_one_warning():
    [sentence] = _warned(lambda: _run(rule("gated_delta"), "apply", alpha=1.5, beta=3))
    assert (
        "'alpha' is 1.5 at token 1" in sentence and "'beta' is 3 at token 1" in sentence
    )


def test_a_rule_of_your_own_has_the_limits_that_it_declares():
    text, gates = "w = alpha*w + v*k", {"alpha": "shared"}
    assert not _warned(lambda: _run(Rule("mine", text, gates), alpha=7))
    for declared in ({"domains": {"alpha": (0, 1)}}, {"limits": {"alpha": (0, 1)}}):
        mine = Rule("mine", text, gates, **declared)
        assert _warned(lambda mine=mine: _run(mine, alpha=7))
    both = Rule(
        "mine", text, gates, domains={"alpha": (0.5, 1)}, limits={"alpha": (0, 1)}
    )
    assert both.domains == {"alpha": (0.5, 1)} and both.limits == {"alpha": (0, 1)}
    with pytest.raises(
        fwp.FwpError, match="limits of rule 'mine': 'alhpa'; did you mean 'alpha'"
    ):
        Rule("mine", text, gates, limits={"alhpa": (0, 1)})


def test_padding_and_traced_gates_are_not_looked_at():
    one = torch.ones(1, 3, 1, 2, dtype=torch.float64)
    alpha = torch.tensor([[[0.5], [-0.1], [0.5]]], dtype=torch.float64)
    mask = torch.tensor([[True, False, True]])
    apply = fwp.artificial.apply
    assert not _warned(
        lambda: apply("gated_delta", one, one, one, alpha=alpha, beta=0.5, mask=mask)
    )

    def total(alpha):
        return apply("gated_delta", one, one, one, alpha=alpha, beta=0.5 + 0 * alpha)[
            0
        ].sum()

    assert not _warned(lambda: torch.func.grad(total)(alpha))


# ---------------------------------------------------------------- likely slips

SLIPS = [
    "w += beta*(v - w*k)*k", "w += beta*(v - w*q)*k", "w += w*q", "w += (k - v*w)*k*beta",
    "w += beta*tanh(v - w*k)*k", "w -= beta*(w*k - v)*k", "w += beta*(v - w*p)*p",
    "w = alpha*w + beta*(v - alpha*w*k)*k", "w += 0.5*beta*(v - w*k)*k",
    "w += beta*(v - tanh(w*k))*k", "w += beta*(v - k*w/2)*k/(1 + pool(k*k))",
]  # fmt: skip
MEANT = [
    "w -= beta*w*k**2", "w -= beta*k**2*w", "w += beta*k*(v - w)", "w += beta*v*(k - w)",
    "w += beta*v*(k - v*w)", "w += beta*(k - v*w)*v", "w = (1 - beta*k)*w + v*k",
    "w *= beta*k", "w *= beta*q", "w += beta*(1 - w)*k*v", "w = alpha*w + beta*v",
    "w += beta*(v - alpha*w)*k", "w = tanh(w + beta*v*k)", "w += beta*(v*k - w*k)",
    "w -= beta*w*k", "w = k*w + v*beta", "w += beta*v*k*(1 - w*k)",
    "w += beta*(v - read(k))*k",
]  # fmt: skip


def _typed(text):
    gates = {"beta": "shared", "alpha": "pre"}
    gates = {name: home for name, home in gates.items() if name in text}
    return Rule("mine", text, gates, {"p": "pre"} if "*p" in text else None)


@pytest.mark.parametrize("text", SLIPS)
def test_a_likely_slip_gets_a_hint_once(text):
    [sentence] = _warned(lambda: _typed(text))
    signal = next(
        each for each in "pqk" if f"*{each}" in text.replace("/(1 + pool(k*k))", "")
    )
    call = "back(v)" if "v*w" in text else f"read({signal})"
    assert sentence.startswith("rule 'mine': w*") and sentence.endswith(f"write {call}")
    chosen = _typed(text)
    assert chosen.hint in repr(chosen)
    # it is said once, where the rule is made
    assert not _warned(lambda: _run(chosen, "apply"))


@pytest.mark.parametrize("text", MEANT)
def test_an_entrywise_product_that_is_meant_gets_none(text):
    assert not _warned(lambda: _typed(text)) and "hint" not in repr(_typed(text))


@pytest.mark.parametrize("name", rules())
def test_no_registered_rule_looks_like_a_slip(name):
    assert rule(name).hint == ""


@pytest.mark.parametrize(
    "text",
    ["w = beta*(v - read(k))*k", "w = beta*v*k", "w = read(k)*k", "w *= 0.5; w = v*k"],
)
def test_a_text_that_forgets_the_weight_gets_a_hint_once(text):
    gates = {"beta": "shared"} if "beta" in text else None
    [sentence] = _warned(lambda: Rule("mine", text, gates))
    right = text.rpartition("w = ")[2]
    assert sentence.startswith("rule 'mine': ") and sentence.endswith(
        f"write w += {right}"
    )
    assert f"write w += {right})" in repr(Rule("mine", text, gates))
    assert not _warned(lambda: Rule("mine", text.replace("w = ", "w += "), gates))


@pytest.mark.parametrize(
    "text", ["w = 0; w += v*k", "w = k", "m = v*k; w = m", "w = tanh(w*k)"]
)
def test_a_text_that_keeps_a_state_or_resets_it_gets_none(text):
    assert not _warned(lambda: Rule("mine", text, states=("m",) if "m =" in text else ()))


@pytest.mark.parametrize(
    ("text", "advice"),
    [("w += k^2*v", r"such as k\*\*2"), ("w += v*(k + 1) ^ 2", r"such as k\*\*2"),
     ("w += v*k²", r"write ² as \*\*2"), ("w += v×k − w", r"write × as \*, − as -")],
)  # fmt: skip
def test_signs_of_other_notations_get_the_words_for_them(text, advice):
    with pytest.raises(fwp.FwpError, match=advice):
        Rule("mine", text)


def test_a_matrix_product_gets_the_word_for_it():
    with pytest.raises(fwp.FwpError, match=r"write read\(k\).*back\(v\)"):
        Rule("mine", "w += w @ k")
