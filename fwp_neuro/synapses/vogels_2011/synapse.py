"""Inhibitory plasticity that brings cells to a target rate (Vogels, Sprekeler et al.).

    dx/dt = -x/tau, x <- x + 1 at a presynaptic spike; y likewise at a postsynaptic spike
    w <- w + eta (y - alpha)  at a presynaptic spike,   alpha = 2 rho_0 tau
    w <- w + eta x            at a postsynaptic spike,  w >= 0

Source: Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569,
doi:10.1126/science.1211095. For independent spikes w drifts by eta nu_pre (2 tau
nu_post - alpha):
inhibition stops growing where the cell fires at rho_0. The paper's code (ModelDB 143751)
has two sets: its recurrent network (isp_brian.py, weights in nS) and its single cell
(inhib_plasticity.m, weights in units of the leak, alpha = 0.25).
As a fast-weight programme: Hebbian write onto inhibitory weights minus a constant for
every key, which balances excitation; no decay.
"""

from __future__ import annotations

from brian2 import Hz, ms

from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

EQUATIONS = Equations(
    synapse="""
w : 1
dx/dt = -x/tau : 1 (event-driven)
dy/dt = -y/tau : 1 (event-driven)
""",
    on_pre="w = clip(w + eta*(y - 2*rho_0*tau), 0, inf)\nx += 1",
    on_post="w = clip(w + eta*x, 0, inf)\ny += 1",
)
#: set -> rho_0 in Hz, eta, source
_SETS = {
    "network": (3, 0.01, "code of the paper, ModelDB 143751, isp_brian.py: alpha = 2 * 3 "
                         "Hz * 20 ms, eta 0.01 with weights in nS"),
    "single_cell": (6.25, 0.001, "code of the paper, ModelDB 143751, inhib_plasticity.m: "
                                 "alpha = 0.25 eta, eta 0.001, weights start at 1"),
}  # fmt: skip
SETS = tuple(_SETS)
SUMMARY = "inhibitory plasticity: symmetric window minus a constant, keeps a target rate"
_PAPER = "vogels2011inhibitory"


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    rho, eta, source = _SETS[parameters]
    return Synapse(
        "vogels_2011", parameters, "plasticity", SUMMARY, EQUATIONS,
        {"tau": 20 * ms, "rho_0": rho * Hz, "eta": eta},
        {
            "": f"{_PAPER}: {source}",
        },
        _PAPER,
        "w is the strength of an inhibitory synapse, never below 0; lag = postsynaptic "
        "minus presynaptic spike; no delays; at lag 0 the presynaptic spike comes first",
        initial={"w": 1},
    )  # fmt: skip


register(
    "vogels_2011",
    Entry(
        make, SETS, "plasticity", SUMMARY, stdp=curve, renamed={"vogels_2011": "network"}
    ),
)
