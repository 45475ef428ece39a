"""The registry of named rules."""

from __future__ import annotations

from ..arguments import inside, instance, takes
from ..errors import FwpError
from ..registry import Registry
from .catalogue import CATALOGUE
from .rule import Rule

RULES = Registry("rule")


@takes(new=instance("fwp_neuro.rules.rule:Rule", lambda: Rule("mine", "w += v*k")))
def register(new: Rule) -> Rule:
    """Add a rule to the registry, so that listings, laws and the command line know it.

    Args:
        new: the rule.

    Raises:
        FwpError: the name or an alias is taken.
    """
    statements = (line.partition("#")[0].strip() for line in new.text.splitlines())
    text = "; ".join(filter(None, statements))
    summary = f"{text}  ({new.summary})" if new.summary else text
    RULES.put(new.name, new, summary, new.citation, new.aliases)
    return new


@takes()
def rules() -> list[str]:
    """Return the names of all registered rules."""
    return RULES.names()


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
    return RULES.get(name)


for _entry in CATALOGUE:
    register(_entry)
