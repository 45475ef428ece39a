"""Learning by the dendritic prediction of somatic spiking: Urbanczik & Senn 2014.

    C_d dV/dt = -g_Ld (V - E_L) + I,   dI/dt = -I/tau_s,   I <- I + w at a presynaptic spike
    C dU/dt = -g_L (U - E_L) - g_E (U - E_E) - g_I (U - E_I) + g_D (V - U)
    V* = (g_L E_L + g_D V)/(g_L + g_D): what the dendrite predicts of U
    tau_Delta dDelta/dt = [S - phi(V*)] h(V*) PSP - Delta,   dw/dt = eta Delta
    phi(u) = phi_max/(1 + k exp(beta (theta - u))),   h = d ln(phi)/du

V: dendrite, U: soma, which teachers nudge by the conductances g_E and g_I; S: spikes of
the soma, drawn at the rate phi(U); PSP: potential that one input makes in the dendrite
per unit of weight. Source: Neuron 81:521, doi:10.1016/j.neuron.2013.11.030, eqs 1-6
(equation numbers recalled, not checked); in the units of NEST 3.10
(`pp_cond_exp_mc_urbanczik`, `urbanczik_synapse`), whose eta is multiplied by 15 twice and
by C_m.

Established: the equations. Convention: the bounds hold for what is transmitted, not for
the sum behind it, as in NEST. Our choice: `nmda` scales the write (the rule has no
receptor of its own). As a fast-weight programme: writes (value - prediction) x key trace,
that is, it erases what the key recalls before it writes: a delta rule (our reading: exact
if phi is linear and h = 1); no decay.
"""  # noqa: E501

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms, mV, nS, pA, pF

from ...quantities import time
from ...validation import time_step
from ..pairing import pairs_of_spikes, steps_of
from ..synapse_class import Entry, Equations, Synapse, register
from .events import weights

EQUATIONS = Equations(
    synapse="""
dw/dt = nmda*eta*Delta : amp (clock-driven)
dDelta/dt = (-phi_star_post*h_star_post*psp_pre - Delta)/tau_Delta : Hz/amp (clock-driven)
""",
    on_pre="I_post += clip(w, 0*amp, w_max)",
    on_post="Delta += h_star_post*psp_pre/tau_Delta",
    pre="""
dx_slow/dt = -x_slow*g_Ld/C_d : 1
dx_fast/dt = -x_fast/tau_s : 1
psp = (x_slow - x_fast)*tau_s/(C_d - g_Ld*tau_s) : ohm
""",
    pre_spike="x_slow += 1\nx_fast += 1",
    post="""
dV/dt = (g_Ld*(E_L - V) + I)/C_d : volt
dI/dt = -I/tau_s : amp
dU/dt = (g_L*(E_L - U) + g_E*(E_E - U) + g_I*(E_I - U) + g_D*(V - U))/C : volt
V_star = (g_L*E_L + g_D*V)/(g_L + g_D) : volt
phi_star = phi_max/(1 + k*exp(beta*(theta - V_star))) : Hz
h_star = beta/(1 + exp(-beta*(theta - V_star))/k) : volt**-1
g_E : siemens
g_I : siemens
""",
    method="rk2",
)
_NEST = (
    "NEST 3.10, example urbanczik_synapse_example (urbanczik2014learning, fig. 1B, with "
    "units)"
)
SETS = ("nest_example",)


def _values():
    return {
        "g_L": 30 * nS, "C": 300 * pF, "g_Ld": 30 * nS, "C_d": 300 * pF, "g_D": 600 * nS,
        "E_L": -70 * mV, "E_E": 0 * mV, "E_I": -75 * mV, "tau_s": 3 * ms,
        "phi_max": 150 * Hz, "k": 0.5, "beta": 1 / (3 * mV), "theta": -55 * mV,
        "t_ref": 3 * ms, "tau_Delta": 100 * ms, "eta": 0.17 * 15 * 15 * 300 * pA**2,
        "w_max": 4.5 * 300 * pA, "w_start": 0.3 * 300 * pA, "nmda": 1.0,
    }  # fmt: skip


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    return Synapse(
        "urbanczik_senn_2014",
        parameters,
        "plasticity",
        "dendritic prediction: a synapse learns what the soma does beyond the prediction",
        EQUATIONS,
        _values(),
        {
            "": _NEST,
            "eta": _NEST
            + ": 0.17, times 15 * 15 * C_m, which NEST's code multiplies it by",
            "nmda": "modelling choice of this package: unblocked share of NMDA receptors",
        },
        "urbanczik2014learning",
        "units and constants of NEST 3.10; the weight is a current, started at w_start "
        "and bounded when it is transmitted; the change of a spike is expressed over "
        "tau_Delta; t_ref is the dead time of a soma that draws its own spikes",
        ports={"dendrite": "V", "soma": "U"},
        transmits=("I",),
        signed=("E_L", "E_E", "E_I", "theta", "w_start", "nmda"),
        initial={"w": "w_start", "V": "E_L", "U": "E_L"},
    )


def curve(model: Synapse, lags, pairs: int, frequency: float, dt=None, wait=None):
    """Return the weight ratio at each lag (seconds), once the changes are expressed.

    Args:
        model: the rule.
        lags, pairs, frequency: of the protocol.
        dt: time step, a Brian2 time, at most a tenth of tau_s; 0.1 ms if None.
        wait: after the last spike, a Brian2 time, 500 ms if None; the synapse goes on to
            unlearn what it predicts meanwhile.

    Raises:
        FwpError: a time without unit or not positive, or a step that is too long.
    """
    dt, wait = (
        float(time(*one) / ms) for one in ((dt, "dt", 0.1 * ms), (wait, "wait", 500 * ms))
    )
    time_step(dt, float(model.parameters["tau_s"] / ms) / 10, "a tenth of tau_s")
    found = []
    for lag in lags:
        trains = pairs_of_spikes(lag, pairs, frequency)
        steps = steps_of(max(t[-1] for t in trains) + wait * 1e-3, dt * 1e-3) + 1
        pre, post = np.zeros((2, steps, 1))
        for table, train in zip((pre, post), trains, strict=True):
            np.add.at(table[:, 0], np.round(train * 1e3 / dt).astype(int), 1)
        found.append(weights(model, pre, post, dt * 1e-3)[0, 0])
    return np.array(found) / float(model.parameters["w_start"])


register(
    "urbanczik_senn_2014",
    Entry(
        make, SETS, "plasticity", "dendritic prediction of somatic spiking", stdp=curve
    ),
)
