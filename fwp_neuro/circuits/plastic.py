"""Connect any synapse model between given cells, in the textbook or in the factorised layout.

The order of events in a time step is fixed here, once. Slot "groups": sums over synapses (-2),
equations of synapses (-1), equations of cells (0). Slot "synapses": presynaptic spikes (the cell
before its synapses 0, on_pre 1, the cell after them 2), then postsynaptic ones (8, 10, 12). Slot
"resets": what a spike does to its own cell. So on_pre finds the postsynaptic traces of before
spikes of this step, on_post finds presynaptic traces with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
import numpy as np
from brian2.equations.equations import SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ..devices.dense import synapses as dense_synapses
from ..errors import FwpError, pick
from ..synapses.factorised import factorise
from ..synapses.factorised.text import lines, renamed, row, text
from ..synapses.model import Model
from . import companions, starts
from .companions import free_name, whole
from .delay_line import delay_line
from .integrators import integrator
from .quantities import time

LAYOUTS = ("factorised", "textbook")
SIDES = ("pre", "post")
_ORDERS = {"pre": (0, 1, 2), "post": (8, 10, 12)}
_RENEWED = ("post", "each_step", "shared", "ageing")
_LAST = 13  # of on_pre where it only collects what postsynaptic spikes have written


@dataclass
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

    @property
    def moved(self) -> Mapping[str, str]:
        """Variables of the synapses that live on a cell -> "pre" or "post"."""
        return self.model.report.moved if hasattr(self.model, "report") else {}

    def values(self, name: str) -> np.ndarray:
        """Return a variable of the model for every synapse, in base units, after a run.

        The values are those that the last time step left, but event-driven variables of the
        textbook layout are as of the last spike of either side, as Brian2 has them.
        """
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


def connect(
    model: Model,
    pre,
    post,
    *,
    layout: str = "factorised",
    connect: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    keep: tuple[str, ...] = (),
    writes: str = "auto",
    delay: Mapping[str, Any] | None = None,
    name: str = "plastic",
    dense: bool = False,
    **options,
) -> Plastic:
    """Make the synapses of a model between cells.

    Variables that the model needs on the cells and that the cells do not have are attached to
    them; any Brian2 group that spikes will do, also a PoissonGroup or a subgroup. A variable of the
    model's own ``pre`` and ``post`` text that the cells have is used as it is, and what a spike
    does to it is left to the cells.

    Args:
        model: from `fwp_neuro.synapses.get`, or any `Model`.
        pre, post: Brian2 groups on the time step of the default clock.
        layout: "factorised" (cheap) or "textbook" (everything on the synapse): the same weights.
        connect: arguments of Brian2's ``Synapses.connect``, such as ``{"p": 0.1}`` or
            ``{"i": ..., "j": ...}``; all to all if None.
        initial: variable -> number, quantity, Brian2 expression, or array with a value for each
            synapse (or each cell, for variables of cells), besides those of the model.
        inputs: further names in the equations -> TimedArray or constant, before the parameters.
        keep: variables that stay on the synapse in the factorised layout, because you will give
            each synapse another value.
        writes: of the factorised layout, see `fwp_neuro.synapses.factorise`.
        delay: Brian2 times by which spikes of a side arrive later, {"pre": ..., "post": ...}, in
            place of the model's own. In the textbook layout a single synapse may have another one
            later (``synapses.pre.delay = ...``); in the factorised one all have the same.
        name: of the Synapses object; other objects start with it.
        dense: all to all, without index vectors where the device can do that (see
            `fwp_neuro.devices.dense`): the same numbers, in less time and memory.
        options: of Brian2's ``Synapses``, such as ``codeobj_class``.

    Returns:
        a `Plastic`: put its ``objects`` into your Network.

    Raises:
        FwpError: unknown layout, ``keep`` names no synaptic variable, or ``dense`` synapses that
            are not all to all.
    """
    pick(layout, LAYOUTS, "layout")
    if dense and connect is not None:
        raise FwpError("dense synapses are all to all: leave out connect, or dense")
    if layout == "factorised":
        keep = {*keep, *starts.differing(model, initial or {})}
        model = factorise(model, keep=keep, uniform=tuple(inputs or ()), writes=writes)
    return _Builder(
        model, {"pre": pre, "post": post}, inputs or {}, delay or {}, name, dense
    ).build(connect, {**model.initial, **(initial or {})}, options)


class _Builder:
    """Makes the objects of one call of `connect`."""

    def __init__(self, model: Model, groups: dict, inputs, delay, name: str, dense: bool):
        self.model, self.text, self.groups, self.name = model, model.equations, groups, name
        self.dense = dense
        self.namespace = {**model.parameters, **inputs}
        self.dt = whole(groups["pre"]).clock.dt
        sides = zip(SIDES, (self.text.delay, self.text.delay_post), strict=True)
        #: variable that is kept by factors -> what it decays to
        self.rests = {n: getattr(model, "rests", {}).get(n, "") for n in self._kept()}
        self.delays = {side: model.parameters[name] for side, name in sides if name}
        self.delays |= {pick(side, SIDES, "side of delay"): time(one, "delay")
                        for side, one in delay.items()}  # fmt: skip
        self.objects: list = []
        self.where: dict[str, tuple[Any, str]] = {}
        #: side -> (variable that the cells lacked -> its name there), and the companions with them
        self.names: dict[str, dict[str, str]] = {side: {} for side in SIDES}
        self.companions: dict[str, list] = {side: [] for side in SIDES}

    def build(self, connect, initial, options) -> Plastic:
        for side in SIDES:
            self._cells(side)
        synapses = self._synapses(options)
        if not self.dense:  # dense ones are connected
            synapses.connect(**(connect or {}))
        for side in SIDES:
            self._spikes(side)
        self.where |= {n: (synapses, n) for n in b2.Equations(self.text.synapse).names}
        self._initial(initial)
        self._renewal(synapses)
        for name, (of, by) in self.text.delayed.items():
            group, delay = self.where[name][0], self.model.parameters[by]
            self.objects.append(delay_line(group, name, of, delay, self.dt, self.namespace))
        objects = [synapses, *self.companions["pre"], *self.companions["post"], *self.objects]
        return Plastic(self.model, synapses, objects, self.where, float(self.dt))

    # ------------------------------------------------------------------ cells

    def _cells(self, side: str) -> None:
        """Attach what the cells of a side lack, by how it is integrated."""
        group, moved = self.groups[side], self._moved(side)
        wanted = b2.Equations(getattr(self.text, side))
        lacking = [n for n in wanted.names if n in moved or n not in group.variables]
        # a name of its own, so that synapses of other models may have variables of that name
        own = {n: free_name(group, f"{n}_of_{self.name}" if n in moved else n) for n in lacking}
        self.names[side] = own
        parts: dict[str, list[str]] = {}
        for name in lacking:
            method = "exact" if name in self.text.exact else self.text.method
            parts.setdefault(method, []).append(name)
        made = self.companions[side]
        for method, names in parts.items():
            rows = "\n".join(row(wanted[n]) for n in names)
            one = companions.companion(group, rows, {n: own[n] for n in names}, method,
                                       self.namespace, f"{self.name}_{side}_{method}")  # fmt: skip
            made.append(one)
            self.where |= {n: (one, n) for n in names}
        code = "\n".join(getattr(self.text, part) for part in
                         (f"before_{side}", f"after_{side}", f"{side}_spike"))  # fmt: skip
        if self.text.renewal and side == "post":
            parts = vars(self.text.renewal)
            code += "\n".join(["\nrenewed_cell", *(parts[part] for part in _RENEWED)])
        for one in made:
            needed = get_identifiers(code) | one.equations.identifiers
            companions.acquaint(one, [*made, whole(group)], needed - set(self.namespace))
        self.where |= {n: (whole(group), n) for n in wanted.names if n not in lacking}

    def _kept(self) -> list[str]:
        names = b2.Equations(self.text.synapse).names
        return [n for n in names if f"{n}_kept" in names]

    def _above(self, value, rest: str):
        """Return an initial value relative to what the variable decays to."""
        if not rest:
            return value
        if isinstance(value, str):
            return f"({value}) - ({rest})"
        return np.asarray(value, dtype=float) - starts.number(rest, self.model.parameters)

    def _moved(self, side: str) -> set[str]:
        """Return the variables that only the factorised layout has on the cells of a side."""
        textbook = getattr(self.model, "textbook", None)
        if textbook is None:
            return set()
        before = b2.Equations(getattr(textbook.equations, side)).names
        return b2.Equations(getattr(self.text, side)).names - before

    def _spikes(self, side: str) -> None:
        """Make what spikes do to the cells themselves."""
        reset = lines(getattr(self.text, f"{side}_spike"))
        reset = text(line for line in reset if line.target in self.names[side])
        first, _, last = _ORDERS[side]
        delay = self.delays.get(side)
        for part, code, order, late, when in (
            ("before", getattr(self.text, f"before_{side}"), first, delay, "synapses"),
            ("after", getattr(self.text, f"after_{side}"), last, delay, "synapses"),
            ("spike", reset, 0, None, "resets"),
        ):
            if code:
                made, name = self.companions[side][-1], f"{self.name}_{part}_{side}"
                self.objects.append(companions.at_spikes(self.groups[side], made, code, order,
                                                         name, late, when))  # fmt: skip

    # ------------------------------------------------------------------ synapses

    def _synapses(self, options):
        names = {f"{n}_{side}": f"{new}_{side}" for side in SIDES
                 for n, new in self.names[side].items()}  # fmt: skip
        names |= {f"d{name}": f"d{new}" for name, new in names.items()}
        equations, on_pre, on_post, joint = (
            renamed(part, names)
            for part in (self.text.synapse, self.text.on_pre, self.text.on_post, self.text.joint)
        )
        self._check_names(equations)
        make = dense_synapses if self.dense else b2.Synapses
        made = make(
            self.groups["pre"], self.groups["post"], equations, on_pre=on_pre or None,
            on_post=on_post or None, method=integrator(self.text.method, joint),
            namespace=self.namespace, name=self.name, delay=self._synaptic_delays(),
            **options,
        )  # fmt: skip
        for pathway in made._pathways:
            last = self.text.renewal is not None and self.text.renewal.last
            pathway.order = _LAST if last else _ORDERS[pathway.prepost][1]
        if made.state_updater is not None:
            made.state_updater.order = -1
        for updater in made.summed_updaters.values():
            updater.order = -2
        return made

    def _check_names(self, equations: str) -> None:
        own = {n for n, e in b2.Equations(equations).items() if "summed" not in e.flags}
        for group in self.groups.values():
            for name in sorted(own & set(group.variables)):
                raise FwpError(f"the cells {group.name!r} and the synapses of {self.model.name!r} "
                               f"both have a variable {name!r}: give that of the cells another "
                               "name")  # fmt: skip

    def _synaptic_delays(self):
        delays = self.delays
        if hasattr(self.model, "report"):  # one delay for all synapses costs no memory, even if 0
            delays = {side: 0 * b2.second for side in SIDES} | delays
        return {s: d for s, d in delays.items() if getattr(self.text, f"on_{s}")} or None

    def _renewal(self, synapses) -> None:
        """Make what starts factors and sums anew, at the start of a step, and what each step adds.

        Shared values follow the others, which need the old ones: Brian2 would set them first.
        """
        renewal = self.text.renewal
        if renewal is None:
            return
        step, steps = float(self.dt), 10_000
        for rate, times in renewal.rates.items():
            number = starts.number(rate, self.model.parameters) * step
            if number > 300:
                raise FwpError(f"{self.model.name!r}: {1 / number:.2g} time steps of {self.dt} for "
                               f"the time constant 1/({rate}) are too few for the "
                               "factorised layout")  # fmt: skip
            steps = min(steps, max(1, int(times / number)) if number > 0 else steps)
        when = {"dt": steps * self.dt, "when": "start"}
        synapses.run_regularly(renewal.synapse, order=-10, name=f"{self.name}_renewal", **when)
        if "renewed" in synapses.variables:
            synapses.run_regularly("renewed = t", order=-9, name=f"{self.name}_renewed", **when)
        shared = renewal.shared
        if "renewed_cell" in self.where:
            shared += "\nrenewed_cell = t"
        every = {"dt": self.dt, "when": "groups"}
        for code, order, label, options in (
            (renewal.post, -8, "renewal", when),
            (shared, -7, "renewed", when),
            (renewal.each_step, -1, "sum", every),
            (renewal.ageing, 1, "age", every),
        ):
            if code:
                self.companions["post"][-1].run_regularly(
                    code, order=order, name=f"{self.name}_cells_{label}", **options
                )

    def _initial(self, initial) -> None:
        """Set values at the start."""
        for name in initial:
            if name not in self.where:
                legal = ", ".join(sorted(self.where))
                raise FwpError(f"initial: {self.model.name!r} has no variable {name!r} "
                               f"(legal: {legal})")  # fmt: skip
        if hasattr(self.model, "report"):
            for side in SIDES:
                initial = initial | starts.before(self.model, side, initial, self.dt)
        for name, value in initial.items():
            group, own = self.where[name]
            if name in self.rests:
                own, value = f"{own}_kept", self._above(value, self.rests[name])
            dim = group.variables[own].dim
            if np.ndim(value) or not (isinstance(value, str) or dim.is_dimensionless):
                value = b2.Quantity(np.ravel(value), dim=dim)
            setattr(group, own, value)
