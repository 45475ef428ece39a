"""What a model's Brian2 text says about each synaptic variable: who changes it, who needs
it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import brian2 as b2
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.units.allunits import all_units
from brian2.utils.stringtools import get_identifiers

from ..synapse_class import Synapse
from .text import Line, lines

SIDES = ("pre", "post")
OTHER = {"pre": "post", "post": "pre"}
#: functions of which every call is another draw
DRAWS = frozenset({"rand", "randn", "poisson", "binomial"})
_UNITS = {str(unit) for unit in all_units} | {unit.name for unit in all_units}
_UNIFORM = (
    set(DEFAULT_FUNCTIONS) | set(DEFAULT_CONSTANTS) | _UNITS | {"t", "dt"}
) - DRAWS


def learned(model: Synapse) -> tuple[str, ...]:
    """Return the variables that do not change while a model is frozen.

    Those that the model names itself, else all that its effective weight is made of and
    that something changes.
    """
    model = getattr(model, "textbook", model)
    equations = b2.Equations(model.equations.synapse)
    named = tuple(name for name in model.learned if name in equations.names)
    if named or model.kind != "plasticity":
        return named
    waiting, found = set(get_identifiers(model.weight)), set()
    written = {line.target for side in ("pre", "post")
               for line in lines(getattr(model.equations, f"on_{side}"))}  # fmt: skip
    while waiting:
        name = waiting.pop()
        if name in equations.subexpr_names:
            waiting |= equations[name].identifiers
        elif name in equations.names and (
            name in equations.diff_eq_names or name in written
        ):
            found.add(name)
    return tuple(sorted(found))


class Anatomy:
    """A model's text, taken apart.

    Args:
        model: in the textbook layout.
        uniform: further names that have one value for all synapses (inputs of a run).
        late: sides whose spikes arrive with a delay; None for what the model says itself.
    """

    def __init__(
        self,
        model: Synapse,
        uniform: Iterable[str] = (),
        late: Iterable[str] | None = None,
    ):
        text = model.equations
        self.model, self.text = model, text
        self.equations = b2.Equations(text.synapse)
        self.cells = {
            side: set(b2.Equations(getattr(text, side)).names) for side in SIDES
        }
        self.cells["post"] |= set(text.delayed)
        self.code = {side: lines(getattr(text, f"on_{side}")) for side in SIDES}
        known = self.equations.names | self.cells["post"]  # a variable s is no second
        own = {"pre": text.delay, "post": text.delay_post}
        self.late = {side for side in SIDES if own[side]} if late is None else set(late)
        self.uniform = (_UNIFORM - known) | set(model.parameters) | set(uniform)
        #: names of `uniform`, of which the value is not known here
        self.given = set(uniform)
        #: clock-driven variables that are kept as sums, see `cascades`
        self.sums: frozenset[str] = frozenset()
        #: side -> constants of its cells, as synapses call them -> as the cells do
        self.constants = {side: {f"{n}_{side}": n for n, one in model.varying.items()
                                 if one.place == side} for side in SIDES}  # fmt: skip

    @cached_property
    def variables(self) -> list[str]:
        """Names with a value of their own on each synapse."""
        kinds = (DIFFERENTIAL_EQUATION, PARAMETER)
        return [name for name, eq in self.equations.items()
                if eq.type in kinds and "shared" not in eq.flags]  # fmt: skip

    def is_event_driven(self, name: str) -> bool:
        """Whether Brian2 brings a variable up to date at spikes only."""
        return "event-driven" in self.equations[name].flags

    def is_clock_driven(self, name: str) -> bool:
        """Whether a differential equation advances a variable in every step."""
        differential = self.equations[name].type == DIFFERENTIAL_EQUATION
        stepped = differential and not self.is_event_driven(name)
        return stepped and name not in self.sums

    def writes(self, name: str, side: str) -> list[Line]:
        """Return the statements at spikes of a side that change a variable."""
        return [line for line in self.code[side] if line.target == name]

    def temporaries(self, side: str) -> set[str]:
        """Names that exist only while the code of a side's spikes runs."""
        known = set(self.equations.names)
        return {line.target for line in self.code[side]
                if line.target not in known
                and self.home_of_cell(line.target) is None}  # fmt: skip

    def home_of_cell(self, name: str) -> str | None:
        """Return the side of a cell's variable as synaptic code names it, or None for
        others."""
        for side in SIDES:
            if name.endswith(f"_{side}"):
                return side
        return "post" if name in self.cells["post"] else None

    def sources(self, names: Iterable[str], side: str | None = None) -> set[str]:
        """Return what names depend on: synaptic variables, cells' variables, what is
        unknown.

        Subexpressions and the temporaries of a side's code are followed to what they are
        made of.
        """
        found, waiting, seen = set(), list(names), set()
        local = self.temporaries(side) if side else set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if side and name in local:
                for line in self.writes(name, side):
                    waiting += line.reads - {name}
            elif (
                name in self.equations.names
                and self.equations[name].type == SUBEXPRESSION
            ):
                waiting += self.equations[name].identifiers
            elif name not in self.uniform:
                found.add(name)
        return found

    def rates(self, name: str) -> set[str]:
        """Return what the differential equation of a variable depends on, without
        itself."""
        equation = self.equations[name]
        if equation.type != DIFFERENTIAL_EQUATION:
            return set()
        return self.sources(get_identifiers(str(equation.expr))) - {name}
