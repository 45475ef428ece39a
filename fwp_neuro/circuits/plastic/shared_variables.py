"""Variables that earlier projections attached to cells: shared if they mean the same,
else not.

Two projections of one population may need a trace of one name. They share it where its
equation, what a spike does to it and all its parameters are the same; otherwise each has
its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import brian2 as b2
import numpy as np
from brian2.utils.stringtools import get_identifiers

from ...errors import FwpError
from ...synapses.factorised.text import lines, row
from ...synapses.synapse_class import Synapse
from .attached_variables import whole

_KEPT = "attached_by_projections"


def _meanings(model: Synapse, side: str) -> dict[str, tuple]:
    """Return variable of a side's cells -> what it is: text, numbers, integrator."""
    text = model.equations
    equations, spikes = (
        b2.Equations(getattr(text, side)),
        lines(getattr(text, f"{side}_spike")),
    )
    found: dict[str, tuple] = {}
    for name in equations.names:
        if name in text.adds:  # the sum over all projections, whatever they are
            found[name] = (row(equations[name]),)
            continue
        code = [row(equations[name]), *(str(one) for one in spikes if one.target == name)]
        late = [
            f"{of} {model.parameters.get(by)}"
            for n, (of, by) in text.delayed.items()
            if n == name
        ]
        numbers = {n: np.asarray(model.parameters[n]).tolist() for part in code
                   for n in get_identifiers(part) if n in model.parameters}  # fmt: skip
        method = text.methods.get(name, text.method)
        found[name] = (*code, *late, method, repr(model.initial.get(name)), repr(numbers))
    return found


def others(model: Synapse, side: str, group) -> set[str]:
    """Return variables that cells have from another projection, for which they mean
    another thing.

    Raises:
        FwpError: one of them is a port, or a sum over synapses, of which cells can have
            only one.
    """
    kept = whole(group).__dict__.get(_KEPT, {})
    meanings, equations = (
        _meanings(model, side),
        b2.Equations(getattr(model.equations, side)),
    )
    found = {n for n, meaning in meanings.items()
             if n in group.variables and kept.get(n, meaning) != meaning}  # fmt: skip
    while True:  # what is integrated together stays together
        more = {n for n in meanings if equations[n].identifiers & found}
        more |= {
            n for name in found for n in equations[name].identifiers if n in meanings
        }
        more |= {n for n, (of, _) in model.equations.delayed.items() if of in found}
        more = more & set(kept) - found
        if not more:
            break
        found |= more
    sums = [n.removesuffix("_post") for n, one in
            b2.Equations(model.equations.synapse).items() if "summed" in one.flags]
    clash = set(sums) & brought(group) & set(meanings) - found
    for name in clash if side == "post" else ():
        raise FwpError(
            f"the cells {group.name!r} have {name!r}, the sum over the synapses of an "
            f"earlier projection, and {model.name!r} would sum over its own alone: make "
            "one projection, from one group that has all inputs"
        )
    for port, name in model.ports.items():
        if side == "post" and name in found:
            raise FwpError(f"the cells {group.name!r} have a {port} {name!r} from "
                           f"another projection, with other numbers than {model.name!r} "
                           f"has: give it a variable of the cells by names={{{port!r}: "
                           f"...}}")  # fmt: skip
    return found


def brought(group) -> set[str]:
    """Return the variables that earlier projections attached to cells (one that failed
    has taken its own away again)."""
    return set(whole(group).__dict__.get(_KEPT, ())) & set(group.variables)


def remember(model: Synapse, side: str, group, names: Iterable[str]) -> None:
    """Note what was attached under a model's own names."""
    cells, meanings = whole(group), _meanings(model, side)
    # of the group itself, also behind a subgroup
    kept = cells.__dict__.setdefault(_KEPT, {})
    kept.update({n: meanings[n] for n in names if n in meanings})
