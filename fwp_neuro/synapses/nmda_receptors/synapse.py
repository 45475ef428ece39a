"""NMDA receptors with saturating gates, in three forms that differ in where the gate
lives.

    dx/dt = -x/tau_rise,   x <- x + 1 at a presynaptic spike
    ds/dt = -s/tau_nmda + alpha x (1 - s),   g = sum_j w_j gbar s_j,   I = g B(V) (E - V)

"nmda_per_synapse": x and s on the synapse, as in Brunel & Wang 2001, J. Comput. Neurosci.
11:63. "nmda_per_cell": the same on the presynaptic cell; the synapse reads s. Equal to
rounding as long as all synapses of a cell have the same delay, and N gates instead of
N^2. "nmda_jump": one jump at a spike instead of the rise (Skaar, Haug & Plesser 2025, J.
Comput. Neurosci. 53:475, doi:10.1007/s10827-025-00911-8):

    s <- s + k0 + k1 s,   ds/dt = -s/tau_nmda
    k0 = (alpha tau_rise)^(tau_rise/tau_nmda) gamma(1 - tau_rise/tau_nmda, alpha tau_rise)
    k1 = exp(-alpha tau_rise) - 1

with the lower incomplete gamma function; exact late after isolated spikes. Regular trains
of 5-80 Hz raise the mean gate by up to 2 % at 2/100 ms, but 8 % at 2/26 ms and 11 % at
5/60 ms (`bias` measures it): there use one of the exact forms. It also freezes `w` at the
spike, where the others read w(t), which matters when w is what is studied.
As a fast-weight programme: s is the key trace of the presynaptic cell, `w` scales the
read-out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import ms, mV, nS
from scipy.special import gamma, gammainc

from ..synapse_class import Entry, Equations, Synapse, register

_BRUNEL = "brunel2001effects"
_WANG = "wang2002probabilistic"
SKAAR = "skaar2025simplified"
_GATE = "dx_nmda/dt = -x_nmda/tau_rise : 1\n"
_GATE += "ds_nmda/dt = -s_nmda/tau_nmda + alpha*x_nmda*(1 - s_nmda) : 1"
#: a synapse says when it integrates, a cell always does
_AT_SYNAPSES = _GATE.replace(" : 1", " : 1 (clock-driven)")

EQUATIONS = {
    "nmda_per_synapse": Equations(
        synapse=f"w : 1\n{_AT_SYNAPSES}\ng_nmda_post = nmda*w*gbar_nmda*s_nmda : siemens "
        "(summed)",
        on_pre="x_nmda += 1",
        post="g_nmda : siemens",
        method="rk4",
    ),
    "nmda_per_cell": Equations(
        synapse="w : 1\ng_nmda_post = nmda*w*gbar_nmda*s_nmda_pre : siemens (summed)",
        pre=_GATE,
        pre_spike="x_nmda += 1",
        post="g_nmda : siemens",
        method="rk4",
    ),
    "nmda_jump": Equations(
        synapse="w : 1",
        on_pre="g_nmda_post += nmda*w*gbar_nmda*(k0 + k1*s_nmda_pre)",
        pre="ds_nmda/dt = -s_nmda/tau_nmda : 1",
        # after on_pre, which needs s before the spike
        pre_spike="s_nmda += k0 + k1*s_nmda",
        post="dg_nmda/dt = -g_nmda/tau_nmda : siemens",
    ),
}
SUMMARIES = {
    "nmda_per_synapse": "NMDA receptor with a saturating gate at every synapse",
    "nmda_per_cell": "NMDA receptor with one saturating gate a presynaptic cell",
    "nmda_jump": "NMDA receptor whose saturating gate jumps at a spike: cheap, "
    "approximate",
}
#: parameter set -> (conductance nS, source of it)
SETS = {
    "brunel_wang_2001": (0.327, _BRUNEL + ": onto pyramidal cells, for 800 excitatory "
                                          "cells"),
    "brunel_wang_2001_interneuron": (0.258, _BRUNEL + ": onto interneurons, for 800 "
                                     "excitatory cells"),
    "wang_2002": (0.165, _WANG + ": onto pyramidal cells, N = 2000"),
    "wang_2002_interneuron": (0.13, _WANG + ": onto interneurons, N = 2000"),
}  # fmt: skip


def jump_constants(
    tau_rise: float, tau_decay: float, alpha: float
) -> tuple[float, float]:
    """Return k0 and k1 of the jump (Skaar, Haug & Plesser 2025); times in s, alpha in
    Hz."""
    p, x = tau_rise / tau_decay, alpha * tau_rise
    return x**p * gammainc(1 - p, x) * gamma(1 - p), float(np.expm1(-x))


def _derived(parameters: Mapping[str, Any]) -> dict[str, float]:
    k0, k1 = jump_constants(
        *(float(parameters[n]) for n in ("tau_rise", "tau_nmda", "alpha"))
    )
    return {"k0": float(k0), "k1": k1}


def maker(name: str):
    """Return what makes one of the three forms, by its name, with a parameter set."""

    def make(parameters: str) -> Synapse:
        conductance, where = SETS[parameters]
        values = {
            "tau_rise": 2 * ms, "tau_nmda": 100 * ms, "alpha": 0.5 / ms,
            "gbar_nmda": conductance * nS, "E_nmda": 0 * mV, "nmda": 1.0,
        }  # fmt: skip
        sources = {
            "": _BRUNEL, "gbar_nmda": where,
            "nmda": "unblocked fraction of NMDA receptors (AP5 lowers it): 1 = no drug",
        }  # fmt: skip
        jump = name == "nmda_jump"
        if jump:
            values |= _derived(values)
            sources |= {k: SKAAR + ", computed from tau_rise, tau_nmda and alpha" for k in
                        ("k0", "k1")}  # fmt: skip
        return Synapse(
            name, parameters, "receptor", SUMMARIES[name], EQUATIONS[name], values,
            sources, where.partition(":")[0] + (f"; {SKAAR}" if jump else ""),
            "without delay; x jumps by 1 a spike and may exceed 1; magnesium block 1 mM, "
            "Jahr & Stevens 1990, is part of the current" + ("; w as it is at the spike"
                if jump else ""),
            signed=("E_nmda", "nmda", "k1"), initial={"w": 1},
            ports={"conductance": "g_nmda"},
            derived=_derived if jump else None,
        )  # fmt: skip

    return make


for _name in EQUATIONS:
    register(_name, Entry(maker(_name), tuple(SETS), "receptor", SUMMARIES[_name]))
