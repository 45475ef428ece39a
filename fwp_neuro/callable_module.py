"""A module that can be called: a listing and the subpackage of the same name in one."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable


def make_callable(name: str, function: Callable) -> None:
    """Make the module ``name`` call ``function``.

    A subpackage binds its name as an attribute of its parent when it is imported, over a
    function of that name; being callable, it is right either way.
    """

    class CallableModule(types.ModuleType):
        def __call__(self, *arguments, **options):
            return function(*arguments, **options)

    sys.modules[name].__class__ = CallableModule
    sys.modules[name].__signature__ = inspect.signature(function)
