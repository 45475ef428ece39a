"""``fwp-neuro validate``: run the models against their published numbers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fwp_neuro.figures import output_folder
from fwp_neuro.progress import Progress
from fwp_neuro.provenance import versions

HELP = "run the models against their published numbers; status 1 if one is missed"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("names", nargs="*", metavar="MODEL", help="models (default: all)")
    parser.add_argument("--quick", action="store_true", help="small simulations")
    parser.add_argument("--json", metavar="FILE", help="keep the rows in this JSON file")
    parser.add_argument(
        "--out",
        metavar="FILE",
        default="validation.png",
        help="picture of the curves over the published points (default: validation.png)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Compute all rows, print them, write report and picture; return 1 if any row fails."""
    from fwp_neuro import targets
    from fwp_neuro.plotting import format_of

    format_of(arguments.out)
    for file in (arguments.json, arguments.out):
        if file:  # refuse, and make the folder, before the long work
            output_folder(Path(file).parent).mkdir(parents=True, exist_ok=True)
    with Progress("validate") as progress:
        rows = list(targets.collect(arguments.names or None, arguments.quick, progress))
    print(targets.report(rows))
    if arguments.json:
        from fwp_neuro.files import atomic_path

        record = {
            "quick": arguments.quick,
            "versions": versions(),
            "rows": [row.record() for row in rows],
        }
        with atomic_path(Path(arguments.json), "report") as temporary:
            Path(temporary).write_text(json.dumps(record, indent=1), encoding="utf-8")
        print(f"wrote {arguments.json}")
    if any(row.curve for row in rows):
        from fwp_neuro.targets.picture import draw

        print(f"wrote {draw(rows, arguments.out)}")
    else:
        print("no curve among these rows: no picture")
    return 0 if all(row.passed for row in rows) else 1
