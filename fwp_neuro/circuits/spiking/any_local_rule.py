"""Any local text in spikes: the statements run at the end of each token on population
activity.

Every signal of the rule is a population of cells that fires at |x| times the reference
rate during the write window (values: ON and OFF cells about a baseline); the query fires
in the query window. The cells' spikes are averaged over their window, and the rule's own
text is evaluated on these averages.
Weights are signed numbers here: this form keeps the spikes' noise and the text, not the
receptors.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...errors import FwpError
from ...programs import Program
from ...rules import Rule
from ...states import choose
from ...synapses.circuit_models import CircuitSynapse
from ..circuit_structure import Kept, structure
from ..collector import Collector, Port, Record, asked
from ..head_layout import Layout, cells, check_rate, fired, fired_cells, firing_cells
from ..prepared_circuit import check_traces, memory_details, said, steps_between
from ..rate import event_updates
from ..token_schedule import Schedule, check_number, timed

#: options without meaning in the generic form, and what they are when nobody gives them
_BIOPHYSICAL = {
    "layout": "auto", "signed_keys": "refuse", "synapse": "two_compartment_nmda",
    "parameters": None, "calibration": "propagator", "value_scale": "unit",
    "teacher": "spiking", "write": "first_order",
    **dict.fromkeys(("realism", "clean_up", "divisive")),
}  # fmt: skip
_POPULATIONS = {"k": "key", "q": "query", "v": "teacher"}  # of the cells of a signal


def sides(rule: Rule) -> dict[str, str]:
    """Return signal -> side of every signal that cells fire for; gates are given, not
    fired."""
    return {
        name: side for side, names in event_updates.homes_of_cells(rule).items()
        for name, home in names.items() if home == side and name not in rule.gates
    }  # fmt: skip


def populations(rule: Rule) -> dict[str, str]:
    """Return signal -> name of its population of cells."""
    return {name: _POPULATIONS.get(name, name) for name in sides(rule)}


def sizes(shape: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    """Return what a variable of each object of the circuit is shaped like; shape of w is
    given."""
    heads, post, pre = shape
    return {"pre": (heads, pre), "post": (heads, post), "synapse": (heads, pre, post)}


def _shaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return array.reshape(-1, *shape)


def ports(rule: Rule, shape: tuple[int, int, int]) -> dict[str, Port]:
    """Return all that a run of the circuit can record, by name: states and activities."""
    layout, of = Layout(*(shape[n] for n in (0, 2, 1))), sizes(shape)
    found = {
        state: Port("synapse", f"s_{state}", ("post", "pre"), layout.weights,
                    "fast weight" if state == "w" else f"synaptic state {state}")
        for state in rule.states
    }  # fmt: skip
    for name, side in sides(rule).items():
        window = "query" if name == "q" else "write"
        found[name] = Port(
            side, f"x_{name}", (side,), partial(_shaped, shape=of[side]),
            f"activity of the cells of {name}, so far in the {window} window over its "
            "length",
        )  # fmt: skip
    return found


def parts(program: Program, rule: Rule, signals, states, why: str, model: CircuitSynapse,
          schedule: Schedule, options) -> tuple:  # fmt: skip
    """Return (build, size, dt, keep, details) of a `PreparedCircuit`, every option
    checked, and its structure.

    Args:
        states: synaptic state -> [head, post, pre].
        why: the generic form runs.
        options: those of the realisation by name.
    """
    if options["drugs"]:
        raise FwpError(
            f"drugs need the biophysical form, and rule {rule.name!r} runs in the "
            f"generic one ({why})"
        )
    for name, usual in _BIOPHYSICAL.items():
        if options[name] != usual and (name, options[name]) != ("layout", "population"):
            raise FwpError(
                f"option {name} shapes the biophysical form only, but rule {rule.name!r} "
                f"runs in the generic one ({why}); leave it out"
            )
    if rule.locality.feedback and not options["feedback"]:
        raise FwpError(
            f"rule {rule.name!r} needs feedback: back() sums over the value cells at the "
            "key cell, and the spiking circuit has no such pathway unless you ask for "
            "it with feedback=True"
        )
    if not np.isfinite(options["cells"]):
        raise FwpError(
            "cells=inf (rates instead of spikes) needs the biophysical form, or the rate "
            "realisation"
        )
    number, dt = int(options["cells"]), options["dt"]
    numbers = sum(state.size for state in states.values())
    keep = choose(options["record_weights"], options["probes"], program, numbers)
    check_number(keep.probes)
    legal = ports(rule, states["w"].shape)
    names, every = options["record"], steps_between(options["record_every"], dt, schedule)
    if every and not names:
        raise FwpError(
            f"record_every alone samples voltages, but rule {rule.name!r} runs in the "
            f"generic form ({why}), which has none: name what to sample, "
            f"record={tuple(legal)!r} or some of it"
        )
    names = asked(names or (), legal, f"rule {rule.name!r} in the generic form ({why})")
    elements = {of: int(np.prod(shape)) for of, shape in sizes(states["w"].shape).items()}
    check_traces(names, legal, elements, schedule, every)
    spikes = fired(options["record_spikes"], tuple(populations(rule).values()))
    # each time new ones, because Brian2's devices write to what they are given
    make = partial(
        _Circuit, rule, signals, states, number, options["key_cells"], model, schedule,
        dt, options["seed"], keep, Record(names, every, spikes),
    )  # fmt: skip
    circuit = make()
    circuit.check_rates()
    layout = ("population", "the text is evaluated once for each key and value dimension")
    details = {"form": "generic", "form_reason": why, **said(names, model, options)}
    return (
        lambda: make().built(), circuit.size(), dt, keep,
        details | memory_details(layout, numbers, keep), lambda: structure(make()),
    )  # fmt: skip


class _Circuit(Kept):
    """The circuit of one rule."""

    form, told, keys = "generic", ("tokens",), "presynaptic"

    def __init__(
        self, rule, signals, states, number, kind, model, schedule, dt, seed, keep, record
    ):  # fmt: skip
        self.rule, self.signals, self.states = rule, signals, states
        self.number, self.kind, self.seed = number, kind, seed
        self.schedule, self.dt = schedule, dt
        heads, post, pre = states["w"].shape
        self.layout, self.tokens = Layout(heads, pre, post), schedule.tokens
        self.dims, self.rate = {"pre": pre, "post": post}, model.parameters["rate"]
        self.v0 = model.parameters["value_baseline"]
        self.equations, order = event_updates.synapse_model(rule)
        # the update belongs to the token that has just ended; at the very start there is
        # none
        self.order = [
            (how, _gated(what) if how == "update" else what) for how, what in order
        ]
        self.token = schedule.token_steps * dt
        self.sides, self.spiking = event_updates.homes_of_cells(rule), sides(rule)
        self.counted = number if kind == "poisson" else 0
        self.collector = Collector(
            schedule, keep, ports(rule, states["w"].shape), record, seed=seed
        )
        self.run_time, self.namespace = self.collector.run_time, self._tables()

    def _signs(self, name: str) -> tuple[int, ...]:
        """Return the signs of a signal's populations: ON, and OFF where needed."""
        negative = (self.signals[name] < 0).any()
        return (1, -1) if self.spiking[name] == "post" or negative else (1,)

    def _counts(self, name: str) -> tuple[str, ...]:
        """Return the variables of how many cells of a signal fire."""
        return tuple(f"fired_{name}_{n}" for n in range(len(self._signs(name))))

    def _baseline(self, values):
        return max(self.v0, np.abs(values).max() / 2)

    def check_rates(self) -> None:
        """Refuse signals at which cells would have to fire faster than a time step
        allows."""
        for name, side in self.spiking.items():
            values = self.signals[name]
            largest = np.abs(values).max()
            fastest = largest if side == "pre" else self._baseline(values) + largest / 2
            check_rate(fastest, self.rate, self.dt)

    def size(self) -> Size:
        """Return what `devices.simulate` chooses a device by."""
        sources = sum(
            self.layout.heads * self.dims[side] * (1 if self.counted else self.number)
            for side in self.spiking.values()
        )
        return Size(
            self.tokens * self.schedule.token_steps, 15 + 4 * len(self.spiking),
            self.layout.synapses * 3 + 3 * sources,
        )  # fmt: skip

    # ------------------------------------------------------------------ numbers

    def _tables(self) -> dict[str, Any]:
        """Return the constants, tables and functions of all equations."""
        done = np.arange(self.tokens + 1)[:, None] > 0
        done = b2.TimedArray(done.astype(float), dt=self.token)
        found: dict[str, Any] = {"ended": done}
        if self.counted:
            found |= {"fired_cells": fired_cells, "cells_each": float(self.number)}
        for side, homes in self.sides.items():
            for name, home in homes.items():
                if name in self.spiking:
                    found |= self._rates(name, side)
                    continue
                array = self.signals[name]
                array = array[..., None] if home == "shared" else array
                table = cells(array, self.dims[side])
                table = np.vstack([table[:1], table])
                found[f"table_{name}"] = b2.TimedArray(table, dt=self.token)
        return found

    def _rates(self, name: str, side: str) -> dict[str, Any]:
        """Return the rates of the cells of a signal, and by how much a spike of each sign
        kicks their average."""
        window = "query" if name == "q" else "write"
        spread = np.ptp(self.schedule.spans[window]) * self.schedule.dt
        course = self.schedule.course(
            (window, cells(self.signals[name], self.dims[side]))
        )
        signs = self._signs(name)
        half, base = 1, 0.0
        # ON and OFF cells about a baseline that keeps both rates positive
        if side == "post":
            flat = self.schedule.course((window, np.ones((self.tokens, 1))))
            half, base = 2, self._baseline(self.signals[name]) * flat
        rates = [np.maximum(base + sign * course / half, 0) for sign in signs]
        rates = np.concatenate(rates, 1) * float(self.rate)
        kicks = [float(s / (self.number * float(self.rate) * spread)) for s in signs]
        found = {f"kick_{name}_{n}": kick for n, kick in enumerate(kicks)}
        table = timed(rates, self.dt, b2.Hz, self.schedule.grid)
        return {f"rate_{name}": table, **found}

    def _units(self, name: str) -> int:
        """Return how many numbers a population of one sign codes."""
        return self.layout.heads * self.dims[self.spiking[name]]

    def code(self) -> tuple:
        layout = self.layout
        signs = tuple((n, side, self._signs(n)) for n, side in self.spiking.items())
        return (
            self.equations, tuple(self.order), self.rule.states, repr(self.sides), signs,
            (layout.heads, layout.post, layout.pre), self.kind,
            0 if self.counted else self.number,
        )  # fmt: skip

    def start(self) -> dict[str, np.ndarray]:
        found = {
            f"fast_weights.s_{name}": self.layout.flat(self.states[name])
            for name in self.rule.states
        }
        if not self.counted:  # as the groups draw them, in turn
            phases = np.random.default_rng(self.seed)
            for name in self.spiking:
                cells = self._units(name) * len(self._signs(name)) * self.number
                found[f"cells_{name}.phase"] = phases.random(cells)
        return found

    # ------------------------------------------------------------------ objects

    def built(self) -> Built:
        """Make the circuit."""
        phases = np.random.default_rng(self.seed)
        groups = {side: self._cells(side) for side in self.sides}
        fast = self._synapses(groups)
        objects = []
        for name, side in self.spiking.items():
            objects += self._population(name, groups[side], phases)
        # once the token's updates are done, and before its averages are forgotten
        after = len(self.order) + 1
        when = "groups"
        self.reads = b2.StateMonitor(
            groups["post"], "x_readout", record=True, name="reads", dt=self.token,
            when=when, order=after,
        )  # fmt: skip
        collector = self.collector
        collector.weights(
            fast, {name: f"s_{name}" for name in self.rule.states}, when, after
        )
        for of, group in ("synapse", fast), *groups.items():
            collector.traces(of, group, when, after)
        objects += collector.attach(groups["pre"], groups["post"], fast, after, when)
        network = b2.Network(*groups.values(), fast, *objects, self.reads)
        return Built(network, self._collect, self.run_time, keep=(self.namespace, self))

    def _cells(self, side: str) -> b2.NeuronGroup:
        """Make the cells of a side, which average spikes and hold what does not spike."""
        lines = event_updates.summed_variables(self.rule, side)
        for name in self.sides[side]:
            if name in self.spiking:
                lines.append(f"x_{name} : 1")
                if self.counted:
                    lines += [f"{each} : 1" for each in self._counts(name)]
            else:
                lines.append(f"x_{name} = table_{name}(t, i) : 1 (constant over dt)")
        if side == "post":
            lines.append("token_ended = ended(t, 0) : 1 (constant over dt)")
        return b2.NeuronGroup(
            self.layout.heads * self.dims[side],
            "\n".join(lines) + self.collector.equations(side),
            namespace=self.namespace, name=f"{side}synaptic",
            **(self.collector.probing.events(self.namespace) if side == "pre" else {}),
        )  # fmt: skip

    def _synapses(self, groups: dict) -> b2.Synapses:
        """Make the synapses with the rule's text, which runs at the end of each token."""
        fast = b2.Synapses(
            groups["pre"], groups["post"],
            self.equations + self.collector.equations("synapse"),
            name="fast_weights", namespace=self.namespace,
            **self.collector.probing.pathway("s_w"),
        )  # fmt: skip
        before, after = self.layout.connections()
        fast.connect(i=before, j=after)
        for name in self.rule.states:
            setattr(fast, f"s_{name}", self.layout.flat(self.states[name]))
        event_updates.attach(fast, self.order, dt=self.token)
        return fast

    def _population(self, name: str, averaging, phases) -> list:
        """Make the spiking cells of a signal, and their paths to the cells that average
        them."""
        units, signs = self._units(name), self._signs(name)
        signed = {"sign": 2} if len(signs) == 2 else {}
        dim = self.dims[self.spiking[name]]
        order = {**signed, "head": self.layout.heads, "dimension": dim}
        averaging.run_regularly(
            f"x_{name} = 0", dt=self.token, when="groups", order=len(self.order) + 2,
            name=f"forget_{name}",
        )  # fmt: skip
        if self.counted:
            self._draw(name, averaging, units, order)
            return []
        made = firing_cells(
            units * len(signs), self.number, self.kind, f"rate_{name}", f"cells_{name}",
            self.namespace, phases, self.dt,
        )  # fmt: skip
        self.collector.population(
            populations(self.rule)[name], made, self.number, **order
        )
        every, objects = np.arange(units * self.number), [made]
        for n in range(len(signs)):
            paths = b2.Synapses(
                made, averaging, on_pre=f"x_{name}_post += kick_{name}_{n}",
                name=f"average_{name}_{n}", namespace=self.namespace,
                delay=0 * b2.second,
            )  # fmt: skip
            paths.connect(i=every + n * units * self.number, j=every // self.number)
            objects.append(paths)
        return objects

    def _draw(self, name: str, averaging, units: int, order) -> None:
        """Kick the averages of a signal by as many cells as fire."""
        # each on its own: NumPy draws for all cells at once, C++ one by one
        for n, each in enumerate(self._counts(name)):
            rate = f"rate_{name}(t, i + {n * units})"
            averaging.run_regularly(
                f"{each} = fired_cells(rand(), cells_each, {rate}*dt)\n"
                f"x_{name} += kick_{name}_{n}*{each}",
                dt=self.dt, when="synapses", name=f"average_{name}_{n}",
            )  # fmt: skip
        self.collector.population(
            populations(self.rule)[name], averaging, self.number, self._counts(name),
            **order,
        )  # fmt: skip

    def _collect(self) -> dict:
        """Return what a run found."""
        y = np.array(self.reads.x_readout).T[1 : self.tokens + 1]
        states = dict.fromkeys(self.rule.states, self.layout.weights)
        return {
            "readout": self._by_value(y),
            **self.collector.found(states, self._by_value),
        }

    def _by_value(self, array):
        return array.reshape(*array.shape[:-1], self.layout.heads, self.layout.post)


def _gated(update: str) -> str:
    target, right = update.split(" = ", 1)
    return f"{target} = {target}*(1 - token_ended_post) + token_ended_post*({right})"
