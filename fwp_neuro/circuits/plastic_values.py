"""Set and record variables of plastic synapses, also those that are worked out from others."""

from __future__ import annotations

import contextlib

import brian2 as b2
import numpy as np
from brian2.core.variables import Subexpression, VariableView
from brian2.equations.equations import PARAMETER, SUBEXPRESSION

from ..errors import FwpError, shown
from ..foreign_units import as_numpy
from ..quantities import time
from . import plastic_checks as checks
from .plastic_freeze import catch_up
from .plastic_names import unused
from .plastic_renewal import at_once


class _ReadOnly(VariableView):
    """What a user gets for a variable that is worked out: its values, and no way to set some."""

    def __setitem__(self, item, value):
        raise FwpError(
            f"{self.name!r} is worked out from cells in this layout, so that its entries cannot be "
            f"set one by one: use made.set({self.name!r}, values of all synapses), or connect with "
            "writes='both sides'"
        )


class WorkedOut(Subexpression):
    """A variable that synapses work out from their cells: no monitor can refer to it.

    Brian2 asks a subexpression for its owner where another object wants to refer to it, and
    nowhere else.
    """

    refusal = ""

    def get_addressable_value(self, name, group):
        """Return a view of the values that refuses to set some of them."""
        return _read_only(super().get_addressable_value(name, group))

    def get_addressable_value_with_unit(self, name, group):
        """Return the same with units."""
        return _read_only(super().get_addressable_value_with_unit(name, group))

    @property
    def owner(self):
        """Nobody that another object could ask."""
        raise FwpError(self.refusal)

    @owner.setter
    def owner(self, value):
        pass


def _read_only(view: VariableView) -> VariableView:
    view.__class__ = _ReadOnly
    return view


def guard(plastic, name: str) -> None:
    """Let Brian2's monitors refuse a variable that they cannot record, in one sentence."""
    variables = plastic.synapses.variables
    old = variables[name]
    new = WorkedOut(name, plastic.synapses, old.expr, old.device, old.dim, old.dtype, old.scalar)
    new.refusal = (
        f"{name!r} of {plastic.synapses.name!r} waits for presynaptic spikes, and Brian2 cannot "
        f"record it: use made.monitor({name!r}), or connect with writes='both sides'"
    )
    variables._variables[name] = new


def is_set_here(plastic, name: str) -> bool:
    """Return whether setting a variable of the synapses is more than Brian2's assignment."""
    name = name.removesuffix("_")
    if f"{name}_kept" in plastic.where or name in plastic.moved:
        return name in checks.variables(plastic.model)
    events = plastic.synapses.event_driven
    return events is not None and name in events.diff_eq_names


def read(plastic, name: str, value):
    """Return a value for Brian2's own assignment to a variable of the synapses, checked.

    Raises:
        FwpError: no finite numbers, another dimension or length.
    """
    name = name.removesuffix("_")
    if isinstance(value, str) or name not in checks.variables(plastic.model, settable=True):
        return value
    value = checks.start(plastic.model, name, value, "set")
    checks.length(plastic.synapses, name, name, value, "set")
    return value


def put(plastic, name: str, value) -> None:
    """See `Plastic.set`."""
    unit_free = name.endswith("_") and name[:-1] in checks.variables(plastic.model)
    name = name[:-1] if unit_free else name
    equation = checks.variable(plastic.model, name, "set", settable=True)
    side = plastic.moved.get(name)
    if side is not None:
        raise FwpError(
            f"{name!r} lives on the {side}synaptic cells in the factorised layout, one value a "
            f"cell: connect with keep=({name!r},) to set it for each synapse"
        )
    if plastic.where[name][0] is not plastic.synapses:
        raise FwpError(f"{name!r} is no variable of the synapses: set it on the cells")
    if equation.type not in (PARAMETER, "differential equation"):
        raise FwpError(f"{name!r} follows from other variables and cannot be set")
    value = checks.start(plastic.model, name, value, "set")
    checks.length(plastic.synapses, name, name, value, "set")
    synapses = plastic.synapses
    kept, back = f"{name}_kept" in plastic.where, plastic.time() > 0
    if plastic.renewing is not None:  # now everything is as if nothing had been kept
        plastic.renewing.now(back)
    catch_up(synapses, back)
    rest = getattr(plastic.model, "rests", {}).get(name, "")
    own = f"{name}_kept" if kept else name
    _assign(synapses, own, value)
    if rest:
        at_once(synapses, f"{own} = {own} - ({rest})")


