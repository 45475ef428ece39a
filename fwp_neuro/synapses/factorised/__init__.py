"""The cheap layout of a synapse model, derived from its textbook text.

In the textbook layout everything that a synapse needs lives on the synapse. Where
parameters are the same for all synapses of a cell, most of it is the same for all of
them: traces, receptor gating, the decay since the last spike. `factorise` finds what that
is and gives it to the cell, so that only the weight and what truly differs stay on the
synapse. What stays follows linear equations in most models: then it is kept as sums that
nothing but spikes changes (`cascades`), so that no synapse is touched in between. The
trajectories are the same, also for pre- and postsynaptic spikes in one time step.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...arguments import inside, one_of, takes
from ...errors import FwpError, pick, shown
from ...validation import name_list
from ..argument_kinds import NAMES
from ..registered_synapses import MODEL, get
from ..synapse_class import Synapse
from .assembly import assemble
from .layout_report import FactorisedModel

__all__ = ["WRITES", "factorise"]

WRITES = ("auto", "presynaptic", "both sides")


@takes(
    model=MODEL,
    keep=NAMES,
    uniform=NAMES,
    writes=one_of(WRITES, "writes"),
    late=inside("sides, 'pre' or 'post', or None"),
)
def factorise(
    model: str | Synapse,
    *,
    keep: Iterable[str] = (),
    uniform: Iterable[str] = (),
    writes: str = "auto",
    late: Iterable[str] | None = None,
) -> Synapse:
    """Return a model in the cheap layout, with a ``report`` of what moved where and what
    stayed.

    Args:
        model: in the textbook layout, or the name of a registered one.
        keep: synaptic variables that must stay on the synapse, because their values will
            differ between the synapses of a cell.
        uniform: names in the equations, other than parameters, that have one value for
            all synapses (inputs of a run).
        writes: "presynaptic" (what postsynaptic spikes or time write waits for the next
            presynaptic spike, at the price of one more number on a synapse), "both sides"
            (a write takes place when it is due) or "auto" (the first where the rule
            allows it).
        late: sides ("pre", "post") whose spikes will arrive with a delay; those with a
            delay in the model's own text if None.

    Returns:
        the model with `Equations` of which ``synapse``, ``on_pre`` and ``on_post`` hold
        what stays; ``textbook`` is the model it was made from.

    Raises:
        FwpError: unknown name, no model of this layout, ``keep`` names no synaptic
            variable, or the rule does not allow presynaptic writes (with the reason).
    """
    fixed, shared = name_list(keep, "keep"), name_list(uniform, "uniform")
    late = None if late is None else name_list(late, "late")
    for side in late or ():
        pick(side, ("pre", "post"), "side of late")
    if isinstance(model, str):
        model = get(model)
    if not isinstance(model, Synapse):
        raise FwpError(
            f"factorise needs a Synapse or the name of one, got {shown(model)}"
        )
    textbook = model.textbook if isinstance(model, FactorisedModel) else model
    return assemble(textbook, fixed, shared, writes, late)
