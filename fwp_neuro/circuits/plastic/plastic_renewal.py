"""What starts the sums and factors of waiting writes anew, before they leave the range of
numbers.

See `fwp_neuro.synapses.factorised.relative_variables`. It happens every so many time
steps, and at once where the weights must be what they are now: before they are frozen,
set, or run with another time step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from brian2.codegen.codeobject import create_runner_codeobj

from ...errors import FwpError
from ...synapses.factorised.text import lines, renamed, text
from . import initial_values, quick_decays
from .plastic_clocks import Multiple

_LONGEST = 10_000  # time steps
_TOO_FEW = 300.0  # time constants in one step; more leave the range of numbers


def at_once(group, code: str) -> None:
    """Run code for all elements of a group, now, or at this place of a standalone
    program."""
    if code.strip():
        create_runner_codeobj(
            group, code, "stateupdate", run_namespace={}, check_units=False
        )()


def values(levels: Mapping[str, str], names: Iterable[str] | None = None) -> str:
    """Return code after which the synapses keep the values of variables of cascades.

    Args:
        levels: see `FactorisedModel.levels`, with the names that synapses know.
        names: of them; all if None. Right after a renewal.
    """
    names = list(levels if names is None else names)
    return "\n".join([*(f"{n}_now = {n}" for n in names),
                      *(f"{n}_kept = {n}_now" for n in names)])  # fmt: skip


def sums(levels: Mapping[str, str], names: Iterable[str] | None = None) -> str:
    """Return code after which they keep sums again.

    ``names`` are those of which they kept the values.
    """
    chosen = list(levels if names is None else names)
    now = {n: f"{n}_now" for n in chosen}
    code = [f"{n}_now = {n}_kept" for n in chosen]
    for name in chosen:
        level = renamed(levels[name], now)
        code.append(f"{name}_kept = {name}_now" + (f" - ({level})" if level else ""))
    return "\n".join(code)


class Renewing:
    """The objects that renew the sums and factors of one call of `connect`.

    Values that all cells or synapses share follow the others, which need the old ones:
    Brian2 would set them first.

    Args:
        model: factorised.
        synapses, cells: the Synapses, and the companion of the postsynaptic cells or
            None.
        timing: the clocks of the cells.
        name: at the start of the names of objects.
    """

    def __init__(self, model, synapses, cells, timing, name: str):
        self.model, self.synapses, self.cells = model, synapses, cells
        self.text = model.equations.renewal
        #: of the synapses, at every renewal
        self.code = self.text.synapse
        self.clock = Multiple(self.steps(timing.dt), timing.dt, f"{name}_renewal_clock")
        self.stamped = "renewed" in synapses.variables
        self.shared = self.text.shared
        if cells is not None and "renewed_cell" in cells.variables:
            self.shared += "\nrenewed_cell = t"
        when = {"clock": self.clock, "when": "start"}
        every = {"clock": timing.clock, "when": "start"}
        #: what freezes: renewals, and in their place what happens in every step
        self.often = []
        if not model.report.passed:  # nothing of these leaves the range of numbers
            self.often.append(
                self._runner(synapses, self.code, -10, f"{name}_renewal", **when)
            )
        self.held: list = []
        if self.stamped:
            stamp = "renewed = t"
            self.often.append(
                self._runner(synapses, stamp, -9, f"{name}_renewed", **when)
            )
            self.held = [self._runner(synapses, self.text.synapse, -10, f"{name}_hold",
                                      **every),
                         self._runner(synapses, stamp, -9, f"{name}_held",
                                      **every)]  # fmt: skip
            for one in self.held:
                one.active = False
        step = {"clock": timing.clock, "when": "groups"}
        for code, order, label, options in (
            (self.text.post, -8, "renewal", when),
            (self.shared, -7, "renewed", when),
            (self.text.each_step, -1, "sum", step),
            (self.text.ageing, 1, "age", step),
        ):
            if code:
                one = self._runner(
                    cells, code, order, f"{name}_cells_{label}", **options
                )
                if code is self.text.ageing:
                    now = partial(getattr, one, "abstract_code")
                    quick_decays.quicken(one, cells, now)

    @staticmethod
    def _runner(group, code, order, name, **options):
        return group.run_regularly(code, order=order, name=name, **options)

    def steps(self, dt: float) -> int:
        """Return how many time steps may lie between renewals.

        Raises:
            FwpError: so many time constants in one step that no number can hold a factor.
        """
        steps = _LONGEST
        for rate, times in self.text.rates.items():
            number = initial_values.number(rate, {**self.model.parameters, "dt": dt}) * dt
            if number > _TOO_FEW:
                raise FwpError(f"{self.model.name!r}: {1 / number:.2g} time steps of "
                               f"{dt * 1e3:g} ms for the time constant 1/({rate}) are "
                               "too few for the factorised layout")  # fmt: skip
            steps = min(steps, max(1, int(times / number)) if number > 0 else steps)
        return steps

    def follow(self, dt: float) -> None:
        """Take another time step."""
        self.clock.follow(self.steps(dt), dt)

    def now(self, back: bool) -> None:
        """Renew at once, as of the last time step if ``back``, else as of the next
        one."""
        late = " - dt" if back else ""
        # factors are those at t - dt if the stamp is later by dt meanwhile
        if self.stamped:
            at_once(self.synapses, "renewed = renewed + dt" if back else "")
        at_once(self.synapses, self.code)
        if self.stamped:
            at_once(self.synapses, f"renewed = t{late}")
        if self.cells is not None:
            at_once(self.cells, self.text.post)
            at_once(
                self.cells,
                self.shared.replace("renewed_cell = t", f"renewed_cell = t{late}"),
            )

    def hold(self, frozen: bool, without) -> None:
        """Let decaying values that are frozen stand still, and others of the synapse go
        on."""
        if not self.held:
            return
        for one in self.often:
            one.active = not frozen
        for one in self.held:
            one.active = frozen
        if frozen:
            code = text(lines(self.text.synapse))
            self.held[0].abstract_code = without(code)
