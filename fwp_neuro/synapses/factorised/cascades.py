"""Cascades: linear clock-driven variables, taken apart into what decays by itself.

    dv/dt = -r_v v + sum over u of a_vu u + a_v,        u before v in the cascade

u may live on a cell or on the synapse. The sum v + sum k_vu u + k_v decays with r_v
alone if k_vu (r_u - r_v) = a_vu + sum over w of k_vw a_wu (a constant counts as a
variable of rate 0). It is what the synapse keeps, relative to a decay that all synapses
share, so that between spikes nothing of it changes. Euler and Runge-Kutta steps are
polynomials of the matrix of the system, exact ones its exponential: they all have these
sums in common, and the decay of one step is the same polynomial (exponential) of -r_v dt.
So the numbers are those of the text at its own time step. Cells may drive the first
variable of a cascade in every step if its writes can wait, see `waiting_writes`. Own
derivation from eigenvectors of the matrix; for BCPNN the idea is that of Vogginger et al.
2015, Front. Neurosci. 9:2, doi:10.3389/fnins.2015.00002.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy
from brian2 import Quantity
from brian2.equations.equations import SUBEXPRESSION
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.utils.stringtools import get_identifiers

from ...arithmetic import evaluate
from ...errors import Cannot
from .anatomy import DRAWS, SIDES, Anatomy, learned
from .decays import Decay
from .text import Line, renamed

METHODS = ("euler", "rk2", "rk4", "exact", "linear")
#: rates that are nearer to each other than this share would lose digits in a difference
_NEAR = 1e-3


@dataclass
class _Linear:
    """One equation: rate, what of others drives it, a constant, what else drives it."""

    rate: str
    coefficients: dict[str, float]
    constant: float
    drive: str

    @property
    def number(self) -> float:
        """The rate, 1/s."""
        return self.coefficients.get("", 0.0)


@dataclass
class Cascades:
    """The variables that are kept as sums, each after those that it follows.

    Attributes:
        found: variable -> its decay, see `decays.Decay`.
        shares: variable -> other variable ("" for a constant) -> name of k.
        values: name of k -> its value.
        why: variable that stays clock-driven -> why.
    """

    found: dict[str, Decay] = field(default_factory=dict)
    shares: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    @property
    def driven(self) -> bool:
        """Whether cells drive some of them in every step."""
        return any(one.drive for one in self.found.values())


class _Reader:
    """Reads a model's equations as linear ones, with the numbers of its parameters."""

    def __init__(self, anatomy: Anatomy, states: list[str]):
        self.anatomy, self.states = anatomy, states
        given = anatomy.model.parameters.items()
        self.numbers = {n: float(v) for n, v in given
                        if not callable(v) and np.ndim(v) == 0
                        and n not in anatomy.given}  # fmt: skip
        self.rights = dict(anatomy.equations.get_substituted_expressions())

    def number(self, expression) -> float:
        """Return the value of what must be a constant, or raise `Cannot`."""
        text = sympy_to_str(expression)
        try:
            if get_identifiers(text) & (self.anatomy.given - set(self.numbers)):
                raise NameError
            return float(evaluate(text, self.numbers))
        except (NameError, TypeError, ArithmeticError):
            raise Cannot("a factor in its equation is no constant") from None

    def linear(self, name: str) -> _Linear:
        """Return the equation of a variable, or raise `Cannot`."""
        symbols = {n: sympy.Symbol(n, real=True) for n in self.states}
        line = str_to_sympy(str(self.rights[name]))
        try:
            self._check_slopes(line, set(symbols.values()))
            terms = sympy.Poly(line, *symbols.values()).terms()
        except sympy.PolynomialError:
            raise Cannot("its differential equation is not linear") from None
        rate, found, constant, drive = "0", {}, 0.0, ""
        for powers, factor in terms:
            if sum(powers) > 1:
                raise Cannot("its differential equation is not linear")
            of = next((n for n, p in zip(self.states, powers, strict=True) if p), None)
            if of is None:
                constant, drive = self._rest(factor)
                continue
            number = self.number(factor)
            if of == name:
                rate, found[""] = sympy_to_str(-factor), -number
            elif number:
                found[of] = number
        return _Linear(rate, found, constant, drive)

    def _check_slopes(self, line, states: set) -> None:
        """Raise `Cannot` for a slope that is no constant, before all is multiplied out:
        that takes seconds for a ratio of sums."""
        try:
            slopes = [line.diff(one) for one in states]
        except (AttributeError, TypeError, ValueError):  # a comparison has no slope
            return
        for slope in slopes:
            if not slope.free_symbols & states:
                self.number(slope)

    def _rest(self, rest) -> tuple[float, str]:
        """Return a constant, or what cells drive by."""
        names = {str(symbol) for symbol in rest.free_symbols}
        if not any(self.anatomy.home_of_cell(name) for name in names):
            return self.number(rest), ""
        if names & ({"t", "i", "j"} | set(self.anatomy.variables)):
            raise Cannot("its differential equation changes in time")
        return 0.0, sympy_to_str(rest)


