"""``fwp-neuro cite``: BibTeX of the software, of its two source papers, and of what was used."""

from __future__ import annotations

import argparse

from fwp_neuro.errors import LIST, pick

HELP = "print BibTeX for the software, its source papers and the rules, memories, networks or tasks"

SOFTWARE = """\
@software{{fwp_neuro,
  title   = {{fwp\\_neuro: fast-weight programmers as artificial networks
             and as {{Brian2}} circuits}},
  author  = {{{{The fwp\\_neuro developers}}}},
  version = {{{version}}},
}}"""

PRIMER = """\
@article{irie2025fast,
  title   = {Fast weight programming and linear transformers:
             from machine learning to neurobiology},
  author  = {Irie, Kazuki and Gershman, Samuel J.},
  journal = {Transactions on Machine Learning Research},
  year    = {2025},
  note    = {arXiv:2508.08435},
}"""

SYNAPTIC_MEMORY = """\
@inproceedings{irie2022learning,
  title     = {Learning to Control Rapidly Changing Synaptic Connections:
               An Alternative Type of Memory in Sequence Processing Artificial Neural Networks},
  author    = {Irie, Kazuki and Schmidhuber, J{\\"u}rgen},
  booktitle = {NeurIPS Workshop on Memory in Artificial and Real Intelligence (MemARI)},
  year      = {2022},
  note      = {arXiv:2211.09440},
}"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="what you used (see list)")


def execute(arguments: argparse.Namespace) -> None:
    """Print the entries."""
    import fwp_neuro

    entries = [SOFTWARE.format(version=fwp_neuro.__version__), PRIMER, SYNAPTIC_MEMORY]
    for name in dict.fromkeys(arguments.names):
        entries.append(entry(name, citation(name)))
    print("\n\n".join(dict.fromkeys(entries)))


def citation(name: str) -> str:
    """Return the citation of a rule, memory, network or sequence task.

    Raises:
        FwpError: nothing is called so; the sentence says what is.
    """
    from fwp_neuro.artificial.memories.registry import REGISTRY as MEMORIES
    from fwp_neuro.artificial.recurrent.registry import REGISTRY as NETWORKS
    from fwp_neuro.rules import registry
    from fwp_neuro.tasks import sequence_tasks

    for kinds in (MEMORIES, NETWORKS):
        if name in kinds.all_names():
            return kinds.get(name).citation
    if name in sequence_tasks():
        return sequence_tasks()[name]().citation
    others = [*MEMORIES.all_names(), *NETWORKS.all_names(), *sequence_tasks()]
    if name not in registry.all_names():
        pick(name, [*registry.all_names(), *others], "rule, memory, network or task", LIST)
    return registry.rule(name).citation


def entry(name: str, citation: str) -> str:
    """Return a citation as BibTeX; a plain reference becomes the note of an entry."""
    citation = (citation or "").strip()
    if not citation:
        return f"% {name} has no citation of its own"
    if citation.startswith("@"):
        return citation
    note = " ".join(citation.split()).replace("&", r"\&")
    return f"@misc{{fwp_{name},\n  note = {{{note}}},\n}}"
