"""Variables of the user's cells to which several projections add: `Equations.adds`.

Every projection keeps a share of its own and adds to the sum what the share has become
since it added last. So projections add up, also to what the user put there, and none
knows of the others. It happens once a time step before the cells advance, and for
projections with steps (see `plastic_steps`) again at the end of a time step, which is
where those change their share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...synapses.factorised.text import unit
from ...synapses.synapse_class import Synapse
from . import attached_variables
from .attached_variables import whole

#: what a projection has added, and where the name of the variable that it adds to is kept
ADDED, _TARGET = "added", "adds_to"
#: places in slot "groups", after sums over synapses (-2), and in slot "end", after all
#: steps
_BEFORE_CELLS, _LAST = -1, 1_000_000


def adders(model: Synapse, group, known: Mapping[str, str], label: str) -> Iterator:
    """Yield what adds the shares of a projection to variables of the cells.

    Args:
        model: with ``equations.adds``.
        group: the postsynaptic cells, on whose clock it happens.
        known: variable of the model -> its name at the cells, where that differs.
        label: name of the projection.
    """
    cells = whole(group)
    slots = {"groups": _BEFORE_CELLS} | ({"end": _LAST} if model.equations.steps else {})
    for number, pair in enumerate(model.equations.adds.items()):
        target, share = (known.get(name, name) for name in pair)
        one = attached_variables.companion(cells, f"{ADDED} : "
                                                  f"{unit(cells.variables[target])}", {},
                                           "exact",
                                   {}, f"{label}_sum_{number}", cells.clock)  # fmt: skip
        attached_variables.acquaint(one, [cells], {share, target})
        one.__dict__[_TARGET] = target
        for when, order in slots.items():
            one.run_regularly(f"{target} += {share} - {ADDED}\n{ADDED} = "
                              f"{share}", when=when,
                              order=order, clock=cells.clock,
                              name=f"{label}_add_{number}_{when}")  # fmt: skip
        yield one


def total(one):
    """Return the variable to which what `adders` gave adds, None for any other object."""
    target = getattr(one, "__dict__", {}).get(_TARGET)
    return None if target is None else one.variables[target]


def follow(added, values) -> None:
    """Change the cells' variable as what has been added to it is about to change.

    Args:
        added: variable of what `adders` gave.
        values: that it will have, in base units.
    """
    sum_ = total(added.owner)
    sum_.set_value(sum_.get_value() + values - added.get_value())
