"""Fast-weight rules: ``rules()`` lists, ``rule(name)`` gets, ``Rule(...)`` makes your
own."""

from __future__ import annotations

from ..callable_module import make_callable
from .registered_rules import register, rule, rules
from .rule import Reduction, Rule

__all__ = ["Reduction", "Rule", "register", "rule", "rules"]


def __dir__() -> list[str]:
    return sorted(__all__)  # what is public, for tab completion


make_callable(__name__, rules)  # fwp_neuro.rules() is the documented listing
