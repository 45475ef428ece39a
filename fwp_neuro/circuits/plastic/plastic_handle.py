"""What `Plastic` says to attributes that it does not have, and its objects one by one.

A name that nobody reads would be kept by Python and change nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ...arguments import function, instance, mapping, optional, several
from ...errors import NoAttribute, nearest
from ...short_reprs import screen
from ...synapses.rule_synapse import OF_A_RULE
from . import plastic_checks as checks

_HERE = "fwp_neuro.circuits.plastic"
#: the arguments of `Plastic`, which `connect` gives
PARTS = {
    "model": instance("fwp_neuro.synapses.synapse_class:Synapse"),
    "synapses": instance("brian2:Synapses"),
    "timing": instance(f"{_HERE}.plastic_clocks:Timing"),
    "objects": several(instance("brian2.core.base:BrianObject")),
    "where": mapping("variable to group and name"),
    "renewing": optional(instance(f"{_HERE}.plastic_renewal:Renewing")),
    "lines": mapping("name to time"),
    "pairs": optional(function()),
    "levels": mapping("variable to text"),
}
#: attributes that a misspelt name may have meant
_USED = ("values", "set", "monitor", "record", "save", "load", "freeze", "thaw", "cells",
         "objects", "synapses", "model")  # fmt: skip
_LEARNING = ("active", "frozen")


class Handle:
    """Attributes are those of the class; variables of the model have functions."""

    model: Any
    synapses: Any
    objects: list
    frozen: Any
    moved: Any

    def __repr__(self) -> str:
        layout = "factorised" if hasattr(self.model, "report") else "textbook"
        own = self.synapses
        said = f"{len(own.source)} to {len(own.target)} cells"
        # a standalone program will make them
        with contextlib.suppress(NotImplementedError):
            said += f", {len(own)} synapses"
        if self.frozen:
            said += ", frozen"
        if self.moved:
            where = ", ".join(f"{name} ({side})" for name, side in self.moved.items())
            said += f", moved to cells: {where}"
        of_rule = self.model.summary.startswith(OF_A_RULE)
        what = "rule" if of_rule else "synapse"
        return screen(f"<Plastic of {what} {self.model.name!r}, {layout}: {said}>")

    def __iter__(self) -> Iterator[Any]:
        """Yield the objects, so that ``Network(cells, made)`` takes them all."""
        return iter(self.objects)

    def __setattr__(self, name: str, value) -> None:
        """Set an attribute of the class's own.

        Raises:
            NoAttribute: any other one, with what to use instead.
        """
        own = getattr(type(self), "__dataclass_fields__", ())
        if name.startswith("_") or name in own:
            object.__setattr__(self, name, value)
            return
        if name in _LEARNING:
            raise NoAttribute(
                f"{name} of plastic synapses is not set: use made.freeze() or made.thaw()"
            )
        raise NoAttribute(self._instead(name, f"made.set({name!r}, ...)"))

    def __getattr__(self, name: str):
        """Say what to use in place of an attribute that is not there.

        Raises:
            NoAttribute: always; AttributeError for the names that Python itself asks for.
        """
        if name.startswith("_") or "model" not in vars(self) or hasattr(type(self), name):
            raise AttributeError(name)
        raise NoAttribute(self._instead(name, f"made.values({name!r})"))

    def _instead(self, name: str, use: str) -> str:
        """Return the sentence about an attribute that plastic synapses do not have."""
        model = self.model
        lacks = f"plastic synapses have no attribute {name!r} that could be "
        lacks += "set" if use.startswith("made.set") else "read"
        varying = {one.parameter for one in model.varying.values()}
        variables = {*checks.variables(model), *varying}
        if name in variables:
            return f"{name!r} is a variable of {model.name!r}: use {use}"
        if name == "delay":
            return f"{lacks}: give it to connect(delay={{'pre': ...}})"
        if name in model.parameters:
            return f"{lacks}: it is a parameter of {model.name!r}, see its parameters " \
                   "and changed()"  # fmt: skip
        if hasattr(type(self), name):
            return f"{name!r} of plastic synapses cannot be set"
        guess = nearest(name, [*_USED, *variables])
        return lacks + (f"; did you mean {guess!r}?" if guess else "")
