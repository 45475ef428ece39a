"""Modules under the names that they had before: old imports work, and say the new name.

``fwp_neuro/data/former_names.txt`` has a line for each, the former name and the present
one.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

_TOP = __name__.partition(".")[0]
_TABLE = Path(__file__).parent / "data" / "former_names.txt"


@cache
def former_names() -> dict[str, str]:
    """Return former name -> present name of each module that was moved, whole names."""
    lines = _TABLE.read_text(encoding="utf-8").split("\n")
    pairs = (line.split() for line in lines if line)
    return {f"{_TOP}.{old}": f"{_TOP}.{new}" for old, new in pairs}


class _Finder(MetaPathFinder, Loader):
    """Comes last: it is asked for what nobody else has found."""

    def find_spec(self, fullname, path, target=None):
        if not fullname.startswith(f"{_TOP}.") or fullname not in former_names():
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module):
        name, new = module.__name__, former_names()[module.__name__]
        # a former folder stays empty, so that what was inside is looked for here and not
        # there
        if not any(old.startswith(f"{name}.") for old in former_names()):
            sys.modules[name] = import_module(new)
        warnings.warn(f"{name} is now {new}", DeprecationWarning, stacklevel=2)


def install() -> None:
    """Let Python find modules by their former names."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
