"""How receptors and release are run in both forms, see `two_forms`."""

from __future__ import annotations

from functools import partial

import numpy as np
from brian2 import second

from ..synapses import get
from ..synapses.exponential_receptors import events as exponential
from ..synapses.kinetic_receptors import events as kinetic
from ..synapses.nmda_receptors import events as nmda
from ..synapses.tsodyks_markram import events as tm
from .form_cases import BothForms, FormCase, brian, spikes

_DT = 0.1e-3
#: steps in which a presynaptic cell spikes, and steps after which conductances are read
_SPIKES, _READ = [19, 59, 69, 219], [40, 110, 260, 395]


def _conductance(name: str):
    """The conductance that one presynaptic cell opens, at four times."""
    model = get(name)
    if "nmda" in model.parameters:  # so that the text must read it
        model = model.changed(nmda=0.7)
    receptor = name.removesuffix("_kinetic").split("_per_")[0].removesuffix("_jump")
    pre = np.zeros((400, 2))
    pre[_SPIKES, 0] = 1
    found = brian(model, pre, np.zeros((400, 1)), _DT, record=(f"g_{receptor}",),
                  record_every=_DT * second, initial={"w": 1.5})  # fmt: skip
    # a sample is from before what its step does, and a spike acts in its own step
    shown = found[f"g_{receptor}"][_READ, 0]
    fired, read = np.array(_SPIKES) * _DT, np.array(_READ) * _DT
    gbar, part = (
        float(model.parameters[f"gbar_{receptor}"]),
        float(model.parameters.get("nmda", 1)),
    )
    if name in ("ampa", "gaba_a"):
        exact = exponential.conductance(model, fired, read - _DT)
    else:
        form = kinetic if name.endswith("kinetic") else nmda
        # a summed conductance and a pulse come one step later, a jump does not
        late = _DT if name == "nmda_jump" else 2 * _DT
        exact = gbar * part * form.gating(model, fired, read - late)
    return BothForms(shown, 1.5 * exact)


def _release(convention: str):
    """Release at the last spike, and the weight after it, of two trains."""
    model = get(f"tsodyks_markram_{convention}", "tsodyks_1998_facilitating")
    model = model.changed(U=0.3)
    pre = spikes(400, 0.02, 5)
    found = brian(model, pre, np.zeros((400, 1)), 1e-3)
    ends = [tm.states(model, np.flatnonzero(cell) * 1e-3) for cell in pre.T]
    released = [u[-1] * x[-1] for u, x in ends]
    weights = [u[-1] * (x[-1] - u[-1] * x[-1]) for u, x in ends]
    shown = np.stack([found["release"].ravel(), found["weight"].ravel()])
    return BothForms(shown, np.array([released, weights]))


CASES: dict[str, tuple[FormCase, ...]] = {
    "ampa": (FormCase("", partial(_conductance, "ampa")),),
    "gaba_a": (FormCase("", partial(_conductance, "gaba_a")),),
    "ampa_kinetic": (FormCase("", partial(_conductance, "ampa_kinetic")),),
    "gaba_a_kinetic": (FormCase("", partial(_conductance, "gaba_a_kinetic")),),
    "nmda_kinetic": (FormCase("", partial(_conductance, "nmda_kinetic")),),
    "nmda_per_cell": (FormCase("", partial(_conductance, "nmda_per_cell"), 1e-6),),
    "nmda_per_synapse": (FormCase("", partial(_conductance, "nmda_per_synapse"), 1e-6),),
    "nmda_jump": (FormCase("", partial(_conductance, "nmda_jump")),),
    "tsodyks_markram": tuple(
        FormCase(one, partial(_release, one))
        for one in ("to_zero", "three_state", "to_U")
    ),
}
