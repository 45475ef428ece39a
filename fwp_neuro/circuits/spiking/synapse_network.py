"""A circuit whose fast weights are published synapses: key cells, synapses, value cells.

    key cells -- synapse (any plasticity, release, receptor) --> value cells, ON and OFF

Key cells fire as keys and queries say. Value cells fire as a teacher says, v0 + v/2 for
ON and v0 - v/2 for OFF cells, and do not fire while a query is shown; their conductance,
ON minus OFF, is the read-out. For an error-correcting rule what they recall is taken off
the teacher: (v - y) in place of v. That a population of value cells shares one recall is
an idealisation of this circuit; everything between a presynaptic spike and the
conductance is the synapse's own text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...states import Keep
from ...synapses.coding import Experiment
from ...synapses.synapse_class import Synapse
from ..circuit_structure import Kept, exact, structure
from ..collector import NOTHING, Collector, Port, Record
from ..plastic import connecting
from ..token_schedule import Schedule, timed
from .synapse_ports import Cells, of_weight
from .synapse_tables import Tables, chances, fired

#: value that a value cell codes while its teacher says 0
BASELINE = 0.5
#: numbers of synapses at the ends of all tokens that are kept to have the last ones
_FEW = 2**21
#: filter of the recalled conductance where keys are rates, seconds
FILTER = 0.1


@dataclass(frozen=True)
class Commands:
    """What the circuit is told; every entry is a share of the largest that a cell can
    code.

    Attributes:
        key, query: [token, head, pre] in [0, 1].
        value: teacher times write strength [token, head, post] in [-1, 1].
        erase: write strength of what is recalled [token, head]; 0 for a Hebbian rule.
        recall: conductance (siemens) that means 1.
        cells, value_cells: for each entry of a key, and for each channel of a value.
    """

    key: np.ndarray
    query: np.ndarray
    value: np.ndarray
    erase: np.ndarray
    recall: float
    cells: int
    value_cells: int

    @property
    def sizes(self) -> Cells:
        """How many cells the circuit has."""
        heads, pre, post = (*self.key.shape[1:], self.value.shape[2])
        return Cells(heads, pre, post, self.cells, self.value_cells)


def builder(
    synapse: Synapse, how: Experiment, commands: Commands, table: Tables, dt,
    record: Record = NOTHING, ports: Mapping[str, Port] | None = None,
) -> tuple:  # fmt: skip
    """Return (build, size, structure) for `devices.simulate`.

    What is collected: "readout" [token, head, post] in siemens, "variables" of which the
    effective weight is made, name -> [1, synapse] at the end of the last token, "beyond"
    the share of steps in which a value cell would have had to fire with a chance outside
    [0, 1], and what `Collector.times` gives, with spikes of the key and value cells and
    with those of ``ports`` that ``record`` names.
    """
    counts = commands.sizes.counts
    steps = len(table.sample)

    # each time new ones, because Brian2's devices write to what they are given
    make = partial(_Network, synapse, how, commands, table, dt, record, ports or {})
    size = Size(steps, 20, int(0.05 * counts["synapse"]) + 10 * counts["value"])
    return lambda: make().built(), size, lambda: structure(make())


def said(synapse: Synapse, how: Experiment) -> str:
    """Return all that a synapse and its experiment say, with every digit."""
    numbers = exact(how), exact(synapse.parameters), exact(synapse.initial)
    return repr((synapse.name, synapse.equations, synapse.weight, numbers))


def _monitor(made, groups: Mapping, of: str, variable: str, every):
    """Return (monitor, name there) of a variable: of the circuit's ``groups``, or of
    those that the synapses have made."""
    if (of, variable) in groups:
        group, own = groups[of, variable], variable
    elif of == "synapse":
        return made.monitor(variable, dt=every), variable
    else:
        group, own = made.where[variable]
    return b2.StateMonitor(
        group, own, record=np.arange(len(group)), dt=every, name="traces*"
    ), own


class _Network(Kept):
    """Builds the Brian2 objects of one run."""

    form, told, keys = "published", ("table", "tokens"), "key_cells"

    def __init__(
        self, synapse: Synapse, how: Experiment, commands: Commands, table: Tables, dt,
        record: Record, ports: Mapping[str, Port],
    ):  # fmt: skip
        self.synapse, self.how, self.commands = synapse, how, commands
        self.table, self.dt = table, dt
        self.tokens, self.heads, self.pre = commands.key.shape
        self.post = commands.value.shape[2]
        self.token = table.token_steps * dt
        schedule = Schedule({}, table.token_steps, self.tokens, float(dt))
        # the effective weights are expressions over what the synapses end with
        self.collector = Collector(schedule, Keep("none", ""), ports, record)
        self.run_time = schedule.run_time(self.tokens * table.token_steps)
        self.namespace: dict[str, Any] = {"recalled_as_1": commands.recall * b2.siemens,
                                          "filter": FILTER * b2.second}  # fmt: skip
        for name in ("key_now", "value_now", "second_now", "sample"):
            self.namespace[name] = b2.TimedArray(getattr(table, name), dt=dt)
        course = self._per_token(commands.key, table.writing)
        course = course + self._per_token(commands.query, table.reading)
        half = commands.value / 2
        teach = np.stack([half, -half], 2)  # [token, head, channel, post]
        for name, each in (
            ("key", course),
            ("teach", self._per_token(teach, table.writing)),
            ("erase", self._per_token(commands.erase, table.writing)),
        ):
            self.namespace[f"{name}_table"] = timed(each, dt, grid=table.grid)
        #: what the weights are made of, of which a sample a token is kept, or the last
        self.ends = of_weight(synapse)
        numbers = len(self.ends) * commands.sizes.counts["synapse"] * self.tokens
        self.every_end = numbers <= _FEW

    def code(self) -> tuple:
        tokens = 0 if self.every_end else self.tokens
        # values at the start follow from the parameters
        return said(self.synapse, self.how), self.commands.sizes, tokens

    def _per_token(self, array: np.ndarray, window: np.ndarray) -> np.ndarray:
        """Return [step, cell] of numbers that hold in a window of their token."""
        flat = array.reshape(len(array), -1)
        return np.repeat(flat, self.table.token_steps, axis=0) * window[:, None]

    def _key_cells(self):
        """Cells that fire with the chance of their key, or query."""
        c = self.commands
        made = b2.NeuronGroup(
            self.heads * self.pre * c.cells,
            "key_chance = key_table(t, key_coded) : 1 (constant over dt)\n"
            "key_coded : integer (constant)",
            threshold=f"rand() < {chances(self.how, float(self.dt))[0]}", reset="",
            namespace=self.namespace, name="key_cells",
        )  # fmt: skip
        made.key_coded = np.repeat(np.arange(self.heads * self.pre), c.cells)
        return made

    def _values(self):
        """The numbers of the value dimensions: what ON minus OFF cells recall."""
        slow = self.how.coding == "rates"
        follow = (
            "dy/dt = (g_on - g_off - y)/filter : siemens"
            if slow
            else ("y = g_on - g_off : siemens")
        )
        made = b2.NeuronGroup(
            self.heads * self.post, f"{follow}\ng_on : siemens\ng_off : siemens\ntotal : "
                                    "siemens",
            method="exact", namespace=self.namespace, name="values", order=2,
        )  # fmt: skip
        made.run_regularly("total += sample(t)*y", dt=self.dt, when="after_groups",
                           name="read_out")  # fmt: skip
        return made

    def _value_cells(self, values):
        """ON and OFF cells [head, channel, post, cell] that a teacher makes fire."""
        c = self.commands
        made = b2.NeuronGroup(
            self.heads * 2 * self.post * c.value_cells,
            f"""value_conductance : siemens
            value_wanted = {BASELINE} + teach_table(t, value_coded)
                - value_side*erase_table(t, value_head)*value_recalled/recalled_as_1/2 : 1
            value_chance = clip(value_wanted, 0, 1) : 1
            value_recalled : siemens (linked)
            value_coded : integer (constant)
            value_head : integer (constant)
            value_side : 1 (constant)
            value_share : 1 (constant)
            value_fired : second
            value_beyond : 1""",
            threshold=f"rand() < {chances(self.how, float(self.dt))[1]}",
            reset=fired(self.how), namespace=self.namespace, name="value_cells",
            method="exact",
        )  # fmt: skip
        channels = np.arange(self.heads * 2 * self.post)
        head, channel, post = np.unravel_index(channels, (self.heads, 2, self.post))
        each = {
            "value_coded": channels,
            "value_head": head,
            "value_side": 1.0 - 2 * channel,
        }
        for name, numbers in each.items():
            setattr(made, name, np.repeat(numbers, c.value_cells))
        made.value_share, made.value_fired = 1 / c.value_cells, -1 * b2.second
        self.dimension = np.repeat(head * self.post + post, c.value_cells)
        made.value_recalled = b2.linked_var(values, "y", index=self.dimension)
        made.run_regularly("value_beyond += value_now(t)*int(abs(value_wanted - 0.5) > "
                           "0.5 + 1e-9)",
                           dt=self.dt, when="thresholds", order=1,
                           name="count_beyond")  # fmt: skip
        return made

    def _sums(self, cells, values):
        """Conductances of ON and of OFF cells, each averaged over its cells."""
        made = []
        on = np.array(cells.value_side[:]) > 0
        for name, chosen in (("on", on), ("off", ~on)):
            one = b2.Synapses(
                cells, values,
                f"g_{name}_post = value_share_pre*value_conductance_pre : siemens "
                "(summed)",
                name=f"sum_{name}",
            )  # fmt: skip
            at = np.flatnonzero(chosen)
            one.connect(i=at, j=self.dimension[at])
            one.summed_updaters[f"g_{name}_post"].order = 1  # once the cells have theirs
            made.append(one)
        return made

    def _connections(self) -> dict[str, np.ndarray]:
        c = self.commands
        shape = (self.heads, self.pre * c.cells, 2 * self.post * c.value_cells)
        head, pre, post = np.indices(shape).reshape(3, -1)
        return {"i": head * shape[1] + pre, "j": head * shape[2] + post}

    def _ends(self, made) -> dict[str, Any]:
        """Return monitors of what the weights are made of, at the end of the last
        token."""
        every = self.token * (1 if self.every_end else self.tokens)
        return {
            name: made.monitor(name, dt=every, label=f"ends_of_{name}")
            for name in self.ends
        }

    def built(self) -> Built:
        """Assemble the network and what it is asked for."""
        how, c = self.how, self.commands
        keys, values = self._key_cells(), self._values()
        cells = self._value_cells(values)
        initial: dict[str, Any] = dict(how.initial)
        if how.state:
            initial[how.state] = np.array([how.start])
        names = {"conductance": "value_conductance"} | {
            port: None for port in self.synapse.ports if port != "conductance"
        }
        made = connecting.connect(self.synapse, keys, cells, connect=self._connections(),
                               names=names, initial=initial,
                               name="fast_weights")  # fmt: skip
        sums, ends = self._sums(cells, values), self._ends(made)
        watch = b2.StateMonitor(values, "total", record=True, dt=self.token, when="start")
        collector = self.collector
        collector.population("key", keys, c.cells, head=self.heads, dimension=self.pre)
        collector.population(
            "value", cells, c.value_cells, head=self.heads, sign=2, dimension=self.post
        )
        groups = {("post", "value_chance"): cells, ("value", "y"): values,
                  ("post", "value_conductance"): cells}  # fmt: skip
        collector.sample(partial(_monitor, made, groups))
        network = b2.Network(
            keys, values, cells, *made.objects, *sums, watch, *ends.values(),
            *collector.objects,
        )  # fmt: skip

        def collect() -> dict[str, Any]:
            last = self.tokens if self.every_end else 1
            total = np.diff(np.array(watch.total_).T[: self.tokens + 1], axis=0)
            shown = self.table.value_now.sum() * len(cells)
            return {
                "readout": total.reshape(self.tokens, self.heads, self.post),
                "variables": {
                    n: np.array(getattr(one, f"{n}_")).T[last : last + 1]
                    for n, one in ends.items()
                },
                "beyond": float(np.array(cells.value_beyond).sum() / max(shown, 1)),
                **collector.times(),
            }

        return Built(network, collect, self.run_time, keep=(self.namespace, made, self))