def find(anatomy: Anatomy, moved: Mapping[str, str], driven: bool) -> Cascades:
    """Return the clock-driven variables that can be kept as sums.

    Args:
        anatomy, moved: of the model.
        driven: whether cells may drive them in every step.
    """
    clocked = [n for n in anatomy.variables if anatomy.is_clock_driven(n)]
    staying = [n for n in clocked if n not in moved]
    made = Cascades()
    try:
        _possible(anatomy, moved)
    except Cannot as reason:
        made.why = dict.fromkeys(staying, str(reason))
        return made
    reader, read = _Reader(anatomy, clocked), {}
    for name in clocked:
        try:
            read[name] = reader.linear(name)
        except Cannot as reason:
            made.why[name] = str(reason)
    kept = _largest(anatomy, staying, moved, read, made.why, driven)
    for name in _in_order(kept, read):
        _solve(anatomy, name, kept, read, made)
    return made


def _possible(anatomy: Anatomy, moved) -> None:
    text = anatomy.text
    if text.method not in METHODS:
        raise Cannot(f"the step of {text.method!r} is not known here")
    if anatomy.equations.is_stochastic:
        raise Cannot("it is driven by noise of its own")
    if text.steps:
        raise Cannot("steps at intervals may change it")
    other = [n for n in anatomy.variables
             if anatomy.is_event_driven(n) and n not in moved]  # fmt: skip
    if other:
        raise Cannot(f"{other[0]} is event-driven")


def _largest(anatomy, staying, moved, read, why, driven: bool) -> list[str]:
    """Return the largest set of variables of which each needs only others of it."""
    kept = [n for n in staying if n in read]
    still = set(learned(anatomy.model))
    before = None
    while before != kept:
        before = list(kept)
        for name in before:
            try:
                _check(anatomy, name, kept, staying, moved, read, still, driven)
            except Cannot as reason:
                why[name] = str(reason)
                kept.remove(name)
    return kept


def _check(anatomy, name, kept, staying, moved, read, still, driven) -> None:
    """Raise `Cannot` if a variable cannot be one of a cascade."""
    above = _above(name, read)
    for other in sorted(above):
        if other not in read or other not in moved and other not in kept:
            raise Cannot(f"it follows {other}, which is not linear")
        if other in still and name not in still:
            raise Cannot(f"it follows {other}, which stands still while learning does")
        apart = abs(read[other].number - read[name].number)
        if apart <= _NEAR * max(abs(read[other].number), abs(read[name].number)):
            raise Cannot(f"it decays as fast as {other}, which it follows")
    grows = any(read[n].constant for n in (name, *above))
    if grows and not read[name].number:
        raise Cannot("it grows without bounds")
    if name in above:
        raise Cannot("it follows itself through others")
    for other in staying:
        if other not in kept and name in anatomy.rates(other):
            raise Cannot(f"{other}, which is advanced in every step, needs it")
    _check_drive(anatomy, name, above, kept, moved, read, driven)


def _check_drive(anatomy, name, above, kept, moved, read, driven) -> None:
    """Raise `Cannot` if cells drive a variable in a way that cannot be summed up."""
    forced = [n for n in (name, *above) if read[n].drive]
    if any(n in moved for n in forced):
        raise Cannot(f"it follows {forced[0]}, which its cell drives")
    if forced and not driven:
        raise Cannot("cells drive it in every step")
    alone = not above & set(kept) and not any(name in _above(n, read) for n in kept)
    if forced and alone:
        raise Cannot("nothing follows it")  # `waiting_writes` knows how to sum it
    if forced and anatomy.text.method not in METHODS[:3]:
        raise Cannot("the step of what cells drive is not known here")


