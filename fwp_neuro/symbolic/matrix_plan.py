"""From a rule's text to what every fast form needs: decays, reads and rank-one writes.

An affine rule is put into micro-steps, each of the form (for reads; mirrored for
back-projections)

    u_r  = W x_r                                  reads, of the weights before the micro-step
    S_a <- sum_b carry_ab S_b + sum_g inject_ga (input_g + sum_r gain_gr u_r) channel_g'

with S the synaptic states (W the first). ``x`` and ``channel`` are vectors over the side
that a read contracts (presynaptic for read, postsynaptic for back), ``input`` and
``gain`` live on the free side or are shared, ``carry`` is a product of one factor for
each of these homes. Statements that only scale the states are merged into their
neighbours, so that most rules are one micro-step.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import reduce

import sympy

from ..errors import Cannot
from .language import home_of, symbol
from .normal_form import Affine
from .separation import ONE, OTHER, ZERO, Product
from .transition import Transition


@dataclass(frozen=True)
class PlannedWrite:
    """(input + sum_r gain_r u_r) channel', into the states by ``inject``.

    Attributes:
        channel: over the contracted side.
        input: free side or shared.
        gains: one a read of the micro-step, free side or shared.
        inject: one shared factor a state.
    """

    channel: sympy.Expr
    input: sympy.Expr
    gains: tuple[sympy.Expr, ...]
    inject: tuple[sympy.Expr, ...]


@dataclass(frozen=True)
class MicroStep:
    """One micro-step.

    Attributes:
        carry: [target][source] state -> a product of one factor for each home.
        reads: the vectors x over the contracted side.
        writes: the rank-one writes.
    """

    carry: tuple[tuple[Product, ...], ...]
    reads: tuple[sympy.Expr, ...]
    writes: tuple[PlannedWrite, ...]

    @property
    def pure(self) -> bool:
        """Whether it only scales the states."""
        return not self.reads and not self.writes


@dataclass(frozen=True, eq=False)
class MatrixPlan:
    """The micro-steps of one token.

    Attributes:
        contracted: home that reads sum over: "pre", or "post" for a left-acting rule.
        steps: in order.
        pools: (symbol, argument) of every pooled sum, inner before outer.
        homes: name -> home of every symbol in the expressions.
        expressions: every expression, each once, and zero.
    """

    contracted: str
    steps: tuple[MicroStep, ...]
    pools: tuple[tuple[sympy.Symbol, sympy.Expr], ...]
    homes: Mapping[str, str]
    expressions: tuple[sympy.Basic, ...]

    @property
    def free(self) -> str:
        """Home of the reads' results."""
        return OTHER[self.contracted]

    @property
    def states(self) -> int:
        """Number of synaptic states."""
        return len(self.steps[0].carry)

    def home(self, expression) -> str:
        """Return where an expression of the plan lives."""
        return home_of(sympy.sympify(expression), dict(self.homes), "plan")

    def factor(self, item: Product, side: str) -> sympy.Expr:
        """Return the factor of a carry that is "shared", or on the side "contracted" or
        "free"."""
        return item.shared if side == "shared" else item.on(getattr(self, side))

    def carries(self) -> Iterable[Product]:
        """Yield every product of every carry."""
        return (item for step in self.steps for row in step.carry for item in row)

    @property
    def decay_homes(self) -> set[str]:
        """Homes on which a carry is not one: subset of {"shared", "contracted",
        "free"}."""
        found = set()
        for item in self.carries():
            homes = ("shared",) if item.zero else ("shared", "contracted", "free")
            found |= {name for name in homes if self.factor(item, name) != 1}
        return found

    def padded(self) -> tuple[MicroStep, ...]:
        """Return micro-steps of as many reads and as many writes each, the last ones
        zero.

        A rule that only scales its weights writes a zero.
        """
        reads = max(len(step.reads) for step in self.steps)
        writes = max(1, *(len(step.writes) for step in self.steps))
        none = PlannedWrite(ZERO, ZERO, (), (ZERO,) * self.states)
        return tuple(
            MicroStep(
                step.carry,
                _filled(step.reads, reads, ZERO),
                tuple(
                    replace(write, gains=_filled(write.gains, reads, ZERO))
                    for write in _filled(step.writes, writes, none)
                ),
            )
            for step in self.steps
        )

    @property
    def rowwise(self) -> bool:
        """Whether each row has a transition of its own, so that its reads are solved for
        alone."""
        free = any(
            self.home(gain) == self.free
            for step in self.steps
            for write in step.writes
            for gain in write.gains
        )
        reads = any(step.reads for step in self.steps)
        return free or (reads and "free" in self.decay_homes)


def _filled(items: tuple, count: int, last) -> tuple:
    return (*items, *[last] * (count - len(items)))


def derive(transition: Transition, states: tuple[str, ...]) -> MatrixPlan:
    """Derive the plan of an affine rule.

    Raises:
        Cannot: the rule has none; the message says why.
    """
    parts = transition.parts
    if transition.side == "both":
        raise Cannot("it has both read() and back(), which no low-rank form covers")
    contracted = "post" if transition.side == "left" else "pre"
    homes: dict[str, str] = {}
    pools: list[tuple[sympy.Symbol, sympy.Expr]] = []
    steps = []
    for part in parts:
        part = _unique_pools(part, pools, homes)
        steps.append(_micro_step(part, states, contracted))
    known: dict[sympy.Basic, sympy.Basic] = {ZERO: ZERO}
    merged = _unique(tuple(_merge(steps, contracted)), known)
    return MatrixPlan(
        contracted, merged, _unique(tuple(pools), known), homes, tuple(known)
    )


