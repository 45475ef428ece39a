"""One presentation at mean rates against the closed forms of the model's docstring."""

from __future__ import annotations

from collections.abc import Iterator

from ...targets.rows import Row
from ..balanced_cells import TAU_AMPA, TAU_M, presentation, rate_for, written

MODEL = "anti_hebbian"
_SOURCE = "closed form of the loop, `balanced_cells.written`; small conductances"
BETA, WINDOW, NEW, OLD, BLOCKED = 0.8, 0.3, 0.8, -0.6, 0.5
#: small enough for driving forces and shunts that stand still
_VALUE = 0.002


def closed_forms(lag: float) -> dict[str, float]:
    """Return what each treatment leaves of a write of `BETA`, by the closed form."""
    rate = float(rate_for(BETA, WINDOW, lag))
    less = float(written(rate * (1 - BLOCKED), WINDOW, lag))
    return {
        "AP5": less * NEW,
        "CNQX while writing, all AMPA": less * NEW,
        "CNQX while writing, key synapses": less * NEW / (1 - BLOCKED),
        "CNQX while reading": BETA * NEW * (1 - BLOCKED),
        "none": BETA * NEW,
        "none, a second value": (1 - BETA) * BETA * OLD + BETA * NEW,
    }


def treated(name: str, value: float = _VALUE) -> float:
    """Return what the key recalls after a treatment of `closed_forms`, at mean rates."""
    options = {
        "AP5": {"ap5": BLOCKED},
        "CNQX while writing, all AMPA": {"blocked": (BLOCKED, BLOCKED)},
        "CNQX while writing, key synapses": {"blocked": (BLOCKED, 0.0)},
        "CNQX while reading": {"read_blocked": BLOCKED},
        "none": {},
        "none, a second value": {"old": OLD},
    }[name]
    return presentation(MODEL, BETA, new=NEW, value=value, **options)


def rows(quick: bool) -> Iterator[Row]:
    """Compare what a key recalls after a write under drugs, and after a second value."""
    for name, target in closed_forms(TAU_AMPA + TAU_M).items():
        quantity = f"recall of a key of 1 told {NEW}, drug: {name}"
        yield Row(MODEL, quantity, treated(name), target, 0.01 * abs(target), _SOURCE,
                  strength="closed form")  # fmt: skip
