"""The rule of Bienenstock, Cooper & Munro: a threshold that slides with the cell's own
activity.

    dw_ij/dt = eta x_j y_i (y_i - theta_i)
    dtheta_i/dt = (y_i^2/y_0 - theta_i)/tau_theta

Source: Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32,
doi:10.1523/JNEUROSCI.02-01-00032.1982, in the form of Intrator & Cooper 1992, Neural
Networks 5:3, doi:10.1016/S0893-6080(05)80003-6 (theta = <y^2>). With y = sum_j w_j x_j
and one input, y = theta = y_0 is the stable state; with K orthogonal inputs that take
turns the cell answers to one of them with y = theta = K y_0 and to the others with 0. See
`rate_traces` for what x and y are. As a fast-weight programme: Hebbian write whose sign
the postsynaptic cell sets against its own history (a value-dependent gate); no erase, no
decay.
"""

from __future__ import annotations

from brian2 import Hz, second

from .. import rate_traces as traces
from ..synapse_class import Entry, Equations, Synapse, register

RULE = "dw/dt = eta*x_pre*y_post*(y_post - theta_post) : 1 (clock-driven)"
THRESHOLD = "dtheta/dt = (y**2/y_0 - theta)/tau_theta : 1"
SPIKES = Equations(
    pre=traces.PRE, pre_spike=traces.PRE_SPIKE, post=f"{traces.POST}\n{THRESHOLD}",
    post_spike=traces.POST_SPIKE, synapse=RULE, method="rk2",
)  # fmt: skip
LINEAR = Equations(
    pre=traces.PRE, pre_spike=traces.PRE_SPIKE, post=f"{traces.LINEAR_POST}\n{THRESHOLD}",
    synapse=f"{RULE}\n{traces.LINEAR}", method="rk2",
)  # fmt: skip
SETS = ("spikes", "linear")
SUMMARY = "BCM: Hebbian with a sliding threshold, makes cells selective"


def make(parameters: str) -> Synapse:
    """Return the model whose y is filtered spikes, or the linear output of the
    synapses."""
    return Synapse(
        "bcm", parameters, "plasticity", SUMMARY,
        LINEAR if parameters == "linear" else SPIKES,
        {"eta": 0.02 * Hz, "tau_theta": 2 * second, "y_0": 1.0,
         **traces.trace_parameters()},
        {
            "eta": "modelling choice of this package: slow against the threshold, "
            "without which activity oscillates",
            "tau_theta": "modelling choice of this package: slow against the inputs",
            "y_0": "scale of activity: the stable answer to a single input",
            **traces.SOURCES,
        },
        "bienenstock1982theory; intrator1992objective (classical, recalled)",
        "x and y are rates in units of r_one; weights may change sign; the threshold "
        "starts at 0; in the set 'linear' the cell's spikes play no part",
        initial={"w": 0.3},
    )  # fmt: skip


register("bcm", Entry(make, SETS, "plasticity", SUMMARY))
