"""Set and record variables of plastic synapses, also those that are worked out from
others."""

from __future__ import annotations

import contextlib
import re

import brian2 as b2
import numpy as np
from brian2.core.variables import Subexpression, VariableView
from brian2.equations.equations import PARAMETER, SUBEXPRESSION
from brian2.stateupdaters.exact import linear

from ...devices import dense
from ...errors import FwpError, shown
from ...foreign_units import as_numpy
from ...quantities import time
from ...synapses.factorised.text import Line, lines, needed, renamed, text
from . import plastic_checks as checks
from . import plastic_varying
from .plastic_freeze import catch_up
from .plastic_names import unused
from .plastic_renewal import at_once, sums, values


class _ReadOnly(VariableView):
    """What a user gets for a variable that is worked out: its values, and no way to set
    some."""

    def __setitem__(self, item, value):
        raise FwpError(
            f"{self.name!r} is worked out from cells in this layout, so that its entries "
            f"cannot be set one by one: use made.set({self.name!r}, values of all "
            "synapses), or connect with writes='both sides'"
        )


class WorkedOut(Subexpression):
    """A variable that synapses work out from their cells: no monitor can refer to it.

    Brian2 asks a subexpression for its owner where another object wants to refer to it,
    and nowhere else.
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
    """Let Brian2's monitors refuse a variable that they cannot record, in one
    sentence."""
    variables = plastic.synapses.variables
    old = variables[name]
    new = WorkedOut(
        name, plastic.synapses, old.expr, old.device, old.dim, old.dtype, old.scalar
    )
    waits, why, way = name in plastic.model.report.waiting, "", "layout='textbook'"
    if waits:
        why, way = "waits for presynaptic spikes", "writes='both sides'"
    if name in plastic.levels:
        why, way = why or "is worked out from sums", "layout='textbook'"
    if name in plastic.passed:
        why = "waits for the next spike"
    new.refusal = (
        f"{name!r} of {plastic.synapses.name!r} {why}, and Brian2 cannot record it: use "
        f"made.monitor({name!r}), or connect with {way}"
    )
    variables._variables[name] = new


def is_set_here(plastic, name: str) -> bool:
    """Return whether setting a variable of the synapses is more than Brian2's
    assignment."""
    name = name.removesuffix("_")
    if name in plastic.model.varying:
        return plastic.where[name][0] is plastic.synapses
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
    if isinstance(value, str) or name not in checks.variables(
        plastic.model, settable=True
    ):
        return value
    value = checks.start(plastic.model, name, value, "set")
    checks.length(plastic.synapses, name, name, value, "set")
    return value


def put(plastic, name: str, value) -> None:
    """See `Plastic.set`."""
    unit_free = name.endswith("_") and name[:-1] in checks.variables(plastic.model)
    name = plastic.known(name[:-1] if unit_free else name)
    equation = checks.variable(plastic.model, name, "set", settable=True)
    if name in plastic.model.varying:
        plastic.settle()
        return plastic_varying.put(plastic, name, value)
    side = plastic.moved.get(name)
    if side is not None:
        raise FwpError(
            f"{name!r} lives on the {side}synaptic cells in the factorised layout, one "
            f"value a cell: connect with keep=({name!r},) to set it for each synapse"
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
    if name in plastic.levels and isinstance(value, str):
        value = renamed(value, {n: f"{n}_kept" for n in plastic.levels})
    if name in plastic.levels and not plastic.frozen:
        at_once(synapses, values(plastic.levels))
    _assign(synapses, own, value)
    if rest:
        at_once(synapses, f"{own} = {own} - ({rest})")
    if name in plastic.levels and not plastic.frozen:
        at_once(synapses, sums(plastic.levels))


def _assign(synapses, own: str, value) -> None:
    variable = synapses.variables[own]
    view = dense.view(synapses, own)
    if not isinstance(value, str):
        view.set_item(
            slice(None), b2.Quantity(np.asarray(value, dtype=float), dim=variable.dim)
        )
        return
    before = None
    # a standalone program has no values yet
    with contextlib.suppress(NotImplementedError):
        before = np.array(variable.get_value())
    view.set_item(slice(None), value, level=1)
    try:
        check_finite(variable, "set", value)
    except FwpError:
        variable.set_value(before)
        raise


def check_finite(variable, where: str, text: str) -> None:
    """Raise `FwpError` if a text gave NaN or infinity; a standalone program cannot tell
    yet."""
    try:
        found = variable.get_value()
    except NotImplementedError:
        return
    if not np.isfinite(found).all():
        raise FwpError(f"{where}: {shown(text)} gives numbers that are not finite")


class Recorder(b2.StateMonitor):
    """A StateMonitor that shows a variable under another name than it has where it
    lives."""

    shown = ""

    def __getattr__(self, item):
        if self.shown and item.removesuffix("_") == self.shown:
            item = self.recorded + ("_" if item.endswith("_") else "")
        return super().__getattr__(item)


def cell_variables(model) -> set[str]:
    """Return the variables that a model has on cells in its textbook layout."""
    text = getattr(model, "textbook", model).equations
    return {n for side in checks.SIDES for n in b2.Equations(getattr(text, side)).names}


class Recorded:
    """What `Plastic.record` returns: values of synapses at times, also a part of their
    network.

    Attributes:
        name: of the variable.
        which: indices of the synapses [synapse].
        monitor: Brian2's StateMonitor behind it.
    """

    def __init__(self, name: str, which: np.ndarray, made: Recorder):
        self.name, self.which, self.monitor = name, which, made

    @property
    def t(self):
        """Times of the samples [sample], a Brian2 quantity."""
        return self.monitor.t

    @property
    def values(self):
        """Values [synapse, sample], a Brian2 quantity (plain numbers without a unit)."""
        return getattr(self.monitor, self.monitor.recorded)

    def __repr__(self) -> str:
        return (
            f"<{self.name!r} of {len(self.which)} synapses of "
            f"{self.monitor.source.name!r}>"
        )


def record(plastic, name: str, dt, which) -> Recorded:
    """See `Plastic.record`."""
    made = monitor(plastic, name, which, dt, None, "record")
    plastic.objects.append(made)
    return Recorded(name, made.which, made)


def monitor(plastic, name: str, record, dt, label: str | None, what: str = "monitor"):
    """See `Plastic.monitor`."""
    name = plastic.known(name)
    equation = checks.variable(plastic.model, name, what, plastic.where)
    if plastic.frozen:  # what is recorded must know how it changes once learning goes on
        plastic.thaw()
        try:
            return monitor(plastic, name, record, dt, label, what)
        finally:
            plastic.freeze()
    step = None if dt is None else time(dt, "dt")
    synapses = plastic.synapses
    group, own = plastic.where[name]
    own_cells = cell_variables(plastic.model) - {*plastic.moved, *plastic.model.varying}
    if name in own_cells:
        raise FwpError(f"{name!r} has one value a cell: record it there, with "
                       f"StateMonitor(*made.where[{name!r}], record=True)")  # fmt: skip
    label = f"of_{plastic.synapses.name}*" if label is None else unused(label, "label")
    try:
        count = plastic.count
        which = np.arange(count) if record is True else _indices(record, count)
        side = plastic.moved.get(name) or getattr(
            plastic.model.varying.get(name), "place", None
        )
        record = plastic.cells(side)[which] if side in ("pre", "post") else which
    except NotImplementedError:
        raise FwpError(
            "a standalone program makes its synapses when it runs: give connect arrays i "
            "and j, or record on another device"
        ) from None
    clock = plastic.timing.clock if step is None else b2.Clock(step)
    events = synapses.event_driven
    if (
        f"{name}_kept" in plastic.where
        or events is not None
        and name in events.diff_eq_names
    ):
        own = _recorded(plastic, name, equation, clock)
    elif equation.type == SUBEXPRESSION and group is synapses:
        raise FwpError(f"{name!r} follows from other variables: record those")
    made = Recorder(group, own, record=record, clock=clock,
                    name=label)  # fmt: skip
    object.__setattr__(made, "which", which)
    object.__setattr__(made, "recorded", own)
    object.__setattr__(made, "shown", name)
    return made


def _indices(record, count: int) -> np.ndarray:
    try:
        found = np.atleast_1d(np.asarray(as_numpy(record)))
        legal = (
            found.ndim == 1 and found.dtype.kind in "iu" and not isinstance(record, bool)
        )
    except (TypeError, ValueError, RuntimeError):  # of NumPy, and of torch
        legal = False
    if not legal or found.size and not (found.min() >= 0 and found.max() < count):
        raise FwpError(
            f"record must be True or indices from 0 to {count - 1}, got {shown(record)}"
        )
    return found


def _recorded(plastic, name: str, equation, clock) -> str:
    """Keep a copy of a variable that is worked out, as it is at every sample; return its
    name."""
    synapses = plastic.synapses
    number = sum(of == name for of, _ in plastic.recorded.values())
    own = f"{name}_recorded" + (f"_{number}" if number else "")
    synapses.variables.add_dynamic_array(own, size=plastic.count, dimensions=equation.dim)
    synapses.register_variable(synapses.variables[own])
    kept = f"{name}_kept" in plastic.where
    if name in plastic.passed and not plastic.frozen:
        code = f"{plastic.renewing.code}\n{own} = {name}_kept"
    elif name in plastic.levels:
        code = f"{own} = {name}"
    elif kept:
        code = _kept_now(synapses, name, own)
    else:
        code = _event_driven_now(synapses, name, own)
    plastic.recorded[own] = (
        name,
        synapses.run_regularly(
            code, when="start", order=-20, name=f"{synapses.name}_{own}", clock=clock
        ),
    )
    return own


def _kept_now(synapses, name: str, own: str) -> str:
    """Return code that works out what is kept by factors as the last time step left
    it."""
    equations = synapses.equations
    factors = {n: f"({equations[n].expr})" for n in equations.subexpr_names
               if n.startswith("left_")}  # fmt: skip
    right = renamed(str(equations[name].expr), factors)
    return f"{own} = {renamed(right, {'t': '(t - dt)'})}"


def _event_driven_now(synapses, name: str, own: str) -> str:
    """Return code that works out an event-driven variable as the last time step left
    it."""
    events = synapses.event_driven
    code = re.sub(r"\bdt\b", "(t - dt - lastupdate)", linear(events, synapses.variables))
    kept = [line for line in lines(code) if line.target not in events.diff_eq_names]
    last = next(line for line in lines(code) if line.target == name)
    return text(needed([*kept, Line(own, "=", last.expression)], [own]))
