"""Variables that stay on the synapse and decay: by how much is one number for all
synapses.

Between spikes v relaxes as v_rest + (v - v_rest) exp(-t/tau). Brian2 keeps the time of
the last update of every synapse and evaluates an exponential function at each of its
spikes. Here a synapse keeps (v - v_rest) exp(t/tau) instead, which does not change
between spikes, and the exponential function is one shared factor, which starts anew
before it leaves the range of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

from ...errors import Cannot
from .anatomy import Anatomy


@dataclass(frozen=True)
class Decay:
    """Relaxation of a synaptic variable, d(variable)/dt = -rate (variable - rest).

    ``stepped`` ones follow the steps of the text's integrator, see `cascades`; theirs is
    a rest that moves, and a sum of cells' variables may drive them.
    """

    variable: str
    rate: str
    rest: str
    stepped: bool = False
    drive: str = ""


def find(
    anatomy: Anatomy, moved: Mapping[str, str]
) -> tuple[list[Decay], dict[str, str]]:
    """Return the decays of event-driven variables that stay, and why others have none.

    Either all of them decay by shared factors or none: Brian2 keeps one time stamp for
    all of them.
    """
    staying = [
        n for n in anatomy.variables if n not in moved and anatomy.is_event_driven(n)
    ]
    found, reasons = [], {}
    for name in staying:
        try:
            found.append(_decay(anatomy, name))
        except Cannot as reason:
            reasons[name] = str(reason)
    if reasons:
        first = next(iter(reasons))
        reasons |= {d.variable: f"{first} needs a time stamp anyway" for d in found}
        found = []
    return found, reasons


def _decay(anatomy: Anatomy, name: str) -> Decay:
    others = anatomy.rates(name)
    if others:
        raise Cannot(f"its differential equation needs {', '.join(sorted(others))}")
    expression = dict(anatomy.equations.get_substituted_expressions())[name]
    v, t = (sympy.Symbol(one, real=True) for one in (name, "t"))
    line = str_to_sympy(str(expression)).expand()
    slope = line.coeff(v, 1)
    constant = (line - slope * v).simplify()
    if constant.has(v) or slope.has(v):
        raise Cannot("its differential equation is not linear")
    if slope == 0:
        raise Cannot("it does not decay")
    if slope.has(t) or constant.has(t):
        raise Cannot("its differential equation changes in time")
    rest = sympy.simplify(-constant / slope)
    return Decay(name, sympy_to_str(sympy.simplify(-slope)), sympy_to_str(rest))
