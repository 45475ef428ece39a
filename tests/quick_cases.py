"""How many cases of costly tests run by default (quick_cases.csv), evenly spaced; the
slow set has all.

A law over all rules, models or options costs minutes where each case runs a circuit or a
compiler. By default some of its cases run, as many as took less than about three seconds
together in one run of the suite; none of some that play a rare fault (a full disk, a
killed worker) or a variant of what another test shows. With ``-k NAME`` or
``FILE::NAME`` all cases run that are asked for. The oracles of the rules in double
precision and of their forms without a compiler run in all cases by default.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

#: test file -> test -> how many cases are kept
KEPT: dict[str, dict[str, int]] = {}
with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as rows:
    for row in csv.DictReader(rows):
        KEPT.setdefault(f"{row['file']}.py", {})[row["test"]] = int(row["cases"])


def mark_repeats(items) -> None:
    """Mark the cases that do not run by default as slow."""
    families: dict[tuple[str, str], list] = {}
    for item in items:
        file, test = item.path.name, getattr(item, "originalname", "")
        if test in KEPT.get(file, {}) and item.get_closest_marker("slow") is None:
            families.setdefault((file, test), []).append(item)
    for (file, test), those in families.items():
        many = min(KEPT[file][test], len(those))
        chosen = {n * len(those) // many for n in range(many)}
        for n, item in enumerate(those):
            if n not in chosen:
                item.add_marker(pytest.mark.slow)
