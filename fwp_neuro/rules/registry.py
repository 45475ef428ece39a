"""The registry of named rules."""

from __future__ import annotations

from ..errors import LIST, FwpError, unknown
from .catalogue import CATALOGUE
from .rule import Rule

_RULES: dict[str, Rule] = {}
_ALIASES: dict[str, str] = {}


def register(new: Rule) -> Rule:
    """Add a rule to the registry, so that listings, laws and the command line know it.

    Raises:
        FwpError: the name or an alias is taken.
    """
    for name in (new.name, *new.aliases):
        if name in _RULES or name in _ALIASES:
            raise FwpError(f"a rule named {name!r} is registered already; choose another name")
    _RULES[new.name] = new
    _ALIASES.update(dict.fromkeys(new.aliases, new.name))
    return new


def rules() -> list[str]:
    """Return the names of all registered rules."""
    return list(_RULES)


def all_names() -> list[str]:
    """Return names and aliases."""
    return [*_RULES, *_ALIASES]


def rule(name: str | Rule) -> Rule:
    """Return a registered rule by name or alias; a `Rule` passes through.

    Raises:
        FwpError: unknown name, with the nearest legal one.
    """
    if isinstance(name, Rule):
        return name
    if not isinstance(name, str):
        raise FwpError(f"rule must be a name or a Rule, got {type(name).__name__}")
    name = _ALIASES.get(name, name)
    if name not in _RULES:
        raise unknown(name, all_names(), "rule", LIST)
    return _RULES[name]


for _entry in CATALOGUE:
    register(_entry)
