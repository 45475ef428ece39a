"""`apply` inside a function that torch.compile traces as one graph."""

import subprocess
import sys

import pytest
import torch
from layer_cases import NOT_AFFINE, SMALL, TYPED_IN, title
from test_derivatives import case, far

from fwp_neuro.artificial import apply
from fwp_neuro.artificial.memories import memories, memory
from fwp_neuro.artificial.tracing import constant_in_graphs
from fwp_neuro.rules import rule, rules

RULES = [*map(rule, rules()), TYPED_IN, NOT_AFFINE]
MEMORIES = [memory(name, **SMALL.get(name, {})) for name in memories()]


def same_numbers(chosen, backend, form="auto"):
    torch._dynamo.reset()
    leaves, loss = case(chosen)
    found = []
    for run in (loss, torch.compile(loss, fullgraph=True, backend=backend)):
        given = [x.clone().requires_grad_() for x in leaves]
        value = run(form, *given)
        found.append([value, *torch.autograd.grad(value, given, materialize_grads=True)])
    assert far(*([x.detach() for x in one] for one in found)) < 1e-9


@pytest.mark.parametrize("chosen", [*RULES, *MEMORIES], ids=title)
def test_traces_as_one_graph(chosen):
    same_numbers(chosen, "eager")


@pytest.mark.parametrize("form", ["step", "chunk", "parallel", "compiled"])
def test_every_form_traces_as_one_graph(form):
    same_numbers(rule("gated_delta"), "eager", form)


@pytest.mark.parametrize(
    "chosen", ["delta", pytest.param("mesa", marks=pytest.mark.slow)]
)
def test_traces_ahead_of_time(chosen):
    same_numbers(memory(chosen) if chosen == "mesa" else rule(chosen), "aot_eager")


@pytest.mark.slow
def test_traces_with_inductor():
    same_numbers(rule("delta"), "inductor")


@pytest.mark.parametrize("name", ["delta", "mesa"])
def test_names_numbers_scales_and_halves_are_traced(name):
    torch._dynamo.reset()
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 20, 2, 8, dtype=torch.bfloat16) / 3 for _ in range(3))

    def run(q, k, v):
        gates = {"beta": 0.5} if name == "delta" else {"beta": 0.5, "gamma": 0.9}
        return apply(name, q[:, :, :1], k[:, :, :1], v, **gates, scale=0.3)[0]

    found = torch.compile(run, fullgraph=True, backend="eager")(q, k, v)
    assert found.dtype == torch.bfloat16
    assert far([found.double()], [run(q, k, v).double()]) < 1e-2


SOON = """
import sys, torch, fwp_neuro as fwp
fwp.artificial.Layer("delta", 8)(torch.ones(1, 3, 8)).sum().backward()
fwp.run(fwp.tasks.associative_recall(tokens=2, dim=2), "delta")
print("torch._dynamo" in sys.modules)
"""


def test_the_compiler_of_torch_is_loaded_only_where_something_is_compiled():
    done = subprocess.run([sys.executable, "-c", SOON], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_the_mark_of_a_constant_is_that_of_torch(monkeypatch):
    marked = torch.compiler.assume_constant_result(lambda: 0)
    monkeypatch.delitem(sys.modules, "torch._dynamo")
    assert vars(constant_in_graphs(lambda: 0)) == vars(marked) != {}
