"""Variables that stay on the synapse and decay: by how much is known from two cells.

Between spikes v relaxes as v_rest + (v - v_rest) exp(-t/tau). A synapse is brought up to date at
the spikes of either side, so that the factor since the last time is the larger one of exp(-t/tau)
since the last presynaptic and since the last postsynaptic spike: two variables of cells that decay
from 1, instead of a time stamp and an exponential function for every synapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

from .anatomy import SIDES, Anatomy
from .text import Line


@dataclass(frozen=True)
class Decay:
    """Relaxation of a synaptic variable, d(variable)/dt = -rate (variable - rest).

    Attributes:
        variable: its name.
        rate: expression.
        rest: expression.
    """

    variable: str
    rate: str
    rest: str


def find(anatomy: Anatomy, moved: Mapping[str, str]) -> tuple[list[Decay], dict[str, str]]:
    """Return the decays of event-driven variables that stay, and why others have none.

    Either all of them decay by factors or none: Brian2 keeps one time stamp for all of them.
    """
    staying = [n for n in anatomy.variables if n not in moved and anatomy.is_event_driven(n)]
    found, reasons = [], {}
    for name in staying:
        decay = _decay(anatomy, name)
        if isinstance(decay, str):
            reasons[name] = decay
        else:
            found.append(decay)
    if reasons:
        first = next(iter(reasons))
        reasons |= {d.variable: f"{first} needs a time stamp anyway" for d in found}
        found = []
    return found, reasons


def _decay(anatomy: Anatomy, name: str) -> Decay | str:
    others = anatomy.rates(name)
    if others:
        return f"its differential equation needs {', '.join(sorted(others))}"
    expression = dict(anatomy.equations.get_substituted_expressions())[name]
    v = sympy.Symbol(name, real=True)
    line = str_to_sympy(str(expression)).expand()
    slope = line.coeff(v, 1)
    constant = (line - slope * v).simplify()
    if constant.has(v) or slope.has(v):
        return "its differential equation is not linear"
    if slope == 0:
        return "it does not decay"
    if slope.has(sympy.Symbol("t", real=True)) or constant.has(sympy.Symbol("t", real=True)):
        return "its differential equation changes in time"
    if not _number(slope, anatomy) <= 0:
        return "it grows between spikes"
    rest = sympy.simplify(-constant / slope)
    return Decay(name, sympy_to_str(sympy.simplify(-slope)), sympy_to_str(rest))


def _number(expression, anatomy: Anatomy) -> float:
    """Evaluate an expression over parameters, in base units; NaN where that is not possible."""
    values = {sympy.Symbol(name, real=True): float(value)
              for name, value in anatomy.model.parameters.items()}  # fmt: skip
    number = expression.subs(values)
    return float(number) if number.is_number and number.is_real else float("nan")


def written(
    anatomy: Anatomy, decays: list[Decay], code: Mapping[str, list[Line]]
) -> tuple[dict[str, list[Line]], dict[str, dict[str, str]]]:
    """Return the code of each side's spikes with the decays in it, and the factors that it needs.

    Args:
        anatomy, decays: of the model.
        code: side -> statements that are left to its synapses.

    Returns:
        side -> statements, and side -> (name of a factor on its cells -> rate).
    """
    found: dict[str, list[Line]] = {side: [] for side in SIDES}
    factors: dict[str, dict[str, str]] = {side: {} for side in SIDES}
    names: dict[str, str] = {}
    for decay in decays:
        stem = names.setdefault(decay.rate, f"left_{decay.variable}")
        own = {"pre": f"{stem}_key", "post": f"{stem}_value"}
        users = [side for side in SIDES if _uses(anatomy, code[side], decay.variable)]
        left = ", ".join(f"{own[side]}_{side}" for side in users)
        left = f"clip({left}, 1)" if len(users) == 2 else left  # the larger one
        v, rest = decay.variable, decay.rest
        new = f"{v}*{left}" if rest == "0" else f"{rest} + ({v} - ({rest}))*{left}"
        for side in users:
            found[side].append(Line(v, "=", new))
            factors[side][own[side]] = decay.rate
    return {side: found[side] + code[side] for side in SIDES}, factors


def _uses(anatomy: Anatomy, code: list[Line], name: str) -> bool:
    return any(line.target == name or name in anatomy.sources(line.reads) for line in code)
