"""``fwp-neuro benchmark SIDE``: measure speed and memory, print a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from fwp_neuro import figures
from fwp_neuro.errors import FwpError, pick
from fwp_neuro.progress import Progress

HELP = "measure speed and memory of the package's own forms"
SIDES = ("artificial",)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("side", metavar="SIDE", help=f"what to measure: {', '.join(SIDES)}")
    parser.add_argument(
        "--quick", action="store_true", help="short sequences, few rounds, one thread, no memory"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="counted rounds (default: 5)")
    parser.add_argument("--out", metavar="FILE", help="keep all times in this netCDF file")


def execute(arguments: argparse.Namespace) -> None:
    """Check the arguments, measure, print."""
    pick(arguments.side, SIDES, "side to benchmark:")
    if arguments.rounds is not None and arguments.rounds < 1:
        raise FwpError(f"--rounds must be at least 1, got {arguments.rounds}")
    from fwp_neuro.benchmarks.artificial import benchmark
    from fwp_neuro.benchmarks.table import report

    options = QUICK if arguments.quick else {}
    if arguments.rounds is not None:
        options = {**options, "rounds": arguments.rounds}
    if arguments.out:
        figures.output_folder(Path(arguments.out).parent)  # refuse before the long work
    with Progress("benchmark artificial") as progress:
        dataset = benchmark(**options, progress=progress)
    print(report(dataset))
    if arguments.out:
        figures.keep(dataset, Path(arguments.out))
        print(f"wrote {arguments.out}")


QUICK = {"lengths": (256, 1024), "threads": (1,), "rounds": 3, "memory": ()}
