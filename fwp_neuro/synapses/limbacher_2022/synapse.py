"""Hebbian key-value memory of spiking cells: outer product with a bound, inverted Oja
decay.

    dW/dt = gate [gamma_plus (w_max - W) v k - gamma_minus W k^2]/step

with traces of the presynaptic (key) and postsynaptic (value) spikes in units of one spike
a step:

    dk/dt = -k/tau_trace,   k <- k + 1 - exp(-step/tau_trace) at a presynaptic spike

and likewise v. Source: Limbacher, Oezdenizci & Legenstein, Memory-Dependent Computation
and Learning in Spiking Neural Networks Through Hebbian Plasticity, IEEE TNNLS 36:2551
(2025), doi:10.1109/TNNLS.2023.3341446, arXiv:2205.11276; constants of the published code
(IGITUGraz/MemoryDependentComputation), which takes one step of the rule per ms. Here time
is continuous; its 1 ms steps come out as steps of that size do (`published_steps` in the
oracle). As a fast-weight programme: writes + (w_max - W) o (v k'), erases - W o (1
(k^2)'): of the delta rule's W k k' only what a synapse can know by itself (its own
column), so that old values under the very same key fade but cross-talk between keys is
not corrected. No passive decay.
"""

from __future__ import annotations

from brian2 import ms

from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

EQUATIONS = Equations(
    synapse="""
dw/dt = gate*(gamma_plus*(w_max - w)*v*k - gamma_minus*w*k**2)/step : 1 (clock-driven)
dk/dt = -k/tau_trace : 1 (clock-driven)
dv/dt = -v/tau_trace : 1 (clock-driven)
""",
    on_pre="k += 1 - exp(-step/tau_trace)",
    on_post="v += 1 - exp(-step/tau_trace)",
    method="rk4",
)
_CODE = (
    "published code of Limbacher et al., IGITUGraz/MemoryDependentComputation (dfe7d03), "
    "memorizing_associations_task.py"
)
SETS = ("memorizing_associations",)
_SUMMARY = "Hebbian key-value memory: bounded outer product, decay of a column by its key"


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    return Synapse(
        "limbacher_2022",
        parameters,
        "plasticity",
        _SUMMARY,
        EQUATIONS,
        {"gamma_plus": 0.3, "gamma_minus": 0.3, "w_max": 1.0, "tau_trace": 20 * ms,
         "step": 1 * ms, "gate": 1.0},
        {"": _CODE, "step": _CODE + ": its time step",
         "gate": "1 where the memory is written, 0 "
         "where it is only read (the published reading layer has no plasticity)"},
        "limbacher2025memory",
        "gammas are per step of 1 ms, traces in units of one spike a step; weights start "
        "at 0; one tau_trace for keys and values, as published",
        signed=("gate",),
    )  # fmt: skip


register("limbacher_2022", Entry(make, SETS, "plasticity", _SUMMARY, stdp=curve))
