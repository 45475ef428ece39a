"""``fwp-neuro list``: what there is to run, to draw and to combine."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

from fwp_neuro.figures import figure_scripts
from fwp_neuro.models import scripts, title
from fwp_neuro.synapses.model import KINDS

HELP = "list models, figures, rules, memories, networks, tasks, realisations and synapse models"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def execute(arguments: argparse.Namespace) -> None:
    """Print one section after another."""
    sections = {
        "models (fwp-neuro run NAME)": {n: title(path) for n, path in scripts("models").items()},
        "figures (fwp-neuro figures NAME)": {n: title(p) for n, p in figure_scripts().items()},
        "rules": _rules(),
        "memories that are not one local text": _memories(),
        "recurrent networks": _networks(),
        "sequence tasks": _tasks(),
        "realisations": _realisations(),
        **{f"synapse models: {kind}": _synapses(kind) for kind in KINDS},
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


def _memories() -> dict[str, str]:
    from fwp_neuro.artificial.memories.registry import REGISTRY

    return {name: REGISTRY.get(name).summary for name in REGISTRY.names()}


def _networks() -> dict[str, str]:
    from fwp_neuro.artificial.recurrent.registry import REGISTRY

    return {name: REGISTRY.get(name).summary for name in REGISTRY.names()}


def _tasks() -> dict[str, str]:
    from fwp_neuro.tasks import sequence_tasks

    return {
        name: inspect.getdoc(make).splitlines()[0].removeprefix("Return the task ")
        for name, make in sequence_tasks().items()
    }


def _realisations() -> dict[str, str]:
    from fwp_neuro.running import REALISATIONS

    # read, not imported: some of them would import brian2
    package = Path(__file__).resolve().parent.parent
    rows = {}
    for name, module in REALISATIONS.items():
        path = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
        rows[name] = title(path) if path.exists() else ""
    return rows


def _synapses(kind: str) -> dict[str, str]:
    from fwp_neuro.synapses import names, parameter_sets
    from fwp_neuro.synapses.registry import entry

    return {
        name: f"{entry(name).summary} (parameters: {', '.join(parameter_sets(name))})"
        for name in names(kind)
    }
