"""``fwp-neuro benchmark SIDE``: measure speed and memory, print a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from fwp_neuro import figure_scripts
from fwp_neuro.benchmarks import artificial_table
from fwp_neuro.benchmarks.circuits import circuit_table, scaling_plan
from fwp_neuro.errors import FwpError, pick, shown
from fwp_neuro.files import output_file
from fwp_neuro.progress import Progress
from fwp_neuro.recording_file import SUFFIX

SIDES = ("artificial", "circuits", "layers", "spiking")
MOST_ROUNDS = 1000
#: what --quick leaves of each side
QUICK = {
    "artificial": {"lengths": (256, 1024), "threads": (1,), "rounds": 3, "memory": ()},
    "layers": {"lengths": (64, 128, 256, 512), "rounds": 3},
    "spiking": {"rounds": 3, "sequences": 8, "first": False},
    "circuits": {"sizes": (10_000,), "rounds": 2, "duration": 0.2, "builds": False},
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "side", metavar="SIDE", help=f"what to measure: {', '.join(SIDES)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, few rounds, less of everything"
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="counted rounds (default: 5 and 3)"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="keep all numbers in this netCDF file"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Check the arguments, measure, print."""
    side = pick(arguments.side, SIDES, "side to benchmark:")
    rounds = arguments.rounds
    if rounds is not None and not 1 <= rounds <= MOST_ROUNDS:
        days = f": at a second a round or more that is {rounds / 86400:.3g} days" * (
            rounds > 0
        )
        raise FwpError(
            f"--rounds must be from 1 to {MOST_ROUNDS}, got {shown(rounds)}{days}"
        )
    if arguments.out is not None:
        file = output_file(arguments.out, "--out")  # refuse before the long work
        if file.suffix != SUFFIX:
            raise FwpError(
                f"--out takes a name that ends in {SUFFIX!r}, got {arguments.out!r}"
            )
    options = QUICK[side] if arguments.quick else {}
    if rounds is not None:
        options = {**options, "rounds": rounds}
    with Progress(f"benchmark {side}") as progress:
        measure = {"artificial": _artificial, "circuits": _circuits, "layers": _layers,
                   "spiking": _spiking}  # fmt: skip
        dataset, text = measure[side](options, progress)
    print(text)
    if arguments.out is not None:
        figure_scripts.keep(dataset, Path(arguments.out))
        print(f"wrote {arguments.out}")


def _artificial(options, progress):
    from fwp_neuro.benchmarks.artificial import benchmark  # noqa: PLC0415  needs torch

    dataset = benchmark(**options, progress=progress)
    return dataset, artificial_table.report(dataset)


def _layers(options, progress):
    from fwp_neuro.benchmarks import layers  # noqa: PLC0415  needs torch

    dataset = layers.benchmark(**options, progress=progress)
    return dataset, layers.report(dataset)


def _spiking(options, progress):
    # needs Brian2
    from fwp_neuro.benchmarks import repeated_runs  # noqa: PLC0415

    dataset = repeated_runs.benchmark(**options, progress=progress)
    return dataset, repeated_runs.report(dataset)


def _circuits(options, progress):
    # needs Brian2
    from fwp_neuro.benchmarks.circuits.rounds import benchmark  # noqa: PLC0415

    dataset = benchmark(**options, progress=progress)
    return dataset, f"{circuit_table.report(dataset)}\n\n{scaling_plan.report(dataset)}"
