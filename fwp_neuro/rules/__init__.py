"""Fast-weight rules: ``rules()`` lists, ``rule(name)`` gets, ``Rule(...)`` makes your own."""

from __future__ import annotations

import sys
import types

from .registry import register, rule, rules
from .rule import Reduction, Rule

__all__ = ["Reduction", "Rule", "register", "rule", "rules"]


class _CallableModule(types.ModuleType):
    # `fwp.rules()` is the documented listing, while importing this subpackage binds the same
    # attribute of `fwp_neuro` to this module: being callable, the module is right either way.
    def __call__(self) -> list[str]:
        return rules()


sys.modules[__name__].__class__ = _CallableModule
