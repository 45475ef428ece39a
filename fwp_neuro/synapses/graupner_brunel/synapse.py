"""Calcium-based plasticity with two thresholds and a bistable efficacy (Graupner &
Brunel).

    dc/dt = -c/tau_Ca + C_pre sum delta(t - t_pre - D) + C_post sum delta(t - t_post)
    tau drho/dt = -rho (1 - rho)(rho_star - rho) + gamma_p (1 - rho) [c > theta_p]
                  - gamma_d rho [c > theta_d]
                  + sigma sqrt(tau) sqrt([c > theta_d] + [c > theta_p]) xi(t)
    weight = w0 + rho (w1 - w0), here in units of w0: 1 + rho (b - 1)

Source: Graupner & Brunel 2012, PNAS 109:3991, doi:10.1073/pnas.1109359109, eqs 1-2; noise
as in the correction doi:10.1073/pnas.1220044110. A share beta of the synapses is DOWN
(rho 0) before, the others UP (rho 1); long after a protocol each is UP or DOWN by the
side of rho_star it is on. `curve` gives the mean weight after / before of such a
population, in two ways: "analytic" is the paper's own approximation (SI: mean drift over
the time above the thresholds, no cubic term, hence a Gaussian rho), "simulation" follows
rho of many synapses through the actual order of events.

Modelling choice of this package: ``nmda`` scales both calcium amplitudes, because AP5
abolishes potentiation and depression in these slices while the published equations, with
part of the calcium from voltage-gated channels, would go on depressing.

As a fast-weight programme: writes toward 1 and erases toward 0 on the same entry, each
gated by how long this synapse's calcium is above a threshold; kept for good by two stable
states.
"""

from __future__ import annotations

from brian2 import ms, second

from ..synapse_class import Entry, Equations, Synapse, register
from . import between_spikes
from .events import curve

# Calcium is exact (it decays from its last event), and the share of a step that it spends
# above a threshold is exact too: rho then needs no fine steps. "groups" act before
# spikes, so the step after an event is the first to see it, hence t + dt.
EQUATIONS = Equations(
    synapse="""
c_last : 1
since : second
c = c_last*exp(-(t - since)/tau_Ca) : 1 (constant over dt)
above_d = clip(tau_Ca*log((c + 1e-99)/theta_d)/dt, 0, 1) : 1 (constant over dt)
above_p = clip(tau_Ca*log((c + 1e-99)/theta_p)/dt, 0, 1) : 1 (constant over dt)
noise = sigma*sqrt((above_d + above_p)/tau) : Hz**0.5 (constant over dt)
drho/dt = (-rho*(1 - rho)*(rho_star - rho) + gamma_p*(1 - rho)*above_p
           - gamma_d*rho*above_d)/tau + noise*xi : 1 (clock-driven)
""",
    on_pre="c_last = c_last*exp(-(t + dt - since)/tau_Ca) + nmda*C_pre\nsince = t + dt",
    on_post="c_last = c_last*exp(-(t + dt - since)/tau_Ca) + nmda*C_post\nsince = t + dt",
    method="euler",
    delay="D",
)
NAMES = (
    "tau_Ca", "C_pre", "C_post", "theta_d", "theta_p", "gamma_d", "gamma_p", "sigma",
    "tau", "rho_star", "D", "beta", "b",
)  # fmt: skip
#: the table of the paper's SI, times in ms (tau in s)
TABLE = {
    "DP": (20, 1, 2, 1, 1.3, 200, 321.808, 2.8284, 150, 0.5, 13.7, 0.5, 5),
    "DPD": (20, 0.9, 0.9, 1, 1.3, 250, 550, 2.8284, 150, 0.5, 4.6, 0.5, 5),
    "DPD_prime": (20, 1, 2, 1, 2.5, 50, 600, 2.8284, 150, 0.5, 2.2, 0.5, 5),
    "P": (20, 2, 2, 1, 1.3, 160, 257.447, 2.8284, 150, 0.5, 0, 0.5, 5),
    "D": (20, 0.6, 0.6, 1, 1.3, 500, 550, 5.6568, 150, 0.5, 0, 0.5, 5),
    "D_prime": (20, 1, 2, 1, 3.5, 60, 600, 2.8284, 150, 0.5, 0, 0.5, 5),
    "hippocampal_slices": (
        48.8373, 1, 0.275865, 1, 1.3, 313.0965, 1645.59, 9.1844, 688.355, 0.5, 18.8008,
        0.7, 5.28145,
    ),
    "hippocampal_cultures": (
        11.9536, 0.58156, 1.76444, 1, 1.3, 61.141, 113.6545, 2.5654, 33.7596, 0.5, 10,
        0.5, 36.0263,
    ),
    "cortical_slices": (
        22.6936, 0.5617539, 1.23964, 1, 1.3, 331.909, 725.085, 3.3501, 346.3615, 0.5,
        4.6098, 0.5, 5.40988,
    ),
}  # fmt: skip
SETS = tuple(TABLE)
_PAPER = "graupner2012calcium"
SUMMARY = "calcium with two thresholds moves a bistable, noisy efficacy"


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    values = dict(zip(NAMES, TABLE[parameters], strict=True))
    values |= {"tau_Ca": values["tau_Ca"] * ms, "D": values["D"] * ms}
    values |= {"tau": values["tau"] * second, "nmda": 1.0}
    return Synapse(
        "graupner_brunel",
        parameters,
        "plasticity",
        SUMMARY,
        EQUATIONS,
        values,
        {
            "": f"{_PAPER}, SI tables, as in the authors' code "
            "mgraupe/CalciumBasedPlasticityModel (parameter set "
            f"{parameters.replace('_', ' ')!r})",
            "nmda": "no parameter of the paper: 1 = no AP5, 0 = all NMDA receptors "
            "blocked; scales both calcium amplitudes (modelling choice of this package)",
        },
        _PAPER + ", with correction graupner2012correction",
        "lag = last postsynaptic minus last presynaptic spike, axonal delay not "
        "included; calcium of a presynaptic spike comes D later; weight in units of w0; "
        "the curve is the mean over DOWN and UP synapses long after the protocol",
        weight="1 + rho*(b - 1)",
        signed=("nmda", "D", "sigma", "C_pre", "C_post", "gamma_d", "gamma_p"),
        by_events=_by_events,
    )


def _by_events(model: Synapse, given):
    return between_spikes.by_events(model, EQUATIONS, given)


register("graupner_brunel", Entry(make, SETS, "plasticity", SUMMARY, stdp=curve))
