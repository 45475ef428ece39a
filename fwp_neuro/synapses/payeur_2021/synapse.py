"""Burst-dependent plasticity: Payeur, Guerguiev, Zenke, Richards & Naud 2021.

    dw/dt = eta [B(t) - Pbar(t) E(t)] x(t),   Pbar = Bbar/Ebar
    tau_pre dx/dt = -x + presynaptic events
    tau_avg dEbar/dt = E - Ebar,   tau_avg dBbar/dt = B - Bbar

E: events of the postsynaptic cell, that is, spikes at least burst_isi after the one
before; B: its bursts, counted at the second spike of an event. A burst potentiates by 1
and its event depresses by Pbar, so that the mean change has the sign of burst probability
minus Pbar. Source: Nat. Neurosci. 24:1010, doi:10.1038/s41593-021-00857-x, eq. 1; time
constants and starting averages: the authors' code (apayeur/spikingburstprop, Auryn),
which has others for each figure. The defaults of its class BCPConnection, set
"class_defaults", belong to no figure.

Conventions: presynaptic events, not all spikes, make the trace (class EBCPConnection;
equation as in the code, not checked in the paper); averages change after the weight. The
authors' Auryn class AdaptiveEBCPConnection has Pbar no larger than 1, and homeostatic
terms at rates outside 2 to 12 Hz; both are left out. Our choices: the weight starts at 1
and has no bounds, and `nmda` scales the write.
As a fast-weight programme: a write (burst surplus) x key, so the value is a burst
probability beyond its running mean: a signed, self-centring Hebbian write without erase
or decay.
"""

from __future__ import annotations

from brian2 import Hz, ms, second

from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

_EVENT = "int(timestep(t - {last}, dt) >= timestep(burst_isi, dt)) : 1"
EQUATIONS = Equations(
    synapse="w : 1",
    on_post="w += nmda*eta*x_pre*(burst_post - Bbar_post/Ebar_post*event_post)",
    pre=f"""
dx/dt = -x/tau_pre : 1
last_pre_spike : second
pre_event = {_EVENT.format(last="last_pre_spike")}
""",
    pre_spike="x += pre_event\nlast_pre_spike = t",
    post=f"""
dEbar/dt = -Ebar/tau_avg : Hz
dBbar/dt = -Bbar/tau_avg : Hz
last_spike : second
bursting : 1
event = {_EVENT.format(last="last_spike")}
burst = (1 - event)*(1 - bursting) : 1
""",
    post_spike="""
Ebar += event/tau_avg
Bbar += burst/tau_avg
bursting = 1 - event
last_spike = t
""",
)
_CODE = "authors' code, apayeur/spikingburstprop"
#: set -> eta, tau_pre in ms, tau_avg in s, where the code has them, and where eta is not
#: from there
_SETS = {
    "figure_2_protocol": (0.1, 50, 15, "figure 2B-D: analysis/plasticity-protocol/"
                                       "plot_all_adaptive_rule.py", ""),
    "figure_2_network": (1e-3, 100, 5, "figure 2E-G: sim/run_plasticity_rule.sh",
                         "default of the connection in the authors' code; that of the "
                         "figure was not read"),
    "figure_4": (4e-3, 100, 2, "figure 4, XOR: sim/run_xor.sh, hidden to output layer "
                               "(8e-3 from input to hidden layer)", ""),
    "class_defaults": (1e-3, 20, 5.5, "defaults of BCPConnection, used in no figure", ""),
}  # fmt: skip
SETS = tuple(_SETS)


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    eta, tau_pre, tau_avg, where, eta_where = _SETS[parameters]
    values = {
        "eta": eta, "tau_pre": tau_pre * ms, "tau_avg": tau_avg * second,
        "burst_isi": 16 * ms, "E_start": 5 * Hz, "B_start": 0.75 * Hz, "w_start": 1.0,
        "nmda": 1.0,
    }  # fmt: skip
    return Synapse(
        "payeur_2021",
        parameters,
        "plasticity",
        "burst-dependent plasticity: bursts potentiate, events depress by the mean burst "
        "share",
        EQUATIONS,
        values,
        {
            "": f"{_CODE}, {where}",
            "eta": eta_where or f"{_CODE}, {where}",
            "burst_isi": _CODE + ": intervals under 16 ms, in every figure",
            "E_start": _CODE + ", starting estimate of AdaptivePreEventSynapse",
            "B_start": _CODE + ", starting estimate of AdaptivePreEventSynapse: 15 % of "
                               "the events",
            "w_start": "modelling choice of this package: the unit of eta",
            "nmda": "modelling choice of this package: unblocked share of NMDA receptors",
        },
        "payeur2021burst",
        "an event is a spike at least burst_isi after the last one, a burst counts at "
        "its second spike; traces and averages include a spike only after it changed the "
        "weight, so that of two spikes at the same time the postsynaptic one comes first",
        signed=("B_start", "nmda"),
        initial={
            # long before the first spike
            "w": "w_start", "Ebar": "E_start", "Bbar": "B_start",
            "last_spike": "-1*second", "last_pre_spike": "-1*second",
        },
    )  # fmt: skip


register(
    "payeur_2021",
    Entry(make, SETS, "plasticity", "burst-dependent plasticity", stdp=curve,
          renamed={"payeur_2021": "class_defaults"}),
)  # fmt: skip
