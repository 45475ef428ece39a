"""Synapses of a model in a network: where its variables are, and their values after a
run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
import numpy as np
from brian2.core.variables import Subexpression
from brian2.devices.device import RuntimeDevice
from brian2.equations.equations import SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ...arguments import filename, inside, one_of, optional, takes, text
from ...arithmetic import evaluate
from ...quantities import a_time
from ...synapses.synapse_class import Synapse
from . import plastic_checks as checks
from . import (
    plastic_delays,
    plastic_rivals,
    plastic_run,
    plastic_saving,
    plastic_values,
)
from .attached_variables import plain_sentences
from .plastic_freeze import Freezing, catch_up
from .plastic_handle import PARTS, Handle


@takes("Plastic", **PARTS)
@dataclass(repr=False)
class Plastic(Handle):
    """Synapses of a model in a network; `fwp_neuro.circuits.connect` makes them.

    Attributes:
        model: as it was built, in its layout.
        synapses: the Brian2 Synapses object.
        timing: the clocks of the cells, see `plastic_clocks.Timing`.
        objects: everything to put into a Network besides the cells: ``Network(cells,
            *made.objects)``, or ``Network(cells, made)``.
        where: variable of the model -> (group that has it, its name there).
        renewing: what renews waiting writes, or None.
        lines: name of a line that stores values -> for how long.
        levels: variable of a cascade -> what is added to the sum that is kept of it.
        pairs: the cells (i, j) of the synapses where they are known before these are
            made, or None.
    """

    model: Synapse
    synapses: Any
    timing: Any
    objects: list = field(default_factory=list)
    where: dict[str, tuple[Any, str]] = field(default_factory=dict)
    renewing: Any = None
    lines: dict[str, Any] = field(default_factory=dict)
    pairs: Any = None
    levels: Mapping[str, str] = field(default_factory=dict)
    #: name of a copy that a monitor records -> (variable, what makes the copy)
    recorded: dict[str, tuple[str, Any]] = field(init=False, default_factory=dict)

    def __post_init__(self):
        self._step = self.timing.dt
        self._freezing = Freezing(self)
        self._made_up: float | None = None
        for name in self.levels:
            checks.variable(self.model, name, "levels")
        if hasattr(self.model, "report"):
            report = self.model.report
            for name in {*report.waiting, *self.levels, *report.passed}:
                plastic_values.guard(self, name)
        self._delays = plastic_delays.delays(self)

    @property
    def dt(self) -> float:
        """Time step, seconds."""
        return self.timing.dt

    @property
    def moved(self) -> Mapping[str, str]:
        """Variables of the synapses that live on a cell -> "pre" or "post"."""
        return self.model.report.moved if hasattr(self.model, "report") else {}

    # ------------------------------------------------------------------ learning

    @property
    def frozen(self) -> bool:
        """Whether learning stands still."""
        return self._freezing.on

    def freeze(self) -> None:
        """Stop learning from the next run on: the weights do not change until `thaw`.

        Call it between runs; ``synapses.active = False`` does the same. What is frozen
        are the variables of the effective weight (`plastic_freeze.learned`), at the
        values that the last time step left: writes that wait for presynaptic spikes are
        in them, and they do not decay. Traces, receptors and cells go on, and synapses
        transmit. So every layout gives the weights of the textbook layout without the
        statements and equations that change them.

            made.freeze()
            network.run(1*b2.second)  # a test without learning
            made.thaw()

        Raises:
            FwpError: a model that learns nothing, or a call while the network runs.
        """
        plastic_run.between_runs(self, "freeze()")
        self._freezing.check()
        if self.frozen:
            return
        self.settle()
        self._freezing.start()

    def thaw(self) -> None:
        """Let learning go on from the next run; does nothing for synapses that are not
        frozen.

        Raises:
            FwpError: a call while the network runs.
        """
        plastic_run.between_runs(self, "thaw()")
        if self.frozen:
            self.settle()
            self._freezing.stop()

    def settle(self) -> None:
        """Bring everything that is kept as of an earlier time to the last time step."""
        back = self.time() > 0
        if self.renewing is not None:
            self.renewing.now(back)
        catch_up(self.synapses, back)

    @property
    def passed(self) -> tuple[str, ...]:
        """Variables that wait for the next spike to make up for steps."""
        return self.model.report.passed if hasattr(self.model, "report") else ()

    def make_up(self, name: str | None = None) -> None:
        """Bring variables that wait for the next spike to the time of the next step.

        Only if one of this name does; if any does where no name is given.
        """
        if self.passed if name is None else name in self.passed:
            now = self.time()
            if now != self._made_up:
                self._made_up = now
                self.renewing.now(True)

    def time(self) -> float:
        """Return the time of the next step, seconds."""
        return float(np.ravel(self.synapses.clock.variables["t"].get_value())[0])

    # ------------------------------------------------------------------ runs

    def check_run(self) -> None:
        """Look at clocks, names and objects before a run; Brian2 calls it.

        Raises:
            FwpError: what would make the weights wrong.
        """
        plastic_run.complete(self)
        plastic_run.all_active(self)
        plastic_delays.same_delays(self, self._delays)
        plastic_rivals.check(self)
        self.timing.check()
        if abs(self.dt - self._step) > 1e-9 * self._step:
            plastic_run.moved_on(self, self._step, self.dt)
            self._step = self.dt

    def state(self) -> dict[str, Any]:
        """Return what `Network.store` must keep besides the arrays."""
        return {"step": self._step, "frozen": self.frozen}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned, once the arrays are restored."""
        self._step, self._made_up = state["step"], None
        if state["frozen"] and not self.frozen:
            self._freezing.start(False)
        elif self.frozen and not state["frozen"]:
            self._freezing.stop(False)

    # ------------------------------------------------------------------ values

    @takes("values", name=text("w"))
    def values(self, name: str) -> np.ndarray:
        """Return a variable of the model for every synapse, in base units, after a run.

        The values are those that the last time step left, but event-driven variables of
        the textbook layout are as of the last spike of either side, as Brian2 has them.

        Of a parameter that varies over cells it returns the values of the cells.

        Raises:
            FwpError: the model has no variable of this name.
        """
        name = self.known(name)
        checks.variable(self.model, name, "values", self.where)
        group, own = self.where[name]
        self.make_up(name)
        if f"{name}_kept" in self.where:
            return self._worked_out(name, max(self.time() - self._step, 0.0))
        standalone = not isinstance(b2.get_device(), RuntimeDevice)
        if standalone and isinstance(group.variables[own], Subexpression):
            return self._worked_out(name, self.time())  # Brian2 cannot after such a run
        found = np.array(getattr(group, f"{own}_")[:])
        side = self.moved.get(name)
        if side is not None:  # it lives on cells
            return found[self.cells(side)]
        return found

    def known(self, name: str) -> str:
        """Return the variable that holds the values of a parameter of this name, or the
        name."""
        held = [n for n, one in self.model.varying.items() if one.parameter == name]
        return held[0] if len(held) == 1 else name

    @takes("set", name=text("w"), value=inside("numbers, a quantity or text", float))
    def set(self, name: str, value) -> None:
        """Give a variable of the synapses new values, before or between runs.

        ``made.synapses.w = ...`` does the same. A variable that decays has the value as
        of now.

        Args:
            name: a synaptic variable of the model, or a parameter that varies.
            value: number, quantity, Brian2 expression, or array with a value for each
                synapse (for each cell, of a parameter that varies over cells).

        Raises:
            FwpError: no such variable, another length or dimension, or a variable that
                lives on cells in this layout.
        """
        with plain_sentences(name, "set"):
            plastic_values.put(self, name, value)

    def sets(self, name: str) -> bool:
        """Return whether ``synapses.name = value`` is more than Brian2's own
        assignment."""
        return plastic_values.is_set_here(self, name)

    def checked(self, name: str, value):
        """Return a value that Brian2 may assign to ``synapses.name``, or raise
        `FwpError`."""
        return plastic_values.read(self, name, value)

    @takes(
        "record",
        name=text("w"),
        dt=a_time("1*ms"),
        which=inside("True or indices of synapses"),
    )
    def record(self, name: str, dt, which=True):
        """Record a variable of the synapses, or a parameter that varies, right in every
        layout.

        Call it before the Network is made, which takes the record with ``made.objects``;
        add ``record.monitor`` to one that is made already. Samples are those of the start
        of a time step, also of event-driven variables.

            weights = made.record("w", 10*b2.ms, which=[0, 3])
            network = b2.Network(cells, *made.objects)
            network.run(1*b2.second)
            weights.t, weights.values  # [sample], [synapse, sample]

        Args:
            name: of a synaptic variable.
            dt: Brian2 time between samples.
            which: indices of synapses, or True for all.

        Returns:
            an object with ``t`` [sample] and ``values`` [synapse, sample], Brian2
            quantities.

        Raises:
            FwpError: no such variable, indices of no synapses, or no time.
        """
        return plastic_values.record(self, name, dt, which)

    @takes("save", path=filename("weights.npz"))
    def save(self, path):
        """Save weights and all other states that `connect` made, whole or not at all.

        The file (npz) also holds spikes on their way, the delays, model, parameters and
        sizes; it holds nothing of your cells' own variables and no random numbers. Call
        it between runs.

            made.save("weights.npz")

        Returns:
            the path.

        Raises:
            FwpError: the file cannot be written, or a standalone device.
        """
        return plastic_saving.save(self, path)

    @takes("load", path=filename("weights.npz"))
    def load(self, path) -> None:
        """Load what `save` saved, into synapses that `connect` made with the same
        arguments.

        The run then goes on as it would have gone on, from the time at which your network
        is; times that the model keeps, such as that of the last spike, are as long ago as
        they were. What the synapses had added to a conductance of your cells is added to
        it again: states of the cells that you keep yourself are set after it.

            made.load("weights.npz")

        Raises:
            FwpError: no such file, another model, layout, parameter, time step, size or
                pairs of cells, or a standalone device. The synapses are then as they
                were.
        """
        plastic_saving.load(self, path)

    @takes(
        "monitor",
        name=text("w"),
        record=inside("True or indices of synapses"),
        dt=optional(a_time("1*ms")),
        label=optional(text("weights")),
    )
    def monitor(self, name: str, record=True, dt=None, label: str | None = None):
        """Return a Brian2 StateMonitor of a variable of the synapses, right in every
        layout.

        Brian2's own cannot record what a synapse works out from its cells. Samples are
        those of the start of a time step, as Brian2's are.

            weights = made.monitor("w", dt=1*b2.ms)
            network = b2.Network(cells, *made.objects, weights)  # then weights.w [synapse, sample]

        Args:
            name: of a synaptic variable.
            record: indices of synapses, or True for all.
            dt: Brian2 time between samples; every time step if None.
            label: Brian2's name of the monitor.

        Raises:
            FwpError: no such variable, or indices of no synapses.
        """  # noqa: E501
        return plastic_values.monitor(self, name, record, dt, label)

    @takes("cells", side=one_of(("pre", "post"), "side"))
    def cells(self, side: str) -> np.ndarray:
        """Return each synapse's cell, counted in the whole group."""
        own = self.synapses
        try:
            found = np.array((own.i if side == "pre" else own.j)[:])
        except NotImplementedError:
            if self.pairs is None:
                raise
            found = self.pairs()[side == "post"]
        return found + getattr(self.side(side), "start", 0)

    def side(self, side: str):
        """Return the group of cells of a side."""
        return self.synapses.source if side == "pre" else self.synapses.target

    @property
    def count(self) -> int:
        """Number of synapses."""
        try:
            return len(self.synapses)
        except NotImplementedError:
            if self.pairs is None:
                raise
            return len(self.pairs()[0])

    def _worked_out(self, name: str, at: float) -> np.ndarray:
        """Evaluate a variable that follows from others at a time, seconds."""
        equations = b2.Equations(self.model.equations.synapse)
        known = {"t": at}
        known |= {
            n: float(v) for n, v in self.model.parameters.items() if np.ndim(v) == 0
        }

        def value(name: str):
            if name in known:
                return known[name]
            if name in self._freezing.fixed:
                name = f"{name}_kept"
            side = name.rsplit("_", 1)[-1]
            if name in equations and equations[name].type == SUBEXPRESSION:
                text = str(equations[name].expr)
                needed = get_identifiers(text) - {"exp"}
                return evaluate(text, {n: value(n) for n in needed})
            if name in equations:
                return np.array(getattr(self.synapses, f"{name}_")[:])
            group, own = self.where[name.removesuffix(f"_{side}")]
            found = np.array(getattr(group, f"{own}_")[:])
            return found[self.cells(side)] if found.ndim else found

        return value(name)
