"""Triplet rule: frequency dependence in visual cortex, and the errors that the paper
gives."""

from __future__ import annotations

from collections.abc import Iterator

from ...targets import sjostrom
from ...targets.rows import Row

MODEL = "triplet_stdp"
#: parameter set -> error E of table 3, recalled
ERRORS = {
    "visual_cortex_all_to_all_minimal": 0.34,
    "visual_cortex_all_to_all_full": 0.33,
    "visual_cortex_nearest_minimal": 0.34,
    "visual_cortex_nearest_full": 0.22,
}
#: (lag in ms, Hz) -> how far off at most, and why
MISSES = {
    (-10, 40): (0.40, "the published set, fitted to all points at once, lies 1.2 SEM low "
                      "at the point of the largest SEM (.32)"),
}  # fmt: skip


def rows(quick: bool) -> Iterator[Row]:
    """Compare 60 pairs at each frequency with the measured changes."""
    for chosen, target in ERRORS.items():
        found = sjostrom.changes(MODEL, chosen, pairs=60)
        yield Row(
            MODEL, f"mean square error in SEM, {chosen}", sjostrom.error(found), target,
            0.02, "Pfister & Gerstner 2006, table 3 (E recalled, not checked against the "
            "paper)",
            set_after=True,
        )  # fmt: skip
        if chosen == "visual_cortex_all_to_all_minimal":
            yield from sjostrom.rows(MODEL, found, "triplet rule", MISSES)
