"""The cheap layout of a synapse model, derived from its textbook text.

In the textbook layout everything that a synapse needs lives on the synapse. Where parameters are
the same for all synapses of a cell, most of it is the same for all of them: traces, receptor
gating, the decay since the last spike. `factorise` finds what that is and gives it to the cell, so
that only the weight and what truly differs stay on the synapse. The trajectories are the same, also
for pre- and postsynaptic spikes in one time step.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Model

__all__ = ["factorise"]


def factorise(model: Model, *, keep: Iterable[str] = (), uniform: Iterable[str] = ()) -> Model:
    """Return a model in the cheap layout, with a ``report`` of what moved where and what stayed.

    Args:
        model: in the textbook layout.
        keep: synaptic variables that must stay on the synapse, because their values will differ
            between the synapses of a cell.
        uniform: names in the equations, other than parameters, that have one value for all
            synapses (inputs of a run).

    Returns:
        the model with `Equations` of which ``synapse``, ``on_pre`` and ``on_post`` hold what
        stays; ``textbook`` is the model it was made from.

    Raises:
        FwpError: no model of this layout, or ``keep`` names no synaptic variable.
    """
    from ...errors import FwpError
    from .assembly import assemble
    from .report import FactorisedModel

    if not isinstance(model, Model):
        raise FwpError(f"factorise needs a synapse model with Brian2 text, got {model!r}")
    if isinstance(model, FactorisedModel):
        model = model.textbook
    return assemble(model, keep, uniform)
