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

from .language import SYNAPSE
from .statements import Statement


def to_home(array, home: str):
    """Give an array [..., dim] (or [...] if shared) the two trailing axes of its home."""
    if home == "shared":
        return array[..., None, None]
    return array[..., None, :] if home == "pre" else array[..., :, None]


@lru_cache(maxsize=512)
def compiled(expression: sympy.Expr, names: tuple[str, ...], namespace: str):
    """Return the function of ``names`` that evaluates an expression on arrays of a namespace."""
    if namespace == "torch":
        import torch  # noqa: PLC0415  NumPy does without

        def over_numbers_too(name):  # exp(-1) in a text is a number, which torch.exp refuses
            tensor, number = getattr(torch, name), getattr(math, name)
            return lambda x: tensor(x) if isinstance(x, torch.Tensor) else number(x)

        functions = {name: over_numbers_too(name) for name in ("exp", "log", "sqrt", "tanh")}
        # sympy prints sign(x) as a Python "if", which a tensor is not: hide it behind another name
        expression = expression.replace(sympy.sign, sympy.Function("signum"))
        modules: list[Any] = [functions | {"signum": torch.sign, "Abs": abs, "abs": abs}]
    else:
        modules = ["numpy"]
    return sympy.lambdify([sympy.Symbol(name, real=True) for name in names], expression, modules)


def evaluate(expression: sympy.Expr, values: Mapping[str, Any], namespace: str):
    """Evaluate a lowered expression over ``values`` (name -> array in the shape of its home)."""
    expression = sympy.sympify(expression)
    names = tuple(sorted(item.name for item in expression.free_symbols))
    return compiled(expression, names, namespace)(*(values[name] for name in names))


def gather(statement: Statement, values: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return ``values`` together with the sums that the statement reads off the present weights."""
    values = dict(values)
    weights = values["w"]
    for item in statement.sums:
        argument = evaluate(item.argument, values, namespace)
        if item.kind == "read":  # [..., d_v, d_k] x [..., 1, d_k] -> [..., d_v, 1]
            values[item.symbol.name] = weights @ argument.swapaxes(-1, -2)
        elif item.kind == "back":  # [..., d_v, 1] x [..., d_v, d_k] -> [..., 1, d_k]
            values[item.symbol.name] = argument.swapaxes(-1, -2) @ weights
        else:
            values[item.symbol.name] = argument.sum(-1)[..., None]
    return values


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
    states = dict(states)
    for statement in statements:
        values = gather(statement, {**signals, **states}, namespace)
        new = evaluate(statement.expression, values, namespace)
        if statement.home(statement.expression) != SYNAPSE:
            new = new + 0 * states["w"]
        states[statement.target] = new
    return states
