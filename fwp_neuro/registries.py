"""All registries: find what has a name, whatever it is, and say which papers it rests
on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from .arguments import inside, optional, takes, text
from .bibliography import bibtex, keys, missing, references
from .errors import LIST, FwpError, nearest, pick, shown, unknown
from .recording import Recording, load
from .registry import Named, Registry
from .version import __version__

#: kind, as users write it -> the module of its registry, and its name there
_PLACES = {
    "models": ("fwp_neuro.model_scripts", "MODELS"),
    "figures": ("fwp_neuro.figure_scripts", "FIGURES"),
    "rules": ("fwp_neuro.rules.registered_rules", "RULES"),
    "memories": ("fwp_neuro.artificial.memories.registered_memories", "MEMORIES"),
    "networks": ("fwp_neuro.artificial.recurrent.registered_networks", "NETWORKS"),
    "features": ("fwp_neuro.artificial.memories.features", "FEATURE_MAPS"),
    "tasks": ("fwp_neuro.tasks", "TASKS"),
    "realisations": ("fwp_neuro.running", "REALISATIONS"),
    "devices": ("fwp_neuro.device_names", "DEVICES"),
    "synapses": ("fwp_neuro.synapses.registered_synapses", "SYNAPSES"),
    "commands": ("fwp_neuro.commands", "COMMANDS"),
}
KINDS = tuple(_PLACES)


@dataclass(frozen=True)
class Found:
    """What a name stands for.

    Attributes:
        kind: one of `KINDS`.
        entry: in the registry of that kind.
        parameter_set: of a synapse model, where the name gives one
            ("pair_stdp/soft_bounds").
    """

    kind: str
    entry: Named
    parameter_set: str | None = None

    @property
    def name(self) -> str:
        """The name in the registry, with the parameter set if there is one."""
        return (
            f"{self.entry.name}/{self.parameter_set}"
            if self.parameter_set
            else self.entry.name
        )

    @property
    def citation(self) -> str:
        """The text that names its papers."""
        if self.kind != "synapses":
            return self.entry.text("citation")
        how = self.entry.load()
        sets = [self.parameter_set] if self.parameter_set else how.sets
        models = [how.make(chosen) for chosen in sets]
        return "; ".join(
            text for model in models for text in (model.citation, *model.sources.values())
        )


def registry(kind: str) -> Registry:
    """Return the registry of a kind, such as "rules" (or "rule").

    Raises:
        FwpError: there is no such kind.
    """
    singular = {"memory": "memories"}
    if isinstance(kind, str) and kind not in KINDS:
        kind = singular.get(kind, f"{kind}s" if f"{kind}s" in KINDS else kind)
    module, name = _PLACES[pick(kind, KINDS, "kind of name")]
    return getattr(import_module(module), name)


def find(name: str, kind: str | None = None) -> list[Found]:
    """Return everything of this name: one thing of each kind that has one of it.

    Args:
        name: a name or an alias; a synapse model's may end in "/" and a parameter set;
            of a figure its number ("fig17") will do.
        kind: to look in only.

    Raises:
        FwpError: nothing is called so, with the nearest name that there is.
    """
    kinds = (
        KINDS
        if kind is None
        else [each for each in KINDS if registry(each) is registry(kind)]
    )
    first, _, chosen = name.partition("/")
    if chosen and "synapses" in kinds and first in registry("synapses"):
        entry = registry("synapses").entry(first)
        how = entry.load()
        chosen = how.renamed.get(chosen, chosen)
        pick(chosen, how.sets, f"parameter set of {first!r}:")
        return [Found("synapses", entry, chosen)]
    found = [
        Found(each, registry(each).entry(name))
        for each in kinds
        if name in registry(each)
    ]
    numbered = {}  # figures are also called by their number, such as fig17
    for each in registry("figures").names() if "figures" in kinds else ():
        numbered.setdefault(each.partition("_")[0], []).append(each)
    found += [
        Found("figures", registry("figures").entry(each))
        for each in numbered.get(name, ()) if each != name
    ]  # fmt: skip
    if not found:
        legal = [other for each in kinds for other in registry(each).all_names()]
        legal += numbered
        what = "name" if kind is None else registry(kind).kind
        raise unknown(name, legal, what, LIST)
    return found


@takes(
    names=inside(
        "a name, a path of a Recording, or an object with a citation", lambda: "delta"
    ),
    kind=optional(text("rules")),
)
def cite(*names, kind: str | None = None) -> str:
    """Return BibTeX of the software, its two source papers, and of what was used.

    Args:
        names: of rules, memories, networks, tasks, synapse models (also
            "model/parameter_set"), figures, models, realisations, devices, commands;
            paths of saved Recordings (.nc); Recordings, rules, memories or synapse models
            themselves.
        kind: to look in only, such as "rules", where two kinds share a name.

    Returns:
        The entries, each once. What rests on no paper, or on one that the bibliography
        lacks, leaves a line that begins with %.

    Raises:
        FwpError: nothing is called so.

    Example:
        >>> print(fwp.cite("delta", "pair_stdp/soft_bounds"))  # doctest: +SKIP
    """
    if kind is not None:
        registry(kind)  # which refuses an unknown one also where nothing is looked up
        if not names:
            raise FwpError(
                f"cite: kind is {kind!r}, but no name to look up in it is given"
            )
    cited: list[str] = []
    remarks: list[str] = []
    for name in names:
        for title, citation in _citations(name, kind):
            own = keys(citation)
            cited += own
            lost = missing(citation)
            remarks += [_not_known(title, key) for key in lost]
            if not own and not lost:
                remarks.append(_remark(title, citation))
    return "\n\n".join([bibtex(cited, __version__), *dict.fromkeys(remarks)])


def _citations(thing, kind: str | None) -> Iterator[tuple[str, str]]:
    """Yield (name, citation) of everything that an argument of `cite` stands for."""
    if isinstance(thing, os.PathLike) or isinstance(thing, str) and thing.endswith(".nc"):
        thing = load(thing)
    if isinstance(thing, Recording):
        yield "the recording", used_by(thing)
    elif isinstance(thing, str):
        for found in find(thing, kind):
            yield found.name, found.citation
    elif isinstance(getattr(thing, "citation", None), str):
        sources = getattr(thing, "sources", None)
        texts = sources.values() if isinstance(sources, Mapping) else ()
        yield (
            str(getattr(thing, "name", thing)),
            "; ".join([thing.citation, *map(str, texts)]),
        )
    else:
        raise FwpError(
            f"cite: {shown(thing)} is no name, no path of a Recording and nothing with a "
            "citation"
        )


def used_by(recording: Recording) -> str:
    """Return the keys of what a run used; those of its rule if it was saved before keys
    were."""
    kept = recording.provenance.get("citations")
    if kept is not None and not isinstance(kept, list):
        raise FwpError(
            "the provenance of this recording is damaged: its citations are no list"
        )
    if kept is not None:
        return "; ".join(map(str, kept))
    rules, name = registry("rules"), recording.attrs.get("rule")
    return rules.entry(name).text("citation") if name in rules else ""


def _not_known(name: str, key: str) -> str:
    """Return what stands in BibTeX for a paper that is not in the bibliography."""
    guess = nearest(key, list(references()))
    hint = f"; did you mean {guess!r}?" if guess else ""
    return f"% {name} cites {key!r}, which references.bib of fwp_neuro lacks{hint}"


def _remark(name: str, citation: str) -> str:
    """Return what stands in BibTeX for something that names no paper of the
    bibliography."""
    note = " ".join(citation.split()).replace("&", r"\&")
    if not note or note.startswith("this package") or "\n" in citation:
        return f"% {name} rests on no paper of its own"
    label = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"@misc{{fwp_{label},\n  note = {{{note}}},\n}}"
