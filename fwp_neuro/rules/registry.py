"""The registry of named rules."""

from __future__ import annotations

from ..arguments import inside, instance, takes
from ..errors import LIST, FwpError, unknown
from .catalogue import CATALOGUE
from .rule import Rule

_RULES: dict[str, Rule] = {}
_ALIASES: dict[str, str] = {}


@takes(new=instance("fwp_neuro.rules.rule:Rule", lambda: Rule("mine", "w += v*k")))
def register(new: Rule) -> Rule:
    """Add a rule to the registry, so that listings, laws and the command line know it.

    Raises:
        FwpError: the name or an alias is taken.
    """
    names = (new.name, *new.aliases)
    for name in names:
        if name in _RULES or name in _ALIASES or names.count(name) > 1:
            raise FwpError(f"a rule named {name!r} is registered already; choose another name")
    _RULES[new.name] = new
    _ALIASES.update(dict.fromkeys(new.aliases, new.name))
    return new


@takes()
def rules() -> list[str]:
    """Return the names of all registered rules."""
    return list(_RULES)


def all_names() -> list[str]:
    """Return names and aliases."""
    return [*_RULES, *_ALIASES]


@takes(name=inside("the name of a rule, or a Rule", lambda: "delta"))
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
