"""Connect any synapse model between given cells, in the textbook or in the factorised
layout.

The order of events in a time step is fixed here, once. Slot "groups": sums over synapses
(-2), equations of synapses (-1), equations of cells (0). Slot "synapses": presynaptic
spikes (the cell before its synapses 0, on_pre 1, the cell after them 2), then
postsynaptic ones (8, 10, 12). Slot "resets": what a spike does to its own cell. So on_pre
finds the postsynaptic traces of before spikes of this step, on_post finds presynaptic
traces with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, cast

import brian2 as b2

from ...arguments import FLAG, inside, one_of, optional, takes
from ...devices.lock import brian2_lock
from ...errors import FwpError
from ...quantities import a_time
from ...rules import Rule
from ...synapses.argument_kinds import NAMES, name_or_model
from ...synapses.composition import compose, model_for
from ...synapses.factorised import WRITES, factorise
from ...synapses.factorised.layout_report import FactorisedModel
from ...synapses.readable_equations import check_equations
from ...synapses.rule_synapse import DYNAMICS, FORMS
from ...synapses.synapse_class import Synapse
from . import (
    conductances,
    initial_values,
    plastic_gates,
    plastic_options,
    plastic_ports,
    plastic_rules,
    plastic_sizes,
    plastic_varying,
)
from . import plastic_checks as checks
from .attached_variables import plain_sentences, undone_if_it_fails
from .plastic_builder import Builder
from .plastic_names import unused
from .plastic_synapses import Plastic

LAYOUTS = ("factorised", "textbook")


def _spiking():
    return b2.PoissonGroup(2, 20 * b2.Hz)


@brian2_lock()
@takes(
    model=name_or_model("pair_stdp"),
    pre=inside("a Brian2 group that spikes", _spiking),
    post=inside("a Brian2 group that spikes", _spiking),
    layout=one_of(LAYOUTS, "layout"),
    connect=inside("a dict of arguments of Synapses.connect, or None"),
    initial=inside("a dict from variable to value, or None"),
    inputs=inside("a dict from name to TimedArray or constant, or None"),
    keep=NAMES,
    writes=one_of(WRITES, "writes"),
    names=inside("a dict from port to variable of the cells, or None"),
    through=optional(inside("the name of a receptor, or a receptor model")),
    release=optional(
        inside("the name of a model of short-term plasticity, or such a model")
    ),
    delay=inside("a dict from 'pre' or 'post' to a time, or None"),
    varying=inside("a dict from parameter to values, or None"),
    name=inside("a name of Brian2 objects"),
    dense=FLAG,
    form=optional(one_of(FORMS, "form of a rule's synapse:")),
    dynamics=optional(one_of(DYNAMICS, "dynamics of a rule's synapse:")),
    every=optional(a_time("10*ms")),
    gate=inside(
        "gate -> constant, TimedArray or name of a variable, one such alone, or None"
    ),
    teacher=inside("a Brian2 group, the name of a variable, or None"),
    options=inside("an option of Brian2's Synapses"),
)
def connect(
    model: str | Synapse | Rule,
    pre,
    post,
    *,
    layout: str = "factorised",
    connect: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    keep: tuple[str, ...] = (),
    writes: str = "auto",
    names: Mapping[str, str | None] | None = None,
    through: str | Synapse | None = None,
    release: str | Synapse | None = None,
    delay: Mapping[str, Any] | None = None,
    varying: Mapping[str, Any] | None = None,
    name: str = "plastic*",
    dense: bool = False,
    form: str | None = None,
    dynamics: str | None = None,
    every=None,
    gate=None,
    teacher=None,
    **options,
) -> Plastic:
    """Make the synapses of a model, or of a fast-weight rule, between cells.

    Variables that the model needs on the cells and that the cells do not have are
    attached to them (but no membrane voltage to cells with a voltage of their own, see
    ``names``); any Brian2 group that spikes will do, also a PoissonGroup or a subgroup. A
    variable of the model's own ``pre`` and ``post`` text that the cells have is used as
    it is, and what a spike does to it is left to the cells; it must be integrated by the
    model's method.

    ``made.values("w")`` gives the weights of the last step, ``made.set("w", ...)`` sets
    them and ``made.monitor("w")`` records them in either layout. `Plastic.freeze` stops
    learning.

    Everything follows the clocks of the cells, also if their time step is set after
    `connect`. Two clocks will do if one time step is a whole multiple of the other.

        made = plastic.connect(fwp.synapses.get("pair_stdp"), inputs, cells)
        network = b2.Network(inputs, cells, *made.objects)

    Parameters may vary over synapses or cells:

        made = plastic.connect("tsodyks_markram", inputs, cells, varying={"U": "0.2 +
        0.1*rand()"})

    A fast-weight rule reads its signals off the cells: ``k`` and other presynaptic ones,
    the teacher ``v``, the query ``q`` (the key, if the cells have none), and its gates.
    They are variables of that name, or those that ``names`` says. In the rate form W q is
    added to the variable "readout" of the postsynaptic cells (attached if ``names`` names
    none of theirs), where several projections add up. Cells need not spike:

        source = b2.NeuronGroup(20, "rate = keys(t, i) : 1")
        target = b2.NeuronGroup(10, "value = values(t, i) : 1\n y : 1")
        made = plastic.connect("delta", source, target, every=10*b2.ms, gate=0.5,
                               names={"key": "rate", "teacher": "value", "readout": "y"})

    In the biophysical form presynaptic cells spike, and ``names`` says which variables of
    the postsynaptic cells are "membrane" (volt) and "conductance" (siemens, or 1 in units
    of the leak), which a spike raises by its weight and which decays by the cells' own
    equation:

        made = plastic.connect("delta", inputs, cells, form="biophysical",
                               teacher=teachers, gate=gate_table,
                               names={"membrane": "v", "conductance": "g_in"})

    A value of 0 is taught at half the reference rate. The membrane must rest where that
    holds the apical compartment, or all values are off by a constant: it needs the leak
    ``g_leak`` and ``E_leak`` of the synapse (10 nS, -70 mV) and a steady excitation of
    ``value_baseline*conductance*g_leak`` (1.25 nS). For other cells change these numbers:
    ``of_rule("delta", form="biophysical").changed(E_leak=-65*mV)``.

    Args:
        model: from `fwp_neuro.synapses.get`, any `Synapse`, or a name in the registry,
            also with a parameter set ("clopath_2010/paper_literal"); or a rule: its name,
            an `fwp_neuro.Rule`, a text (its gates are shared), or what
            `fwp_neuro.synapses.of_rule` returns. "oja" is a synapse model, and the rule
            if an argument of rules is given.
        pre, post: Brian2 groups, on the default clock or on clocks of their own.
        layout: "factorised" (cheap) or "textbook" (everything on the synapse): the same
            weights.
        connect: arguments of Brian2's ``Synapses.connect``, such as ``{"p": 0.1}`` or
            ``{"i": ..., "j": ...}``; all to all if None.
        initial: variable -> number, quantity, Brian2 expression, or array with a value
            for each synapse (or each cell, for variables of cells), besides those of the
            model.
        inputs: further names in the equations -> TimedArray or constant, before the
            parameters.
        keep: variables that stay on the synapse in the factorised layout, because you
            will give each synapse another value.
        writes: of the factorised layout, see `fwp_neuro.synapses.factorise`.
        names: what the cells call what the model reads: a port of the model
            (``model.ports``, such as "membrane") or a variable of its cells -> a variable
            of your cells, as in ``{"membrane": "v"}``; None for one that the model brings
            itself.
        through: a receptor, such as "ampa", through which the synapses transmit: its
            conductance goes to the variable that ``names={"conductance": "g_in"}`` gives,
            in siemens, or without a unit (then 1 is the opening by one spike at weight
            1). Several projections onto one variable add up. See
            `fwp_neuro.synapses.compose`.
        release: a model of short-term plasticity, such as "tsodyks_markram", whose amount
            a spike releases.
        delay: Brian2 times by which spikes of a side arrive later, {"pre": ..., "post":
            ...}, in place of the model's own; 0*ms for none. In the textbook layout also
            an array with a delay for each synapse; in the factorised one all have the
            same, and a run refuses one that is changed after `connect`.
        varying: parameter of the model -> values in one row, for each synapse, each cell
            of ``pre`` or each of ``post``: their number says which, or a pair such as
            ("pre", values) does. A text over i, j (numbers of the cells), rand() and
            randn() (of NumPy) is worked out once. A parameter of cells on both sides
            takes {"pre": values, "post":
            values}. Parameters that follow from it (see `Synapse.derived`) vary with it.
        name: of the Synapses object; other objects start with it. A * at the end stands
            for a number where the name is taken.
        dense: all to all, without index vectors where the device can do that (see
            `fwp_neuro.devices.dense`): the same numbers, in less time and memory.
        form, dynamics, every: of a rule, see `fwp_neuro.synapses.of_rule`: the form
            "rate" (default) runs its statements at the end of every ``every``
            (dynamics="event"), or as differential equations (dynamics="continuous");
            "biophysical" writes through NMDA.
        gate: of a rule, gate -> a constant, a TimedArray [time] or [time, cell], or the
            name of a variable of the cells; one of these alone where the rule has one
            gate. Plain numbers for event dynamics, else in 1/s; "write_rate" is the gate
            of statements without any, such as ``w += v*k`` of gla. Of a synapse with a
            port "gate", the name of a variable in the unit of its text; likewise teacher.
        teacher: of a rule, the name of a variable of the postsynaptic cells, or a Brian2
            group of as many cells, one for each of them: in the rate form its variable
            ``v``, or what ``names`` says; in the biophysical form its spikes, which drive
            an apical compartment (or a voltage of the postsynaptic cells).
        options: of Brian2's ``Synapses``, such as ``codeobj_class``.

    Returns:
        a `Plastic`: put its ``objects`` into your Network, or the whole of it.

    Raises:
        FwpError: unknown option, layout, model, variable, side or argument of connect,
            cells that are no Brian2 group or have no threshold, a port that must be
            named, clocks that do not fit each other, values of another length or
            dimension, ``keep`` names no synaptic variable, ``varying`` what nothing reads
            there or by values that are not legal for the parameter, ``dense`` synapses
            that are not all to all, or more synapses than the memory can hold; a rule
            that has not this form, or one of whose signals or gates is neither found nor
            named. The cells are then as they were.
    """
    options = plastic_options.check(options, _OWN)
    if dense and connect is not None:
        raise FwpError("dense synapses are all to all: leave out connect, or dense")
    name, groups = unused(name), {"pre": pre, "post": post}
    asked = plastic_rules.Asked(form, dynamics, every, gate, teacher)
    parts = {"through": through, "release": release}
    asked, names = plastic_rules.by_ports(model, asked, names)
    ready, names = _read(model, asked, parts, names, groups, options, delay, dense,
                         varying)  # fmt: skip
    chosen = plastic_ports.read(ready.model, names, groups)
    plastic_options.events(chosen, layout, options)
    pairs, late = checks.connection(connect, groups), checks.delays(chosen, delay, layout)
    chosen, initial = plastic_varying.read(chosen, varying, groups, pairs, initial)
    initial, fixed = checks.initial(chosen, initial), checks.kept(chosen, keep)
    inputs = {**checks.inputs(chosen, inputs), **ready.inputs}
    if layout == "factorised":
        fixed |= set(initial_values.differing(chosen, initial))
        chosen = _factorised(
            chosen, fixed, initial, uniform=tuple(inputs), writes=writes, late=tuple(late)
        )
    plastic_sizes.check(chosen, groups, pairs, dense)
    with undone_if_it_fails(groups.values()), plain_sentences(chosen.name):
        made = Builder(chosen, groups, inputs, late, name, dense).build(
            pairs, initial, options
        )
        return ready.finish(made)


def _read(
    model, asked, parts: Mapping, names, groups, options, delay, dense: bool, varying
) -> tuple:
    """Return (what is connected, as a `plastic_rules.PreparedRule`; names that are left
    to map)."""
    rule, events = plastic_rules.synapse(model, asked), "on_event" in options
    if rule is None:
        text = checks.textbook(model)
        check_equations(text)
        release, receptor = (
            None if parts[called] is None else model_for(role, parts[called], called)
            for role, called in (("release", "release"), ("receptor", "through"))
        )
        if release is not None or receptor is not None:
            text = compose(text, release, receptor)
        checks.cells(text, groups, events)
        text, names = conductances.directed(text, names, groups["post"])
        return plastic_rules.PreparedRule(text), names
    for what, part in parts.items():
        if part is not None:
            raise FwpError(f"{what}: rule {rule.name!r} brings what it transmits "
                           "through; leave it out")  # fmt: skip
    checks.cells(checks.textbook(rule), groups, events)
    plastic_rules.check_options(rule, options, delay, dense)
    ready = plastic_rules.prepare(rule, asked, names, groups)
    plastic_gates.check_varying(rule, varying, ready.model)
    return ready, None


def _factorised(model: Synapse, keep: set[str], initial: Mapping, **options) -> Synapse:
    """Return a model in the factorised layout; what starts from the other side's cells
    stays."""
    made = factorise(model, keep=keep, **options)
    elsewhere = initial_values.elsewhere(cast(FactorisedModel, made), initial)
    return factorise(model, keep=keep | elsewhere, **options) if elsewhere else made


_OWN = [n for n in signature(connect).parameters if n != "options"]