def _unique(part, known: dict):
    """Return a part of a plan with one object for equal expressions.

    They are keys of dictionaries, and `torch.compile` finds a key by its identity. SymPy
    makes the same name twice once its cache has forgotten the first.
    """
    if isinstance(part, sympy.Basic):
        return known.setdefault(part, part)
    if isinstance(part, tuple):
        return tuple(_unique(item, known) for item in part)
    return type(part)(
        *(_unique(getattr(part, field.name), known) for field in fields(part))
    )


def _unique_pools(part: Affine, pools: list, homes: dict) -> Affine:
    """Give pooled sums names that no other statement uses, and note them with all
    homes."""
    renamed: dict[sympy.Symbol, sympy.Symbol] = {}
    for item in part.statement.sums:
        if item.kind == "pool":
            renamed[item.symbol] = symbol(f"pool_{len(pools)}")
            pools.append((renamed[item.symbol], item.argument.xreplace(renamed)))
    old = part.statement.homes
    homes.update(old)
    if not renamed:
        return part
    homes.update({new.name: old[name.name] for name, new in renamed.items()})
    new_homes = {**old, **{new.name: old[name.name] for name, new in renamed.items()}}
    statement = replace(part.statement, homes=new_homes)
    put = lambda expression: sympy.sympify(expression).xreplace(renamed)  # noqa: E731
    return Affine(
        part.target,
        {name: put(value) for name, value in part.own.items()},
        tuple((put(x), put(f)) for x, f in part.reads),
        tuple((put(y), put(g)) for y, g in part.backs),
        put(part.input),
        statement,
    )


def _micro_step(part: Affine, states: tuple[str, ...], contracted: str) -> MicroStep:
    probes = [x for x, _ in (*part.reads, *part.backs)]  # of one side only
    row = states.index(part.target)
    inject = tuple(ONE if n == row else ZERO for n in range(len(states)))
    carry = tuple(
        tuple(_carry(part, target, source) for source in states) for target in states
    )
    mixed = any((item.pre, item.post) != (ONE, ONE) for line in carry for item in line)
    if len(states) > 1 and mixed:
        raise Cannot(
            "its synaptic states mix with coefficients that are not shared by all cells"
        )
    writes = tuple(
        PlannedWrite(
            write.along,
            write.drive,
            tuple(dict(write.sums).get(x, ZERO) for x in probes),
            inject,
        )
        for write in part.writes(contracted)
    )
    return MicroStep(carry, tuple(probes), writes)


def _carry(part: Affine, target: str, source: str) -> Product:
    if target != part.target:
        return Product() if source == target else Product(ZERO)
    return part.keep.get(source, Product(ZERO))


def _merge(steps: list[MicroStep], contracted: str) -> list[MicroStep]:
    """Merge micro-steps that only scale the states into a neighbour."""
    merged: list[MicroStep] = []
    for step in steps:
        if merged and step.pure:
            merged[-1] = _scaled_after(merged[-1], step, contracted)
        elif merged and merged[-1].pure and _can_lead(merged[-1], step):
            merged[-1] = _scaled_before(step, merged[-1], contracted)
        else:
            merged.append(step)
    return merged


def _product_of(after, before) -> tuple[tuple[Product, ...], ...]:
    """Multiply two carry matrices; entries of more than one state are shared factors
    only."""
    size = range(len(after))
    if len(after) == 1:
        return ((after[0][0] * before[0][0],),)
    return tuple(
        tuple(
            Product(sum((after[a][n].shared * before[n][b].shared for n in size), ZERO))
            for b in size
        )
        for a in size
    )


def _scaled_after(step: MicroStep, scale: MicroStep, contracted: str) -> MicroStep:
    """Return ``step`` followed by the pure micro-step ``scale``."""
    writes = []
    for write in step.writes:
        if len(scale.carry) == 1:
            by = scale.carry[0][0]
            outer = by.off(contracted)
            writes.append(
                PlannedWrite(
                    write.channel * by.on(contracted),
                    write.input * outer,
                    tuple(gain * outer for gain in write.gains),
                    write.inject,
                )
            )
        else:
            inject = tuple(
                sum((row[n].shared * write.inject[n] for n in range(len(row))), ZERO)
                for row in scale.carry
            )
            writes.append(replace(write, inject=inject))
    return MicroStep(_product_of(scale.carry, step.carry), step.reads, tuple(writes))


def _can_lead(scale: MicroStep, step: MicroStep) -> bool:
    others = scale.carry[0][1:]
    return not step.reads or reduce(
        lambda so_far, item: so_far and item.zero, others, True
    )


def _scaled_before(step: MicroStep, scale: MicroStep, contracted: str) -> MicroStep:
    """Return ``step`` preceded by the pure micro-step ``scale``."""
    by = scale.carry[0][0]
    return MicroStep(
        _product_of(step.carry, scale.carry),
        tuple(x * by.off(OTHER[contracted]) for x in step.reads),
        tuple(
            replace(
                write,
                gains=tuple(gain * by.on(OTHER[contracted]) for gain in write.gains),
            )
            for write in step.writes
        ),
    )
