"""Values at the start of variables that a factorised model has on cells.

Brian2's event-driven variables have their value at time 0. On cells they advance in every step,
the first one included, so that they start where they were one step before time 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import brian2 as b2
import numpy as np
from brian2.stateupdaters.exact import linear

from ..arithmetic import evaluate
from ..errors import FwpError
from ..synapses.factorised.report import FactorisedModel
from ..synapses.factorised.text import lines
from ..synapses.model import Model


def number(value, parameters: Mapping[str, Any]) -> float:
    """Return one number in base units: of a quantity, or of an expression over parameters."""
    if not isinstance(value, str):
        return float(np.asarray(value))
    names = {name: float(item) for name, item in parameters.items()
             if np.ndim(item) == 0 and not callable(item)}  # fmt: skip
    return float(evaluate(value, names))


def is_uniform(value, parameters: Mapping[str, Any]) -> bool:
    """Whether an initial value is one number for all synapses."""
    if np.ndim(value):
        return False
    try:
        number(value, parameters)
    except (NameError, TypeError, ArithmeticError):
        return False
    return True


def before(model: FactorisedModel, side: str, values: Mapping[str, Any], dt) -> dict[str, float]:
    """Return where the exactly integrated variables of a side's cells start, in base units.

    Args:
        model: factorised.
        side: "pre" or "post".
        values: variable -> value at time 0, one for all cells; 0 for those that are not in it.
        dt: Brian2 time.

    Raises:
        FwpError: a variable that was elsewhere one step before, by more than numbers can hold.
    """
    cells = b2.Equations(getattr(model.equations, side))
    names = [name for name in cells.diff_eq_names if name in model.equations.exact]
    if not names:
        return {}
    names = [name for name in names if name in model.report.moved]
    start = {n: number(values.get(n, 0), model.parameters) for n in names}
    parameters = {n: float(v) for n, v in model.parameters.items() if np.ndim(v) == 0}
    state: dict[str, Any] = {**parameters, **start}
    fixed = {n for n in names if _rate(cells, n, state) == 0}
    if fixed == set(names):
        return start
    state["dt"] = -float(dt)
    with np.errstate(over="ignore", invalid="ignore"):
        advance(cells, names, state)
    found = {n: start[n] if n in fixed else float(state[n]) for n in names}
    for name, value in found.items():
        if not np.isfinite(value):
            raise FwpError(f"initial: {name!r} of {model.name!r} decays too fast for a time step "
                           f"of {dt}: keep it on the synapse with keep=({name!r},)")  # fmt: skip
    return found


def advance(cells, names: Iterable[str], state: dict[str, Any]) -> None:
    """Advance variables of cells exactly, by the step ``dt`` that is in the state with them."""
    for line in lines(linear(b2.Equations([cells[n] for n in names]), {})):
        state[line.target] = evaluate(line.expression, state)


def _rate(cells, name: str, state: Mapping[str, Any]) -> float:
    return float(evaluate(str(cells[name].expr), state))


def differing(model: Model, initial: Mapping[str, Any]) -> Iterable[str]:
    """Return the names of synaptic variables whose initial values differ between synapses."""
    own = b2.Equations(model.equations.synapse).names
    return [n for n, v in initial.items() if n in own and not is_uniform(v, model.parameters)]
