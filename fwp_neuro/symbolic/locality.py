"""Which signals must reach a synapse for its rule to run there."""

from __future__ import annotations

from dataclasses import dataclass

from .statements import Statement

_CLASSES = {
    (): "local",
    ("read",): "post-local error",
    ("pool",): "local with pooled presynaptic activity",
    ("pool", "read"): "post-local error with pooled presynaptic activity",
    ("back",): "needs feedback",
    ("back", "read"): "needs feedback and the post-local read-out",
    ("back", "pool"): "needs feedback and pooled presynaptic activity",
    (
        "back",
        "pool",
        "read",
    ): "needs feedback, the post-local read-out and pooled activity",
}
_PLACE = {
    "pre": "presynaptic",
    "post": "postsynaptic",
    "shared": "broadcast to all",
    "synapse": "its own",
}
_SUM_MEANING = {
    "read": "the postsynaptic cell's own summed fast input",
    "back": "a retrograde sum from the postsynaptic cells",
    "pool": "pooled presynaptic activity",
}


@dataclass(frozen=True)
class Locality:
    """The signals a synapse needs.

    Attributes:
        name: the class in words.
        signals: (signal, where it comes from) for everything the text uses.
        local: True if only the synapse's own two cells (and broadcast gates) are needed;
            a cell's own summed input counts as local to that cell.
        feedback: True if a back-projection from the postsynaptic population is needed.
    """

    name: str
    signals: tuple[tuple[str, str], ...]
    local: bool
    feedback: bool

    def __str__(self) -> str:
        return f"{self.name}: " + ", ".join(
            f"{signal} ({place})" for signal, place in self.signals
        )


def derive(statements: tuple[Statement, ...]) -> Locality:
    """Derive the locality class from lowered statements."""
    kinds: set[str] = set()
    signals: dict[str, str] = {}
    for statement in statements:
        sums = {item.symbol for item in statement.sums}
        used = statement.expression.free_symbols - sums
        for item in statement.sums:
            kinds.add(item.kind)
            signals[f"{item.kind}({item.argument})"] = _SUM_MEANING[item.kind]
        for atom in sorted(used, key=str):
            signals.setdefault(atom.name, _PLACE[statement.homes[atom.name]])
    key = tuple(sorted(kinds))
    return Locality(
        _CLASSES[key],
        tuple(signals.items()),
        not kinds & {"back", "pool"},
        "back" in kinds,
    )
