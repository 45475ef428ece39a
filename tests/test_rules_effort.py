"""No text takes long: what is too long, too deep or too large gets a sentence."""

import time
import warnings

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.rules import Rule
from fwp_neuro.symbolic import effort

SECONDS = 1.0


def _properties(rule):
    """Return every derived property, or the sentence that says why there is none."""
    found = {}
    for name in ("transition", "forms", "eigenvalues", "locality", "latex", "plan"):
        try:
            found[name] = getattr(rule, name)
        except fwp.FwpError as reason:
            found[name] = str(reason)
    return found, repr(rule)


BETA = {"beta": "shared"}
TOO_MUCH = {
    "tower of integers": ("w += (((9**64)**64)**64)**64", "beyond the range of float64"),
    "tower of powers": ("w += (((k+v)**64)**64)**64", "exponent"),
    "power of a power": ("w += ((k+v)**9)**9", "exponent"),
    "brackets": ("w += " + "(" * 1000 + "k" + ")" * 1000, "cannot be read"),
    "signs": ("w += " + "-" * 1000 + "k", "nested too deeply"),
    "very many signs": ("w += " + "-" * 100_000 + "k", "characters; the limit is 10000"),
    "calls": (
        "w += " + "tanh(" * 90 + "k" + ")" * 90,
        "nested too deeply; the limit is 32",
    ),
    "sums in sums": ("w += " + "read(back(" * 20 + "v" + "))" * 20, "nested too deeply"),
    "terms": ("w += " + "+".join(["k"] * 1000), "more than 200 names and numbers"),
    "statements": ("\n".join(["w += v*k"] * 300), "300 statements; the limit is 100"),
    "digits": ("w += " + "9" * 310 + "*k", "beyond the range of float64"),
    "too many digits": ("w += " + "9" * 5000 + "*k", "cannot be read|beyond"),
    "a surrogate": ("w += k # \udcff", "no text"),
    "a null byte": ("w += k\0", "cannot be read"),
}
LEGAL = {
    "expands without end": "w += " + "*".join(f"(k+{i}*v)" for i in range(1, 50)),
    "expands without end around w": "w += (w+1)*(w+2)*"
    + "*".join(f"(k+{i}*v)" for i in range(50)),
    "high powers": "w += (k+v+1)**64*(k-v+2)**64*(read(k)+1)**64",
    "many terms": "w += " + "+".join(f"{i}.5*k**{i % 60}*v" for i in range(1, 50)),
    "many functions": "w += "
    + "+".join(f"tanh(k*{i})*v + tanh(v*{i})*k" for i in range(1, 20)),
    "many names": "w += "
    + "+".join(f"k**{i % 9}*v**{i % 7}*tanh({i}*k*q)" for i in range(20)),
    "deep": "w += " + "tanh(1 + " * 15 + "k" + ")" * 15,
    "deep roots": "w += " + "sqrt(2 + abs(" * 10 + "k" + "))" * 10,
    "deep fractions": "w += v" + "/(2 + k" * 15 + ")" * 15,
    "deep sums": "w += " + "read(back(" * 14 + "v" + "))" * 14,
    "many statements": "\n".join(["w -= read(k)*k/9", "w += v*k", "w *= 0.9"] * 33),
    "many decays": "\n".join(f"w *= 1 - beta*k**2/{n}" for n in range(2, 100)),
    "digits": "w += " + "9" * 300 + "*k",
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_text_beyond_the_limits_gets_a_sentence_at_once(name):
    text, sentence = TOO_MUCH[name]
    start = time.process_time()
    with pytest.raises(fwp.FwpError, match=sentence) as refused:
        Rule("mine", text)
    assert time.process_time() - start < SECONDS
    assert len(str(refused.value)) < 700 and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_text_is_read_at_once_and_its_properties_give_up_with_a_sentence(name):
    text = LEGAL[name]
    start = time.process_time()
    rule = Rule("mine", text, BETA if "beta" in text else None)
    assert time.process_time() - start < SECONDS
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, shown = _properties(rule)
    assert time.process_time() - start < 5 * SECONDS
    assert shown.startswith("Rule('mine': w") and "step" in found["forms"]


def test_what_is_too_large_to_expand_still_runs_step_by_step():
    rule = Rule(
        "mine", "w = 0.5*w + 1e-30*" + LEGAL["expands without end"].removeprefix("w += ")
    )
    assert rule.transition.affine and rule.forms == ("step", "compiled")
    program = fwp.Program([[0.1, 0.2]] * 3, [[0.3]] * 3)
    assert np.isfinite(fwp.run(program, rule)["readout"]).all()
    rate = fwp.run(program, rule, "rate", device="numpy")
    assert fwp.compare(fwp.run(program, rule), rate).nrmse < 1e-10


def test_what_cannot_be_told_is_said():
    text = LEGAL["expands without end around w"]
    rule = Rule("mine", text)
    with pytest.raises(fwp.FwpError, match="expands into more than 1000 terms"):
        rule.transition  # noqa: B018
    assert rule.forms == ("step", "compiled")


@pytest.mark.parametrize("count", [2, 8, 16, 32])
def test_eigenvalues_take_a_time_that_grows_slowly_with_statements_and_gates(count):
    gates = [f"a{n}" for n in range(count)]
    text = "\n".join(
        [*(f"w = (1 - {gate})*w" for gate in gates), "w += b*(v - read(k))*k"]
    )
    start = time.process_time()
    found = Rule("mine", text, dict.fromkeys([*gates, "b"], "shared")).eigenvalues
    assert time.process_time() - start < 2 * SECONDS
    assert found.bound and (found.low, found.high) == (0, 1)
    domains = dict.fromkeys(gates, (0.5, 0.75)) | {"b": (0, 2)}
    found = Rule(
        "mine", text, dict.fromkeys([*gates, "b"], "shared"), domains=domains
    ).eigenvalues
    assert (found.low, found.high) == pytest.approx((-(0.5**count), 0.5**count), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("w += v*sqrt(k)", 1, 1),
        ("w += v/k", 1, 1),
        ("w += v*log(k)", 1, 1),
        ("w += v*k**0.5", 1, 1),
        ("w += v*k**-1", 1, 1),
        ("w *= 0.9", 0.9, 0.9),
        ("w = 0", 0, 0),
        ("w -= sqrt(k)*read(sqrt(k))/2", None, None),
    ],
)
def test_roots_and_quotients_in_a_text_do_not_break_its_eigenvalues(text, low, high):
    found = Rule("mine", text).eigenvalues
    assert np.isfinite([found.low, found.high, found.radius]).all()
    if low is not None:
        assert (found.low, found.high) == (low, high)


