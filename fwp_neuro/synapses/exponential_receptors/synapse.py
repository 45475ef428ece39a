"""AMPA and GABA_A receptors that open at once and close exponentially.

    g <- g + w jump gbar  at a presynaptic spike,   dg/dt = -g/tau,   I = g (E - V)

The gate is linear, so that one variable of the postsynaptic cell sums all synapses.
Sources: Brunel & Wang 2001, J. Comput. Neurosci. 11:63, doi:10.1023/A:1011204814320; Wang
2002, Neuron 36:955, doi:10.1016/S0896-6273(02)01092-9; Destexhe, Mainen & Sejnowski 1998,
in Methods in Neuronal Modeling, of which "destexhe_1998" is the limit of a pulse that is
short against the decay (`kinetic_receptors` has the pulse itself).
As a fast-weight programme: the read-out. `w` scales it, nothing here writes `w`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import ms, mV, nS

from ..kinetic_receptors.events import opened
from ..kinetic_receptors.synapse import PAPER as _DESTEXHE
from ..kinetic_receptors.synapse import RATES, RENAMED
from ..synapse_class import Entry, Equations, Synapse, register

_BRUNEL = "brunel2001effects"
_WANG = "wang2002probabilistic"
_SCALED = (
    ": recurrent synapse, for 800 excitatory and 200 inhibitory cells (scale by 1/N)"
)
_CHOICE = "modelling choice of this package: 1 nS at full opening"

#: receptor -> parameter set -> (decay ms, reversal mV, conductance nS, source, source of
#: the conductance)
SETS = {
    "ampa": {
        "brunel_wang_2001": (2, 0, 0.104, _BRUNEL,
                             _BRUNEL + _SCALED + ", onto pyramidal cells"),
        "brunel_wang_2001_interneuron": (2, 0, 0.081, _BRUNEL,
                                         _BRUNEL + _SCALED + ", onto "
                                         "interneurons"),
        "brunel_wang_2001_external": (2, 0, 2.08, _BRUNEL,
                                      _BRUNEL + ": external input of "
                                      "pyramidal cells"),
        "wang_2002": (2, 0, 0.05, _WANG, _WANG + ": recurrent synapse onto pyramidal "
                      "cells, N = 2000"),
        "wang_2002_interneuron": (2, 0, 0.04, _WANG, _WANG + ": recurrent synapse onto "
                                  "interneurons, N = 2000"),
        "wang_2002_external": (2, 0, 2.1, _WANG,
                               _WANG + ": external input of pyramidal cells"),
        "destexhe_1998": (None, 0, 1.0, _DESTEXHE, _CHOICE),
    },
    "gaba_a": {
        "brunel_wang_2001": (10, -70, 1.25, _BRUNEL,
                             _BRUNEL + _SCALED + ", onto pyramidal cells"),
        "brunel_wang_2001_interneuron": (10, -70, 0.973, _BRUNEL,
                                         _BRUNEL + _SCALED + ", onto "
                                         "interneurons"),
        "wang_2002": (5, -70, 1.3, _WANG, _WANG + ": onto pyramidal cells, N = 2000"),
        "wang_2002_interneuron": (5, -70, 1.0, _WANG,
                                  _WANG + ": onto interneurons, N = 2000"),
        "destexhe_1998": (None, -80, 1.0, _DESTEXHE, _CHOICE),
    },
}  # fmt: skip


def equations(receptor: str) -> Equations:
    """Return the Brian2 text of an exponential receptor."""
    r = receptor
    return Equations(
        synapse="w : 1",
        on_pre=f"g_{r}_post += w*jump_{r}*gbar_{r}",
        post=f"dg_{r}/dt = -g_{r}/tau_{r} : siemens",
    )


def _values(receptor: str, chosen: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    decay, reversal, conductance, source, where = SETS[receptor][chosen]
    jump, shut = 1.0, decay and decay * ms
    sources = {"": source, f"gbar_{receptor}": where}
    if decay is None:
        name = f"{receptor}_kinetic"
        rate = RATES[name]
        jump = opened(rate.alpha, rate.beta, 1.0, 1.0)
        shut = 1 / rate.beta * ms
        sources |= {"": rate.source,
                    f"jump_{receptor}": rate.source + ": computed, fraction "
                    "open at the end of a pulse of 1 mM and 1 ms"}  # fmt: skip
    values = {f"tau_{receptor}": shut, f"jump_{receptor}": jump,
              f"gbar_{receptor}": conductance * nS,
              f"E_{receptor}": reversal * mV}  # fmt: skip
    return values, sources


def _maker(receptor: str, summary: str):
    def make(parameters: str) -> Synapse:
        values, sources = _values(receptor, parameters)
        return Synapse(
            receptor, parameters, "receptor", summary, equations(receptor), values,
            sources, SETS[receptor][parameters][3],
            "the conductance jumps in the step of the presynaptic spike; conductances "
            "are those of one synapse of the published network, to be scaled with its "
            "number of cells",
            signed=(f"E_{receptor}",), initial={"w": 1},
            ports={"conductance": f"g_{receptor}"},
        )  # fmt: skip

    return make


for _receptor, _summary in {
    "ampa": "AMPA receptor that opens at once and closes exponentially",
    "gaba_a": "GABA_A receptor that opens at once and closes exponentially",
}.items():
    register(
        _receptor,
        Entry(_maker(_receptor, _summary), tuple(SETS[_receptor]), "receptor", _summary,
              renamed=RENAMED),
    )  # fmt: skip
