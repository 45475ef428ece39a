"""A fast-weight programme in a circuit of published synapses: what it needs, and its one
gain.

The plasticity model writes, its receptor transmits, and the rule says what it is told:
how keys and values are put to it, and by how much what is recalled is taken off them (see
`synapse_network`). Nothing is fitted to the task. One token with a key, a query and half
of the largest value is run first (the calibration); what is read then says how much a
written 1 is, in siemens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import brian2 as b2
import numpy as np

from ...devices import simulate
from ...errors import Cannot, FwpError, shown
from ...programs import Program
from ...rules import Rule
from ...states import starting_states
from ...synapses.coding import USUAL, Experiment
from ...synapses.coding_by_model import EXPERIMENTS, rule_of
from ...synapses.composition import compose
from ...synapses.factorised import factorise
from ...synapses.synapse_class import Synapse
from ...validation import refuse_negative, whole
from ..collector import NOTHING, Port, Record
from ..head_layout import fired
from ..prepared_circuit import PreparedCircuit
from ..protocols import undriven
from ..rate import ode_windows
from ..token_schedule import Schedule
from . import synapse_network, synapse_ports
from .published_circuit import ready
from .synapse_tables import Tables, TokenWindows, tables

#: value of the calibration, and how many tokens [head, post] it averages
_CODED, _REPEATS = 0.5, (4, 4)
#: seconds of reading and of rest, where no timeline says otherwise
_READ, _REST = 1.0, 0.3
#: options that mean the same here; all others belong to the circuit of the package's own
#: synapses
OPTIONS = ("cells", "value_cells", "coding", "synapse", "parameters", "constants",
           "timeline", "dt", "device", "seed", "progress", "initial_weights",
           "initial_states", "initial_states_of", "record", "record_every",
           "record_spikes", "record_weights")  # fmt: skip
CODINGS = ("auto", "rates", "volleys", "voltage")
_KNOWN: dict[Any, tuple[float, float]] = {}


def transmitting(synapse: Synapse) -> tuple[Synapse, str]:
    """Return a synapse that has a conductance, and a note if a receptor had to be taken
    for it.

    Raises:
        FwpError: a model without one of the ports that every rule needs, by name.
    """
    if synapse.kind == "receptor":
        raise FwpError(
            f"synapse {synapse.name!r} has no port w: it is a receptor, and nothing "
            "writes its weight; give a plasticity model, or compose one with it"
        )
    if synapse.kind != "plasticity":
        raise FwpError(
            f"synapse {synapse.name!r} has no port v: nothing postsynaptic writes its "
            "weight, so that it cannot hold v k'; compose it as a release"
        )
    for port in undriven(synapse):
        hint = "leave eligibility out, or " if port == "modulator" else ""
        raise FwpError(f"synapse {synapse.name!r} changes its weight by its port {port}, "
                       f"which this circuit does not drive: {hint}use "
                       "fwp_neuro.circuits.connect")  # fmt: skip
    if "conductance" in synapse.ports:
        return synapse, "its own receptor"
    return compose(
        synapse, None, "ampa"
    ), "read out through AMPA, the default, for want of its own"


def coding(synapse: Synapse, wanted: str) -> Experiment:
    """Return how keys and values are put to a plasticity model.

    Args:
        wanted: "rates", "volleys", or "auto": volleys where the model is measured with
            them.
    """
    base = rule_of(synapse)
    usual = EXPERIMENTS.get(base, USUAL)
    if base not in EXPERIMENTS:  # it starts where it says itself
        usual = tuple(replace(one, state="") for one in usual)
    known = {one.coding: one for one in usual}
    if wanted == "auto":
        wanted = "volleys" if "volleys" in known else next(iter(known))
    if wanted not in known:
        raise FwpError(
            f"coding {wanted!r} is none of {base!r} (legal: {', '.join(known)})"
        )
    return known[wanted]


def derive(
    rule: Rule, program: Program, synapse: Synapse
) -> ode_windows.BiophysicalWrite:
    """Return what a rule asks of a synapse.

    Raises:
        FwpError: it asks for a port that no published synapse has.
    """
    signals = program.bind(rule)
    try:
        write = ode_windows.biophysical_write(rule, signals, (program.pre, program.post))
    except Cannot as reason:
        raise FwpError(f"rule {rule.name!r} cannot run in the synapse {synapse.name!r}: "
                       f"{reason}") from None  # fmt: skip
    for side, keep in (
        ("presynaptic", write.keep_pre),
        ("postsynaptic", write.keep_post),
    ):
        if (keep != 1).any():
            raise FwpError(f"rule {rule.name!r} lets weights decay by a {side} gate, and "
                           f"the synapse {synapse.name!r} has no port 'turnover' for it: "
                           "it decays as its own text says; use a rule without "
                           "decay")  # fmt: skip
    if (write.strength < 0).any():
        raise FwpError(f"rule {rule.name!r} has a negative write strength, and cells "
                       "cannot fire at a negative rate")  # fmt: skip
    for name, array in (("key", write.key), ("query", signals["q"])):
        named = array if program.heads is not None else array[:, 0]
        refuse_negative(
            name, named, "a circuit of published synapses", program.heads is not None
        )
    return write


class PublishedCircuit:
    """A programme ready to run in a circuit of published synapses.

    Args:
        program, rule: as for `fwp_neuro.run`.
        synapse: a plasticity model, or a composition with one.
        cells, value_cells: spiking cells for each entry of a key, and each channel of a
            value.
        wanted: coding, see `coding`.
        windows: see `TokenWindows`, or None for those of the model's experiment.
        dt: Brian2 time, or None for that of the experiment.
    """

    def __init__(self, program: Program, rule: Rule, synapse: Synapse, *, cells,
                 value_cells, wanted: str = "auto", windows: TokenWindows | None = None,
                 dt=None):  # fmt: skip
        self.program, self.rule, self.name = program, rule, synapse.name
        self.synapse, self.receptor = transmitting(synapse)
        self.write = derive(rule, program, self.synapse)
        self.how = coding(self.synapse, wanted)
        self.dt = self.how.dt * b2.second if dt is None else dt
        if not np.isfinite(cells):
            raise FwpError("cells=inf (rates instead of spikes) has no meaning for "
                           "published synapses, which spikes change")  # fmt: skip
        self.cells, self.value_cells = int(cells), whole(value_cells, "value_cells")
        usual = TokenWindows(self.how.window, self.how.settle, _READ, _REST)
        self.windows = usual if windows is None else windows
        query = program.bind(rule)["q"]
        self.key_scale = max(
            float(np.abs(self.write.key).max()), float(np.abs(query).max()), 1e-12
        )
        strength = self._strength()
        told = self.write.value * strength[..., None]
        self.value_scale = max(1.0, float(np.abs(told).max()))
        self.key, self.query = self.write.key / self.key_scale, query / self.key_scale
        self.value = told / self.value_scale
        erase = strength if self.write.compare else 0 * strength
        self.erase = erase / self.value_scale

    def _strength(self) -> np.ndarray:
        """Return the write strength with which a window of many writes learns what one
        would.

        Every volley takes a part of the error that is left, so that n of them learn
        1 - (1 - s |k|^2/n)^n of it, which must be beta |k|^2; for rates n is infinite.

        Raises:
            FwpError: beta |k|^2 of 1 or more, which no such window reaches.
        """
        beta = self.write.strength
        if not self.write.compare:
            return beta
        norm = (self.write.key**2).sum(-1)
        wanted = beta * norm
        if (wanted >= 1).any():
            token = int(np.argwhere(wanted >= 1)[0][0])
            raise FwpError(f"beta*|k|^2 is {wanted[token].max():.4g} at token {token}; a "
                           "circuit of published synapses needs less than 1: lower the "
                           "write strength or the key norm")  # fmt: skip
        left = np.log1p(-wanted)
        if self.how.coding == "volleys":
            n = self.tables(1).value_now.sum()
            left = n * np.expm1(left / n)
        return np.where(norm > 0, -left / np.where(norm > 0, norm, 1), beta)

    def tables(self, tokens: int) -> Tables:
        """Return what happens when."""
        return tables(self.how, self.windows, tokens, float(self.dt))

    def calibrated(self, device: str, seed: int) -> tuple[float, float]:
        """Return (siemens read, mean weight written) for a key, a query and a value of 1.

        Raises:
            FwpError: the synapse writes nothing that is read.
        """
        said = synapse_network.said(self.synapse, self.how)
        key = (said, self.windows, self.cells, self.value_cells, float(self.dt), device,
               seed)  # fmt: skip
        if key not in _KNOWN:
            heads, post = _REPEATS
            one = np.ones((1, heads, 1))
            commands = synapse_network.Commands(
                one, one, np.full((1, heads, post), _CODED), np.zeros((1, heads)), 1.0,
                self.cells, self.value_cells,
            )  # fmt: skip
            build, size, structure = self.builder(commands, 1)
            found, _ = simulate(build, size, device=device, dt=self.dt, seed=seed,
                                label=f"spiking {self.rule.name}",
                                structure=structure)  # fmt: skip
            read = float(found["readout"].mean()) / _CODED
            written = float(self.weights(found, (heads, 1, post)).mean()) / _CODED
            noise = float(found["readout"].std()) / _CODED / np.sqrt(heads * post)
            if not abs(read) > 3 * noise or not np.isfinite(read):
                raise FwpError(
                    f"the synapse {self.synapse.name!r} with {self.how.coding} writes "
                    f"nothing that is read: {read:.3g} S for a value of 1, with a "
                    f"standard error of {noise:.2g}"
                )
            _KNOWN[key] = read, written
        return _KNOWN[key]

    def builder(
        self, commands, tokens: int, record: Record = NOTHING,
        ports: Mapping[str, Port] | None = None,
    ) -> tuple:  # fmt: skip
        """Return (build, size, structure) for `devices.simulate`."""
        return synapse_network.builder(
            self.synapse, self.how, commands, self.tables(tokens), self.dt, record, ports
        )

    @cached_property
    def ports(self) -> dict[str, Port]:
        """Return what a run can record, by name."""
        keep = {self.how.state} if self.how.state else set()
        moved = factorise(self.synapse, keep=keep).report.moved
        return synapse_ports.ports(self.synapse, moved, self._cells)

    @property
    def _cells(self) -> synapse_ports.Cells:
        program = self.program
        return synapse_ports.Cells(program.heads or 1, program.pre, program.post,
                                   self.cells, self.value_cells)  # fmt: skip

    def record(self, options: Mapping[str, Any], written: float) -> tuple:
        """Return (what is recorded, ports or None), every name and interval checked.

        Args:
            options: of `spiking_circuit.prepare`.
            written: mean weight that a value of 1 writes.
        """
        spikes = fired(options["record_spikes"], ("key", "value"))
        ports = self.ports if options["record"] else {}
        steps, dt = self.tables(1).token_steps, float(self.dt)
        schedule = Schedule({}, steps, self.program.tokens, dt)
        names, every = synapse_ports.asked_for(
            options, ports, self.synapse.name, self._cells, schedule
        )
        scale = self.value_scale * self.key_scale / written
        return Record(names, every, spikes, scale), ports if names else None

    def weights(self, found, shape: tuple[int, int, int]) -> np.ndarray:
        """Return the mean effective weight of ON minus OFF cells [head, post, pre]."""
        cells = synapse_ports.Cells(*shape, self.cells, self.value_cells)
        return synapse_ports.on_minus_off(self.synapse, cells, found["variables"])[0]

    def commands(self, device: str, seed: int) -> synapse_network.Commands:
        """Return what the circuit of the programme is told, once it is calibrated."""
        scale = self.value_scale * self.key_scale**2
        recall = self.calibrated(device, seed)[0] / scale
        return synapse_network.Commands(
            self.key,
            self.query,
            self.value,
            self.erase,
            recall,
            self.cells,
            self.value_cells,
        )

    def in_units(
        self, calibrated: tuple[float, float], found: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what was found in the units of the programme."""
        (read, written), program = calibrated, self.program
        scale = self.value_scale * self.key_scale**2
        found["readout"] = found["readout"] * scale / read
        weights = self.weights(found, (program.heads or 1, program.pre, program.post))
        found["last"] = {"w": weights * self.value_scale * self.key_scale / written}
        found["details"] = {"gain": read, "beyond": found["beyond"]}
        if found["beyond"] > 0.01:
            found["doubt"] = (
                f"value cells of {self.name!r} would have had to fire with a chance "
                f"outside 0..1 in {100 * found['beyond']:.1f} % of cases, which bends "
                "the memory"
            )
        return found

    @property
    def details(self) -> dict[str, Any]:
        """What the provenance says."""
        return {
            "form": "synapse", "form_reason": "a published synapse was asked for",
            "synapse": self.synapse.name, "parts": dict(self.synapse.parts),
            "parameters": self.synapse.parameter_set, "receptor": self.receptor,
            "constants": dict(self.synapse.parameters), "coding": self.how.coding,
            "event": self.how.event, "cells": self.cells, "value_cells": self.value_cells,
            "dt": self.dt, "windows": vars(self.windows), "key_scale": self.key_scale,
            "value_scale": self.value_scale,
        }  # fmt: skip


