"""The affine normal form of a rule, from which all its forms but the plain step are made.

Statement by statement, with s over the synaptic states, it says which state is assigned
what:

    target_ij  <-  sum_s keep_s,ij s_ij  +  sum_n shared_n pre_nj post_ni sum_n

where every ``keep`` is a product of one factor for each home (shared by all, presynaptic,
postsynaptic), and the sum of a term is 1 (the term is an input), a read (W x)_i or a
back-projection (W' y)_j. Each term is thus a matrix of rank one. Its vector on the side
that the sum contracts is commanded by the programme alone; the other one may hold the
sum. Terms along the same commanded vector are one *write*,

    (drive + sum_r gain_r sum_r) along'          (read side; the back side is its mirror image).

`split` finds whether a statement is affine, with its coefficients (`Affine`).
``Affine.keep`` and ``Affine.terms`` write them as products, once a rule, and raise
`Cannot` with the reason where a coefficient is none. What is made of them:

    `transition`, `spectrum`       side, rank and eigenvalues of the map of the weights
    `matrix_plan`                  statements joined to micro-steps, for the engine and C++ kernels
    `circuits.rate.ode_windows`    one window of an ODE for each statement, and what the
                                   biophysical synapse is told, from these windows
    `circuits.rate.low_rank`       one token cell for each write
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy

from ..errors import Cannot
from .effort import expand
from .language import SUMS, symbol
from .separation import ZERO, Product, products, separate
from .statements import Statement


@dataclass(frozen=True)
class Term:
    """A product, times ``kind(probe)`` ("read" or "back") if there is a probe."""

    product: Product
    kind: str = ""
    probe: sympy.Expr | None = None


@dataclass(frozen=True)
class Write:
    """A matrix of rank one that a statement adds.

    Attributes:
        side: where the vector lives that the programme alone commands, "pre" or "post".
        along: that vector; drive: the other one, but for the sums.
        sums: (x, gain) for each term gain * read(x) (side "pre") or gain * back(x) (side
            "post") of the other vector.
    """

    side: str
    along: sympy.Expr
    drive: sympy.Expr
    sums: tuple[tuple[sympy.Expr, sympy.Expr], ...]


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
        return self.own.get(self.target, ZERO)

    @cached_property
    def keep(self) -> dict[str, Product]:
        """State -> what is left of its own entry; a state that is not named leaves
        nothing.

        Raises:
            Cannot: a factor differs from synapse to synapse.
        """
        try:
            return {
                name: separate(own, self.statement.home) for name, own in self.own.items()
            }
        except Cannot as reason:
            raise Cannot(
                f"statement {self.statement.line!r} decays every synapse by a factor of "
                f"its own, {reason}"
            ) from None

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What is added: terms with a read, then those with a back-projection, then
        inputs.

        Raises:
            Cannot: one has more than rank one.
        """
        sums = [("read", *pair) for pair in self.reads] + [
            ("back", *pair) for pair in self.backs
        ]
        try:
            return tuple(
                Term(product, kind, probe)
                for kind, probe, factor in [*sums, ("", None, self.input)]
                for product in products(factor, self.statement.home)
            )
        except Cannot as reason:
            raise Cannot(
                f"statement {self.statement.line!r} adds more than outer products: "
                f"{reason}"
            ) from None

    def writes(self, side: str = "pre") -> tuple[Write, ...]:
        """Join the terms along the same vector.

        Args:
            side: where the vector of an input lives, unless a back-projection has the
                same.

        Raises:
            Cannot: a term has more than rank one.
        """
        found: dict[tuple[str, sympy.Expr], tuple[list, dict]] = {}
        for term in self.terms:
            where = SUMS[term.kind][0] if term.kind else side
            if not term.kind and ("post", term.product.post) in found:
                where = "post"
            along, factor = term.product.on(where), term.product.off(where)
            if (where, -along) in found:
                along, factor = -along, -factor
            drive, gains = found.setdefault((where, along), ([], {}))
            if term.kind:
                gains[term.probe] = gains.get(term.probe, ZERO) + factor
            else:
                drive.append(factor)
        return tuple(
            Write(where, along, sympy.Add(*drive), tuple(gains.items()))
            for (where, along), (drive, gains) in found.items()
        )


def split(statement: Statement, states: tuple[str, ...]) -> Affine | None:
    """Split one lowered statement into its affine parts; None if it is not affine in w.

    Raises:
        Cannot: whether it is takes too many terms to find out.
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
    """Return atom -> its coefficient, None -> the rest; None if it is not linear as it
    stands."""
    if not expression.free_symbols & atoms:
        return {None: expression}
    if expression in atoms:
        return {expression: sympy.Integer(1)}
    if expression.is_Add:
        gathered: dict = {}
        for term in expression.args:
            part = _linear(term, atoms)
            if part is None:
                return None
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
    except Cannot:
        return expression
