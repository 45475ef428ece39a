"""The rows of a validation as a table, its misses apart, and what strength its evidence
has."""

from __future__ import annotations

from .rows import STRENGTHS, STRONG, Row

_SIGNS = {"value": " ", "at least": ">", "at most": "<"}


def verdict(row: Row) -> str:
    """Return "pass", "known miss" or "FAIL"."""
    return "pass" if row.passed else "known miss" if row.expected else "FAIL"


def report(rows: list[Row]) -> str:
    """Return the rows as a table; then its misses, known ones apart, and counts."""
    width = max([len(row.quantity) for row in rows], default=0)
    model = max([len(row.model) for row in rows], default=0)
    strength = max(map(len, STRENGTHS))
    lines = [
        f"{'model':{model}}  {'quantity':{width}}  {'value':>10} {'target':>11} "
        f"{'within':>9}  {'strength':{strength}}  {'verdict':10}  source"
    ]
    for row in rows:
        after = "; bound set after measuring" if row.set_after else ""
        lines.append(
            f"{row.model:{model}}  {row.quantity:{width}}  {row.value:10.5g} "
            f"{_SIGNS[row.kind]}{row.target:10.5g} {row.tolerance:9.2g}  "
            f"{row.strength:{strength}}  {verdict(row):10}  {row.source}{after}"
        )
    return "\n".join([*lines, *_misses(rows), evidence(rows), *_sum(rows)])


def _misses(rows: list[Row]) -> list[str]:
    """Return the known misses with bounds and reasons, then the rows that fail."""
    known = [row for row in rows if verdict(row) == "known miss"]
    failed = [row for row in rows if verdict(row) == "FAIL"]
    lines = []
    if known:
        lines.append(f"known misses, each within its stated bound ({len(known)}):")
    for row in known:
        lines.append(f"  {row.model}: {row.quantity}: off by {row.off:.3g}, known to be "
                     f"up to {row.known_miss:.3g} off: {row.reason}")  # fmt: skip
    if failed:
        lines.append(f"unexpected misses ({len(failed)}):")
    for row in failed:
        known_to = (
            f", known to be up to {row.known_miss:.3g} off" if row.known_miss else ""
        )
        lines.append(f"  {row.model}: {row.quantity}: {row.value:.5g}, off by "
                     f"{row.off:.3g} where {row.tolerance:.2g} "
                     f"passes{known_to}")  # fmt: skip
    return lines


def evidence(rows: list[Row]) -> str:
    """Return how many rows have each strength, and in one line how many are strong
    evidence."""
    count = {name: sum(row.strength == name for row in rows) for name in STRENGTHS}
    said = ", ".join(f"{number} {name}" for name, number in count.items() if number)
    strong = [row for row in rows if row.strong]
    parts = ", ".join(
        f"{sum(r.strength == name for r in strong)} {name}" for name in STRONG
    )
    after = sum(row.set_after for row in rows)
    return (
        f"rows by strength: {said}\n"
        f"strong evidence: {len(strong)} of {len(rows)} rows ({parts}), of which "
        f"{sum(row.passed for row in strong)} pass; no evidence: {after} rows whose "
        "bound was set after measuring"
    )


def _sum(rows: list[Row]) -> list[str]:
    passed, expected = (
        sum(getattr(r, name) for r in rows) for name in ("passed", "expected")
    )
    return [
        f"{passed} of {len(rows)} rows pass, {expected - passed} known misses, "
        f"{len(rows) - expected} unexpected misses"
    ]
