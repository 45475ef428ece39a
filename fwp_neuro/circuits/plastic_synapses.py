"""Synapses of a model in a network: where its variables are, and their values after a run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
import numpy as np
from brian2.equations.equations import SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ..synapses.model import Model
from . import plastic_checks as checks


@dataclass(repr=False)
class Plastic:
    """Synapses of a model in a network.

    Attributes:
        model: as it was built, in its layout.
        synapses: the Brian2 Synapses object.
        objects: everything to put into a Network besides the cells: ``Network(cells, *objects)``.
        where: variable of the model -> (group that has it, its name there).
        dt: time step, seconds.
    """

    model: Model
    synapses: Any
    objects: list = field(default_factory=list)
    where: dict[str, tuple[Any, str]] = field(default_factory=dict)
    dt: float = 0.0

    def __repr__(self) -> str:
        layout = "factorised" if hasattr(self.model, "report") else "textbook"
        own = self.synapses
        said = f"{len(own.source)} to {len(own.target)} cells"
        with contextlib.suppress(NotImplementedError):  # a standalone program will make them
            said += f", {len(own)} synapses"
        if self.moved:
            where = ", ".join(f"{name} ({side})" for name, side in self.moved.items())
            said += f", moved to cells: {where}"
        return f"<Plastic {self.model.name!r}, {layout}: {said}>"

    @property
    def moved(self) -> Mapping[str, str]:
        """Variables of the synapses that live on a cell -> "pre" or "post"."""
        return self.model.report.moved if hasattr(self.model, "report") else {}

    def values(self, name: str) -> np.ndarray:
        """Return a variable of the model for every synapse, in base units, after a run.

        The values are those that the last time step left, but event-driven variables of the
        textbook layout are as of the last spike of either side, as Brian2 has them.

        Raises:
            FwpError: the model has no variable of this name.
        """
        checks.variable(self.model, name, "values")
        group, own = self.where[name]
        if f"{name}_kept" in self.where:
            return self._worked_out(name)
        found = np.array(getattr(group, f"{own}_")[:])
        side = self.moved.get(name)
        if side is not None:  # it lives on cells
            return found[self._cells(side)]
        return found

    def _cells(self, side: str) -> np.ndarray:
        """Return each synapse's cell, counted in the whole group."""
        own = self.synapses
        i, group = (own.i, own.source) if side == "pre" else (own.j, own.target)
        return np.array(i[:]) + getattr(group, "start", 0)

    def _worked_out(self, name: str) -> np.ndarray:
        """Evaluate a variable that is kept relative to factors, as the last time step left it."""
        equations = b2.Equations(self.model.equations.synapse)
        t = float(np.ravel(self.synapses.clock.variables["t"].get_value())[0])
        known = {"t": t - self.dt, "exp": np.exp}
        known |= {n: float(v) for n, v in self.model.parameters.items() if np.ndim(v) == 0}

        def value(name: str):
            if name in known:
                return known[name]
            side = name.rsplit("_", 1)[-1]
            if name in equations and equations[name].type == SUBEXPRESSION:
                text = str(equations[name].expr)
                return eval(
                    text, {"__builtins__": {}}, {n: value(n) for n in get_identifiers(text)}
                )  # noqa: S307
            if name in equations:
                return np.array(getattr(self.synapses, f"{name}_")[:])
            group, own = self.where[name.removesuffix(f"_{side}")]
            found = np.array(getattr(group, f"{own}_")[:])
            return found[self._cells(side)] if found.ndim else found

        return value(name)
