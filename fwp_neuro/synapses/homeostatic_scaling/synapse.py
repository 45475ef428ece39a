"""Synaptic scaling: all weights of a cell grow or shrink by one factor until it fires at
r_0.

    dw_ij/dt = w_ij (1 - r_i/r_0)/tau_h
    dr/dt = -r/tau_r, r <- r + 1/tau_r at a postsynaptic spike;  or r = r_one sum_j w_ij x_j

After Turrigiano et al. 1998, Nature 391:892, doi:10.1038/36103 (scaling is
multiplicative; days of blocked activity double weights), in the form of van Rossum, Bi &
Turrigiano 2000, J. Neurosci. 20:8812, doi:10.1523/JNEUROSCI.20-23-08812.2000. With r = g
w the weight is logistic, w(t) = w* /(1 + (w*/w(0) - 1) exp(-t/tau_h)), w* = r_0/g.
Uniform scaling is a simplification: Hanes et al. 2020, J. Neurosci. 40:4090, find factors
that grow with the size of the synapse. As a fast-weight programme: a slow gain per value
row, no write; the scale of days makes it part of the slow net, no normaliser of single
tokens.
"""  # noqa: E501

from __future__ import annotations

from brian2 import Hz, second

from .. import rate_traces as traces
from ..synapse_class import Entry, Equations, Synapse, register

SPIKES = Equations(
    post="dr/dt = -r/tau_r : Hz", post_spike="r += 1/tau_r",
    synapse="dw/dt = w*(1 - r_post/r_0)/tau_h : 1 (clock-driven)", method="rk4",
)  # fmt: skip
LINEAR = Equations(
    pre=traces.PRE, pre_spike=traces.PRE_SPIKE, post=traces.LINEAR_POST,
    synapse=f"dw/dt = w*(1 - y_post*r_one/r_0)/tau_h : 1 (clock-driven)\n{traces.LINEAR}",
    method="rk4",
)  # fmt: skip
SETS = ("spikes", "linear")
SUMMARY = (
    "homeostatic scaling: multiplies all weights of a cell until it fires at a target "
    "rate"
)


def make(parameters: str) -> Synapse:
    """Return the model whose rate is counted spikes, or the linear output of the
    synapses."""
    linear = parameters == "linear"
    own = traces.trace_parameters() if linear else {"tau_r": 10 * second}
    choice = "modelling choice of this package"
    return Synapse(
        "homeostatic_scaling", parameters, "plasticity", SUMMARY, LINEAR
        if linear else SPIKES,
        {"r_0": 5 * Hz, "tau_h": 86400 * second, **own},
        {
            "r_0": f"{choice}: a typical rate of cortical cells",
            "tau_h": "order of magnitude of turrigiano1998activity: changes after one or "
            "two days; no time constant is published there",
            **(traces.SOURCES if linear else {"tau_r": f"{choice}: window that counts "
                                                       "spikes"}),
        },
        "turrigiano1998activity; vanrossum2000stable",
        "multiplicative, so that weights keep their ratios and a weight of 0 stays 0; a "
        "silent cell's weights grow with tau_h without bound",
        initial={"w": 1},
    )  # fmt: skip


register("homeostatic_scaling", Entry(make, SETS, "plasticity", SUMMARY))
