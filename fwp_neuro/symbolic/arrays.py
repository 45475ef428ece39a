"""Run lowered statements on arrays: the same code steps NumPy arrays and torch tensors.

Homes become shapes, so that every elementwise expression is a broadcast:
shared [..., 1, 1], pre [..., 1, d_k], post [..., d_v, 1], synapse [..., d_v, d_k].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sympy

from ..remembered import while_it_lives
from .language import SYNAPSE
from .statements import Statement


def to_home(array, home: str):
    """Give an array [..., dim] (or [...] if shared) the two trailing axes of its home."""
    if home == "shared":
        return array[..., None, None]
    return array[..., None, :] if home == "pre" else array[..., :, None]


@lru_cache(maxsize=512)
def compiled(expression: sympy.Expr, names: tuple[str, ...], namespace: str):
    """Return the function of ``names`` that evaluates an expression on arrays of a
    namespace."""
    if namespace == "torch":
        import torch  # noqa: PLC0415  NumPy does without

        # exp(-1) in a text is a number, which torch.exp refuses
        def over_numbers_too(name):
            tensor, number = getattr(torch, name), getattr(math, name)
            return lambda x: tensor(x) if isinstance(x, torch.Tensor) else number(x)

        functions = {
            name: over_numbers_too(name) for name in ("exp", "log", "sqrt", "tanh")
        }
        # sympy prints sign(x) as a Python "if", which a tensor is not: hide it behind
        # another name
        expression = expression.replace(sympy.sign, sympy.Function("signum"))
        modules: list[Any] = [functions | {"signum": torch.sign, "Abs": abs, "abs": abs}]
    else:
        modules = ["numpy"]
    return sympy.lambdify(
        [sympy.Symbol(name, real=True) for name in names], expression, modules
    )


def evaluate(expression: sympy.Expr, values: Mapping[str, Any], namespace: str):
    """Evaluate a lowered expression over ``values`` (name -> array in the shape of its
    home)."""
    return _Formula(expression, namespace)(values)


class _Formula:
    """An expression as a function of a dict of values."""

    def __init__(self, expression: sympy.Expr, namespace: str):
        expression = sympy.sympify(expression)
        self.names = tuple(sorted(item.name for item in expression.free_symbols))
        self.function = compiled(expression, self.names, namespace)

    def __call__(self, values: Mapping[str, Any]):
        return self.function(*[values[name] for name in self.names])


#: weights up to which elementwise products are faster on a CPU than PyTorch's matrix
#: product
_FEW = 2**17


def _products(namespace: str):
    """Return the function of [..., d_v, d_k] and [..., 1, d_k] to their product [...,
    d_v, 1]."""

    def product(weights, row):
        return weights @ row.swapaxes(-1, -2)

    if namespace == "numpy":
        return product
    from torch.compiler import is_compiling  # noqa: PLC0415  rules need no PyTorch

    def torch_product(weights, row):
        if is_compiling() or weights.device.type != "cpu" or weights.numel() > _FEW:
            return product(weights, row)
        return (weights * row).sum(-1, keepdim=True)

    return torch_product


class _Line:
    """A statement with all symbolic work done."""

    def __init__(self, statement: Statement, namespace: str):
        self.target, self.product = statement.target, _products(namespace)
        self.sums = [
            (item.symbol.name, item.kind, _Formula(item.argument, namespace))
            for item in statement.sums
        ]
        self.formula = _Formula(statement.expression, namespace)
        self.spread = statement.home(statement.expression) != SYNAPSE

    def gather(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add to ``values`` the sums that the statement reads off the present weights."""
        weights = values["w"]
        for name, kind, formula in self.sums:
            argument = formula(values)
            if kind == "read":
                values[name] = self.product(weights, argument)
            elif kind == "back":  # [..., d_v, 1] x [..., d_v, d_k] -> [..., 1, d_k]
                values[name] = argument.swapaxes(-1, -2) @ weights
            else:
                values[name] = argument.sum(-1)[..., None]
        return values


def gather(
    statement: Statement, values: Mapping[str, Any], namespace: str
) -> dict[str, Any]:
    """Return ``values`` together with the sums that the statement reads off the present
    weights."""
    return _Line(statement, namespace).gather(dict(values))


class ArrayStep:
    """One token of a rule: `step` with its symbolic work done when it is made."""

    def __init__(self, statements: Sequence[Statement], namespace: str):
        self.lines = [_Line(statement, namespace) for statement in statements]
        self.product = _products(namespace)

    def __call__(
        self, states: Mapping[str, Any], signals: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the states after the token; arguments as for `step`."""
        states = dict(states)
        for line in self.lines:
            new = line.formula(line.gather({**signals, **states}))
            states[line.target] = new + 0 * states["w"] if line.spread else new
        return states

    def read(self, weights, query):
        """Return the read-out [..., d_v] of weights [..., d_v, d_k] and a query [...,
        d_k]."""
        return self.product(weights, query[..., None, :])[..., 0]


@while_it_lives
def numpy_step(rule) -> ArrayStep:
    """Return the step of a rule on NumPy arrays."""
    return ArrayStep(rule.statements, "numpy")


@while_it_lives
def torch_step(rule) -> ArrayStep:
    """Return the step of a rule on torch tensors."""
    return ArrayStep(rule.statements, "torch")


def step(
    statements: Sequence[Statement],
    states: Mapping[str, Any],
    signals: Mapping[str, Any],
    namespace: str = "numpy",
) -> dict[str, Any]:
    """Apply one token's statements in order.

    Args:
        statements: the lowered text of a rule.
        states: synaptic states, name -> [..., d_v, d_k]; none is changed in place.
        signals: keys, values and gates of the token in the shape of their homes.
        namespace: "numpy" or "torch".

    Returns:
        The states after the token.
    """
    return ArrayStep(statements, namespace)(states, signals)
