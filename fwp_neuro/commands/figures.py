"""``fwp-neuro figures``: make the figures, simulating only what has changed."""

from __future__ import annotations

import argparse
import time

from fwp_neuro import figure_scripts
from fwp_neuro.files import output_folder
from fwp_neuro.progress import Progress, duration


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="start of a figure's name, such as fig01 (all)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small simulations, to try out; pictures go to results unless --out is "
        "given",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="folder for the pictures; it is made"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Make one figure after another."""
    done: list[str] = []
    selected = figure_scripts.select(arguments.names)
    if arguments.out is not None:
        output_folder(arguments.out)
    for name in selected:
        start = time.monotonic()
        try:
            with Progress(name) as progress:
                drawn = figure_scripts.make(
                    name, arguments.quick, arguments.out, progress
                )
        except KeyboardInterrupt as stop:
            finished = f"; finished before: {', '.join(done)}" if done else ""
            sentence = f"interrupted in {name}: its picture was not written{finished}"
            raise KeyboardInterrupt(sentence) from stop
        done.append(name)
        took = duration(time.monotonic() - start)
        because = f", as {drawn.why}" if drawn.why else ""
        how = (
            f"simulated and drawn in {took}{because}"
            if drawn.simulated
            else "drawn from kept data"
        )
        print(f"{name}: {how}")
        if drawn.report:
            print(drawn.report)
        print(f"wrote {drawn.picture}", flush=True)
