"""Public names of a package that are imported when they are first asked for (PEP 562).

So that ``import fwp_neuro`` imports neither Brian2 nor PyTorch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec


def lazy_names(
    package: str,
    names: Mapping[str, str],
    submodules: Iterable[str] = (),
    former: Mapping[str, str] | None = None,
) -> tuple[Callable, Callable]:
    """Return ``__getattr__`` and ``__dir__`` of a package; the latter has public names.

    Args:
        package: its ``__name__``.
        names: public name -> module of the package that defines it.
        submodules: modules that are attributes of the package too.
        former: name that such a module had before -> its name; both work.

    Example:
        >>> __getattr__, __dir__ = lazy_names(__name__, {"connect": "plastic"})  # doctest: +SKIP
    """  # noqa: E501
    modules, renamed = frozenset(submodules), dict(former or {})

    def get(name: str):
        if name in names:
            value = getattr(import_module(f"{package}.{names[name]}"), name)
            # else it is the module that the package has by this name
            if name != names[name]:
                setattr(sys.modules[package], name, value)
            return value
        module = renamed.get(name, name)
        if module in modules:
            return import_module(f"{package}.{module}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def listed() -> list[str]:
        return sorted(names)

    return get, listed


def names_of(package: str, module: str) -> Callable:
    """Return ``__getattr__`` of a package that was one module before: its names still
    work.

    Args:
        package: its ``__name__``.
        module: where in it the names are now.
    """

    def get(name: str):
        # a module of the package is not asked for here, but imported
        if name.startswith("__") or find_spec(f"{package}.{name}") is not None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module}"), name)

    return get