def test_a_transition_without_any_number_says_so():
    with pytest.raises(fwp.FwpError, match="finite for none of"):
        Rule("mine", "w *= log(tanh(k) - 2)").eigenvalues  # noqa: B018


def test_the_count_of_terms_is_that_of_the_expansion():
    import sympy

    k, v, w = sympy.symbols("k v w", real=True)
    for expression in (
        k,
        k + v,
        (k + v) ** 5,
        (k + v + 1) ** 4 * w,
        k * (v + w) * (k + 1),
    ):
        expanded = len(sympy.Add.make_args(sympy.expand(expression)))
        assert expanded <= effort.terms(expression) <= 2 * expanded
    assert effort.terms((k + v) ** 64 * (k + w) ** 64) == effort.TERMS + 1


BY_ZERO = [
    "w /= 0", "w /= 0.0", "w /= k - k", "w = w/(w - w)", "w += 0/0", "w += k*0**-1",
    "w += 1/(1-1)", "w += (k - k)**-2", "w += 1/(k*(v + 1) - k*v - k)",
    "w /= (k + 1)**2 - k**2 - 2*k - 1", "w += k/log(1)", "w += k/tanh(0)",
    "w += k/sign(0)", "w += k/(read(k) - read(k))", "w += log(0)*k", "w += log(k - k)",
    "w += v/(sqrt(2)**2 - 2)", "w += v*exp(1/0)", "w += k*(v*0)**-1", "w /= 0*k",
    "w += tanh(1/(v - v))*k",
]  # fmt: skip
NEGATIVE = [
    "w += sqrt(-1)*k", "w += log(-2)*k", "w += (-8)**(1/3)*k", "w += (-1)**0.5*k",
    "w += sqrt(-abs(k) - 1)*v", "w += log(-exp(k))*v", "w += sqrt(-k**2)*v",
    "w += log(-1 - k**2)", "w += (-exp(v))**0.5*k",
]  # fmt: skip
TOO_LARGE = [
    "w += 1e308*10*v*k", "w += 1e308*1e308*v*k", "w += exp(1000)*v*k",
    "w += exp(exp(exp(9)))*v*k", "w += exp(-exp(exp(9)))*v*k", "w += (1e200*k)*(1e200*v)",
    "w += exp(600)*k*exp(600)", "w += (exp(600)*k)*(exp(600)*v)",
    "w += 10**64*10**64*10**64*10**64*10**64*k", "w += k*(1e10)**64",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(text, "divides by zero") for text in BY_ZERO]
    + [(text, "root or logarithm of a negative number") for text in NEGATIVE]
    + [(text, "beyond the range of float64") for text in TOO_LARGE]
    + [("w += 0**k*v", "varying power"), ("w += (-2)**k*v", "varying power")],
)
def test_what_has_no_number_is_refused(text, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        Rule("mine", text)
    with pytest.raises(fwp.FwpError, match=sentence):
        Rule("mine", "m = v*k\nw += m\n" + text.replace("w", "m"), states=("m",))


@pytest.mark.parametrize(
    "text", ["w /= k", "w += v/(k - q)", "w += 2**k*v", "w += v*k**(1/3)"]
)
def test_what_may_have_a_number_is_legal(text):
    assert Rule("mine", text).forms[0] == "step"
