"""Connect any synapse model between given cells, in the textbook or in the factorised layout.

The order of events in a time step is fixed here, once. Slot "groups": sums over synapses (-2),
equations of synapses (-1), equations of cells (0). Slot "synapses": presynaptic spikes (the cell
before its synapses 0, on_pre 1, the cell after them 2), then postsynaptic ones (8, 10, 12). Slot
"resets": what a spike does to its own cell. So on_pre finds the postsynaptic traces of before
spikes of this step, on_post finds presynaptic traces with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import signature
from typing import Any, cast

import brian2 as b2

from ..arguments import FLAG, inside, one_of, optional, takes
from ..devices.lock import brian2_lock
from ..errors import FwpError
from ..synapses.argument_kinds import NAMES, name_or_model
from ..synapses.composition import compose
from ..synapses.factorised import WRITES, factorise
from ..synapses.factorised.report import FactorisedModel
from ..synapses.model import Model
from . import (
    conductances,
    plastic_options,
    plastic_ports,
    plastic_sizes,
    plastic_varying,
    starts,
)
from . import plastic_checks as checks
from .companions import plain_sentences, undone_if_it_fails
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
    release=optional(inside("the name of a model of short-term plasticity, or such a model")),
    delay=inside("a dict from 'pre' or 'post' to a time, or None"),
    varying=inside("a dict from parameter to values, or None"),
    name=inside("a name of Brian2 objects"),
    dense=FLAG,
    options=inside("an option of Brian2's Synapses"),
)
def connect(
    model: Model,
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
    through: str | Model | None = None,
    release: str | Model | None = None,
    delay: Mapping[str, Any] | None = None,
    varying: Mapping[str, Any] | None = None,
    name: str = "plastic*",
    dense: bool = False,
    **options,
) -> Plastic:
    """Make the synapses of a model between cells.

    Variables that the model needs on the cells and that the cells do not have are attached to
    them (but no membrane voltage to cells with a voltage of their own, see ``names``); any Brian2
    group that spikes will do, also a PoissonGroup or a subgroup. A variable of the model's own
    ``pre`` and ``post`` text that the cells have is used as it is, and what a spike does to it is
    left to the cells; it must be integrated by the model's method.

    ``made.values("w")`` gives the weights of the last step, ``made.set("w", ...)`` sets them and
    ``made.monitor("w")`` records them in either layout. `Plastic.freeze` stops learning.

    Everything follows the clocks of the cells, also if their time step is set after `connect`. Two
    clocks will do if one time step is a whole multiple of the other.

        made = plastic.connect(fwp.synapses.get("pair_stdp"), inputs, cells)
        network = b2.Network(inputs, cells, *made.objects)

    Parameters may vary over synapses or cells:

        made = plastic.connect("tsodyks_markram", inputs, cells, varying={"U": "0.2 + 0.1*rand()"})

    Args:
        model: from `fwp_neuro.synapses.get`, any `Model`, or a name in the registry.
        pre, post: Brian2 groups, on the default clock or on clocks of their own.
        layout: "factorised" (cheap) or "textbook" (everything on the synapse): the same weights.
        connect: arguments of Brian2's ``Synapses.connect``, such as ``{"p": 0.1}`` or
            ``{"i": ..., "j": ...}``; all to all if None.
        initial: variable -> number, quantity, Brian2 expression, or array with a value for each
            synapse (or each cell, for variables of cells), besides those of the model.
        inputs: further names in the equations -> TimedArray or constant, before the parameters.
        keep: variables that stay on the synapse in the factorised layout, because you will give
            each synapse another value.
        writes: of the factorised layout, see `fwp_neuro.synapses.factorise`.
        names: what the cells call what the model reads: a port of the model (``model.ports``, such
            as "membrane") or a variable of its cells -> a variable of your cells, as in
            ``{"membrane": "v"}``; None for one that the model brings itself.
        through: a receptor, such as "ampa", through which the synapses transmit: its conductance
            goes to the variable that ``names={"conductance": "g_in"}`` gives, in siemens, or
            without a unit (then 1 is the opening by one spike at weight 1). Several projections
            onto one variable add up. See `fwp_neuro.synapses.compose`.
        release: a model of short-term plasticity, such as "tsodyks_markram", whose amount a
            spike releases.
        delay: Brian2 times by which spikes of a side arrive later, {"pre": ..., "post": ...}, in
            place of the model's own; 0*ms for none. In the textbook layout also an array with a
            delay for each synapse; in the factorised one all have the same.
        varying: parameter of the model -> values in one row, for each synapse, each cell of
            ``pre`` or each of ``post``: their number says which, or a pair such as ("pre",
            values) does. A text over i, j (numbers of the cells), rand() and randn() (of NumPy)
            is worked out once. A parameter of cells on both sides takes {"pre": values, "post":
            values}. Parameters that follow from it (see `Model.derived`) vary with it.
        name: of the Synapses object; other objects start with it. A * at the end stands for a
            number where the name is taken.
        dense: all to all, without index vectors where the device can do that (see
            `fwp_neuro.devices.dense`): the same numbers, in less time and memory.
        options: of Brian2's ``Synapses``, such as ``codeobj_class``.

    Returns:
        a `Plastic`: put its ``objects`` into your Network.

    Raises:
        FwpError: unknown option, layout, model, variable, side or argument of connect, cells that
            are no Brian2 group or have no threshold, a port that must be named, clocks that do not
            fit each other, values of another length or dimension, ``keep`` names no synaptic
            variable, ``varying`` what nothing reads there or by values that are not legal for the
            parameter, ``dense`` synapses that are not all to all, or more synapses than the memory
            can hold. The cells are then as they were.
    """
    options = plastic_options.check(options, _OWN)
    if dense and connect is not None:
        raise FwpError("dense synapses are all to all: leave out connect, or dense")
    model, name = checks.textbook(model), unused(name)
    if through is not None or release is not None:
        model = compose(model, release, through)
    groups = {"pre": pre, "post": post}
    checks.cells(model, groups, events="on_event" in options)
    model, names, total = conductances.directed(model, names, post, name)
    model = plastic_ports.read(model, names, groups)
    plastic_options.events(model, layout, options)
    pairs, late = checks.connection(connect, groups), checks.delays(model, delay, layout)
    model, initial = plastic_varying.read(model, varying, groups, pairs, initial)
    initial, fixed = checks.initial(model, initial), checks.kept(model, keep)
    inputs = checks.inputs(model, inputs)
    if layout == "factorised":
        fixed |= set(starts.differing(model, initial))
        make = partial(factorise, model, uniform=tuple(inputs), writes=writes, late=tuple(late))
        model = make(keep=fixed)
        elsewhere = starts.elsewhere(cast(FactorisedModel, model), initial)
        model = make(keep=fixed | elsewhere) if elsewhere else model
    plastic_sizes.check(model, groups, pairs, dense)
    with undone_if_it_fails(groups.values()), plain_sentences(model.name):
        return Builder(model, groups, inputs, late, name, dense, total).build(
            pairs, {**model.initial, **initial}, options
        )


_OWN = [n for n in signature(connect).parameters if n != "options"]
