"""``fwp-neuro sweep MODEL``: run a model at every combination of values, here or on a
cluster."""

from __future__ import annotations

import argparse
import contextlib
import math

from fwp_neuro.errors import FwpError, shown
from fwp_neuro.files import output_folder
from fwp_neuro.model_scripts import load_model
from fwp_neuro.progress import Progress
from fwp_neuro.settings import fill, split
from fwp_neuro.sweep import model_function
from fwp_neuro.sweep.cluster import connect
from fwp_neuro.sweep.drive import drive


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help="name of a script in models/")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=V1,V2",
        help="values of a parameter (again for each); a value with commas goes in "
        "brackets: (1,2)",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", required=True, help="folder for the results"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes of this machine (default: one a core)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run on the workers of this Dask scheduler, tcp://host:port or its JSON "
        "file",
    )
    parser.add_argument(
        "--resources",
        action="append",
        default=[],
        metavar="NAME=N",
        help="what a point needs of a Dask worker, such as GPU=1",
    )
    parser.add_argument(
        "--keep-failed",
        action="store_true",
        help="do not run points again that failed before",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Check everything that can be checked, sweep, print; return 1 if a point has no
    result."""
    name = arguments.model
    grid = _grid(load_model(name).Parameters, arguments.set, name)
    function = model_function(name)
    output_folder(arguments.out)
    scheduler = arguments.scheduler
    if arguments.resources and scheduler is None:
        raise FwpError("--resources is for the workers of a --scheduler")
    if arguments.workers is not None and scheduler is not None:
        raise FwpError(
            "--workers is for this machine; the workers of a --scheduler are its own"
        )
    with contextlib.ExitStack() as stack:
        executor = None
        if scheduler is not None:
            executor = stack.enter_context(
                connect(scheduler, _resources(arguments.resources))
            )
        progress = stack.enter_context(Progress(f"sweep {name}"))
        retry = not arguments.keep_failed
        swept = drive(
            function, grid, arguments.out, executor, arguments.workers, retry, progress
        )
    print(_report(swept))
    return 1 if swept.failures else 0


def _grid(parameters: type, assignments: list[str], model: str) -> dict[str, list]:
    if not assignments:
        raise FwpError(
            "sweep needs --set NAME=V1,V2 at least once: there is nothing to vary"
        )
    grid: dict[str, list] = {}
    for name, texts in map(split, assignments):
        if name in grid:
            raise FwpError(f"--set gives {name} twice; give all its values at once")
        values = [
            getattr(fill(parameters, {name: text}, model), name) for text in listed(texts)
        ]
        grid[name] = values
    return grid


def listed(text: str) -> list[str]:
    """Split values at the commas that stand outside of brackets and quotes."""
    found, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "([{") - (letter in ")]}") if not quote else 0
        if letter == "," and depth == 0 and not quote:
            found.append("")
        else:
            found[-1] += letter
    found = [value.strip() for value in found]
    if "" in found:
        raise FwpError(f"--set has an empty value among {text!r}")
    return found


def _resources(texts: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            amount = float(number)
        except ValueError:
            amount = 0.0
        if not name.isidentifier() or not 0 < amount < math.inf:
            said = shown(text)
            raise FwpError(
                f"--resources takes NAME=N, such as GPU=1, and got {said}"
            ) from None
        if name in found:
            raise FwpError(f"--resources gives {name} twice")
        found[name] = amount
    return found


def _report(swept) -> str:
    points = swept.grid.points
    lines = [
        f"{len(points)} points: {swept.computed} computed, {swept.kept} kept from "
        f"before, {len(swept.failures)} failed"
    ]
    for number, failure in sorted(swept.failures.items()):
        at = ", ".join(f"{name}={value}" for name, value in points[number].items())
        lines.append(f"  {at}: {failure.sentence}")
    sizes = ", ".join(f"{dim} {size}" for dim, size in swept.dataset.sizes.items())
    return "\n".join([*lines, f"wrote {swept.path} ({sizes})"])
