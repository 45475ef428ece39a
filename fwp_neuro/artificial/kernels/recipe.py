"""A plan with its coefficients numbered: what the C++ of a rule is printed from."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from ...rules import Rule
from ...symbolic.language import symbol
from ...symbolic.matrix_plan import MatrixPlan, MicroStep
from ...symbolic.separation import Product


@dataclass(frozen=True)
class Carry:
    """How much of one state goes on: at most one coefficient a kind ("" stands for the
    factor 1).

    The shared factor is part of the contracted or free one if there is one.
    """

    shared: str = ""
    contracted: str = ""
    free: str = ""


@dataclass(frozen=True)
class Drive:
    """One rank-one write; coefficients by name, "" for a zero and "1" for a one.

    Attributes:
        channel: coefficient over the contracted side.
        input: coefficient over the free side.
        gains: one a read, over the free side or shared.
        inject: one a state, shared.
    """

    channel: str
    input: str
    gains: tuple[str, ...]
    inject: tuple[str, ...]


@dataclass(frozen=True)
class Micro:
    """One micro-step: [target][source] carries (None for zero), reads and writes."""

    carry: tuple[tuple[Carry | None, ...], ...]
    reads: tuple[str, ...]
    writes: tuple[Drive, ...]


@dataclass(frozen=True)
class Recipe:
    """A rule ready for printing.

    Attributes:
        signals: names in the order in which the kernel takes them, the query included.
        homes: name -> "shared", "pre" or "post".
        left: whether the contracted side is postsynaptic (the read-out then sums over
            lanes).
        states: number of synaptic states.
        pools: (name, argument) of pooled sums over the presynaptic side, inner before
            outer.
        coefficients: name -> expression; the first letter of a name is its side:
            s(hared), c(ontracted) or f(ree).
        query: coefficient of the query.
        steps: the micro-steps of a token.
    """

    signals: tuple[str, ...]
    homes: dict[str, str]
    left: bool
    states: int
    pools: tuple[tuple[str, sympy.Expr], ...]
    coefficients: dict[str, sympy.Expr]
    query: str
    steps: tuple[Micro, ...]

    def of(self, side: str) -> list[str]:
        """Return the coefficients of a side ("s", "c" or "f")."""
        return [name for name in self.coefficients if name[0] == side]

    def signals_of(self, side: str) -> list[str]:
        """Return the signals of a side."""
        home = {"s": "shared", "c": "post" if self.left else "pre"}.get(side)
        home = home or ("pre" if self.left else "post")
        return [name for name in self.signals if self.homes[name] == home]

    @property
    def pooled_side(self) -> str:
        """Side of the presynaptic cells, which pooled sums run over."""
        return "f" if self.left else "c"

    def reads_before(self, number: int) -> int:
        """Return how many reads the micro-steps before ``number`` have."""
        return sum(len(step.reads) for step in self.steps[:number])


class _Table:
    """Numbers expressions, each once a side."""

    def __init__(self):
        self.names: dict[tuple[str, sympy.Expr], str] = {}

    def add(self, side: str, expression) -> str:
        expression = sympy.sympify(expression)
        new = f"{side}{sum(known == side for known, _ in self.names)}"
        return self.names.setdefault((side, expression), new)


def derive(rule: Rule) -> Recipe:
    """Derive the recipe of a rule.

    Raises:
        Cannot: the rule has no plan; the sentence says why.
    """
    plan = rule.plan
    homes = {**rule.homes, "q": "pre"}
    table, left = _Table(), plan.contracted == "post"
    query = table.add("f" if left else "c", symbol("q"))
    steps = tuple(_micro(step, plan, table) for step in plan.steps)
    coefficients = {name: expression for (_, expression), name in table.names.items()}
    pools = tuple((item.name, argument) for item, argument in plan.pools)
    return Recipe(
        tuple(homes), homes, left, len(rule.states), pools, coefficients, query, steps
    )


def _micro(step: MicroStep, plan: MatrixPlan, table: _Table) -> Micro:
    reads: dict[str, int] = {}
    # of each read: where it went, and the shared factor that its gains take over
    places = []
    for x in step.reads:
        inside = [s for s in x.free_symbols if plan.homes[s.name] == plan.contracted]
        factor, rest = (
            x.as_independent(*inside, as_Add=False) if inside else (x, sympy.Integer(1))
        )
        places.append((reads.setdefault(table.add("c", rest), len(reads)), factor))
    carry = tuple(tuple(_carry(item, plan, table) for item in row) for row in step.carry)
    writes = []
    for write in step.writes:
        gains = [sympy.Integer(0)] * len(reads)
        for (place, factor), gain in zip(places, write.gains, strict=True):
            gains[place] += factor * gain
        writes.append(
            Drive(
                table.add("c", write.channel),
                "" if write.input == 0 else table.add("f", write.input),
                tuple(_gain(gain, plan, table) for gain in gains),
                tuple(_weight(item, table) for item in write.inject),
            )
        )
    return Micro(carry, tuple(reads), tuple(writes))


def _gain(gain, plan: MatrixPlan, table: _Table) -> str:
    if gain == 0:
        return ""
    return table.add("f" if plan.home(gain) == plan.free else "s", gain)


def _weight(factor, table: _Table) -> str:
    if factor in (0, 1):
        return "1" if factor == 1 else ""
    return table.add("s", factor)


def _carry(item: Product, plan: MatrixPlan, table: _Table) -> Carry | None:
    if item.zero:
        return None
    contracted, free = item.on(plan.contracted), item.on(plan.free)
    if contracted != 1:
        after = table.add("f", free) if free != 1 else ""
        return Carry("", table.add("c", item.shared * contracted), after)
    if free != 1:
        return Carry("", "", table.add("f", item.shared * free))
    return Carry(table.add("s", item.shared) if item.shared != 1 else "")
