"""Oja's rule: Hebbian with a decay that keeps the length of the weight vector.

    dw_ij/dt = eta y_i (x_j - alpha y_i w_ij)

Source: Oja 1982, J. Math. Biol. 15:267, doi:10.1007/BF00275687, with the decay scaled by
alpha. With y = sum_j w_j x_j the weights of a cell turn to the first principal component
of <x x'> and their squared length to 1/alpha; with y given they go to <x y>/(alpha
<y^2>). See `rate_traces` for what x and y are.
As a fast-weight programme: Hebbian write with a value-dependent decay of the row, no
erase by key.
"""

from __future__ import annotations

from brian2 import Hz

from .. import rate_traces as traces
from ..synapse_class import Entry, Equations, Synapse, register

RULE = "dw/dt = eta*y_post*(x_pre - alpha*y_post*w) : 1 (clock-driven)"
SPIKES = Equations(
    pre=traces.PRE, pre_spike=traces.PRE_SPIKE, post=traces.POST,
    post_spike=traces.POST_SPIKE, synapse=RULE, method="rk2",
)  # fmt: skip
LINEAR = Equations(
    pre=traces.PRE, pre_spike=traces.PRE_SPIKE, post=traces.LINEAR_POST,
    synapse=f"{RULE}\n{traces.LINEAR}", method="rk2",
)  # fmt: skip
SETS = ("spikes", "linear")
SUMMARY = "Oja's rule: Hebbian, finds the first principal component"


def make(parameters: str) -> Synapse:
    """Return the model whose y is filtered spikes, or the linear output of the
    synapses."""
    return Synapse(
        "oja", parameters, "plasticity", SUMMARY,
        LINEAR if parameters == "linear" else SPIKES,
        {"eta": 0.1 * Hz, "alpha": 1.0, **traces.trace_parameters()},
        {
            "eta": "modelling choice of this package: slow against the inputs",
            "alpha": "oja1982simplified (classical, recalled): 1 makes the weights a "
                     "unit vector",
            **traces.SOURCES,
        },
        "oja1982simplified",
        "x and y are rates in units of r_one, without their means taken off; weights may "
        "change sign; in the set 'linear' the cell's spikes play no part",
        initial={"w": 0.3},
    )  # fmt: skip


register("oja", Entry(make, SETS, "plasticity", SUMMARY))
