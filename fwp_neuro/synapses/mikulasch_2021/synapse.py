"""Dendritic balance: Mikulasch, Rudelt & Priesemann 2021.

    w <- w + eta gate (V - theta)

V: voltage of one dendritic branch, an input minus what inhibition predicts of it; theta:
where the branch is balanced, see `operating_point`. Set "inhibition": w is an inhibitory
synapse onto the branch, written at each of its presynaptic spikes. Set "feed_forward":
w is the excitatory synapse of the branch's input, written at each spike of the branch's
own cell, w <- w + eta gate (V - theta)/max(w_least, w). In the paper z_k are spikes of
cell k, u_ij is the branch of cell j for input i, F and W < 0 are feed-forward and
inhibitory weights:

    dF_ji ~ z_j u_ij/|F_ji| sign(F_ji) - lambda F_ji,   dW_jik ~ -z_k u_ij - lambda W_jik

Source: PNAS 118:e2021925118, doi:10.1073/pnas.2021925118 (abstract read); equations from
the authors' code (Priesemann-Group/dendritic_balance, src/all_weights_decay). Its rates,
per ms and in its units of u, are eta 6e-5 for F and 1e-3 for W, lambda 0.1, F at least
0.002 in the divisor.

As a fast-weight programme, with exchanged roles: the input is a value axon, the cells z
are key cells. Inhibition from key cells then writes (value - prediction) x key onto every
branch of that value: a delta rule, read as the branch's voltage under the key alone, which
it lowers. A spike samples the voltage before its own effect, so that independent Poisson
spikes write without bias. With N key cells at rate r, GABA of tau_g, a voltage that falls
by V' per conductance: beta = 1 - exp(-lambda T), lambda = eta N r^2 tau_g |k|^2 V' (with
the lag of the voltage: `balanced_cells.written`).
The feed-forward weight, the error times the cell's own spike, comes to the same number for
every cell and value, and no cell reads it: a value axon transmits to key cells, while recall
must come from key cells to values. So it is the inhibition that recalls.

    AP5: no effect (no NMDA receptors in this write)
    CNQX while writing, a share f: the value arrives as (1 - f) v and is written so
    CNQX while reading: no effect on OFF minus ON, as recall is inhibition
    a GABA blocker while reading, a share f: recall times 1 - f

Established: the equations. Modelling choices: volts for their potentials, eta, no lambda
(their weights decay; a memory would be lost by it), bounds 0 and w_max. Inference of this
package: exchanged roles as a fast-weight memory, and the closed forms.
"""  # noqa: E501

from __future__ import annotations

from brian2 import mV

from .. import operating_point as point
from ..synapse_class import Entry, Equations, Synapse, register

_ERROR = "eta*opening_post*(V_post - theta_post)"
#: set -> what presynaptic spikes and spikes of the branch's own cell write
_WRITES = {
    "inhibition": (f"w = clip(w + {_ERROR}, 0, w_max)", ""),
    "feed_forward": ("", f"w = clip(w + {_ERROR}/clip(w, w_least, inf), 0, w_max)"),
}
SETS = tuple(_WRITES)
SUMMARY = "dendritic balance: voltage of one branch times a spike"
PAPER = "mikulasch2021local"
_CODE = "authors' code, Priesemann-Group/dendritic_balance, src/all_weights_decay"
_CHOICE = "modelling choice of this package: "


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    on_pre, on_post = _WRITES[parameters]
    own = {"w_least": 0.002} if on_post else {}
    return Synapse(
        "mikulasch_2021", parameters, "plasticity", SUMMARY,
        Equations("w : 1", on_pre=on_pre, on_post=on_post, post=point.POST,
                  post_spike=point.POST_SPIKE),
        {"eta": (6e-5 if on_post else 1e-3) / mV, "w_max": 10.0, "w_start": 1.0, **own,
         **point.values()},
        {
            **point.SOURCES,
            "eta": _CODE + ", settings.jl: per spike; our choice: their unit is 1 mV",
            **dict.fromkeys(own, _CODE + ", plasticity.jl: least divisor"),
            "w_max": _CHOICE + "far above the weights of a memory",
            "w_start": _CHOICE + "the unit of eta",
        },
        PAPER,
        "w is a strength, never below 0, of inhibition or of excitation by the set; in "
        "the code inhibitory weights are negative numbers; both decay there, not here",
        signed=point.SIGNED,
        initial={"w": "w_start", **point.INITIAL},
        learned=("w",),
        ports=point.PORTS,
    )  # fmt: skip


register("mikulasch_2021", Entry(make, SETS, "plasticity", SUMMARY))
