"""Connect any synapse model between given cells, in the textbook or in the factorised layout.

The order of events in a time step is fixed here, once. Slot "groups": sums over synapses (-2),
equations of synapses (-1), equations of cells (0). Slot "synapses": presynaptic spikes (the cell
before its synapses 0, on_pre 1, the cell after them 2), then postsynaptic ones (8, 10, 12). Slot
"resets": what a spike does to its own cell. So on_pre finds the postsynaptic traces of before
spikes of this step, on_post finds presynaptic traces with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from ..errors import FwpError, pick
from ..synapses.factorised import factorise
from ..synapses.model import Model
from . import plastic_checks as checks
from . import starts
from .companions import undone_if_it_fails
from .plastic_builder import Builder
from .plastic_synapses import Plastic

LAYOUTS = ("factorised", "textbook")


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
    delay: Mapping[str, Any] | None = None,
    name: str = "plastic",
    dense: bool = False,
    **options,
) -> Plastic:
    """Make the synapses of a model between cells.

    Variables that the model needs on the cells and that the cells do not have are attached to
    them; any Brian2 group that spikes will do, also a PoissonGroup or a subgroup. A variable of the
    model's own ``pre`` and ``post`` text that the cells have is used as it is, and what a spike
    does to it is left to the cells; it must be integrated by the model's method.

    In the factorised layout ``made.values("w")`` gives the weights of the last step. Where writes
    wait for presynaptic spikes, ``made.synapses.w`` is worked out when it is read, and Brian2
    cannot record it with a StateMonitor: read it between runs, or ask for writes="both sides".

        made = plastic.connect(fwp.synapses.get("pair_stdp"), inputs, cells)
        network = b2.Network(inputs, cells, *made.objects)

    Args:
        model: from `fwp_neuro.synapses.get`, any `Model`, or a name in the registry.
        pre, post: Brian2 groups on the time step of the default clock.
        layout: "factorised" (cheap) or "textbook" (everything on the synapse): the same weights.
        connect: arguments of Brian2's ``Synapses.connect``, such as ``{"p": 0.1}`` or
            ``{"i": ..., "j": ...}``; all to all if None.
        initial: variable -> number, quantity, Brian2 expression, or array with a value for each
            synapse (or each cell, for variables of cells), besides those of the model.
        inputs: further names in the equations -> TimedArray or constant, before the parameters.
        keep: variables that stay on the synapse in the factorised layout, because you will give
            each synapse another value.
        writes: of the factorised layout, see `fwp_neuro.synapses.factorise`.
        delay: Brian2 times by which spikes of a side arrive later, {"pre": ..., "post": ...}, in
            place of the model's own; 0*ms for none. In the textbook layout a single synapse may
            have another one later (``synapses.pre.delay = ...``); in the factorised one all have
            the same.
        name: of the Synapses object; other objects start with it.
        dense: all to all, without index vectors where the device can do that (see
            `fwp_neuro.devices.dense`): the same numbers, in less time and memory.
        options: of Brian2's ``Synapses``, such as ``codeobj_class``.

    Returns:
        a `Plastic`: put its ``objects`` into your Network.

    Raises:
        FwpError: unknown option, layout, model, variable, side or argument of connect, cells that
            are no Brian2 group or have no threshold, values of another length or dimension,
            ``keep`` names no synaptic variable, or ``dense`` synapses that are not all to all. The
            cells are then as they were.
    """
    pick(layout, LAYOUTS, "layout")
    checks.options(options, _OWN)
    if not isinstance(dense, bool):
        raise FwpError(f"dense must be True or False, got {dense!r}")
    if dense and connect is not None:
        raise FwpError("dense synapses are all to all: leave out connect, or dense")
    model = checks.textbook(model)
    groups = {"pre": pre, "post": post}
    checks.cells(model, groups, events="on_event" in options)
    pairs, late = checks.connection(connect), checks.delays(model, delay)
    initial = checks.initial(model, initial)
    inputs = checks.mapping(inputs, "inputs", "{'I': 0.1}")
    if layout == "factorised":
        keep = {*keep, *starts.differing(model, initial)}
        model = factorise(model, keep=keep, uniform=tuple(inputs), writes=writes, late=late)
    with undone_if_it_fails(groups.values()):
        return Builder(model, groups, inputs, late, name, dense).build(
            pairs, {**model.initial, **initial}, options
        )


_OWN = [n for n in signature(connect).parameters if n != "options"]
