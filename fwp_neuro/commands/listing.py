"""``fwp-neuro list``: everything that has a name."""

from __future__ import annotations

import argparse
import json

from fwp_neuro.registries import KINDS, Found, keys, registry

_HOW = {"models": " (fwp-neuro run NAME)", "figures": " (fwp-neuro figures NAME)"}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "kind", nargs="?", metavar="KIND", help=f"list one kind only: {', '.join(KINDS)}"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with aliases and keys of papers"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Print one section after another."""
    chosen = arguments.kind
    kinds = (
        KINDS if chosen is None else [k for k in KINDS if registry(k) is registry(chosen)]
    )
    if arguments.json:
        print(
            json.dumps(
                {kind: _records(kind) for kind in kinds}, indent=1, ensure_ascii=False
            )
        )
    else:
        print("\n\n".join(section(kind) for kind in kinds))


def section(kind: str) -> str:
    """Return a heading and its rows, names and summaries in two columns."""
    rows = registry(kind).summaries()
    width = max(map(len, rows), default=0)
    lines = [f"  {name:{width}}  {text}".rstrip() for name, text in rows.items()]
    return "\n".join([kind + _HOW.get(kind, ""), *(lines or ["  (none)"])])


def _records(kind: str) -> list[dict]:
    return [
        {
            "name": entry.name,
            "aliases": list(entry.aliases),
            "summary": entry.text("summary"),
            "citations": keys(Found(kind, entry).citation),
        }
        for entry in registry(kind).entries().values()
    ]