def windows_of(timeline, how: Experiment) -> TokenWindows | None:
    """Return windows with what a `Timeline` says in place of the model's own."""
    if timeline is None:
        return None
    usual = TokenWindows(how.window, how.settle, _READ, _REST)
    said = {"write": timeline.write, "settle": timeline.gap, "read": timeline.read,
            "rest": timeline.rest}  # fmt: skip
    return replace(usual, **{n: float(v) for n, v in said.items() if v is not None})


def check(program: Program, rule: Rule, synapse: Synapse, options: Mapping[str, Any],
          usual: Mapping[str, Any]) -> None:  # fmt: skip
    """Refuse options of another form, and weights to start from."""
    for name, default in usual.items():
        given = options[name]
        if name not in OPTIONS and given is not default and given != default:
            raise FwpError(f"option {name} shapes the circuits without a published "
                           "synapse; with synapse=... leave it out, got "
                           f"{shown(given)}")  # fmt: skip
    if options["record_weights"] not in ("auto", "last", "none"):
        raise FwpError("record_weights of a circuit of published synapses is 'last' or "
                       "'none': their weights are expressions over many "
                       "variables")  # fmt: skip
    states = starting_states(rule, program, options["initial_weights"],
                             options["initial_states_of"],
                             options["initial_states"])  # fmt: skip
    if any(array.any() for array in states.values()):
        raise FwpError(f"synapses of {synapse.name!r} start where their model says: a "
                       "circuit of published synapses takes no initial "
                       "weights")  # fmt: skip


