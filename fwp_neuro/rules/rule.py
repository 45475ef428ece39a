"""A fast-weight rule: one short text over local names, and everything that follows from
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy

from .. import notebook_html
from ..arguments import Kind, inside, takes, text
from ..errors import Cannot, FwpError, callers, shown, warn
from ..symbolic import hints, language, latex, locality, parsing, spectrum, transition
from ..symbolic import matrix_plan as plans
from ..symbolic.objective import Objective
from ..symbolic.statements import Statement, lower
from .declarations import (
    checked_aliases,
    checked_all,
    checked_expressions,
    checked_homes,
    checked_name,
    checked_ranges,
    checked_states,
    checked_text,
)

_SIGNALS = Kind("a dict from signal to expression", checked_expressions, dict)


@takes(to=text("delta"), these=_SIGNALS, those=_SIGNALS)
@dataclass(frozen=True)
class Reduction:
    """A declared special case: this rule with ``these`` signals equals rule ``to`` with
    ``those``.

    Both maps give signals as expressions over the other names, e.g. ``{"alpha": "1"}``.
    """

    to: str
    these: Mapping[str, str]
    those: Mapping[str, str]


@takes(
    name=Kind("a string", lambda value, _: checked_name(value), lambda: "mine"),
    text=inside("assignments to w", lambda: "w += v*k"),
    gates=inside("a dict from gate to home, or None"),
    signals=inside("a dict from signal to home, or None"),
    states=inside("a tuple of names", tuple),
    citation=text(empty=True),
    summary=text(empty=True),
    domains=inside("a dict from gate to (low, high), or None"),
    limits=inside("a dict from gate to (low, high), or None"),
    objective=inside("an Objective, or None"),
    reductions=inside("a tuple of Reduction objects", tuple),
    aliases=inside("a tuple of names", tuple),
)
class Rule:
    """A fast-weight update rule.

    Args:
        name: how the rule is called.
        text: assignments to ``w`` (and further ``states``), one a line (or with ``;``
            between them), run in order once a token.
            ``k``, ``q`` live at the presynaptic cell, ``v`` at the postsynaptic one;
            ``read(x)`` is the postsynaptic sum of w_ij x_j, ``back(y)`` the presynaptic
            sum of w_ij y_i, ``pool(x)`` the sum of x_j; each is evaluated anew for every
            statement.
        gates: gate name -> home, "shared" (a scalar a token), "pre" or "post" (a vector a
            token).
        signals: further signals -> "pre" or "post", beside k, q and v.
        states: further synaptic states (e.g. a momentum), beside ``w``; they start at
            zero.
        citation: paper and equation.
        summary: one line for listings.
        domains: gate name -> (low, high), the range for the eigenvalues and of a layer's
            gates; (0, 1) unless given.
        limits: gate name -> (low, high), the range outside which a run warns; that of
            ``domains`` where it is given, else none.
        objective: a local loss whose gradient step this rule is.
        reductions: declared special cases, checked by the tests.
        aliases: other names in the registry.

    Raises:
        FwpError: the text or a declaration is not legal; the sentence says where and what
            is.

    Source of the language: Irie & Gershman 2025 (arXiv:2508.08435) for the template
    "W_t = W_{t-1} A_t + B_t, y_t = W_t q_t"; homes and locality are this package's own
    notation.
    """

    def __init__(
        self,
        name: str,
        text: str,
        gates: Mapping[str, str] | None = None,
        signals: Mapping[str, str] | None = None,
        states: Sequence[str] = (),
        *,
        citation: str = "",
        summary: str = "",
        domains: Mapping[str, tuple[float, float]] | None = None,
        limits: Mapping[str, tuple[float, float]] | None = None,
        objective: Objective | None = None,
        reductions: Sequence[Reduction] = (),
        aliases: Sequence[str] = (),
    ):
        self.name = name = checked_name(name)
        if not isinstance(text, str):
            raise FwpError(
                f"rule {name!r} needs a text, a string of assignments; got "
                f"{type(text).__name__}"
            )
        checked_text(text, name, "text")
        self.text = "\n".join(line.strip() for line in text.strip().splitlines())
        states = checked_states(states, name)
        self.states = ("w", *states)
        self.gates, further = checked_homes(gates, signals, states, name)
        declared = {**self.gates, **further}
        names = {**language.BUILT_IN, **declared}
        assignments = parsing.parse(self.text, names, self.states, name)
        #: every name an expression may use -> home
        self.all_homes = {**names, **dict.fromkeys(self.states, language.SYNAPSE)}
        self.statements: tuple[Statement, ...] = tuple(
            lower(
                item,
                self.all_homes,
                f"rule {name!r}, statement {n} ({shown(item.line, 100)})",
            )
            for n, item in enumerate(assignments, start=1)
        )
        for item in states:
            if not any(assignment.target == item for assignment in assignments):
                raise FwpError(
                    f"rule {name!r} declares the state {item!r} but never assigns it"
                )
        used = {
            atom.name for item in assignments for atom in item.expression.free_symbols
        }
        for item in declared:
            if item not in used:
                raise FwpError(
                    f"rule {name!r} declares {item!r} but its text never uses it"
                )
        #: names the programme must supply for the write (``q`` for the read-out comes on
        #: top)
        self.homes = {item: home for item, home in names.items() if item in used}
        self.citation = checked_text(citation, name, "citation")
        self.summary = checked_text(summary, name, "summary")
        self.domains = checked_ranges(domains, self.gates, name, "domains")
        self.limits = self.domains | checked_ranges(limits, self.gates, name, "limits")
        if objective is not None and not isinstance(objective, Objective):
            raise FwpError(
                f"objective of rule {name!r} must be an Objective(terms, ...), got "
                f"{type(objective).__name__}"
            )
        self.objective = objective
        self.reductions = checked_all(reductions, Reduction, name, "reductions")
        self.aliases = checked_aliases(aliases, name)
        #: what in the text is likely a slip, in one sentence; empty if nothing is
        self.hint = hints.derive(self.statements, {**language.BUILT_IN, **further})
        if self.hint:
            warn(f"rule {name!r}: {self.hint}", stacklevel=callers())

    def __repr__(self) -> str:
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"Rule({self.name!r}: {'; '.join(self.text.splitlines())}{hint})"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle \begin{{array}}{{l}} {self.latex} \end{{array}}$"

    def _repr_html_(self) -> str:
        return notebook_html.of_rule(self)

    @takes(text=inside("an expression", lambda: "k"), where=text("an objective"))
    def expression(self, text: str, where: str) -> sympy.Expr:
        """Parse one expression in this rule's names (used for objectives and
        reductions)."""
        return parsing.expression(text, self.all_homes, self.states, where)

    @cached_property
    def transition(self) -> transition.Transition:
        """How W is carried over a token: affine or not, side, rank, and the legal fast
        forms.

        Raises:
            Cannot: the text expands into too many terms to tell.
        """
        try:
            return transition.derive(self.statements, self.states)
        except Cannot as reason:
            raise Cannot(
                f"transition of rule {self.name!r} is not derived: {reason}"
            ) from None

    @cached_property
    def plan(self) -> plans.MatrixPlan:
        """Decays, reads and rank-one writes of one token, from which the fast forms are
        made.

        Raises:
            Cannot: the rule has none; the sentence says why.
        """
        try:
            return plans.derive(self.transition, self.states)
        except Cannot as reason:
            sentence = f"rule {self.name!r} has no parallel and no chunk form: {reason}"
            raise Cannot(sentence) from None

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The forms that the artificial realisation can run, "step" first."""
        try:
            return ("step", "parallel", "chunk", "compiled") if self.plan else ()
        except Cannot:
            return ("step", "compiled")

    @cached_property
    def eigenvalues(self) -> spectrum.Spectrum | None:
        """Eigenvalues of the transition for unit-norm keys; None for a rule that is not
        affine."""
        return spectrum.derive(self)

    @cached_property
    def locality(self) -> locality.Locality:
        """Which signals must reach the synapse."""
        return locality.derive(self.statements)

    @cached_property
    def latex(self) -> str:
        """The rule with indices, one line a statement."""
        lines = [
            latex.statement_latex(s.target, s.original, self.all_homes)
            for s in self.statements
        ]
        return r" \\ ".join(lines)

    @property
    def differentiable(self) -> bool:
        """False if the text uses sign() or abs(), whose derivative misses a point."""
        return not any(s.expression.has(sympy.sign, sympy.Abs) for s in self.statements)
