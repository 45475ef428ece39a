"""``fwp-neuro list``: what there is to run, to draw and to combine."""

from __future__ import annotations

import argparse
from pathlib import Path

from fwp_neuro.figures import figure_scripts
from fwp_neuro.models import scripts, title

HELP = "list models, figures, rules, realisations and synapse models"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def execute(arguments: argparse.Namespace) -> None:
    """Print one section after another."""
    sections = {
        "models (fwp-neuro run NAME)": {n: title(path) for n, path in scripts("models").items()},
        "figures (fwp-neuro figures NAME)": {n: title(p) for n, p in figure_scripts().items()},
        "rules": _rules(),
        "realisations": _realisations(),
        "synapse models": _synapses(),
    }
    print("\n\n".join(section(heading, rows) for heading, rows in sections.items()))


def section(heading: str, rows: dict[str, str]) -> str:
    """Return a heading and its rows, names and texts in two columns."""
    width = max(map(len, rows), default=0)
    lines = [f"  {name:{width}}  {text}".rstrip() for name, text in rows.items()]
    return "\n".join([heading, *(lines or ["  (none)"])])


def one_line(text: str) -> str:
    """Return the text of a rule in one line, statements separated by semicolons."""
    statements = (line.partition("#")[0].strip() for line in text.splitlines())
    return "; ".join(statement for statement in statements if statement)


def _rules() -> dict[str, str]:
    from fwp_neuro.rules import rule, rules

    return {name: one_line(rule(name).text or "") for name in rules()}


def _realisations() -> dict[str, str]:
    from fwp_neuro.running import REALISATIONS

    # read, not imported: some of them would import brian2
    package = Path(__file__).resolve().parent.parent
    rows = {}
    for name, module in REALISATIONS.items():
        path = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
        rows[name] = title(path) if path.exists() else ""
    return rows


def _synapses() -> dict[str, str]:
    from fwp_neuro.synapses import names, parameter_sets

    return {name: f"parameters: {', '.join(parameter_sets(name))}" for name in names()}
