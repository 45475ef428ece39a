"""``fwp-neuro cite``: BibTeX of the software, of its two source papers, and of what was
used."""

from __future__ import annotations

import argparse

from fwp_neuro.registries import KINDS, cite


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="what you used (see list), model/parameter_set, or a saved recording (.nc)",
    )
    parser.add_argument(
        "--kind", metavar="KIND", help=f"look in one only: {', '.join(KINDS)}"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Print the entries."""
    print(cite(*arguments.names, kind=arguments.kind))
