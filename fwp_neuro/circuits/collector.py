"""What a circuit records: fast weights and probes at token ends, spikes, and traces.

A builder of a circuit makes one `Collector`, gives its groups the lines that it wants,
tells it where things are, and takes what it found::

    collector = Collector(schedule, keep, ports, record)
    values = b2.NeuronGroup(n, model + collector.equations("post"), ...)
    synapses = b2.Synapses(keys, values, model + collector.equations("synapse"),
                           **collector.probing.pathway("w"))
    ...
    collector.population("key", keys, cells=100, head=heads, dimension=pre)
    collector.weights(synapses, {"w": "w"}, when="start", order=2)
    collector.traces("post", values, when="groups", order=-4)
    network = b2.Network(keys, values, synapses, *collector.attach(keys, values, synapses, 2))
    ...
    found = collector.found({"w": weights_of_synapses}, by_value)   # once the run is over

``ports`` (name -> `Port`) is all that a user may ask for by ``fwp.run(...,
record=names)``; check the names with `asked` before anything is built. What nobody asked
for costs nothing.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np

from ..errors import unknown
from ..states import Keep
from ..validation import affordable
from .head_layout import Population, cell_coordinates, entry, spikes
from .token_schedule import Probing, Schedule
from .which_cells_fired import cells_and_times

#: that a recording says about a cell, mostly its population's name
_BYTES_OF_A_CELL = 64
#: Brian2's name of a unit -> the name in a recording
_UNITS = {"volt": "V", "siemens": "S", "amp": "A", "second": "s", "hertz": "Hz"}


@dataclass(frozen=True)
class Port:
    """A variable of a circuit that a run can record.

    Attributes:
        of: the object that has it: "pre" or "post" (cells), "synapse".
        code: Brian2 expression there, or part of the cell -> expression, for an axis
            "compartment".
        dims: axes after time and head.
        arrange: turns [time, element of the object] into [time, head, *dims].
        words: what it is, for ``long_name``.
        unit: Brian2's unit of the expression.
        units: its name in the recording, where it is not that of ``unit``.
        scaled: whether it is a number of the programme, of which circuits code values up
            to 1.
        reads: variables that are sampled as they are, in place of ``code``; ``arrange``
            then takes variable -> [time, element]. See `Collector.sample`.
    """

    of: str
    code: str | Mapping[str, str]
    dims: tuple[str, ...]
    arrange: Callable[[Any], np.ndarray]
    words: str
    unit: str = "1"
    units: str = ""
    scaled: bool = False
    reads: tuple[str, ...] = ()

    def codes(self, name: str) -> dict[str, str]:
        """Return variable of the object -> expression."""
        if isinstance(self.code, Mapping):
            return {f"{part}_recorded_{name}": code for part, code in self.code.items()}
        return {f"recorded_{name}": self.code}


@dataclass(frozen=True)
class Record:
    """What a user wants recorded beside what is kept of the weights.

    Attributes:
        names: ports; every: time steps between two samples, 0 for no traces.
        spikes: populations whose spikes are kept.
        scale: the value that the circuit codes as 1, a number or [1 or head, 1, 1].
    """

    names: tuple[str, ...] = ()
    every: int = 0
    spikes: tuple[str, ...] = ()
    scale: float | np.ndarray = 1.0


NOTHING = Record()


def asked(names, ports: Mapping[str, Port], circuit: str) -> tuple[str, ...]:
    """Return the names once each.

    Raises:
        FwpError: a name that is no port of the circuit; the sentence lists those that
            are.
    """
    for name in names:
        if name not in ports:
            raise unknown(name, ports, f"variable to record of {circuit}:")
    return tuple(dict.fromkeys(names))


@dataclass
class Collector:
    """Records one circuit; see the head of this module for how to use it.

    Attributes:
        schedule: of the tokens; keep: what is kept of the fast weights.
        ports: name -> what may be recorded; record: what is.
        each: how many presynaptic cells share one number.
        last_step: whether a token ends in its last step, of which it has one (in a slot
            after all updates), and not in the first step of the next token.
        seed: of the choice of cells that fired, where only their number was drawn.
        objects: what the network needs of it.
    """

    schedule: Schedule
    keep: Keep
    ports: Mapping[str, Port] = field(default_factory=dict)
    record: Record = NOTHING
    each: int = 1
    last_step: bool = False
    seed: int = 0
    objects: list[Any] = field(default_factory=list)
    _monitors: dict[str, Any] = field(default_factory=dict)
    _cells: list[tuple[str, int, dict]] = field(default_factory=list)
    _counted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.dt = self.schedule.dt * b2.second
        self.token = self.schedule.token_steps * self.dt
        inputs = self.keep.probes
        if inputs is not None:  # [head, probe, pre] -> one number a cell
            inputs = np.swapaxes(inputs, 0, 1).reshape(inputs.shape[1], -1)
            inputs = np.repeat(inputs, self.each, axis=1) / self.each
        steps, tokens = self.schedule.token_steps, self.schedule.tokens
        self.probing = Probing(inputs, steps, tokens, self.dt, self.last_step)

    def _asked(self, of: str) -> dict[str, Port]:
        named = {name: self.ports[name] for name in self.record.names}
        return {name: port for name, port in named.items() if port.of == of}

    def _monitor(self, name: str, monitor):
        self._monitors[name] = monitor
        self.objects.append(monitor)

    # ------------------------------------------------------------------ before the run

    def equations(self, of: str) -> str:
        """Return the lines that an object gets ("pre", "post", "synapse")."""
        lines = [] if of == "synapse" else self.probing.lines(of)
        for name, port in self._asked(of).items():
            for own, code in port.codes(name).items():
                # a monitor of synapses cannot look at their cells: they get the value
                expression = "" if of == "synapse" else f" = {code}"
                lines.append(f"{own}{expression} : {port.unit}")
        return "\n".join(["", *lines])

    def population(
        self, name: str, group, cells: int, counts: tuple[str, ...] = (), /, **order: int
    ) -> None:
        """Say what the cells of a group stand for; records their spikes if these are
        wanted.

        Args:
            name: of the population, such as "key", "teacher" or "value".
            group: a NeuronGroup; ``cells`` neighbours of it stand for one number. With
                ``counts`` it has one element a number.
            counts: its variables with the number of cells that fire in a time step, of
                which the spikes are made.
            order: "head", "dimension" and, where there are ON and OFF cells, "sign" ->
                how many there are, the slowest first.
        """
        every = cells * math.prod(order.values())
        affordable(every, f"the cells of population {name!r}", _BYTES_OF_A_CELL)
        self._cells.append((name, cells, order))
        if name not in self.record.spikes:
            return
        if counts:
            steps = self.schedule.tokens * self.schedule.token_steps
            affordable(steps * len(group) * len(counts), f"record_spikes of {name!r}")
            monitor = b2.StateMonitor(
                group, counts, record=True, when="end", name=f"spikes_{name}"
            )
            self._counted[name] = counts
        else:
            monitor = b2.SpikeMonitor(group, name=f"spikes_{name}")
        self._monitor(f"spikes_{name}", monitor)

    def weights(
        self, synapses, variables: Mapping[str, str], when: str, order: int
    ) -> None:
        """Keep synaptic states (state -> variable) at the ends of tokens, as `keep` says.

        ``when`` and ``order`` are the place in a time step at which the synapses are
        those of the token that has ended.
        """
        self.synapses, self.variables = synapses, dict(variables)
        if self.keep.mode == "snapshots":
            self._monitor("weights", b2.StateMonitor(
                synapses, list(variables.values()), record=np.arange(len(synapses)),
                dt=self.token, when=when, order=order, name="kept_weights",
            ))  # fmt: skip

    def traces(self, of: str, group, when: str, order: int) -> None:
        """Sample what is asked of an object, at this place in a time step (for synapses,
        at this and the next one)."""
        codes: dict[str, str] = {}
        for name, port in self._asked(of).items():
            codes |= port.codes(name)
        if not codes:
            return
        every = self.record.every * self.dt
        if of == "synapse":
            lines = "\n".join(f"{own} = {code}" for own, code in codes.items())
            group.run_regularly(
                lines, dt=every, when=when, order=order, name="sample_synapses"
            )
            order += 1
        self._monitor(f"traces_{of}", b2.StateMonitor(
            group, [*codes], record=np.arange(len(group)), dt=every, when=when,
            order=order, name=f"traces_{of}",
        ))  # fmt: skip

    def sample(self, monitor: Callable[[str, str, Any], tuple[Any, str]]) -> None:
        """Sample the ports that read variables of objects which others have built.

        Args:
            monitor: (object of the port, variable, interval) -> a monitor, and under
                which name it has the variable.
        """
        for name in self.record.names:
            for own in self.ports[name].reads:
                made, shown = monitor(
                    self.ports[name].of, own, self.record.every * self.dt
                )
                self._monitor(f"{name}.{own}", made)
                self._shown[f"{name}.{own}"] = shown

    def attach(self, pre, post, synapses, order: int, when: str = "start") -> list[Any]:
        """Give the probes their place in a time step; return all that the network needs.

        ``order`` to ``order + 3`` of the slot ``when`` are taken by probes.
        """
        self.objects += self.probing.attach(pre, post, synapses, order, when)
        return self.objects

    def renew(self, other: Collector, cells: int, sizes: Mapping[str, int]) -> None:
        """Collect for another circuit of the same structure and its collector; in it so
        many ``cells`` stand for a number (0: as here), or as many as ``sizes`` says."""
        self._cells = [(n, sizes.get(n, cells or own), o) for n, own, o in self._cells]
        for name in ("schedule", "keep", "ports", "record", "seed"):
            setattr(self, name, getattr(other, name))
        self.probing.tokens = other.probing.tokens

    # ------------------------------------------------------------------ after the run

    def raw(self, state: str) -> np.ndarray:
        """Return a state of all synapses at token ends, [token, synapse]; the last end
        alone if no snapshots were kept."""
        variable, tokens = self.variables[state], self.schedule.tokens
        if "weights" in self._monitors:
            return np.array(getattr(self._monitors["weights"], variable)).T[-tokens:]
        return np.array(getattr(self.synapses, variable))[None]

    def found(
        self, weights: Mapping[str, Callable], by_value: Callable
    ) -> dict[str, Any]:
        """Return what was recorded.

        Args:
            weights: state -> function that turns [token, synapse] into [token, head,
                post, pre].
            by_value: turns [..., postsynaptic cell] into [..., head, post].

        Returns:
            "snapshots", "last" and "probe_readout" as in `states.variables`;
            "recorded" (traces and spikes) and "coords" as in `recording.make_recording`;
            "duration" of the run in seconds; "later", a function that gives further
            entries of "recorded", where those are made only if somebody asks.
        """
        found, states = self.times(), {}
        if self.keep.mode != "none":
            states = {
                state: arrange(self.raw(state)) for state, arrange in weights.items()
            }
        if self.keep.mode == "snapshots":
            found["snapshots"] = states
        elif self.keep.mode == "last":
            found["last"] = {state: array[0] for state, array in states.items()}
        if self.keep.probes is not None:
            found["probe_readout"] = np.swapaxes(by_value(self.probing.found()), 1, 2)
        return found

    @property
    def run_time(self):
        """How long the network runs, a Brian2 time."""
        return self.schedule.run_time(self.record.every)

    def times(self) -> dict[str, Any]:
        """Return what `found` says of all but weights: "duration", "recorded" and
        "coords"."""
        found: dict[str, Any] = {"duration": self._seconds(self._steps), "recorded": {}}
        starts = np.arange(self.schedule.tokens) * self.schedule.token_steps
        populations = [
            Population.of(n, cells, **order) for n, cells, order in self._cells
        ]
        found["coords"] = {
            "token_start": entry(
                "token", self._seconds(starts), "s", "start of the token"
            ),
            **cell_coordinates(populations),
        }
        if self.record.names:
            times = np.arange(0, self._steps + 1, self.record.every)
            found["coords"]["time"] = entry("time", self._seconds(times), "s", "time")
            for name in self.record.names:
                found["recorded"][name] = self._trace(name, found["coords"])
        fired = {
            each.name: self._fired(each.name)
            for each in populations
            if f"spikes_{each.name}" in self._monitors
        }
        # a run lasts one step longer than its tokens, for what happens at the end of the
        # last one
        end = (self._steps - 0.5) * self.schedule.dt
        if self._counted:
            found["later"] = lambda: _spikes(populations, fired, end)
        else:
            found["recorded"] |= _spikes(populations, fired, end)
        return found

    @staticmethod
    def seed_of(seed: int, population: str) -> list[int]:
        """Return the seed of the choice of cells of a population, for each its own."""
        return [seed, *population.encode()]

    def _fired(self, name: str) -> Callable[[], tuple]:
        """Return what gives (cell, time in s) of every spike of a population."""
        monitor = self._monitors[f"spikes_{name}"]
        if name not in self._counted:
            spikes = np.array(monitor.i), np.array(monitor.t)
            return lambda: spikes
        counts = [np.array(getattr(monitor, n)).T for n in self._counted[name]]
        (cells,) = (cells for own, cells, _ in self._cells if own == name)
        seed = self.seed_of(self.seed, name)
        counts, times = np.concatenate(counts, 1).astype(np.int32), np.array(monitor.t)
        return partial(cells_and_times, counts, cells, times, seed)

    @property
    def _steps(self) -> int:
        return self.schedule.tokens * self.schedule.token_steps

    def _seconds(self, steps):
        # to a picosecond, so that step 600 of 0.5 ms is the number that a user types: 0.3
        return np.round(np.asarray(steps) * self.schedule.dt, 12)

    def _trace(self, name: str, coords: dict) -> tuple:
        port, scale = self.ports[name], self.record.scale
        samples = self._steps // self.record.every + 1
        if port.reads:
            keys = {own: f"{name}.{own}" for own in port.reads}
            parts = [port.arrange({
                own: np.array(getattr(self._monitors[key], f"{self._shown[key]}_")).T[
                    :samples
                ]
                for own, key in keys.items()
            })]  # fmt: skip
        else:
            monitor = self._monitors[f"traces_{port.of}"]
            parts = [
                port.arrange(np.array(getattr(monitor, own)).T[:samples])
                for own in port.codes(name)
            ]
        array, dims = parts[0], ("time", "head", *port.dims)
        if isinstance(port.code, Mapping):
            array, dims = np.stack(parts, 1), ("time", "compartment", "head", *port.dims)
            coords["compartment"] = entry(
                "compartment", [*port.code], "1", "part of the cell"
            )
        units = port.units or _UNITS.get(port.unit, port.unit)
        return entry(dims, array * scale if port.scaled else array, units, port.words)


def _spikes(populations, fired: Mapping[str, Callable[[], tuple]], end: float) -> dict:
    return spikes(populations, {name: give() for name, give in fired.items()}, end)
