"""``fwp-neuro show NAME``: everything known of what has a name."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator, Mapping

from fwp_neuro.bibliography import missing, readable, reference
from fwp_neuro.model_parameters import table
from fwp_neuro.registries import KINDS, Found, find, keys, registry
from fwp_neuro.symbolic.objective import asymmetry

#: what is left of a symmetric Jacobian by rounding
_ROUNDING = 1e-9


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="see list; or model/parameter_set")
    parser.add_argument(
        "--kind", metavar="KIND", help=f"look in one only: {', '.join(KINDS)}"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Print what the name stands for, in every kind that has it."""
    print("\n\n".join(page(found) for found in find(arguments.name, arguments.kind)))


def page(found: Found) -> str:
    """Return all that is known of one entry."""
    entry, thing = found.entry, found.entry.load()
    lines = [f"{registry(found.kind).kind} {found.name}"]
    lines += [f"also called: {', '.join(entry.aliases)}"] if entry.aliases else []
    lines += [entry.text("summary"), "", *_PAGES[found.kind](found, thing), ""]
    citation = found.citation
    own = keys(citation)
    if own and "\n" not in citation and found.kind != "synapses":
        lines += [f"citation: {readable(citation)}"]
    lines += (
        ["papers:", *(f"  [{key}] {reference(key).long}" for key in own)] if own else []
    )
    absent = [f"{key} (not in references.bib)" for key in missing(citation)]
    if absent or not own:
        lines += [f"papers: {', '.join(absent) or 'none of its own'}"]
    return "\n".join(lines).rstrip()


def _rule(found: Found, rule) -> Iterator[str]:
    yield from ["text:", *(f"  {line}" for line in rule.text.splitlines())]
    yield f"latex: {rule.latex}"
    yield f"synaptic states: {', '.join(rule.states)}"
    yield "signals, with the home of each:"
    for name, home in rule.homes.items():
        ends = rule.limits.get(name)
        yield f"  {name}: {home}" + (
            f", from {ends[0]:g} to {ends[1]:g} (a run warns outside)" if ends else ""
        )
    yield f"locality: {rule.locality}"
    yield f"transition: {rule.transition}"
    if rule.eigenvalues is not None:
        yield f"eigenvalues: {rule.eigenvalues}"
    yield f"forms: {', '.join(rule.forms)}"
    if rule.objective is not None:
        off = rule.objective.mismatch(rule)
        yield (
            f"a gradient step on: {' + '.join(rule.objective.terms)} (on one random "
            f"token the two differ by {off:.1g})"
        )
    elif (off := asymmetry(rule)) > _ROUNDING:
        yield (
            "no gradient step of any loss of w: the Jacobian of its change of w is not "
            f"symmetric (by {off:.2g} on one random token)"
        )
    for each in rule.reductions:
        these = ", ".join(f"{name} = {text}" for name, text in each.these.items())
        yield f"equals {each.to}" + (f" with {these}" if these else "")


def _module(found: Found, kind) -> Iterator[str]:
    yield from (inspect.getdoc(kind) or "").splitlines()
    yield f"options: {_signature(kind.__init__, ('self', 'model_dim'))}"
    if isinstance(homes := getattr(kind, "homes", None), Mapping):
        yield "signals: " + ", ".join(f"{name} ({home})" for name, home in homes.items())
    yield f"no circuit: {kind.no_circuit}"


def _function(found: Found, function) -> Iterator[str]:
    yield from (inspect.getdoc(function) or "").splitlines()
    yield f"options: {_signature(function)}"


def _script(found: Found, script) -> Iterator[str]:
    yield from (inspect.getdoc(script) or "").partition("\n\n")[2].splitlines()
    parameters = getattr(script, "Parameters", None)
    if parameters is not None:
        yield from ["", "parameters:", *table(parameters).splitlines()]
    yield from ["", f"script, to read or to copy and change: {script.__file__}"]


def _synapse(found: Found, how) -> Iterator[str]:
    from fwp_neuro.quantity_text import written  # noqa: PLC0415  needs Brian2

    chosen = found.parameter_set or how.sets[0]
    model = how.make(chosen)
    yield f"parameter sets: {', '.join(how.sets)}"
    yield from [
        "equations:",
        *(f"  {line}" for line in str(model.equations).strip().splitlines()),
    ]
    if hasattr(model, "weight"):
        yield f"effective weight: {model.weight}"
    yield f"parameters of {chosen}, with status and source:"
    known = status(found.entry.name, chosen)
    for name, value in model.parameters.items():
        source = readable(model.sources.get(name, "")) or "see below"
        told = known.get(name, "status not told")
        yield f"  {name} = {written(value)} [{told}] {source}"
    if "" in model.sources:
        yield f"  below: {readable(model.sources[''])}"
    for name, value in getattr(model, "initial", {}).items():
        yield f"  starts at {name} = {value}"
    for what, names in (("ports", model.ports), ("in the text of a rule", _roles(model))):
        if names:
            yield from [
                f"{what}:",
                *(f"  {name}: {text}" for name, text in names.items()),
            ]
    yield f"conventions: {model.conventions}"
    yield f"citation: {readable(model.citation)}"


def _roles(model) -> Mapping[str, str]:
    """Return what plays each signal of a rule in the synapse of a circuit."""
    return getattr(model, "roles", {})


def status(model: str, parameter_set: str) -> dict[str, str]:
    """Return how the number of each parameter was found: "looked up", "recalled",
    "chosen", ..."""
    from fwp_neuro.targets import constants_table  # noqa: PLC0415  needs Brian2

    model = "tsodyks_markram" if model.startswith("tsodyks_markram") else model
    rows = [row for row in constants_table.table() if row.model == model]
    return {
        row.parameter: row.status
        for chosen in ("*", parameter_set)
        for row in rows
        if row.parameter_set == chosen
    }


def _device(found: Found, thing) -> Iterator[str]:
    yield f"use: device={found.name!r} of fwp_neuro.run and of fwp_neuro.devices"


def _feature(found: Found, one: type) -> Iterator[str]:
    yield f"use: feature_map={found.name!r} of the memories and layers that take one"
    yield f"options: {_signature(one.__init__, ('self',))}"


def _command(found: Found, module) -> Iterator[str]:
    parser = argparse.ArgumentParser(f"fwp-neuro {found.name}")
    module.add(parser)
    yield from parser.format_help().splitlines()


def _signature(function, hidden: tuple[str, ...] = ()) -> str:
    if function is object.__init__:
        return "none"
    parameters = inspect.signature(function).parameters
    shown = [str(each) for name, each in parameters.items() if name not in hidden]
    return ", ".join(shown).replace("'", "") or "none"


_PAGES = {
    "models": _script,
    "figures": _script,
    "rules": _rule,
    "memories": _module,
    "networks": _module,
    "features": _feature,
    "tasks": _function,
    "realisations": lambda found, one: _function(found, one.function),
    "devices": _device,
    "synapses": _synapse,
    "commands": _command,
}
