"""Anti-Hebbian plasticity with one voltage, as in electrosensory lobes.

    dw/dt = -nmda eta gate (V - theta) x
    dx/dt = -x/tau_x,   x <- x + 1 at a presynaptic spike   (what NMDA receptors keep of it)

V: voltage of the compartment that the synapse itself excites; theta: its operating point,
see `operating_point`. All that the write reads is at the synapse. An afferent that is
active while V is above theta is depressed, below theta it is potentiated: the cell comes
to the same V for every pattern, as the afferents carry a negative image of what else
drives it.

As a fast-weight programme: value and recall drive the same compartment, so the error is
its voltage. With N key cells at rate r for a key of 1, AMPA of tau_a and a voltage that
rises by V' per conductance, the recalled conductance G = sum of w follows

    dG k/dt = -lambda (G k - target),   lambda = eta N r^2 tau_a tau_x |k|^2 V'

so that a window T writes the share beta = 1 - exp(-lambda T) of what is missing (a little
more, as the voltage follows late: `balanced_cells.written`, S(lambda) below): the delta
rule, of the negative of the value. Two cells with opposite values (ON and OFF) turn
the sign back, OFF minus ON, and cancel what both have in common: the baseline, the sum of
the key, and what is lost to it.

    AP5, a share f blocked:                       beta_f = S(lambda (1 - f))
    CNQX while writing, on all AMPA of the cell:  the same, beta_f
    CNQX while writing, on the key synapses only: beta_f/(1 - f): it writes too much
    CNQX while reading:                           recall times 1 - f
    a second value for a key:                     (1 - beta) old + beta new

These hold for small conductances (constant V' and driving force).

Established: anti-Hebbian plasticity of parallel fibres, depression if a dendritic spike
follows and potentiation without it, and negative images that it learns (Bell, Han, Sugawara
& Grant 1997, Nature 387:278, recalled; Roberts & Leen 2010, doi:10.3389/fncom.2010.00156,
abstract). A rule with the voltage in place of the spike that keeps it balanced: Albers,
Westkott & Pawelzik 2016, doi:10.1371/journal.pone.0148948 (abstract); ours has one
threshold for both signs and no rectification. Inference of this package: to read it as a
delta rule for fast weights, and the closed forms. Modelling choices: all values; w has no
bounds, and what is transmitted is at least 0 and at most w_max (a bound on w itself would
stop the loop at the bound).
"""  # noqa: E501

from __future__ import annotations

from brian2 import Hz, ms, mV

from .. import operating_point as point
from ..synapse_class import Entry, Equations, Synapse, register

EQUATIONS = Equations(
    synapse="""
dw/dt = -nmda*eta*opening_post*(V_post - theta_post)*x : 1 (clock-driven)
dx/dt = -x/tau_x : 1 (clock-driven)
""",
    on_pre="x += 1",
    post=point.POST,
    post_spike=point.POST_SPIKE,
    method="rk2",
)
SETS = ("electrosensory",)
SUMMARY = "anti-Hebbian write of one voltage: delta rule for the negative of the value"
PAPER = "bell1997synaptic; roberts2010anti; albers2016learning"
_CHOICE = "modelling choice of this package: "


def make(parameters: str) -> Synapse:
    """Return the model with its parameter set."""
    return Synapse(
        "anti_hebbian", parameters, "plasticity", SUMMARY, EQUATIONS,
        {"eta": 0.1 * Hz / mV, "tau_x": 100 * ms, "w_max": 10.0, "w_start": 1.0,
         "nmda": 1.0, **point.values()},
        {
            **point.SOURCES,
            "eta": _CHOICE + "to be set by the closed form of the docstring",
            "tau_x": _CHOICE + "decay of NMDA receptors with GluN2B, order of magnitude",
            "w_max": _CHOICE + "far above the weights of a memory",
            "w_start": _CHOICE + "the unit of eta",
            "nmda": _CHOICE + "unblocked share of NMDA receptors",
        },
        PAPER,
        "the weight is in units of its start; it may become negative, what is sent not; "
        "the write goes on as long as gate and x are open",
        weight="clip(w, 0, w_max)",
        sends="clip(w, 0, w_max)",
        signed=(*point.SIGNED, "nmda"),
        initial={"w": "w_start", **point.INITIAL},
        learned=("w",),
        ports=point.PORTS,
    )  # fmt: skip


register("anti_hebbian", Entry(make, SETS, "plasticity", SUMMARY))
