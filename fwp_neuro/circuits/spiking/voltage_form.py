"""A fast-weight programme in synapses whose error is the voltage of their own cell.

Their cells follow from a preset (`fwp_neuro.synapses.balanced_cells`), the speed of the
write from the closed form of its loop (`balanced_cells.rate_for`): nothing is fitted, and
no calibration runs. Before the programme each cell finds its operating point in a set-up
that shows keys of the programme with values at rest; seconds stand for hours there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import brian2 as b2
import numpy as np

from ...devices import simulate
from ...errors import FwpError
from ...programs import Program
from ...rules import Rule
from ...synapses import balanced_cells as mean
from ...synapses.coding_by_model import rule_of
from ...synapses.composition import compose
from ...synapses.factorised import factorise
from ...synapses.synapse_class import Synapse
from ...validation import whole
from ..collector import NOTHING, Port, Record
from ..drugs import AP5, CNQX, combined
from ..head_layout import fired
from ..prepared_circuit import PreparedCircuit, check_drugs
from ..token_schedule import WINDOWS, Timeline, make
from . import synapse_form, synapse_ports, voltage_network
from .published_circuit import ready
from .voltage_network import Preset, Tables

#: windows of a token, ms, where no timeline says otherwise
USUAL = {"settle": 300, "write": 400, "gap": 200, "query": 400, "read": 300, "rest": 200}
#: Hz, for a key of 1 and for both teachers of a value together
RATE = 100.0
#: seconds of the set-up, and of each key in it
SETUP, SHOWN = 6.0, 0.2
#: what follows from the cells
DERIVED = ("eta", "w_start", "w_max")


def wanted(program: Program, rule: Rule, synapse: Synapse, coding: str) -> bool:
    """Return whether a programme is to run in the voltage of the cells.

    Raises:
        FwpError: it was asked for, and the rule does not compare with what is recalled.
    """
    if rule_of(synapse) not in mean.RANGE or coding not in ("auto", "voltage"):
        return False
    if synapse.equations.on_post:  # read by no cell that is taught
        return False
    compares = synapse_form.derive(rule, program, synapse).compare
    if coding == "voltage" and not compares:
        raise FwpError(f"coding='voltage' writes what is missing of a value, and rule "
                       f"{rule.name!r} takes off nothing that is recalled: use delta, or "
                       "coding='volleys'")  # fmt: skip
    return compares


class VoltageCircuit:
    """A programme ready to run in the voltage of its value cells.

    Args:
        program, rule: as for `fwp_neuro.run`.
        synapse: a model of `balanced_cells.RANGE`, or a composition with one.
        cells: key cells for an entry of a key, and teachers of a value cell.
        value_cells: for each channel of a value, each with its own teachers.
        timeline: a `Timeline` or None; dt: Brian2 time.
        drugs: list of `AP5` and `CNQX`; both act on all receptors of their kind.
    """

    def __init__(self, program: Program, rule: Rule, synapse: Synapse, *, cells,
                 value_cells=1, timeline=None, dt=None, drugs=()):  # fmt: skip
        self.program, self.rule, self.name = program, rule, synapse.name
        self.mechanism = rule_of(synapse)
        self.dt = 1 * b2.ms if dt is None else dt
        if not float(self.dt) <= mean.TAU_AMPA / 5:
            raise FwpError(f"a time step of {self.dt} is too long for receptors of 5 ms: "
                           "legal are up to 1 ms")  # fmt: skip
        if not np.isfinite(cells):
            raise FwpError("cells=inf (rates instead of spikes) has no meaning for "
                           "published synapses, which spikes change")  # fmt: skip
        write = synapse_form.derive(rule, program, synapse)
        query = program.bind(rule)["q"]
        heads, pre = write.key.shape[1:]
        self.sizes = synapse_ports.Cells(heads, pre, write.value.shape[2], int(cells),
                                         whole(value_cells, "value_cells"))  # fmt: skip
        largest = max(float(np.abs(write.key).max()), float(np.abs(query).max()))
        self.key_scale = max(1.0, largest)
        self.value_scale = max(1.0, float(np.abs(write.value).max()))
        self.key, self.query = write.key / self.key_scale, query / self.key_scale
        self.value, self.share = write.value / self.value_scale, write.strength
        told = {n: getattr(timeline, n, None) for n in WINDOWS}
        usual = {n: USUAL[n] * b2.ms if one is None else one for n, one in told.items()}
        self.timeline = Timeline(**usual)
        self.schedule = make(self.timeline, self.dt, program.tokens)
        self.drugs = drugs
        self.preset = self._preset(synapse)
        self.synapse = self._calibrated(synapse)

    def _preset(self, synapse: Synapse) -> Preset:
        value = mean.RANGE[self.mechanism]
        entries = float(self.key.sum(-1).mean())
        point = mean.point_of(self.mechanism, value, entries)
        return Preset(point, value, RATE, float(synapse.parameters["tau_theta"]))

    def _calibrated(self, synapse: Synapse) -> Synapse:
        """Return the synapse with a receptor, and with which a gate of 1 writes at 1/s
        for a key of length 1."""
        point, tau_x = self.preset.point, synapse.parameters.get("tau_x")
        spikes = self.sizes.key * RATE * point.tau  # conductance of a weight of 1
        start = point.key / spikes
        eta = 1 / (spikes * RATE * abs(point.slope)) / b2.volt
        if tau_x is not None:
            eta = eta / tau_x
        made = synapse.changed(w_start=start, w_max=10 * start, eta=eta)
        if "conductance" in made.ports:
            return made
        inhibits = self.mechanism in mean.INHIBITORY
        return compose(made, None, "gaba_a" if inhibits else "ampa")

    def tables(self) -> Tables:
        """Return what happens when.

        Raises:
            FwpError: a write strength that the window cannot reach, or a settling in
                which the key does not reach the write.
        """
        schedule, tau = self.schedule, self.preset.point.tau
        lag = float(self.synapse.parameters.get("tau_x", 0)) or tau + mean.TAU_M
        if float(self.timeline.settle) < 3 * lag * (1 - 1e-9):
            raise FwpError(f"timeline settle={self.timeline.settle} is too short for the "
                           f"write of {self.name!r}, which follows a key with {lag:g} s: "
                           f"give at least {3 * lag:g} s")  # fmt: skip
        norm = (self.key**2).sum(-1)
        first, last = schedule.spans["write"]
        rate = mean.rate_for(self.share * norm * self.key_scale**2,
                             (last - first) * schedule.dt, tau + mean.TAU_M)  # fmt: skip
        rate = np.where(self.share * norm > 0, rate, 0) / np.where(norm > 0, norm, 1)
        where = {"spans": schedule.spans, "token_steps": schedule.token_steps,
                 "tokens": schedule.tokens, "dt": schedule.dt}  # fmt: skip
        steps = schedule.tokens * schedule.token_steps
        grid = schedule.grid if not self.drugs else 1  # a drug may come at any time
        open_ = {kind: np.broadcast_to(1 - combined(self.drugs, kind, **where), (steps,))
                 for kind in (AP5, CNQX)}  # fmt: skip
        inhibits, one = self.mechanism in mean.INHIBITORY, np.ones(steps)
        read = schedule.active("read")
        gate = schedule.course(("write", rate))
        return Tables(
            schedule.course(("shown", self.key), ("query", self.query)),
            schedule.course(("shown", self.value)),
            gate if inhibits else gate * open_[AP5][:, None], 0 * one,
            np.tile(read / read.sum(), schedule.tokens),
            one if inhibits else open_[CNQX], open_[CNQX], schedule.token_steps,
            schedule.tokens, grid,
        )  # fmt: skip

    def setup(self, seed: int) -> Tables:
        """Return what happens in the set-up: keys of the programme in random order."""
        shown, each = round(SETUP / SHOWN), round(SHOWN / float(self.dt))
        heads = self.sizes.heads
        drawn = np.random.default_rng([seed, 1]).integers(
            len(self.key), size=(shown, heads)
        )
        key = np.repeat(self.key[drawn, np.arange(heads)], each, axis=0)
        rest, one = np.zeros((len(key), heads, self.sizes.post)), np.ones(len(key))
        return Tables(key, rest, rest[..., 0], one, one / each, one, one, each, shown,
                      each)  # fmt: skip

    def builder(self, table: Tables, theta=None, record: Record = NOTHING, ports=None):
        """Return (build, size, structure) for `devices.simulate`."""
        theta = self.preset.point.voltage if theta is None else theta
        return voltage_network.builder(self.synapse, self.preset, self.sizes, table,
                                       self.dt, theta, record, ports)  # fmt: skip

    def settled(self, device: str, seed: int) -> np.ndarray:
        """Return the operating points that cells find in the set-up, [cell], volts."""
        build, size, structure = self.builder(self.setup(seed))
        found, _ = simulate(build, size, device=device, dt=self.dt, seed=seed,
                            label="homeostasis", structure=structure)  # fmt: skip
        return found["theta"]

    @property
    def unit(self) -> float:
        """Weight that is 1 in the programme; below 0 where more is recalled as less."""
        point, scale = self.preset.point, self.value_scale / self.key_scale
        spikes = self.sizes.key * RATE * point.tau
        return -2 * np.sign(point.slope) * point.key / spikes / mean.BASELINE / scale

    @cached_property
    def ports(self) -> dict[str, Port]:
        """Return what a run can record, by name."""
        moved = factorise(self.synapse).report.moved
        return synapse_ports.of_voltage(self.synapse, moved, self.sizes,
                                        self.value_scale)  # fmt: skip

    def record(self, options: Mapping[str, Any]) -> tuple:
        """Return (what is recorded, ports or None), every name and interval checked."""
        spikes = fired(options["record_spikes"], ("key", "teacher"))
        ports = self.ports if options["record"] else {}
        names, every = synapse_ports.asked_for(options, ports, self.name, self.sizes,
                                               self.schedule)  # fmt: skip
        return Record(names, every, spikes, 1 / self.unit), ports if names else None

    def in_units(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return what was found in the units of the programme."""
        raw = found.pop("w")
        weights = synapse_ports.on_minus_off(self.synapse, self.sizes, {"w": raw[None]})
        most = float(self.synapse.parameters["w_max"])
        beyond = float(((raw <= 0) | (raw >= most)).mean())
        found["readout"] = found["readout"] * self.value_scale
        found["last"] = {"w": weights[0] / self.unit}
        found["details"] = {"clipped": beyond}
        if beyond > 0.01:
            found["doubt"] = (
                f"{100 * beyond:.1f} % of the weights of {self.name!r} end outside what "
                "a synapse can transmit, which bends the memory: smaller values or fewer "
                "tokens stay inside"
            )
        return found

    @property
    def details(self) -> dict[str, Any]:
        """What the provenance says."""
        said = {name: str(one) for name, one in vars(self.timeline).items()}
        return {
            "form": "voltage", "form_reason": "the error of the synapse is the voltage "
            "of its own cell", "synapse": self.synapse.name,
            "parts": dict(self.synapse.parts), "parameters": self.synapse.parameter_set,
            "constants": dict(self.synapse.parameters), "coding": "voltage",
            "cells": self.sizes.key, "value_cells": self.sizes.value, "dt": self.dt,
            "windows": said, "setup": SETUP, "key_scale": self.key_scale,
            "value_scale": self.value_scale, "drugs": str(list(self.drugs)),
        }  # fmt: skip


