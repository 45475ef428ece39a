"""``fwp-neuro cite``: BibTeX of the software, of its two source papers, and of rules."""

from __future__ import annotations

import argparse

HELP = "print BibTeX for the software, its source papers and the rules that you name"

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
    parser.add_argument("rules", nargs="*", metavar="RULE", help="rules that you used")


def execute(arguments: argparse.Namespace) -> None:
    """Print the entries."""
    import fwp_neuro

    entries = [SOFTWARE.format(version=fwp_neuro.__version__), PRIMER, SYNAPTIC_MEMORY]
    for name in dict.fromkeys(arguments.rules):
        entries.append(entry(name, fwp_neuro.rule(name).citation))
    print("\n\n".join(dict.fromkeys(entries)))


def entry(name: str, citation: str) -> str:
    """Return a rule's citation as BibTeX; a plain reference becomes the note of an entry."""
    citation = (citation or "").strip()
    if not citation:
        return f"% the rule {name} has no citation of its own"
    if citation.startswith("@"):
        return citation
    note = " ".join(citation.split()).replace("&", r"\&")
    return f"@misc{{fwp_rule_{name},\n  note = {{{note}}},\n}}"
