"""One kind of registry for everything that has a name: rules, models, devices, commands,
..."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import LIST, FwpError, unknown

#: where this process has looked for modules, see `modules_in`
PATTERNS: set[str] = set()


def modules_in(package: str, pattern: str = "*.py") -> list[str]:
    """Return the modules that lie in the folder of a package, in order, and remember that
    one that is new there would count (`fwp_neuro.loaded_code`)."""
    folder = Path(str(sys.modules[package].__file__)).parent
    PATTERNS.add(f"{package.replace('.', '/')}/{pattern}")
    found = [path.relative_to(folder).with_suffix("") for path in folder.glob(pattern)]
    names = (".".join(path.parts) for path in found if path.name != "__init__")
    return sorted(f"{package}.{name}" for name in names)


def summary_of(docstring: str | None) -> str:
    """Return the first paragraph of a docstring in one line."""
    return " ".join((docstring or "").strip().partition("\n\n")[0].split())


@dataclass(frozen=True)
class Named:
    """One named thing.

    Attributes:
        name: unique in its registry.
        load: returns the thing; what it needs is imported then, not before.
        summary: one line for listings, or a function that returns it.
        citation: text with keys of the bibliography, or a function that returns it.
        aliases: other names.
    """

    name: str
    load: Callable[[], Any]
    summary: str | Callable[[], str] = ""
    citation: str | Callable[[], str] = ""
    aliases: tuple[str, ...] = ()

    def text(self, attribute: str) -> str:
        """Return the summary or the citation."""
        found = getattr(self, attribute)
        return found() if callable(found) else found


class Registry:
    """Named things of one kind.

    Args:
        kind: what an entry is called in errors, such as "memory".
        load: imports the modules that add entries, once, before the first look.
        find: returns the entries anew at every look, for what lies in folders of the
            user's.
        hidden: parameters of classes that are not options of `make`.

    Example:
        >>> Registry("colour").add("red", lambda: "#ff0000", "that of blood")
    """

    def __init__(
        self,
        kind: str,
        load: Callable[[], Any] | None = None,
        find: Callable[[], Iterable[Named]] | None = None,
        hidden: tuple[str, ...] = (),
    ):
        self.kind, self.hidden = kind, hidden
        self.load, self._find = load, find
        self._entries: dict[str, Named] = {}
        self._aliases: dict[str, str] = {}

    def add(
        self, name: str, load: Callable[[], Any], summary="", citation="", aliases=()
    ) -> None:
        """Add an entry; the arguments are those of `Named`.

        Raises:
            FwpError: the name or an alias is taken.
        """
        names = (name, *aliases)
        for each in names:
            if each in self._entries or each in self._aliases or names.count(each) > 1:
                raise FwpError(
                    f"a {self.kind} named {each!r} is registered already; choose another "
                    "name"
                )
        self._entries[name] = Named(name, load, summary, citation, tuple(aliases))
        self._aliases.update(dict.fromkeys(aliases, name))

    def put(self, name: str, thing: Any, summary="", citation="", aliases=()) -> None:
        """Add a thing that is there already; arguments and errors as for `add`."""
        self.add(name, lambda: thing, summary, citation, aliases)

    def register(self, new):
        """Add an object or a class (as a decorator) by its own attributes; return it.

        They are ``name``, ``aliases``, ``summary`` and ``citation``.

        Raises:
            FwpError: the name or an alias is taken.
        """
        self.put(new.name, new, new.summary, new.citation, new.aliases)
        return new

    def entries(self) -> dict[str, Named]:
        """Return all entries by name."""
        if self.load is not None:
            load, self.load = self.load, None
            load()
        found = (
            {} if self._find is None else {entry.name: entry for entry in self._find()}
        )
        return found | self._entries if found else self._entries

    def names(self) -> list[str]:
        """Return the names of all entries."""
        return list(self.entries())

    def all_names(self) -> list[str]:
        """Return names and aliases."""
        return [*self.entries(), *self._aliases]

    def summaries(self) -> dict[str, str]:
        """Return one line for each entry."""
        return {name: entry.text("summary") for name, entry in self.entries().items()}

    def __contains__(self, name) -> bool:
        return name in self.entries() or name in self._aliases

    def __iter__(self):
        return iter(self.entries())

    def entry(self, name: str) -> Named:
        """Return the entry of a name or alias.

        Raises:
            FwpError: unknown name, with the nearest legal one.
        """
        if not isinstance(name, str):
            raise FwpError(
                f"a {self.kind} is asked for by its name, got {type(name).__name__}"
            )
        found = self.entries().get(self._aliases.get(name, name))
        if found is None:
            raise unknown(name, self.all_names(), self.kind, LIST)
        return found

    def get(self, name: str) -> Any:
        """Return what a name or alias stands for; errors as for `entry`."""
        return self.entry(name).load()

    def citation(self, name: str) -> str:
        """Return the citation of a name or alias; errors as for `entry`."""
        return self.entry(name).text("citation")

    def make(self, name: str, *arguments, **options):
        """Build an object of a registered class with its options.

        Raises:
            FwpError: unknown name or option, with the nearest legal one.
        """
        kind = self.get(name)
        own = kind.__init__ is not object.__init__
        taken = ("self", *self.hidden)
        legal = [
            item
            for item in inspect.signature(kind.__init__).parameters
            if item not in taken
        ]
        for item in options:
            if not own or item not in legal:
                raise unknown(
                    item, legal if own else (), f"option of {self.kind} {name!r}:"
                )
        return kind(*arguments, **options)
