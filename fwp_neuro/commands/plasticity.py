"""``fwp-neuro plasticity``: measure every plasticity rule as a fast-weight rule."""

from __future__ import annotations

import argparse

from fwp_neuro.errors import FwpError, shown
from fwp_neuro.progress import Progress
from fwp_neuro.validation import seed_number

#: more synapses an entry change no number that is printed, and take hours
MOST = 10_000


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "names", nargs="*", metavar="RULE", help="plasticity rules (default: all)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer synapses, noisier numbers"
    )
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="synapses an entry (default: 16)"
    )
    parser.add_argument(
        "--memory", action="store_true",
        help="also run hebb and delta in circuits of these synapses (a minute each)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the spikes")


def execute(arguments: argparse.Namespace) -> None:
    """Measure, print."""
    # heavy: help does without
    from fwp_neuro.characterise import (  # noqa: PLC0415
        characterise,
        chosen,
        memories,
        memory_table,
        report,
    )

    repeats = (
        arguments.repeats
        if arguments.repeats is not None
        else 4
        if arguments.quick
        else 16
    )
    if not 2 <= repeats <= MOST:
        # 36 pairs of entries, 4000 steps, four tables
        cost = f": {repeats * 4.6e-3:.3g} GB of spikes a rule or more" * (repeats > 0)
        raise FwpError(f"--repeats must be from 2 to {MOST}, got {shown(repeats)}{cost}")
    seed = seed_number(arguments.seed)
    names = chosen(arguments.names)
    with Progress("plasticity") as progress:
        found = characterise(names, repeats, seed, progress)
    print(report(found))
    if arguments.memory:
        with Progress("memory") as progress:
            kept = memories(names, progress, seed=seed, cells=20)
        print(memory_table(kept))
