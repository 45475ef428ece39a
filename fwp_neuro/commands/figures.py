"""``fwp-neuro figures``: make the figures, simulating only what has changed."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

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
    make = _make_apart if len(selected) > 1 and _can_fork() else _make
    if arguments.out is not None:
        output_folder(arguments.out)
    for name in selected:
        start = time.monotonic()
        try:
            drawn = make(name, arguments.quick, arguments.out)
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


def _make(name: str, quick: bool, out: str | None) -> figure_scripts.Drawn:
    with Progress(name) as progress:
        return figure_scripts.make(name, quick, out, progress)


def _make_apart(name: str, quick: bool, out: str | None) -> figure_scripts.Drawn:
    """Make a figure in a process of its own: what the figures before it loaded does not
    count for it (`fwp_neuro.loaded_code`)."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_make, name, quick, out).result()


def _can_fork() -> bool:
    """Whether a copy of this process is safe, and knows nothing that a figure loads."""
    return sys.platform == "linux" and not {"torch", "brian2"} & {*sys.modules}
