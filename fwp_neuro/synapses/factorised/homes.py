"""Which synaptic variables are the same for all synapses of a cell, and may live
there."""

from __future__ import annotations

from collections.abc import Collection

from brian2.equations.equations import PARAMETER

from ...errors import Cannot
from .anatomy import DRAWS, OTHER, SIDES, Anatomy


def homes(
    anatomy: Anatomy, keep: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return (variable -> "pre" or "post" cell, variable that stays -> why).

    A variable belongs to a cell if everything that moves it, its differential equation
    and the statements at that cell's spikes, needs only parameters (also such as vary
    over cells of that side) and other such variables of the cell.
    The largest set with this property is found by striking out until nothing changes.
    """
    moved: dict[str, str] = {}
    reasons: dict[str, dict[str, str]] = {side: {} for side in SIDES}
    sets = {side: {n for n in anatomy.variables if n not in keep} for side in SIDES}
    changed = True
    while changed:
        changed = False
        for side in SIDES:
            for name in sorted(sets[side]):
                try:
                    _check(anatomy, name, side, sets)
                except Cannot as reason:
                    sets[side].discard(name)
                    reasons[side][name] = str(reason)
                    changed = True
    for name in anatomy.variables:
        home = next((side for side in SIDES if name in sets[side]), None)
        moved |= {name: home} if home else {}
    stays = {}
    for name in anatomy.variables:
        if name in keep:
            stays[name] = "it was asked for on the synapse"
        elif name not in moved:
            stays[name] = _clearest(anatomy, name, reasons)
    return moved, stays


def _check(anatomy: Anatomy, name: str, side: str, sets) -> None:
    """Raise `Cannot` if a variable cannot live on the cell of a side."""
    own, other = sets[side], OTHER[side]
    if name == anatomy.model.weight:
        raise Cannot("it is the weight: every synapse has its own")
    if anatomy.writes(name, other):
        raise Cannot(f"{other}synaptic spikes change it")
    equation, written = anatomy.equations[name], anatomy.writes(name, side)
    if equation.type == PARAMETER and not written:
        raise Cannot("it is a parameter of each synapse")
    for needed in sorted(anatomy.rates(name)):
        if needed not in own and needed not in anatomy.constants[side]:
            raise Cannot(f"its differential equation needs {_named(needed)}")
    for line in written:
        for needed in sorted(anatomy.sources(line.reads, side) - {name}):
            _check_source(anatomy, needed, side, own)
    # what follows it only at spikes must keep it beside itself
    if anatomy.is_event_driven(name):
        stays = (
            n for n in anatomy.variables if n not in own and anatomy.is_event_driven(n)
        )
        reader = next((n for n in stays if name in anatomy.rates(n)), None)
        if reader:
            raise Cannot(f"{reader}, which stays, follows it between spikes")


def _check_source(anatomy: Anatomy, needed: str, side: str, own) -> None:
    """Raise `Cannot` if what spikes of a side read cannot be read on the cell."""
    home = anatomy.home_of_cell(needed)
    if needed not in own and not (home == side and needed.endswith(f"_{side}")):
        raise Cannot(f"{side}synaptic spikes change it by {_named(needed)}")
    if home and any(needed == line.target for line in anatomy.code[side]):
        raise Cannot(
            f"{side}synaptic spikes change it by {needed}, which synapses change"
        )


def _named(name: str) -> str:
    return f"a draw of its own ({name})" if name in DRAWS else name


def _clearest(anatomy: Anatomy, name: str, reasons) -> str:
    """Return the reason that says most: that of the side whose spikes change the
    variable."""
    for side in SIDES:
        if anatomy.writes(name, side) and not anatomy.writes(name, OTHER[side]):
            return reasons[side][name]
    if all(anatomy.writes(name, side) for side in SIDES):
        if name != anatomy.model.weight:
            return "spikes of both sides change it"
    return reasons["pre"][name]
