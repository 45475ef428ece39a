"""``fwp-neuro figures``: make the figures, simulating only what has changed."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fwp_neuro import figure_scripts
from fwp_neuro.files import output_folder
from fwp_neuro.plotting import FORMATS
from fwp_neuro.progress import Progress, duration
from fwp_neuro.settings import several


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="start of a figure's name, such as fig01, or the path of a script of your "
        "own, such as ./my_fig.py (default: all figures)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small simulations, to try out; pictures go to results unless --out is "
        "given",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="folder for the pictures and their data (.nc); it is made",
    )
    parser.add_argument(
        "--format", metavar="LIST", help="write pictures as pdf,svg too, besides png"
    )
    parser.add_argument(
        "--data", metavar="LIST", help="write the data as nc,csv beside the picture"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Make one figure after another."""
    done: list[str] = []
    formats, data = (
        several(text, legal, what) if text is not None else []
        for text, legal, what in (
            (arguments.format, FORMATS, "figure format"),
            (arguments.data, ("nc", "csv"), "format of data"),
        )
    )
    selected = figure_scripts.select(arguments.names)
    make = _make_apart if len(selected) > 1 and _can_fork() else _make
    if arguments.out is not None:
        output_folder(arguments.out)
    for name in selected:
        start = time.monotonic()
        try:
            drawn = make(name, arguments.quick, arguments.out, formats, data)
        except KeyboardInterrupt as stop:
            finished = f"; finished before: {', '.join(done)}" if done else ""
            sentence = f"interrupted in {name}: its picture was not written{finished}"
            raise KeyboardInterrupt(sentence) from stop
        done.append(drawn.name)
        took = duration(time.monotonic() - start)
        because = f", as {drawn.why}" if drawn.why else ""
        how = (
            f"simulated and drawn in {took}{because}"
            if drawn.simulated
            else "drawn from kept data"
        )
        print(f"{drawn.name}: {how}")
        if drawn.report:
            print(drawn.report)
        for path in (*drawn.further, drawn.picture):
            print(f"wrote {path}", flush=True)


def _make(name: str, quick: bool, out: str | None, formats, data) -> figure_scripts.Drawn:
    with Progress(Path(name).stem) as progress:
        return figure_scripts.make(name, quick, out, progress, formats, data)


def _make_apart(name: str, *options) -> figure_scripts.Drawn:
    """Make a figure in a process of its own: what the figures before it loaded does not
    count for it (`fwp_neuro.loaded_code`)."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_make, name, *options).result()


def _can_fork() -> bool:
    """Whether a copy of this process is safe, and knows nothing that a figure loads."""
    return sys.platform == "linux" and not {"torch", "brian2"} & {*sys.modules}
