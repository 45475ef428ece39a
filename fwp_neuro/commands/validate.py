"""``fwp-neuro validate``: run the models against their published numbers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fwp_neuro import targets
from fwp_neuro.errors import FwpError
from fwp_neuro.files import atomic_path, output_file
from fwp_neuro.plotting import format_of
from fwp_neuro.progress import Progress
from fwp_neuro.provenance import versions


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
    """Compute all rows, print them, write report and picture; return 1 if one
    unexpectedly fails.

    A row that misses its target for a known reason, by no more than is known, is no
    failure.
    """
    names = targets.chosen(arguments.names or None)
    json_file = _files(arguments)
    with Progress("validate") as progress:
        rows = list(targets.collect(names, arguments.quick, progress))
    print(targets.report(rows))
    if json_file is not None:
        _write(json_file, rows, arguments.quick)
    if any(row.curve for row in rows):
        from fwp_neuro.validation_picture import draw  # noqa: PLC0415  needs matplotlib

        print(f"wrote {draw(rows, arguments.out)}")
    else:
        print("no curve among these rows: no picture")
    return 0 if all(row.expected for row in rows) else 1


def _files(arguments: argparse.Namespace) -> Path | None:
    """Refuse, before the long work, files that cannot be written; return that of the
    rows."""
    format_of(arguments.out)
    files = [output_file(arguments.out, "--out")]
    if arguments.json is not None:
        files.append(output_file(arguments.json, "--json"))
        if files[0].resolve() == files[1].resolve():
            raise FwpError(f"--json and --out name the same file {arguments.json!r}")
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    return files[1] if len(files) > 1 else None


def _write(file: Path, rows, quick: bool) -> None:
    record = {
        "quick": quick,
        "versions": versions(),
        "rows": [row.record() for row in rows],
    }
    with atomic_path(file, "report") as temporary:
        Path(temporary).write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(f"wrote {file}")
