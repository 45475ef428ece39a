"""``fwp-neuro coverage``: how often the intervals of fits hold the truth."""

from __future__ import annotations

import argparse

from fwp_neuro.progress import Progress
from fwp_neuro.validation import seed_number, whole


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--tables",
        type=int,
        default=300,
        metavar="N",
        help="tables a cell (default: 300)",
    )
    parser.add_argument(
        "--profile", action="store_true", help="profile likelihood as well"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise")


def execute(arguments: argparse.Namespace) -> int:
    """Measure all cells, print them; return 1 if one lies outside what is legal."""
    from fwp_neuro.targets import interval_coverage  # noqa: PLC0415  heavy: help does without

    tables = whole(arguments.tables, "--tables", 20, 100_000)
    seed, methods = seed_number(arguments.seed), ["covariance", "bootstrap"]
    methods += ["profile"] if arguments.profile else []
    with Progress("coverage") as progress:
        found = list(interval_coverage.cells(tables, seed, methods, progress))
    print(interval_coverage.report(found))
    return 0 if all(cell.legal for cell in found) else 1
