"""Local objectives: a loss whose gradient step is the rule, and the check that it really
is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from ..errors import FwpError, pick, shown
from . import arrays
from .language import symbol
from .parsing import Assignment
from .statements import lower

_MOMENTS = {
    "before": "gradient at the weights before the token",
    "decayed": "gradient at the weights left by all statements but the last",
    "after": "implicit (proximal) step: gradient at the weights after the token",
}


@dataclass(frozen=True)
class Objective:
    """A loss L(W) for one token, written in the words of the rule text.

    Attributes:
        terms: expressions, each summed over the cells or synapses where it lives; L is
            their sum.
        moment: where the gradient is taken: "before", "decayed" or "after".
        source: where the objective comes from.
    """

    terms: tuple[str, ...]
    moment: str = "before"
    source: str = ""

    def __post_init__(self):
        if isinstance(self.terms, str) or not isinstance(self.terms, tuple | list):
            raise FwpError(
                f"terms of an objective must be a tuple, got {shown(self.terms)}"
            )
        for term in (*self.terms, self.source):
            if not isinstance(term, str):
                raise FwpError(
                    f"terms and source of an objective must be strings, got {shown(term)}"
                )
        if not isinstance(self.moment, str):
            raise FwpError(
                f"objective moment must be one of {', '.join(_MOMENTS)}, got "
                f"{shown(self.moment)}"
            )
        pick(self.moment, _MOMENTS, "objective moment")

    def __str__(self) -> str:
        return (
            " + ".join(f"sum[{term}]" for term in self.terms)
            + f" ({_MOMENTS[self.moment]})"
        )

    def gradient(self, rule) -> list:
        """Return the statements whose values add up to dL/dw, derived by the chain rule.

        A read(x)_i contains w_ij x_j, so dL/dw_ij = dL/dread(x)_i x_j; likewise for
        back(y).
        """
        found = []
        for term in self.terms:
            expression = rule.expression(term, f"objective of rule {rule.name!r}")
            lowered = lower(
                Assignment("w", expression, term), rule.all_homes, f"objective {term!r}"
            )
            gradient = sympy.diff(lowered.expression, symbol("w"))
            reached = {symbol(name) for name in rule.states} | {
                item.symbol for item in lowered.sums
            }
            for item in lowered.sums:
                if item.kind != "pool":
                    slope = sympy.diff(lowered.expression, item.symbol)
                    if item.argument.free_symbols & reached or lowered.home(
                        slope
                    ) not in (
                        "shared",
                        item.home,
                    ):
                        raise FwpError(
                            f"objective {term!r} of rule {rule.name!r} cannot be "
                            "differentiated here: a term with read() or back() must "
                            "live on the cells where that sum lands, unnested"
                        )
                    gradient += (
                        sympy.diff(lowered.expression, item.symbol) * item.argument
                    )
            found.append((lowered, gradient))
        return found

    def mismatch(self, rule, seed: int = 0, shape: tuple[int, int] = (3, 4)) -> float:
        """Return the largest |W_t - W_start + dL/dW| on one random token (0 if it is
        true)."""
        signals, start = _random_token(rule, seed, shape)
        last = arrays.step(rule.statements, start, signals)
        if self.moment == "decayed":
            start = arrays.step(rule.statements[:-1], start, signals)
        at = last if self.moment == "after" else start
        slope = 0.0
        for lowered, gradient in self.gradient(rule):
            values = arrays.gather(lowered, {**signals, **at}, "numpy")
            slope = slope + arrays.evaluate(gradient, values, "numpy")
        return float(np.abs(last["w"] - start["w"] + slope).max())


def _random_token(rule, seed: int, shape: tuple[int, int]):
    """Return signals in the shape of their homes, and states [post, pre] before them."""
    rng = np.random.default_rng(seed)
    signals = {}
    for name, home in rule.homes.items():
        size = {"shared": (), "pre": (shape[1],), "post": (shape[0],)}[home]
        signals[name] = arrays.to_home(rng.uniform(0.1, 0.9, size), home)
    return signals, {name: rng.standard_normal(shape) for name in rule.states}


def asymmetry(rule, seed: int = 0, shape: tuple[int, int] = (3, 4)) -> float:
    """Return how far a rule's change of w is from a gradient: the largest |J - J'|.

    J [synapse, synapse] says how the weights after one random token depend on those
    before it. The change is a gradient of some function of w at these weights if and only
    if J is symmetric (Poincare's lemma), so a rule of one statement with a number above
    rounding has no objective, whatever one writes down. Where a rule changes w more than
    once, J is that of the last change.
    """
    signals, start = _random_token(rule, seed, shape)
    cuts = [0, *(n + 1 for n, one in enumerate(rule.statements) if one.target == "w")]
    last = rule.statements[cuts[-2] :]
    before = arrays.step(rule.statements[: cuts[-2]], start, signals)
    count = shape[0] * shape[1]
    jacobian = np.empty((count, count))
    for n, unit in enumerate(np.eye(count).reshape(count, *shape)):
        ends_at = [
            arrays.step(last, {**before, "w": before["w"] + half * unit}, signals)["w"]
            for half in (0.5, -0.5)
        ]
        jacobian[:, n] = (ends_at[0] - ends_at[1]).ravel()
    return float(np.abs(jacobian - jacobian.T).max())
