"""How many cases of costly tests run by default (quick_cases.csv), spread over the values
of their parameters; the slow set has all.

A law over all rules, models or options costs minutes where each case runs a circuit or a
compiler. By default some of its cases run, as many as take a few seconds together. Zero
stands for tests that play a rare fault (a full disk, a killed worker), repeat for many
spikes what another test shows on few, or take long by themselves. With ``-k NAME`` or
``FILE::NAME`` all cases run that are asked for.
The oracles of the rules in double precision, and the chunk and parallel forms against the
step, run in all cases by default.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

#: test file or notebook -> test (no name for a notebook) -> how many cases are kept
KEPT: dict[str, dict[str, int]] = {}
with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as rows:
    for row in csv.DictReader(rows):
        KEPT.setdefault(row["file"], {})[row["test"]] = int(row["cases"])


def mark_repeats(items) -> None:
    """Mark the cases that do not run by default as slow."""
    families: dict[tuple[str, str], list] = {}
    for item in items:
        file, test = item.path.stem, getattr(item, "originalname", "")
        if test in KEPT.get(file, {}) and item.get_closest_marker("slow") is None:
            families.setdefault((file, test), []).append(item)
    for (file, test), those in families.items():
        chosen = spread([_values(item) for item in those], KEPT[file][test])
        for n, item in enumerate(those):
            if n not in chosen:
                item.add_marker(pytest.mark.slow)


def spread(cases: list[list], many: int) -> set[int]:
    """Return the numbers of so many cases, such that the values of every parameter are
    used equally often, as far as that can be."""
    # steps of the golden ratio, for cases that are alike
    left = sorted(range(len(cases)), key=lambda n: n * 0.618034 % 1)
    used: Counter = Counter()
    chosen: set[int] = set()
    while left and len(chosen) < many:
        best = min(left, key=lambda n: sum(used[value] for value in cases[n]))
        left.remove(best)
        chosen.add(best)
        used.update(cases[best])
    return chosen


def _values(item) -> list[tuple[str, int]]:
    """Return the parameters of a case, each with the number of its value."""
    call = getattr(item, "callspec", None)
    return [] if call is None else sorted(call.indices.items())
