"""A registry of named classes: one entry each, found by name or alias, options checked by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from .errors import LIST, FwpError, unknown


class ClassRegistry:
    """Named classes of one kind, e.g. memories or networks.

    Every class has the attributes ``name`` and ``aliases``.

    Args:
        what: what an entry is called in errors, with its article ("a memory").
        hidden: parameters of the constructors that are not options.
        load: imports the modules that register the entries, once, before the first look.
    """

    def __init__(self, what: str, hidden: tuple[str, ...] = (), load: Callable | None = None):
        self.what, self.hidden, self._load = what, hidden, load
        self._classes: dict[str, type] = {}
        self._aliases: dict[str, str] = {}

    @property
    def noun(self) -> str:
        """What an entry is called, without its article."""
        return self.what.split()[-1]

    def register(self, new: type) -> type:
        """Add a class (as a decorator).

        Raises:
            FwpError: the name or an alias is taken.
        """
        for name in (new.name, *new.aliases):
            if name in self._classes or name in self._aliases:
                raise FwpError(f"{self.what} named {name!r} is registered already; choose another")
        self._classes[new.name] = new
        self._aliases.update(dict.fromkeys(new.aliases, new.name))
        return new

    def _loaded(self) -> dict[str, type]:
        if self._load is not None:
            load, self._load = self._load, None
            load()
        return self._classes

    def names(self) -> list[str]:
        """Return the names of all entries."""
        return list(self._loaded())

    def all_names(self) -> list[str]:
        """Return names and aliases."""
        return [*self._loaded(), *self._aliases]

    def get(self, name: str) -> type:
        """Return the class of this name or alias.

        Raises:
            FwpError: unknown name, with the nearest legal one.
        """
        if not isinstance(name, str):
            raise FwpError(f"{self.what} is asked for by its name, got {type(name).__name__}")
        classes = self._loaded()
        name = self._aliases.get(name, name)
        if name not in classes:
            raise unknown(name, self.all_names(), self.noun, LIST)
        return classes[name]

    def make(self, name: str, *arguments, **options):
        """Build an entry with its options.

        Raises:
            FwpError: unknown name or option, with the nearest legal one.
        """
        kind = self.get(name)
        own = kind.__init__ is not object.__init__
        taken = ("self", *self.hidden)
        legal = [item for item in inspect.signature(kind.__init__).parameters if item not in taken]
        for item in options:
            if not own or item not in legal:
                raise unknown(item, legal if own else (), f"option of {self.noun} {name!r}:")
        return kind(*arguments, **options)
