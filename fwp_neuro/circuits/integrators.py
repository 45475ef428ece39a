"""Integrators of synaptic equations that see the intermediate values of cells'
variables."""

from __future__ import annotations

from collections.abc import Callable

import brian2 as b2
from brian2.stateupdaters.base import StateUpdateMethod

from ..synapses.factorised.text import lines, needed, renamed, row, text


def integrator(method: str, joint: str) -> str | Callable:
    """Return Brian2's integrator, for synapses of which some variables live on cells.

    A Runge-Kutta step of a system uses the state in the middle of the step. Where a part
    of the system lives on the cells, Brian2 would hold that part fixed. What is returned
    here derives the step of the whole system with Brian2's own method, and leaves out
    that it moves the cells' variables.

    Args:
        method: Brian2's name.
        joint: equations of the cells' variables, under their names at the synapse.
    """
    if not joint.strip():
        return method
    # Brian2 takes no variables that end in _pre or _post, so they have other names
    # meanwhile
    suffixed = [
        row.split("/dt")[0].strip()[1:] for row in joint.splitlines() if row.strip()
    ]
    inner = {name: f"at_{name}_cell" for name in suffixed}
    outer = {new: name for name, new in inner.items()}

    def advance(equations, variables=None, method_options=None) -> str:
        rows = [row(equation, inner) for equation in equations.values()]
        heads = {f"d{name}": f"d{new}" for name, new in inner.items()}
        system = b2.Equations("\n".join([*rows, renamed(renamed(joint, heads), inner)]))
        known = {
            inner.get(name, name): variable
            for name, variable in (variables or {}).items()
        }
        code = StateUpdateMethod.apply_stateupdater(system, known, method, method_options)
        fixed = {*outer, *(f"_{name}" for name in outer)}
        kept = [line for line in lines(code) if line.target not in fixed]
        kept = needed(kept, equations.diff_eq_names)
        return text(line.renamed(outer) for line in kept)

    advance.__name__ = f"{method}_with_cells"
    return advance
