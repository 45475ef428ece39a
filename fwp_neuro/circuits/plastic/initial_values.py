"""Values at the start of variables that a factorised model has on cells.

Brian2's event-driven variables have their value at time 0. On cells they advance in every
step, the first one included, so that they start where they were one step before time 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import brian2 as b2
import numpy as np
from brian2.stateupdaters.exact import linear
from brian2.utils.stringtools import get_identifiers

from ...arithmetic import evaluate
from ...errors import FwpError
from ...synapses.factorised.layout_report import FactorisedModel
from ...synapses.factorised.text import lines
from ...synapses.synapse_class import Synapse


def number(value, parameters: Mapping[str, Any]):
    """Return a number in base units: of a quantity, or of an expression over parameters.

    An array if the expression reads a parameter that is one.
    """
    if not isinstance(value, str):
        return float(np.asarray(value))
    names = {
        n: np.asarray(item, float) for n, item in parameters.items() if not callable(item)
    }
    found = evaluate(value, names)
    return np.asarray(found, float) if np.ndim(found) else float(found)


def is_uniform(value, parameters: Mapping[str, Any]) -> bool:
    """Whether an initial value is one number for all synapses."""
    if np.ndim(value) or callable(value):
        return False
    try:
        number(value, parameters)
    except (NameError, TypeError, ArithmeticError):
        return False
    return True


def constants(model: Synapse, side: str = "") -> dict[str, str]:
    """Return what synapses call the constants of cells -> what the cells do."""
    return {f"{n}_{one.place}": n for n, one in model.varying.items()
            if one.place != "synapse" and side in ("", one.place)}  # fmt: skip


def elsewhere(model: FactorisedModel, initial: Mapping[str, Any]) -> set[str]:
    """Return moved variables that start from a constant of the cells of the other
    side."""
    moved, start = model.report.moved, {**model.initial, **initial}
    return {
        n
        for n, side in moved.items()
        if isinstance(start.get(n), str)
        and get_identifiers(start[n])
        & (set(constants(model)) - set(constants(model, side)))
    }


def before(
    model: FactorisedModel, side: str, values: Mapping[str, Any], dt
) -> dict[str, Any]:
    """Return where variables that moved to a side's cells start, in base units.

    Those that are integrated exactly, and those that start from constants of the cells.

    Args:
        model: factorised.
        side: "pre" or "post".
        values: variable -> value at time 0, one for all cells; 0 for those that are not
            in it. Constant of the cells -> its values [cell].
        dt: Brian2 time.

    Raises:
        FwpError: a variable that was elsewhere one step before, by more than numbers can
            hold.
    """
    cells = b2.Equations(getattr(model.equations, side))
    own = constants(model, side)
    fixed = {known: values[n] for shown, n in own.items() for known in (shown, n)}
    moved = [name for name in cells.names if name in model.report.moved]
    names = [name for name in moved if name in model.equations.exact]
    start = {n: number(values.get(n, 0), {**model.parameters, **fixed}) for n in names}
    others = {n: number(values[n], {**model.parameters, **fixed}) for n in moved
              if n not in names
              and isinstance(values.get(n), str) and get_identifiers(values[n]) & set(own)
              }  # fmt: skip
    parameters = {n: float(v) for n, v in model.parameters.items() if np.ndim(v) == 0}
    state: dict[str, Any] = {**parameters, **fixed, **start}
    still = {n for n in names if np.all(evaluate(str(cells[n].expr), state) == 0)}
    if still == set(names):
        return start | others
    state["dt"] = -float(dt)
    with np.errstate(over="ignore", invalid="ignore"):
        advance(cells, names, state)
    found = {n: start[n] if n in still else state[n] for n in names}
    for name, value in found.items():
        if not np.isfinite(value).all():
            raise FwpError(f"initial: {name!r} of {model.name!r} decays too fast for a "
                           f"time step of {dt}: keep it on the synapse with "
                           f"keep=({name!r},)")  # fmt: skip
    return found | others


def advance(cells, names: Iterable[str], state: dict[str, Any]) -> None:
    """Advance variables of cells exactly, by the step ``dt`` that is in the state with
    them."""
    for line in lines(linear(b2.Equations([cells[n] for n in names]), {})):
        state[line.target] = evaluate(line.expression, state)


def differing(model: Synapse, initial: Mapping[str, Any]) -> Iterable[str]:
    """Return the names of synaptic variables whose initial values differ between
    synapses.

    Constants of cells do not count: where a variable moves to, they may be one value.
    """
    own, known = (
        b2.Equations(model.equations.synapse).names,
        dict.fromkeys(constants(model), 1),
    )
    known |= model.parameters
    start = {**model.initial, **initial}
    return [n for n, v in start.items() if n in own and not is_uniform(v, known)]