def prepare(program: Program, rule: Rule, synapse: Synapse, options: Mapping[str, Any],
            usual: Mapping[str, Any]) -> PreparedCircuit:  # fmt: skip
    """Turn a programme into a circuit of published synapses, every option checked.

    Synapses whose error is the voltage of their own cell run in it, all others as
    `synapse_form` says; arguments and errors are those of `synapse_form.prepare`.
    """
    if not wanted(program, rule, synapse, options["coding"]):
        return synapse_form.prepare(program, rule, synapse, options, usual)
    check_drugs(options["drugs"])
    own = {**options, "drugs": usual["drugs"]}  # which this form has, the other has not
    synapse_form.check(program, rule, synapse, own, usual)
    constants = options["constants"] or {}
    for name in DERIVED:
        if name in constants:
            raise FwpError(f"constant {name!r} of {synapse.name!r} follows from its "
                           "cells in this circuit: leave it out")  # fmt: skip
    form = VoltageCircuit(
        program, rule, synapse.changed(**constants), cells=options["cells"],
        value_cells=options["value_cells"] or 1, timeline=options["timeline"],
        dt=options["dt"], drugs=options["drugs"],
    )  # fmt: skip
    record, ports = form.record(options)
    table = form.tables()
    theta = form.settled(options["device"], options["seed"])
    build, size, structure = form.builder(table, theta, record, ports)
    return ready(
        program, rule, synapse, options, form, (build, size, structure), record,
        partial(VoltageCircuit.in_units, form),
    )  # fmt: skip
