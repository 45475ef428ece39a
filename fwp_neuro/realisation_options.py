"""Options of a realisation as a dataclass, and all of them as text for
``help(fwp_neuro.run)``.

Both are made from the function that prepares a run: its signature has names and defaults,
its declaration says what is legal, its docstring what each option means.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import field, make_dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .arguments import takes
from .short_reprs import of_fields

#: arguments of every realisation, which `fwp_neuro.run` has itself
_COMMON = (
    "program",
    "rule",
    "initial_weights",
    "seed",
    "initial_states",
    "initial_states_of",
)
_TEXT = "run_options.txt"


class Prepared(ABC):
    """A programme and a rule, every option checked, with all that their run needs.

    Attributes:
        program, rule: what is run.
        options: of the realisation, all of them by name.
    """

    program: Any
    rule: Any
    options: Mapping[str, Any]

    @abstractmethod
    def run(self) -> Any:
        """Run it and return a Recording; any number of times."""


class RealisationOptions:
    """Options of a realisation: fields with defaults, checked when they are given."""

    realisation = ""

    def changed(self) -> dict[str, Any]:
        """Return the options that differ from their defaults."""
        usual = {
            n: p.default for n, p in inspect.signature(type(self)).parameters.items()
        }
        return {n: getattr(self, n) for n, default in usual.items()
                if getattr(self, n) is not default}  # fmt: skip


def descriptions(function) -> str:
    """Return the lines of a docstring that say what each option means."""
    lines = inspect.getdoc(function).splitlines()
    start = lines.index("Args:") + 1
    rest = lines[start:]
    end = next(
        (n for n, line in enumerate(rest) if line and not line.startswith(" ")), len(rest)
    )
    kept, keep = [], False
    for line in rest[:end]:
        if line.startswith("    ") and not line.startswith("     "):
            names = [name.strip() for name in line.partition(":")[0].split(",")]
            keep = not set(names) & set(_COMMON)
        if keep:
            kept.append(line)
    return "\n".join(kept).rstrip()


def options_class(
    name: str,
    realisation: str,
    function,
    also: Callable[[Any], None] = lambda options: None,
) -> type[RealisationOptions]:
    """Return a dataclass with the options of the function that prepares runs of a
    realisation.

    Args:
        name: of the class.
        realisation: its registered name.
        function: ``prepare``, with a declaration of its arguments (`arguments.takes`).
        also: called with the options, raises `FwpError` for what the declaration leaves
            to it.
    """
    parameters = inspect.signature(function).parameters.values()
    own = [
        (p.name, Any, field(default=p.default))
        for p in parameters
        if p.name not in _COMMON
    ]

    made = make_dataclass(name, own, bases=(RealisationOptions,), frozen=True, namespace={
        "__post_init__": also, "realisation": realisation,
        "__repr__": of_fields,
    })  # fmt: skip
    # where the class is kept, so that it can be pickled
    made.__module__ = function.__module__
    made.__doc__ = (
        f"Options of the {realisation} realisation, for ``fwp_neuro.run(..., "
        f"options=...)``.\n\nArgs:\n{descriptions(function)}\n\nRaises:\n    FwpError: "
        "one that is not legal.\n"
    )
    kinds = {n: kind for n, kind in function.__arguments__.items() if n not in _COMMON}
    return takes(name, **kinds)(made)


@cache
def text() -> str:
    """Return the options of all realisations as they stand in ``help(fwp_neuro.run)``."""
    return files(__package__).joinpath("data", _TEXT).read_text(encoding="utf-8")


def written(functions: dict[str, Any]) -> str:
    """Return that text anew from the docstrings, which a test compares with the file.

    Args:
        functions: realisation -> its function.
    """
    parts = [f"Options of {name!r}:\n{descriptions(function)}"
             for name, function in functions.items()]  # fmt: skip
    return "\n\n".join(parts) + "\n"
