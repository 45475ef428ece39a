"""Is a rule affine in its fast weights, and with which transition and input?

Where every statement has a normal form (see `normal_form`), W_t is an affine function of
W_{t-1}:
right-acting A = Diag + low rank for reads, left-acting for back-projections.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from ..errors import Cannot
from .language import SYNAPSE, join
from .normal_form import Affine, split
from .statements import Statement


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

    @property
    def parts(self) -> tuple[Affine, ...]:
        """The affine statements.

        Raises:
            Cannot: the rule is not affine.
        """
        if not self.affine:
            raise Cannot("it is not affine in w")
        return self.statements

    def __str__(self) -> str:
        return f"{self.structure} ({self.side}-acting)" if self.affine else self.structure


def derive(statements: tuple[Statement, ...], states: tuple[str, ...]) -> Transition:
    """Derive the transition of a rule from its lowered statements.

    Raises:
        Cannot: that takes too many terms.
    """
    found = [split(statement, states) for statement in statements]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return Transition((), False, "none", "not affine in w", 0)
    right = sum(len(part.reads) for part in parts)
    left = sum(len(part.backs) for part in parts)
    decay_home = join(
        *(_home(part, value) for part in parts for value in part.own.values())
    )
    side = {
        (False, False): "elementwise",
        (True, False): "right",
        (False, True): "left",
    }.get((bool(right), bool(left)), "both")
    per_row = side == "right" and any(
        join(_home(part, f), "pre") == SYNAPSE for part in parts for _, f in part.reads
    )
    per_column = side == "left" and any(
        join(_home(part, g), "post") == SYNAPSE for part in parts for _, g in part.backs
    )
    plain = all(part.own == {part.target: 1} for part in parts)
    decay = {
        "shared": "scalar",
        "pre": "presynaptic diagonal",
        "post": "postsynaptic diagonal",
    }
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
