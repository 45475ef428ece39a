"""What a spike does, split between the synapse and the cell that fired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .anatomy import Anatomy
from .text import Line, needed


@dataclass
class Split:
    """Code of a side's spikes.

    Attributes:
        synapse: what remains to be done at every synapse.
        before, after: what the cell does, once, before or after its synapses.
    """

    synapse: list[Line] = field(default_factory=list)
    before: list[Line] = field(default_factory=list)
    after: list[Line] = field(default_factory=list)


def split(
    anatomy: Anatomy, side: str, moved: Mapping[str, str], old: bool = False
) -> Split:
    """Take the code of a side's spikes apart.

    The cell acts before its synapses if all of them need the new values, after them if
    all need the old ones. Where some need old and others new values, the cell acts
    afterwards and the synapse works out for itself what it needs; ``old`` asks for this
    where all need new ones too.
    """
    code = anatomy.code[side]
    own = {name for name, home in moved.items() if home == side}
    kicks = needed(code, [line.target for line in code if line.target in own])
    rest = _of_synapses(anatomy, side, own)
    on_cell = {f"{name}_{side}": name for name in anatomy.cells[side]}
    cell = [line.renamed(on_cell) for line in kicks]
    names = {name: f"{name}_{home}" for name, home in moved.items()}
    when = _moments(code, rest, own)
    if "new" not in when:
        return Split([line.renamed(names) for line in rest], after=cell)
    if when == {"new"} and not old:
        return Split([line.renamed(names) for line in rest], before=cell)
    return Split(_locally(code, rest, own, names), after=cell)


def _of_synapses(anatomy: Anatomy, side: str, own: set[str]) -> list[Line]:
    """Return the statements that change something which stays, with the temporaries they
    need."""
    code, local = anatomy.code[side], anatomy.temporaries(side)
    keep = {n for n, line in enumerate(code) if line.target not in own | local}
    while True:
        wanted = {name for n in keep for name in code[n].reads} & local
        more = {n for n, line in enumerate(code) if line.target in wanted} | keep
        if more == keep:
            return [line for n, line in enumerate(code) if n in keep]
        keep = more


def _moments(code: list[Line], rest: list[Line], own: set[str]) -> set[str]:
    """Return whether statements that stay need values from before ("old") or after the
    kicks."""
    found = set()
    for at, line in enumerate(code):
        if not any(line is one for one in rest):
            continue
        for name in line.reads & own:
            changes = [n for n, other in enumerate(code) if other.target == name]
            if not changes:
                continue
            if at < changes[0]:
                found.add("old")
            elif at > changes[-1]:
                found.add("new")
            else:
                found |= {"old", "new"}
    return found


def _locally(code, rest, own: set[str], names: Mapping[str, str]) -> list[Line]:
    """Return the code of a synapse that follows the kicks in names of its own."""
    now = dict(names)
    found = []
    for line in code:
        if line.target in own:
            plain = line.plain()
            fresh = f"{plain.target}_now"
            found.append(Line(fresh, "=", plain.renamed(now).expression))
            now[plain.target] = fresh
        else:
            found.append(line.renamed(now, {}))
    wanted = [line.target for line in rest if any(line is one for one in code)]
    return needed(found, wanted)