def prepare(program: Program, rule: Rule, synapse: Synapse, options: Mapping[str, Any],
            usual: Mapping[str, Any]) -> PreparedCircuit:  # fmt: skip
    """Turn a programme into a circuit of published synapses, every option checked.

    Args:
        synapse: from `spiking_circuit.chosen`.
        options: of `spiking_circuit.prepare`; usual: its defaults.

    Raises:
        FwpError: a port that the synapse has not, or an option of another form.
    """
    check(program, rule, synapse, options, usual)
    synapse = synapse.changed(**(options["constants"] or {}))
    form = PublishedCircuit(
        program, rule, synapse, cells=options["cells"],
        value_cells=options["value_cells"] or 10,
        wanted=options["coding"], dt=options["dt"],
        windows=windows_of(options["timeline"], coding(transmitting(synapse)[0],
                                                       options["coding"])),
    )  # fmt: skip
    device, seed = options["device"], options["seed"]
    form.record(options, 1.0)  # so that mistakes are told before anything runs
    calibrated = form.calibrated(device, seed)
    record, ports = form.record(options, calibrated[1])
    commands = form.commands(device, seed)
    build, size, structure = form.builder(commands, program.tokens, record, ports)
    return ready(program, rule, synapse, options, form, (build, size, structure), record,
                 partial(form.in_units, calibrated))  # fmt: skip