def _assign(synapses, own: str, value) -> None:
    variable = synapses.variables[own]
    view = variable.get_addressable_value_with_unit(own, synapses)
    if not isinstance(value, str):
        view.set_item(slice(None), b2.Quantity(np.asarray(value, dtype=float), dim=variable.dim))
        return
    before = None
    with contextlib.suppress(NotImplementedError):  # a standalone program has no values yet
        before = np.array(variable.get_value())
    view.set_item(slice(None), value, level=1)
    try:
        check_finite(variable, "set", value)
    except FwpError:
        variable.set_value(before)
        raise


def check_finite(variable, where: str, text: str) -> None:
    """Raise `FwpError` if a text gave NaN or infinity; a standalone program cannot tell yet."""
    try:
        found = variable.get_value()
    except NotImplementedError:
        return
    if not np.isfinite(found).all():
        raise FwpError(f"{where}: {shown(text)} gives numbers that are not finite")


class Recorder(b2.StateMonitor):
    """A StateMonitor that shows a variable under another name than it has where it lives."""

    shown = ""

    def __getattr__(self, item):
        if self.shown and item.removesuffix("_") == self.shown:
            item = self.recorded + ("_" if item.endswith("_") else "")
        return super().__getattr__(item)


def cell_variables(model) -> set[str]:
    """Return the variables that a model has on cells in its textbook layout."""
    text = getattr(model, "textbook", model).equations
    return {n for side in checks.SIDES for n in b2.Equations(getattr(text, side)).names}


def monitor(plastic, name: str, record, dt, label: str | None):
    """See `Plastic.monitor`."""
    equation = checks.variable(plastic.model, name, "monitor")
    step = None if dt is None else time(dt, "dt")
    synapses = plastic.synapses
    group, own = plastic.where[name]
    if name not in plastic.moved and name in cell_variables(plastic.model):
        raise FwpError(f"{name!r} has one value a cell: record it there, with StateMonitor("
                       f"*made.where[{name!r}], record=True)")  # fmt: skip
    label = f"of_{plastic.synapses.name}*" if label is None else unused(label, "label")
    try:
        count = len(synapses)
        record = np.arange(count) if record is True else _indices(record, count)
        side = plastic.moved.get(name)
        if side is not None:
            record = plastic.cells(side)[record]
    except NotImplementedError:
        raise FwpError(
            "a standalone program makes its synapses when it runs: give connect arrays i and j, "
            "or record on another device"
        ) from None
    clock = plastic.timing.clock if step is None else b2.Clock(step)
    if f"{name}_kept" in plastic.where:
        own = f"{name}_recorded"
        _recorded(plastic, name, own, equation, clock)
    elif equation.type == SUBEXPRESSION and group is synapses:
        raise FwpError(f"{name!r} follows from other variables: record those")
    made = Recorder(group, own, record=record, clock=clock,
                    name=label)
    object.__setattr__(made, "recorded", own)
    object.__setattr__(made, "shown", name)
    return made


def _indices(record, count: int) -> np.ndarray:
    try:
        found = np.atleast_1d(np.asarray(as_numpy(record)))
        legal = found.ndim == 1 and found.dtype.kind in "iu" and not isinstance(record, bool)
    except (TypeError, ValueError, RuntimeError):  # of NumPy, and of torch
        legal = False
    if not legal or found.size and not (found.min() >= 0 and found.max() < count):
        raise FwpError(f"record must be True or indices from 0 to {count - 1}, got {shown(record)}")
    return found


def _recorded(plastic, name: str, own: str, equation, clock) -> None:
    """Keep a copy of a variable that is worked out, as it is at every sample."""
    synapses = plastic.synapses
    if own in synapses.variables:
        raise FwpError(f"{name!r} of {synapses.name!r} has a monitor already: one is enough")
    synapses.variables.add_dynamic_array(own, size=len(synapses), dimensions=equation.dim)
    synapses.register_variable(synapses.variables[own])
    synapses.run_regularly(f"{own} = {name}", when="start", order=-20,
                           name=f"{synapses.name}_{own}", clock=clock)  # fmt: skip
