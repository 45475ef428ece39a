"""Learning that stands still: the objects of `connect` without the lines that change
weights.

Frozen variables are those of the effective weight (`learned`). Traces, receptors, calcium
and the cells go on, and synapses transmit as before. What was written and waited for a
presynaptic spike is in the weights when they are frozen, as in the textbook layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import brian2 as b2
from brian2.groups.group import CodeRunner
from brian2.stateupdaters.base import StateUpdateMethod
from brian2.stateupdaters.exact import linear
from brian2.synapses.synapses import SynapticPathway
from brian2.utils.stringtools import get_identifiers

from ...errors import FwpError
from ...synapses.factorised.anatomy import learned
from ...synapses.factorised.text import lines, renamed, text
from .plastic_renewal import at_once, sums, values


class Freezing:
    """What stops and what resumes the learning of one call of `connect`."""

    def __init__(self, plastic) -> None:
        self.plastic, self.model = plastic, plastic.model
        self.synapses, self.renewing = plastic.synapses, plastic.renewing
        self.names = learned(self.model)
        self.undo: list[Callable[[], None]] = []
        #: those of a cascade: the synapses keep their values while learning stands still
        self.fixed: list[str] = []
        one = "|".join(map(re.escape, self.names))
        self._frozen = re.compile(
            rf"(?:(?:{one})(?:_now|_kept)?|(?:sum|seen)_(?:{one})_\d+|(?:grown|left)_(?:{one}))(?:_pre|_post)?"
        )

    @property
    def on(self) -> bool:
        """Whether learning stands still."""
        return bool(self.undo)

    def check(self) -> None:
        """Raise `FwpError` for a model that has nothing to freeze."""
        if not self.names:
            raise FwpError(
                f"{self.model.name!r} is a {self.model.kind} model and learns nothing: "
                "there is nothing to freeze (leave it out of the network to silence it)"
            )

    def without(self, code: str, keep: Iterable[str] = ()) -> str:
        """Return code without the statements that change frozen variables."""
        kept = []
        for line in lines(code):
            now = line.target.removesuffix("_now")
            head = line.op == "=" and line.expression in (now, f"{now}_sum")
            if now in self.fixed:  # follows what moves the traces in its sum
                head = head or line.expression.startswith(f"share_{now}_")
            frozen = self._frozen.fullmatch(line.target)
            if head or not frozen or line.target in keep:
                kept.append(line)
        return text(kept)

    def start(self, convert: bool = True) -> None:
        """Replace the code of all objects, from the next run on.

        Args:
            convert: whether what synapses keep is what they keep while learning goes on.
        """
        still = self._fix(convert)
        for owner, attribute in self._codes():
            old = getattr(owner, attribute)
            self._put(owner, attribute, renamed(self.without(old), still))
        for updater in self._updaters():
            old = updater.method_choice
            if set(self.names) & set(updater.group.equations.diff_eq_names):
                self._put(updater, "method_choice", _holding(old, self.names))
        events = self.synapses.event_driven
        if events is not None and set(events.diff_eq_names) & set(self.names):
            rest = [one for name, one in events.items() if name not in self.names]
            more = any(one.type == "differential equation" for one in rest)
            self._put(self.synapses, "event_driven", b2.Equations(rest) if more else None)
            for own, (name, copy) in self.plastic.recorded.items():
                if name in self.names:
                    self._put(copy, "abstract_code", f"{own} = {name}")
        if self.renewing is not None and set(self.names) & set(self.model.report.decays):
            self.renewing.hold(True, self._held)
            self.undo.append(lambda: self.renewing.hold(False, self._held))
        self.undo.append(lambda: None)

    def stop(self, convert: bool = True) -> None:
        """Put the code back."""
        for put_back in self.undo:
            put_back()
        self.undo = []
        if self.fixed and convert:
            at_once(self.synapses, sums(self.plastic.levels, self.fixed))
        self.fixed = []

    def _fix(self, convert: bool) -> dict[str, str]:
        """Keep the values of frozen variables of cascades, which no trace moves then.

        Returns:
            what code reads of them -> what it is now. Brian2 gives pathways copies of
            subexpressions when it makes them, so that theirs must be written out.
        """
        self.fixed = [name for name in self.plastic.levels if name in self.names]
        if self.fixed and convert:
            at_once(self.synapses, values(self.plastic.levels, self.fixed))
        if set(self.plastic.passed) & set(self.names):  # its steps are made up for
            code = self.without(self.renewing.code)
            self._put(self.renewing, "code", code)
            for own, (name, copy) in self.plastic.recorded.items():
                if name in self.names:
                    self._put(copy, "abstract_code", f"{own} = {name}_kept")
        values_of, found = {n: f"{n}_kept" for n in self.fixed}, {}
        for name in self.fixed:
            level = renamed(self.plastic.levels[name], values_of)
            variable = self.synapses.variables[f"{name}_sum"]
            still = f"{name}_kept" + (f" - ({level})" if level else "")
            found[f"{name}_sum"] = f"({still})"
            self._put(variable, "expr", still)
            self._put(variable, "identifiers", get_identifiers(still))
        return found

    def _held(self, code: str) -> str:
        seen = [line.target for line in lines(code) if line.target.startswith("seen_")]
        return self.without(code, seen)

    def _put(self, owner, attribute: str, new) -> None:
        old = getattr(owner, attribute)
        object.__setattr__(owner, attribute, new)
        self.undo.append(lambda: object.__setattr__(owner, attribute, old))

    def _all(self) -> Iterator[Any]:
        for one in self.plastic.objects:
            yield one
            yield from one._contained_objects

    def _codes(self) -> Iterator[tuple[Any, str]]:
        """Yield where code stands that Brian2 takes anew at every run."""
        renewals = (
            () if self.renewing is None else (*self.renewing.often, *self.renewing.held)
        )
        for one in self._all():
            if isinstance(one, SynapticPathway):
                yield one, "code"
            elif isinstance(one, CodeRunner) and not any(
                one is other for other in renewals
            ):
                own = type(one).update_abstract_code
                if (
                    own is CodeRunner.update_abstract_code
                    or type(one).__name__ == "AtSpikes"
                ):
                    if one.when != "start":  # what starts anew must go on
                        yield one, "abstract_code"

    def _updaters(self) -> Iterator[Any]:
        return (one for one in self._all()
                if isinstance(one, CodeRunner) and hasattr(one,
                    "method_choice"))  # fmt: skip


def catch_up(synapses, back: bool) -> None:
    """Bring event-driven variables to the last time step if ``back``, else to the next
    one."""
    events = synapses.event_driven
    late = " - dt" if back else ""
    if events is not None:
        code = linear(events, synapses.variables)
        at_once(synapses, re.sub(r"\bdt\b", f"(t{late} - lastupdate)", code))
    if "lastupdate" in synapses.variables:
        at_once(synapses, f"lastupdate = t{late}")


def _holding(method, names: Iterable[str]):
    """Return an integrator that leaves some variables as they are."""

    def advance(equations, variables=None, method_options=None) -> str:
        rest = [one for name, one in equations.items() if name not in names]
        system = b2.Equations(rest)
        if not system.diff_eq_names:
            return ""
        return StateUpdateMethod.apply_stateupdater(
            system, variables, method, method_options
        )

    advance.__name__ = "without_" + "_".join(names)
    return advance
