"""The bibliography: BibTeX entries in ``fwp_neuro/data/references.bib``, found by their
keys.

Rules, models, parameter sets and all else name their papers by key, such as
``schlag2021linear``, in a text that may say more ("schlag2021linear, eqs 8-11;
irie2025fast"). The docstrings of scripts name them as readers do, by DOI or arXiv number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .errors import unknown

#: what a key looks like: name of the first author, year, first word of the title
KEY = re.compile(r"\b[a-z]+\d{4}[a-z][a-z0-9]*\b")
#: papers that stand behind the whole package
SOURCES = ("irie2025fast", "irie2022learning")


@dataclass(frozen=True)
class Reference:
    """One entry: its kind ("article"), its key, its fields and its text in the file."""

    kind: str
    key: str
    fields: dict[str, str]
    text: str

    @property
    def short(self) -> str:
        """Authors and year, such as "Schlag, Irie & Schmidhuber 2021"."""
        names = self.plain("author").split(" and ")
        last = [name.partition(",")[0] for name in names]
        if len(last) > 3 or "others" in last:
            last = [f"{last[0]} et al."]
        authors = " & ".join(filter(None, [", ".join(last[:-1]), last[-1]]))
        return f"{authors} {self.fields['year']}"

    @property
    def long(self) -> str:
        """One line: authors, year, title, where it appeared and its identifier."""
        places = ("journal", "booktitle", "publisher", "institution", "howpublished")
        where = [self.plain(place) for place in places if place in self.fields][:1]
        doi, eprint = self.fields.get("doi"), self.fields.get("eprint")
        marks = [f"doi:{doi}" if doi else "", f"arXiv:{eprint}" if eprint else ""]
        marks += [self.fields.get(name, "") for name in ("volume", "url", "isbn")]
        volume = (
            f"{marks[2]}:{self.plain('pages')}"
            if marks[2] and "pages" in self.fields
            else ""
        )
        return ", ".join(filter(None, [
            f"{self.short}: {self.plain('title')}", *where, volume, *marks[:2],
            *marks[3:],
        ]))  # fmt: skip

    def plain(self, field: str) -> str:
        """Return a field without the braces and commands of TeX."""
        found = self.fields.get(field, "").replace("--", "-").replace("\\&", "&")
        return re.sub(r"[{}`]", "", found).replace("''", "").replace("\\", "")


@cache
def references() -> dict[str, Reference]:
    """Return all entries by key.

    The file has one field a line, ``name = {text},``, and ends an entry with ``}``.
    """
    text = files("fwp_neuro.data").joinpath("references.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^@.*?^\}$", text, re.DOTALL | re.MULTILINE):
        kind, key = re.match(r"@(\w+)\{(\w+),", entry).groups()
        fields = dict(re.findall(r"^ +(\w+) = \{(.*)\},$", entry, re.MULTILINE))
        found[key] = Reference(kind, key, fields, entry)
    return found


def reference(key: str) -> Reference:
    """Return an entry.

    Raises:
        FwpError: unknown key, with the nearest legal one.
    """
    if key not in references():
        raise unknown(key, references(), "key of the bibliography", "references.bib")
    return references()[key]


@cache
def keys(text: str) -> tuple[str, ...]:
    """Return the keys of the entries that a text names, by key, DOI or arXiv number, in
    order."""
    low, found = text.lower(), {}
    for key, one in references().items():
        marks = [key, one.fields.get("doi", ""), f"arxiv:{one.fields.get('eprint', '')}"]
        places = [low.find(mark.lower()) for mark in marks if mark not in ("", "arxiv:")]
        if max(places) >= 0:
            found[key] = min(place for place in places if place >= 0)
    return tuple(sorted(found, key=found.get))


def missing(text: str) -> list[str]:
    """Return the words of a text that look like keys and are none of the bibliography."""
    return list(
        dict.fromkeys(key for key in KEY.findall(text) if key not in references())
    )


def readable(text: str) -> str:
    """Return a text with authors and year in place of each key."""
    known = references()
    return KEY.sub(lambda m: known[m[0]].short if m[0] in known else m[0], text)


def bibtex(cited: list[str], version: str) -> str:
    """Return the BibTeX of the software, of the papers behind it, and of keys, each
    once."""
    software = (
        "@software{fwp_neuro,\n  title = {fwp\\_neuro: fast-weight programmers as "
        "artificial networks and as {Brian2} circuits},\n  author = {{The fwp\\_neuro "
        "developers}},\n"
        f"  version = {{{version}}},\n}}"
    )
    every = dict.fromkeys([*SOURCES, *cited])
    return "\n\n".join([software, *(reference(key).text for key in every)])
