"""A circuit whose writes are local: what is wrong is the voltage of the value cell.

    key cells  -- synapse, through AMPA or GABA --> value cells, ON and OFF
    teachers   -- AMPA, the value --------------->  the same compartment

A value cell hears its teachers and what it recalls in one compartment, and each synapse
is written by V - theta of that cell and by its own presynaptic cell. theta, the operating
point, is what the cell itself has found while keys came with values at rest (`Tables`
with ``slide`` open). The read-out is the voltage beyond theta, OFF minus ON.

The cells are those of `fwp_neuro.synapses.balanced_cells`, whose NumPy form has mean
rates for spikes.
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
from ...synapses import balanced_cells as mean
from ...synapses.synapse_class import Synapse
from ..circuit_structure import Kept, exact, structure
from ..collector import NOTHING, Collector, Port, Record
from ..plastic import connecting
from ..token_schedule import Schedule
from .synapse_ports import Cells

CELLS = """
dV/dt = (E_leak - V + open_key*g_key*(E_key - V)
         + open_value*g_value*(E_exc - V))/tau_cell : volt
dtheta/dt = slide*(V - theta)/tau_theta : volt
dg_key/dt = -g_key/tau_key : 1
dg_value/dt = -g_value/tau_value : 1
open_key = key_open_table(t) : 1 (constant over dt)
open_value = value_open_table(t) : 1 (constant over dt)
opening = gate_table(t, head) : 1 (constant over dt)
slide = slide_table(t) : 1 (constant over dt)
recalled = side*(V - theta)/volts_of_1 : 1
total : 1
head : integer (constant)
side : 1 (constant)
"""
#: port of a synapse -> variable of these cells
NAMES = {"membrane": "V", "conductance": "g_key", "gate": "opening",
         "homeostasis": "slide"}  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """What the cells of a mechanism are.

    Attributes:
        point: their mean state, see `balanced_cells.point_of`.
        value: conductance of the range of a value, in leaks.
        rate: of key cells for a key of 1, and of both teachers of a value together, Hz.
        tau_theta: of homeostasis, seconds.
    """

    point: mean.Point
    value: float
    rate: float
    tau_theta: float


@dataclass(frozen=True)
class Tables:
    """What the circuit is told in each step, [step, ...].

    Attributes:
        key: [step, head, pre], 1 for `Preset.rate`; value: [step, head, post] in [-1, 1].
        gate: of the write, [step, head], 1/s for a key of length 1.
        slide: 1 where cells look for their operating points.
        sample: weights of the read-out, which add up to 1 a token.
        key_open, value_open: shares of receptors that no drug blocks.
        token_steps, tokens: how many; all entries are the same over ``grid`` steps.
    """

    key: np.ndarray
    value: np.ndarray
    gate: np.ndarray
    slide: np.ndarray
    sample: np.ndarray
    key_open: np.ndarray
    value_open: np.ndarray
    token_steps: int
    tokens: int
    grid: int


def builder(
    synapse: Synapse, preset: Preset, sizes: Cells, table: Tables, dt, theta,
    record: Record = NOTHING, ports: Mapping[str, Port] | None = None,
) -> tuple:  # fmt: skip
    """Return (build, size, structure) for `devices.simulate`.

    What is collected: "readout" [token, head, post], "w" [synapse], "theta" [cell] at the
    end, volts, and what `Collector.times` gives.

    Args:
        synapse: with a receptor.
        theta: volts at the start, of all cells or of each.
    """
    make = partial(_Network, synapse, preset, sizes, table, dt, theta, record,
                   ports or {})  # fmt: skip
    size = Size(len(table.sample), 20, sizes.counts["synapse"])
    return lambda: make().built(), size, lambda: structure(make())


class _Network(Kept):
    """Builds the Brian2 objects of one run."""

    form, told, keys = "voltage", (), "key_cells"

    def __init__(self, synapse: Synapse, preset: Preset, sizes: Cells, table: Tables, dt,
                 theta, record: Record, ports: Mapping[str, Port]):  # fmt: skip
        self.synapse, self.preset, self.cells_of, self.dt = synapse, preset, sizes, dt
        self.teachers = sizes.key
        self.channels = sizes.heads * 2 * sizes.post
        schedule = Schedule({}, table.token_steps, table.tokens, float(dt))
        self.collector = Collector(schedule, Keep("none", ""), ports, record)
        self.token = table.token_steps * dt
        self.run_time = schedule.run_time(table.tokens * table.token_steps)
        self.theta = np.broadcast_to(theta, self.channels * sizes.value).astype(float)
        self.namespace = {**self._constants(), **self._told(table)}

    def _constants(self) -> dict[str, Any]:
        own = self.preset
        point, volt, second = own.point, b2.volt, b2.second
        return {
            "tau_cell": mean.TAU_M * second, "tau_value": mean.TAU_AMPA * second,
            "tau_key": point.tau * second, "tau_theta": own.tau_theta * second,
            "E_leak": mean.E_LEAK * volt, "E_exc": mean.E_EXC * volt,
            "E_key": point.reverse * volt, "volts_of_1": point.one * volt,
            "share": 1 / (2 * self.cells_of.value),
            "kick": own.value / (self.teachers * own.rate * mean.TAU_AMPA),
        }  # fmt: skip

    def _told(self, table: Tables) -> dict[str, Any]:
        sign, rate = np.array([1.0, -1.0])[:, None], self.preset.rate * b2.Hz
        teach = (1 + sign * table.value[:, :, None]) / 2

        def course(array: np.ndarray, unit=1):
            flat = array if array.ndim == 1 else array.reshape(len(array), -1)
            return b2.TimedArray(flat[:: table.grid] * unit, dt=table.grid * self.dt)

        names = "gate", "slide", "sample", "key_open", "value_open"
        told = {"key": course(table.key, rate), "teacher": course(teach, rate)}
        told |= {name: course(getattr(table, name)) for name in names}
        return {f"{name}_table": one for name, one in told.items()}

    def code(self) -> tuple:
        text = self.synapse
        numbers = exact(text.parameters), exact(text.initial)
        said = repr((text.name, text.equations, text.weight, numbers))
        return said, self.cells_of, self.channels

    def start(self) -> dict[str, Any]:
        volts = np.full(len(self.theta), self.preset.point.voltage)
        return {"value_cells.V": volts * b2.volt,
                "value_cells.theta": self.theta * b2.volt}  # fmt: skip

    def _source(self, name: str, table: str, numbers: int, each: int):
        """Return Poisson cells, ``each`` of them for every number of a table."""
        made = b2.NeuronGroup(
            numbers * each, "coded : integer (constant)", reset="", name=name,
            threshold=f"rand() < {table}(t, coded)*dt", namespace=self.namespace,
        )  # fmt: skip
        made.coded = np.repeat(np.arange(numbers), each)
        return made

    def _value_cells(self):
        """ON and OFF cells [head, channel, post, cell], which are told v and -v."""
        own, count = self.cells_of, self.channels * self.cells_of.value
        cells = b2.NeuronGroup(
            count, CELLS, threshold="V > 1*volt", reset="", namespace=self.namespace,
            method="rk2", name="value_cells",
        )  # fmt: skip
        head, channel, _ = np.unravel_index(
            np.arange(self.channels), (own.heads, 2, own.post)
        )
        cells.head = np.repeat(head, own.value)
        cells.side = np.repeat(2.0 * channel - 1, own.value)
        cells.V, cells.theta = self.preset.point.voltage * b2.volt, self.theta * b2.volt
        cells.run_regularly("total += share*sample_table(t)*recalled", dt=self.dt,
                            when="after_groups", name="read_out")  # fmt: skip
        return cells

    def _pairs(self) -> dict[str, np.ndarray]:
        own = self.cells_of
        shape = own.heads, own.pre * own.key, 2 * own.post * own.value
        head, pre, post = np.indices(shape).reshape(3, -1)
        return {"i": head * shape[1] + pre, "j": head * shape[2] + post}

    def built(self) -> Built:
        """Assemble the network and what it is asked for."""
        own, collector = self.cells_of, self.collector
        keys = self._source("key_cells", "key_table", own.heads * own.pre, own.key)
        cells = self._value_cells()
        each = own.value * self.teachers
        teachers = self._source("teachers", "teacher_table", self.channels, each)
        teach = b2.Synapses(teachers, cells, on_pre="g_value_post += kick",
                            namespace=self.namespace, name="teach")  # fmt: skip
        at = np.arange(len(teachers))
        teach.connect(i=at, j=at // self.teachers)
        made = connecting.connect(self.synapse, keys, cells, connect=self._pairs(),
                                  names=NAMES, name="fast_weights")  # fmt: skip
        watch = b2.StateMonitor(cells, "total", record=True, dt=self.token, when="start")
        collector.population("key", keys, own.key, head=own.heads, dimension=own.pre)
        collector.population("teacher", teachers, each, head=own.heads, sign=2,
                             dimension=own.post)  # fmt: skip
        collector.sample(partial(self._monitor, made, cells))
        network = b2.Network(keys, teachers, cells, teach, *made.objects, watch,
                             *collector.objects)  # fmt: skip

        def collect() -> dict[str, Any]:
            tokens = self.collector.schedule.tokens
            total = np.diff(np.array(watch.total).T[: tokens + 1], axis=0)
            shape = tokens, own.heads, 2, own.post, own.value
            return {
                "readout": total.reshape(shape).sum((2, 4)),
                "theta": np.array(cells.theta_), "w": made.values("w"),
                **self.collector.times(),
            }  # fmt: skip

        return Built(network, collect, self.run_time, keep=(self.namespace, made, self))

    @staticmethod
    def _monitor(made, cells, of: str, variable: str, every):
        """Return (monitor, name there) of a variable."""
        if of == "synapse":
            return made.monitor(variable, dt=every), variable
        group, own = (cells, variable) if variable in cells.variables else (
            made.where[variable]
        )
        return b2.StateMonitor(group, own, record=True, dt=every, name="traces*"), own
