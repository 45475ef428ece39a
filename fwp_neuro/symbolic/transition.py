"""Is a rule affine in its fast weights, and with which transition and input?

Statement by statement a rule is split as

    target_ij  <-  sum_s own_s,ij s_ij  +  sum_r f_r (W x_r)_i  +  sum_b g_b (W' y_b)_j  +  input_ij

with s over the synaptic states, reads r and back-projections b. Where it splits, W_t is an affine
function of W_{t-1}: right-acting A = Diag + low rank for reads, left-acting for back-projections.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from .effort import TooLarge, expand
from .language import SYNAPSE, join, symbol
from .statements import Statement


@dataclass(frozen=True)
class Affine:
    """One affine statement.

    Attributes:
        target: state assigned.
        own: state name -> coefficient of that state's own entry.
        reads: pairs (x, f): the term f * read(x).
        backs: pairs (y, g): the term g * back(y).
        input: what is added whatever the weights are.
        statement: where it came from.
    """

    target: str
    own: dict[str, sympy.Expr]
    reads: tuple[tuple[sympy.Expr, sympy.Expr], ...]
    backs: tuple[tuple[sympy.Expr, sympy.Expr], ...]
    input: sympy.Expr
    statement: Statement

    @property
    def diagonal(self) -> sympy.Expr:
        """Coefficient of the target's own entry: the decay of this statement."""
        return self.own.get(self.target, sympy.Integer(0))


def split(statement: Statement, states: tuple[str, ...]) -> Affine | None:
    """Split one lowered statement into its affine parts; None if it is not affine in w.

    Raises:
        TooLarge: whether it is takes too many terms to find out.
    """
    weight_sums = [item for item in statement.sums if item.kind != "pool"]
    atoms = [symbol(name) for name in states] + [item.symbol for item in weight_sums]
    if any(item.argument.free_symbols & set(atoms) for item in statement.sums):
        return None
    found = _linear(statement.expression, frozenset(atoms))
    if found is None:  # unless terms of higher order cancel each other
        found = _linear(expand(statement.expression), frozenset(atoms))
    if found is None:
        return None
    coefficients = {atom: _tidy(value) for atom, value in found.items()}
    rest = coefficients.pop(None, sympy.Integer(0))
    own = {name: coefficients.get(symbol(name), sympy.Integer(0)) for name in states}
    own = {name: value for name, value in own.items() if value != 0}
    terms = {
        kind: tuple(
            (item.argument, coefficients[item.symbol])
            for item in weight_sums
            if item.kind == kind and coefficients.get(item.symbol, 0) != 0
        )
        for kind in ("read", "back")
    }
    return Affine(statement.target, own, terms["read"], terms["back"], rest, statement)


def _linear(expression: sympy.Expr, atoms: frozenset) -> dict | None:
    """Return atom -> its coefficient, None -> the rest; None if it is not linear as it stands."""
    if not expression.free_symbols & atoms:
        return {None: expression}
    if expression in atoms:
        return {expression: sympy.Integer(1)}
    if expression.is_Add:
        parts = [_linear(term, atoms) for term in expression.args]
        if any(part is None for part in parts):
            return None
        gathered: dict = {}
        for part in parts:
            for atom, value in part.items():
                gathered.setdefault(atom, []).append(value)
        return {atom: sympy.Add(*values) for atom, values in gathered.items()}
    if not expression.is_Mul:
        return None
    inside = [factor for factor in expression.args if factor.free_symbols & atoms]
    part = _linear(inside[0], atoms) if len(inside) == 1 else None
    if part is None:
        return None
    others = sympy.Mul(*(factor for factor in expression.args if factor is not inside[0]))
    return {atom: value * others for atom, value in part.items()}


def _tidy(expression: sympy.Expr) -> sympy.Expr:
    """Return an expression with like terms together, if that is affordable."""
    try:
        return sympy.factor_terms(expand(expression))
    except TooLarge:
        return expression


@dataclass(frozen=True)
class Transition:
    """How a rule carries its fast weights over one token.

    Attributes:
        statements: the affine statements in order; empty if the rule is not affine.
        affine: whether W_t is an affine function of W_{t-1}.
        side: "right" (W A), "left" (A W), "elementwise", "both" or "none" (not affine).
        structure: the kind of A in words, e.g. "scalar decay x identity + rank 1".
        rank: number of rank-one terms in one token.
    """

    statements: tuple[Affine, ...]
    affine: bool
    side: str
    structure: str
    rank: int

    def __str__(self) -> str:
        return f"{self.structure} ({self.side}-acting)" if self.affine else self.structure


def derive(statements: tuple[Statement, ...], states: tuple[str, ...]) -> Transition:
    """Derive the transition of a rule from its lowered statements.

    Raises:
        TooLarge: that takes too many terms.
    """
    parts = [split(statement, states) for statement in statements]
    if any(part is None for part in parts):
        return Transition((), False, "none", "not affine in w", 0)
    right = sum(len(part.reads) for part in parts)
    left = sum(len(part.backs) for part in parts)
    decay_home = join(*(_home(part, value) for part in parts for value in part.own.values()))
    side = {(False, False): "elementwise", (True, False): "right", (False, True): "left"}.get(
        (bool(right), bool(left)), "both"
    )
    per_row = side == "right" and any(
        join(_home(part, f), "pre") == SYNAPSE for part in parts for _, f in part.reads
    )
    per_column = side == "left" and any(
        join(_home(part, g), "post") == SYNAPSE for part in parts for _, g in part.backs
    )
    plain = all(part.own == {part.target: 1} for part in parts)
    decay = {"shared": "scalar", "pre": "presynaptic diagonal", "post": "postsynaptic diagonal"}
    words = "identity" if plain else decay.get(decay_home, "one factor a synapse")
    rank = right + left
    if rank:
        words += f" + rank {rank}" if rank == 1 else f" + {rank} rank-one factors"
    if per_row or per_column:
        words += ", one matrix for each " + ("row" if per_row else "column")
    if len(states) > 1:
        words += f", on the joint state ({', '.join(states)})"
    return Transition(tuple(parts), True, side, words, rank)


def _home(part: Affine, expression: sympy.Expr) -> str:
    return part.statement.home(expression)
