"""One presentation at mean rates against the closed forms of the model's docstring."""

from __future__ import annotations

from collections.abc import Iterator

from ...targets.rows import Row
from ..balanced_cells import presentation

MODEL = "mikulasch_2021"
_SOURCE = "closed form of the balanced branch, docstring of the model; small conductances"
BETA, NEW, OLD, BLOCKED = 0.8, 0.8, -0.6, 0.5
#: drug or what else -> options of `presentation`, recall by the closed form
CASES = {
    "none": ({}, BETA * NEW),
    "CNQX while writing": ({"blocked": (0.0, BLOCKED)}, BETA * NEW * (1 - BLOCKED)),
    "GABA blocker while reading": ({"read_blocked": BLOCKED}, BETA * NEW * (1 - BLOCKED)),
    "none, a second value": ({"old": OLD}, (1 - BETA) * BETA * OLD + BETA * NEW),
}


def rows(quick: bool) -> Iterator[Row]:
    """Compare what a key recalls after a write under drugs, and after a second value."""
    for name, (options, target) in CASES.items():
        value = presentation(MODEL, BETA, new=NEW, value=0.002, **options)
        yield Row(MODEL, f"recall of a key of 1 told {NEW}, drug: {name}", value, target,
                  0.02 * abs(target), _SOURCE, strength="closed form")  # fmt: skip
