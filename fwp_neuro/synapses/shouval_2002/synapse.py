"""Calcium control: intermediate calcium depresses, high calcium potentiates (Shouval et
al.).

    dw/dt = eta(Ca) (Omega(Ca) - w)
    Omega = 1/4 + sig(Ca - alpha_2; beta_2) - sig(Ca - alpha_1; beta_1)/4,
    sig(x; b) = 1/(1 + exp(-b x)),   eta = 1/tau,   tau = P1/(P2 + Ca^P3) + P4
    dCa/dt = -G_NMDA (open_f + open_s) B(V) (V - V_Ca) - Ca/tau_Ca
    a presynaptic spike opens a share P0 of the closed NMDA receptors: I_f of them decay
    with tau_f, the others with tau_s
    V = V_rest + EPSP (difference of exponentials) + BPAP (delay_bap after a postsynaptic
    spike:
    V_bap, of which I_bf decays with tau_bf and the rest, the after-depolarisation, with
    tau_bs)

Calcium in uM above rest. B: Jahr & Stevens 1990 at 1 mM. Source: Shouval, Bear & Cooper
2002, PNAS 99:10831, doi:10.1073/pnas.152343099, eqs 1-5 and SI. As in the independent
re-implementation "CaDP" (MATLAB), from which the numbers were checked, the newest BPAP
replaces the one before; P2 is P1/1e4, which the paper misprints according to it. Figures
2A and 4A of the paper have other BPAPs. As a fast-weight programme: a gated leaky write
on one entry, w <- (1 - b) w + b Omega with the write strength b = eta dt set by that
entry's own calcium: it erases as much as it writes.
"""

from __future__ import annotations

from brian2 import ms, mV, second

from ..magnesium import block_code
from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

_V = "V_rest + epsp_slow - epsp_fast + bap_f + bap_s"
EQUATIONS = Equations(
    synapse=f"""
dw/dt = (Omega - w)/(P1/(P2 + clip(Ca, 0, inf)**P3) + P4) : 1 (clock-driven)
Omega = 0.25 + 1/(1 + exp(-beta_2*(Ca - alpha_2))) - 0.25/(1 + exp(-beta_1*(Ca - alpha_1))) : 1
dCa/dt = nmda*G_NMDA*(open_f + open_s)*{block_code("V", "jahr_stevens_1990", None)}*(V_Ca - V)
         - Ca/tau_Ca : 1 (clock-driven)
V = {_V} : volt
dopen_f/dt = -open_f/tau_f : 1 (clock-driven)
dopen_s/dt = -open_s/tau_s : 1 (clock-driven)
depsp_slow/dt = -epsp_slow/tau_1 : volt (clock-driven)
depsp_fast/dt = -epsp_fast/tau_2 : volt (clock-driven)
dbap_f/dt = -bap_f/tau_bf : volt (clock-driven)
dbap_s/dt = -bap_s/tau_bs : volt (clock-driven)
""",  # noqa: E501
    on_pre="""
opens = P0*(1 - open_f - open_s)
open_f += I_f*opens
open_s += (1 - I_f)*opens
epsp_slow += epsp/epsp_norm
epsp_fast += epsp/epsp_norm
""",
    on_post="bap_f = I_bf*V_bap\nbap_s = (1 - I_bf)*V_bap",
    method="rk4",
    delay_post="delay_bap",
)
#: set -> peak of an EPSP in mV
SETS = ("pairing", "frequency")
_EPSP = {"pairing": 1, "frequency": 10}
_PAPER = "shouval2002unified"
SUMMARY = "calcium control: the level of NMDA calcium sets target and speed of the weight"


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    checked = (
        f"{_PAPER} (recalled; checked against the re-implementation CaDP, not the paper)"
    )
    return Synapse(
        "shouval_2002",
        parameters,
        "plasticity",
        SUMMARY,
        EQUATIONS,
        {
            "alpha_1": 0.35, "alpha_2": 0.55, "beta_1": 80.0, "beta_2": 80.0,
            "P1": 0.1 * second, "P2": 1e-5, "P3": 3.0, "P4": 1 * second,
            "tau_Ca": 50 * ms, "G_NMDA": 1 / (500 * mV * ms), "V_Ca": 130 * mV, "P0": 0.5,
            "I_f": 0.5, "tau_f": 50 * ms, "tau_s": 200 * ms, "V_rest": -65 * mV,
            "epsp": _EPSP[parameters] * mV, "epsp_norm": 0.6968, "tau_1": 50 * ms,
            "tau_2": 5 * ms, "V_bap": 100 * mV, "I_bf": 0.75, "tau_bf": 3 * ms,
            "tau_bs": 25 * ms, "delay_bap": 2 * ms, "nmda": 1.0,
        },
        {
            "": checked,
            "epsp": "SI: 1 mV where spikes are paired, 10 mV where only the frequency "
                    "varies; "
            + checked,
            "epsp_norm": "peak of exp(-t/50 ms) - exp(-t/5 ms): makes epsp the peak",
            "nmda": "no parameter of the paper: unblocked NMDA receptors, 1 = no AP5",
        },
        _PAPER,
        "lag = postsynaptic minus presynaptic spike, the delay of the BPAP not included; "
        "w starts at 0.25, its value without calcium; calcium in uM above rest; NMDA "
        "opening saturates",
        signed=("V_rest", "V_Ca", "nmda", "epsp", "delay_bap"),
        initial={"w": 0.25},
    )  # fmt: skip


register("shouval_2002", Entry(make, SETS, "plasticity", SUMMARY, stdp=curve))