def _above(name: str, read) -> set[str]:
    """Return the variables that one follows, also through others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = read.get(waiting.pop())
        new = {n for n in one.coefficients if n} - found if one else set()
        found |= new
        waiting += sorted(new)
    return found


def _in_order(kept: list[str], read) -> list[str]:
    return sorted(kept, key=lambda name: len(_above(name, read)))


def _solve(anatomy, name: str, kept, read, made: Cascades) -> None:
    """Work out the sum of one variable."""
    own = read[name]
    above = sorted(_above(name, read), key=lambda n: (-len(_above(n, read)), n))
    k: dict[str, float] = {}
    for other in above:  # what is next to the variable first
        total = own.coefficients.get(other, 0.0)
        total += sum(k[w] * read[w].coefficients.get(other, 0.0) for w in k)
        k[other] = total / (read[other].number - own.number)
    constant = own.constant + sum(k[w] * read[w].constant for w in k)
    if constant and own.number:
        k[""] = -constant / own.number
    dims, shares, rest = anatomy.equations, {}, []
    for other, value in k.items():
        if value:
            share = shares[other] = f"share_{name}_{other or 'alone'}"
            dim = dims[name].dim / dims[other].dim if other else dims[name].dim
            made.values[share] = Quantity(value, dim=dim)
            rest.append(f"{share}*{other}" if other else share)
    made.shares[name] = shares
    drives = [f"({read[name].drive})"] if read[name].drive else []
    drives += [f"{share}*({read[n].drive})" for n, share in shares.items()
               if n and read[n].drive]  # fmt: skip
    level = f"-({' + '.join(rest)})" if rest else ""
    made.found[name] = Decay(name, own.rate if own.number else "0", level,
                             True, " + ".join(drives))  # fmt: skip


def written_in_sums(anatomy: Anatomy, made: Cascades) -> Anatomy:
    """Return a model's text of which the code changes and reads the sums, which have the
    names of their variables."""
    found = copy.copy(anatomy)
    full: dict[str, str] = {}
    for name, one in made.found.items():
        level = renamed(one.rest, full)
        full[name] = f"({name} + {level})" if level else name
    found.sums = frozenset(made.found)
    found.code = {side: _code(anatomy, side, made, full) for side in SIDES}
    return found


def _code(anatomy: Anatomy, side: str, made: Cascades, full) -> list[Line]:
    code: list[Line] = []
    changed: set[str] = set()
    for number, line in enumerate(anatomy.code[side]):
        inner = _inner(anatomy, line, made)
        for name, text in inner.items():
            if get_identifiers(text) & changed:  # Brian2 reads what was there at first
                inner[name] = f"{name}_before_{side}"
                code.insert(0, Line(inner[name], "=", renamed(text, full)))
        changed.add(line.target)
        line = line.renamed(inner, {})
        moves = {name: shares[line.target] for name, shares in made.shares.items()
                 if line.target in shares}  # fmt: skip
        if line.target not in made.found and not moves:
            code.append(line.renamed(full, {}))
            continue
        by = _added(line).renamed(full, {}).expression
        reads = get_identifiers(by)
        if (moves and reads & (DRAWS | set(made.found))) or (
            len(moves) > 1 and len(by) > 60
        ):
            code.append(Line(f"added_{side}_{number}", "=", by))
            by = f"added_{side}_{number}"
        code += [Line(name, "+=", f"{k}*({by})") for name, k in moves.items()]
        own = line.target in made.found
        code.append(Line(line.target, "+=", by) if own else line.renamed(full, {}))
    return code


def _inner(anatomy: Anatomy, line: Line, made: Cascades) -> dict[str, str]:
    """Return the subexpressions of a statement that read variables of cascades, written
    out."""
    known, equations = {}, anatomy.equations
    followed = set(made.found) | {n for one in made.shares.values() for n in one}
    for name in get_identifiers(line.expression) & equations.subexpr_names:
        text = str(equations[name].expr)
        while inner := {n: f"({equations[n].expr})" for n in get_identifiers(text)
                        if n in equations.names
                        and equations[n].type == SUBEXPRESSION}:  # fmt: skip
            text = renamed(text, inner)
        if get_identifiers(text) & followed:
            known[name] = f"({text})"
    return known


def _added(line: Line) -> Line:
    """Return what a statement adds to its target."""
    if line.op == "+=":
        return line
    if line.op == "-=":
        return Line(line.target, "+=", f"-({line.expression})")
    return Line(line.target, "+=", f"({line.plain().expression}) - {line.target}")
