"""What `fwp_neuro.circuits.plastic.connecting.connect` makes: one method for each part of
a model's text."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np
from brian2.utils.stringtools import get_identifiers

from ...devices import dense
from ...errors import FwpError
from ...synapses.factorised.layout_report import FactorisedModel
from ...synapses.factorised.text import lines, renamed, row, text
from ...synapses.synapse_class import Synapse
from ..delay_line import delay_line
from ..integrators import integrator
from . import (
    attached_variables,
    initial_values,
    plastic_steps,
    projection_sums,
    quick_decays,
)
from . import plastic_checks as checks
from .attached_variables import free_name, whole
from .plastic_checks import SIDES
from .plastic_clocks import Timing
from .plastic_group import attach, watched
from .plastic_renewal import Renewing, at_once, sums
from .plastic_sizes import check_delay
from .plastic_synapses import Plastic
from .plastic_values import check_finite
from .plastic_varying import are_known, known
from .shared_variables import brought, others, remember

#: place in the slot "synapses" of: the cell before its synapses, on_pre or on_post, the
#: cell after
_ORDERS = {"pre": (0, 1, 2), "post": (8, 10, 12)}
_RENEWED = ("post", "each_step", "shared", "ageing")
_LAST = 13  # of on_pre where it only collects what postsynaptic spikes have written


class Builder:
    """Makes the objects of one call of `connect`."""

    def __init__(
        self, model: Synapse, groups: dict, inputs, delays, name: str, dense: bool
    ):
        self.model, self.text, self.groups, self.name = (
            model,
            model.equations,
            groups,
            name,
        )
        self.dense = dense
        functions = getattr(model, "functions", {})
        self.namespace = {**model.parameters, **functions, **inputs}
        self.timing = Timing(groups)
        self.dt = self.timing.dt * b2.second
        #: variable that is kept by factors -> what it decays to
        self.rests = {n: getattr(model, "rests", {}).get(n, "") for n in self._kept()}
        #: likewise of cascades -> what is added to the sum that is kept, at the synapse
        self.levels: dict[str, str] = dict(getattr(model, "levels", {}))
        self.delays = dict(delays)
        for side, delay in self.delays.items():
            check_delay(side, delay, self.timing.dt)
        self.objects: list = []
        self.where: dict[str, tuple[Any, str]] = {}
        #: side -> (variable that the cells lacked -> its name there), and the companions
        #: with them
        self.names: dict[str, dict[str, str]] = {side: {} for side in SIDES}
        self.companions: dict[str, list] = {side: [] for side in SIDES}

    def build(self, connect, initial, options) -> Plastic:
        """Return the synapses, connected and with their values at the start."""
        brought_before = {side: brought(self.groups[side]) for side in SIDES}
        for side in SIDES:
            self._cells(side)
        #: side -> variables of the model that an earlier projection brought and runs
        shared = {
            side: brought_before[side] & b2.Equations(getattr(self.text, side)).names
            - set(self.names[side]) for side in SIDES
        }  # fmt: skip
        self.objects += projection_sums.adders(self.model, self.groups["post"],
                                               self.names["post"], self.name)  # fmt: skip
        synapses = self._synapses(options)
        if not self.dense:  # dense ones are connected
            synapses.connect(**connect)
        for side in SIDES:
            self._spikes(side)
        self.where |= {n: (synapses, n) for n in b2.Equations(self.text.synapse).names}
        for side, delay in self.delays.items():
            if np.ndim(delay) and getattr(self.text, f"on_{side}"):
                if self.dense:
                    raise FwpError(
                        "dense synapses have one delay, got one for each synapse"
                    )
                checks.length(synapses, "i", side, delay, "delay")
                for pathway in synapses._pathways:
                    if pathway.objname == side:
                        pathway.delay = delay
        going_on = shared["pre"] | shared["post"]
        own = {n: one for n, one in self.model.initial.items() if n not in going_on}
        self._initial({**own, **initial})
        renewing = None
        if self.text.renewal is not None:
            cells = self.companions["post"][-1] if self.companions["post"] else None
            renewing = Renewing(self.model, synapses, cells, self.timing, self.name)
        lines = {}
        for name, (of, by) in self.text.delayed.items():
            if name in going_on:
                continue  # the earlier projection has its line too
            group, delay = self.where[name][0], self.model.parameters[by]
            line = delay_line(group, name, of, delay, self.dt, self.namespace)
            self.objects.append(line)
            lines[line.name] = delay
        objects = [
            synapses,
            *self.companions["pre"],
            *self.companions["post"],
            *self.objects,
        ]
        pairs = partial(known, connect, self.groups) if are_known(connect) else None
        made = Plastic(self.model, synapses, self.timing, objects, self.where, renewing,
                       lines, pairs, self.levels)  # fmt: skip
        attach(synapses, made)
        return made

    # ------------------------------------------------------------------ cells

    def _cells(self, side: str) -> None:
        """Attach what the cells of a side lack, by how it is integrated."""
        group, moved = self.groups[side], self._moved(side)
        wanted = b2.Equations(getattr(self.text, side))
        apart = moved | others(self.model, side, group)
        lacking = [n for n in wanted.names if n in apart or n not in group.variables]
        # a name of its own, so that synapses of other models may have variables of that
        # name
        own = {
            n: free_name(group, f"{n}_of_{self.name}" if n in apart else n)
            for n in lacking
        }
        self.names[side] = own
        parts: dict[str, list[str]] = {}
        for name in lacking:
            own_method = self.text.methods.get(name, self.text.method)
            method = "exact" if name in self.text.exact else own_method
            parts.setdefault(method, []).append(name)
        made = self.companions[side]
        for method, names in parts.items():
            rows = "\n".join(row(wanted[n]) for n in names)
            one = attached_variables.companion(group, rows, {n: own[n] for n in names},
                                               method,
                                       self.namespace, f"{self.name}_{side}_{method}",
                                       self.timing.clock)  # fmt: skip
            made.append(one)
            if method == "exact":
                quick_decays.of_exact(one)
            self.where |= {n: (one, n) for n in names}
        code = "\n".join(
            getattr(self.text, part)
            for part in (f"before_{side}", f"after_{side}", f"{side}_spike")
        )
        if self.text.renewal and side == "post":
            renewal = vars(self.text.renewal)
            code += "\n".join(["\nrenewed_cell", *(renewal[part] for part in _RENEWED)])
        for one in made:
            needed = get_identifiers(code) | one.user_equations.identifiers
            attached_variables.acquaint(
                one, [*made, whole(group)], needed - set(self.namespace)
            )
        self.where |= {n: (whole(group), n) for n in wanted.names if n not in lacking}
        remember(self.model, side, group, [n for n, known in own.items() if known == n])

    def _kept(self) -> list[str]:
        names = b2.Equations(self.text.synapse).names
        return [n for n in names if f"{n}_kept" in names]

    def _above(self, value, rest: str):
        """Return an initial value relative to what the variable decays to."""
        if not rest:
            return value
        if isinstance(value, str):
            return f"({value}) - ({rest})"
        return np.asarray(value, dtype=float) - initial_values.number(
            rest, self.model.parameters
        )

    def _moved(self, side: str) -> set[str]:
        """Return the variables of a side's cells that this projection has for itself.

        Those that it says so of, constants, and those that only the factorised layout has
        there.
        """
        varying = {n for n, one in self.model.varying.items() if one.place == side}
        now = b2.Equations(getattr(self.text, side)).names
        textbook = getattr(self.model, "textbook", self.model)
        before = b2.Equations(getattr(textbook.equations, side)).names
        return varying | (now - before) | (now & set(self.text.alone))

    def _spikes(self, side: str) -> None:
        """Make what spikes do to the cells themselves."""
        every = lines(getattr(self.text, f"{side}_spike"))
        reset = text(line for line in every if line.target in self.names[side])
        first, _, last = _ORDERS[side]
        delay = self.delays.get(side)
        for part, code, order, late, when in (
            ("before", getattr(self.text, f"before_{side}"), first, delay, "synapses"),
            ("after", getattr(self.text, f"after_{side}"), last, delay, "synapses"),
            ("spike", reset, 0, None, "resets"),
        ):
            if code:
                made, name = self.companions[side][-1], f"{self.name}_{part}_{side}"
                self.objects.append(attached_variables.at_spikes(self.groups[side], made,
                    code, order,
                                                         name, late, when))  # fmt: skip

    # ------------------------------------------------------------------ synapses

    def _synapses(self, options):
        names = {f"{n}_{side}": f"{new}_{side}" for side in SIDES
                 for n, new in self.names[side].items()}  # fmt: skip
        names |= {f"d{name}": f"d{new}" for name, new in names.items()}
        text = self.text
        equations, on_pre, on_post, joint, transmit = (
            renamed(part, names)
            for part in (
                text.synapse,
                text.on_pre,
                text.on_post,
                text.joint,
                text.transmit,
            )
        )
        # Brian2 runs pathways of one order by name, and this one is before "pre"
        at_pre = {"arrival": transmit, "pre": on_pre} if transmit else on_pre or None
        self.suffixed = names
        self.levels = {n: renamed(one, names) for n, one in self.levels.items()}
        self._check_names(equations)
        make = (
            partial(dense.synapses, kind=watched) if self.dense else watched(b2.Synapses)
        )
        given = {
            "on_pre": at_pre,
            "on_post": on_post or None,
            "delay": self._synaptic_delays(),
            **self.timing.options(options),
        }
        steps = None
        if self.text.steps:
            steps = plastic_steps.Steps(self.model, self.groups, self.timing, self.name)
            self.objects.append(steps.ticker)
            given |= steps.pathways(names)
        attached = {new: self.where[n][0].equations[n]
                    for side in SIDES for n, new in self.names[side].items()}  # fmt: skip
        cells = attached_variables.as_own_equations(self.groups.values(), attached)
        with cells, steps.known() if steps else nullcontext():
            made = make(
                self.groups["pre"], self.groups["post"], equations,
                method=integrator(self.text.method, joint), namespace=self.namespace,
                name=self.name, **given,
            )  # fmt: skip
        for pathway in made._pathways:
            last = self.text.renewal is not None and self.text.renewal.last
            last = last and pathway.objname != "arrival"
            pathway.order = _LAST if last else _ORDERS[pathway.prepost][1]
        if steps:
            steps.place(made)
        if made.state_updater is not None:
            made.state_updater.order = -1
        for updater in made.summed_updaters.values():
            updater.order = -2
        return made

    def _check_names(self, equations: str) -> None:
        own = {n for n, e in b2.Equations(equations).items() if "summed" not in e.flags}
        for group in self.groups.values():
            for name in sorted(own & set(group.variables)):
                raise FwpError(f"the cells {group.name!r} and the synapses of "
                               f"{self.model.name!r} both have a variable {name!r}: give "
                               "that of the cells another name")  # fmt: skip

    def _synaptic_delays(self):
        delays = self.delays
        # one delay for all synapses costs no memory, even if 0
        if hasattr(self.model, "report"):
            delays = {side: 0 * b2.second for side in SIDES} | delays
        found = {s: d for s, d in delays.items()
                 if getattr(self.text, f"on_{s}") and np.ndim(d) == 0}  # fmt: skip
        if hasattr(self.model, "report") and self.text.renewal and self.text.transmit:
            found["arrival"] = 0 * b2.second
        return found or None

    def _initial(self, initial) -> None:
        """Set values at the start."""
        if isinstance(self.model, FactorisedModel):
            for side in SIDES:
                initial = initial | initial_values.before(
                    self.model, side, initial, self.dt
                )
        for name, given in initial.items():
            (group, own), value = self.where[name], given
            if isinstance(value, str):
                value = renamed(value, self.suffixed)
            elif callable(value):
                value = value(group.i[:], group.j[:])
            checks.length(
                group, own if name not in self.rests else f"{own}_kept", name, value
            )
            if name in self.rests:
                own, value = f"{own}_kept", self._above(value, self.rests[name])
            dim = group.variables[own].dim
            if np.ndim(value) or not (isinstance(value, str) or dim.is_dimensionless):
                value = b2.Quantity(np.ravel(value), dim=dim)
            # cells that another projection gave it know no parameters
            if isinstance(value, str):
                dense.view(group, own).set_item("True", value, namespace=self.namespace)
            else:
                setattr(group, own, value)
            if isinstance(given, str):
                check_finite(group.variables[own], f"initial: {name!r}", given)
        if self.levels:
            at_once(self.where[next(iter(self.levels))][0], sums(self.levels))
