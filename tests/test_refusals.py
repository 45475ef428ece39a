"""One way to say no: whoever has no such form raises `Cannot` with the reason, once found
out."""

import ast
from pathlib import Path

import pytest
import torch

import fwp_neuro as fwp
from fwp_neuro.artificial.engine import fast_form
from fwp_neuro.artificial.form_choice import choose
from fwp_neuro.artificial.kernels import recipe
from fwp_neuro.circuits.rate import low_rank, ode_windows
from fwp_neuro.errors import Cannot
from fwp_neuro.remembered import called_once
from fwp_neuro.symbolic.text_numbers import number

#: everything that is made of the normal form of a rule
VIEWS = {
    "plan": lambda rule: rule.plan,
    "chunk form": fast_form,
    "kernel": recipe.derive,
    "windows of an ODE": ode_windows.derive,
    "token cells": low_rank.derive,
}
#: a factor that differs from synapse to synapse; read and back; not affine; a further
#: state
OWN = [
    fwp.Rule("own", "w = (1 - a*b)*w + v*k", {"a": "pre", "b": "post"}),
    fwp.Rule("both", "w += (v - read(k))*k\nw += v*(k - back(v))"),
    fwp.Rule("bent", "w = tanh(w) + v*k"),
    fwp.Rule("two", "m = g*m + v*k\nw = w + m", {"g": "pre"}, states=("m",)),
]


@pytest.mark.parametrize(
    "rule", [*map(fwp.rule, fwp.rules()), *OWN], ids=lambda rule: rule.name
)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_a_rule_is_there_or_says_why_not(rule, view):
    said = []
    for _ in range(2):
        try:
            assert VIEWS[view](rule)
        except Cannot as reason:
            said.append(str(reason))
    assert not said or (len(said[0].split()) > 3 and said[0] == said[1])


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.name)
def test_the_choice_of_a_form_repeats_the_reason(rule):
    cpu = torch.device("cpu")
    with pytest.raises(Cannot) as said:
        _ = rule.plan
    with pytest.raises(Cannot, match="form='chunk' cannot run: ") as refused:
        choose("chunk", rule, 100, torch.float32, cpu)
    assert str(refused.value).endswith(str(said.value))
    form, reason = choose("auto", rule, 100, torch.float32, torch.device("meta"))
    assert form == "step" and reason.startswith(
        f"{said.value}; matrix products on meta; "
    )


def test_every_exception_of_the_package_is_in_one_module():
    found = set()
    for file in Path(fwp.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            bases = [ast.unparse(base) for base in getattr(node, "bases", ())]
            if any(base.endswith(("Error", "Exception", "Cannot")) for base in bases):
                found.add((file.name, node.name))
    assert found == {("errors.py", name) for name in
                     ("FwpError", "Cannot", "CallError", "NoAttribute")}  # fmt: skip


def test_what_cannot_be_is_found_out_once():
    asked = []

    @called_once
    def root(x):
        asked.append(x)
        if x < 0:
            raise Cannot(f"{x} has no root")
        if x == 0:
            raise fwp.FwpError("a mistake")
        return x**0.5

    for _ in range(3):
        assert root(4.0) == 2.0
        with pytest.raises(Cannot, match="^-1 has no root$"):
            root(-1)
        with pytest.raises(fwp.FwpError, match="a mistake"):
            root(0)  # a mistake is none of what is remembered
    assert asked == [4.0, -1, 0, 0, 0]
    root.cache_clear()
    assert root(4.0) == 2.0 and asked[-1] == 4.0


def test_a_number_that_is_none_is_refused_by_its_reason():
    with pytest.raises(
        Cannot, match="^takes the root or logarithm of a negative number$"
    ):
        number(
            fwp.Rule("r", "w += v*k")
            .expression("log(2)", "here")
            .func(-1, evaluate=False)
        )
