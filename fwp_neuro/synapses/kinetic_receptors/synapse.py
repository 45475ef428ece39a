"""First-order receptor kinetics: transmitter binds during a pulse and unbinds all the
time.

    dr/dt = alpha T (1 - r) - beta r,   T = transmitter for `pulse` after a spike, else 0
    I = gbar r (E - V)                  (NMDA: times the magnesium block)

Form: Destexhe, Mainen & Sejnowski 1994, Neural Comput. 6:14,
doi:10.1162/neco.1994.6.1.14. Rates:
Destexhe, Mainen & Sejnowski 1998, in Methods in Neuronal Modeling, 2nd ed., pp 1-25
(ModelDB 18500), with 1 mM and 1 ms; the paper of 1994 has others. A spike during a pulse
starts the pulse anew. The gate depends on the presynaptic cell alone and lives there.
As a fast-weight programme: NMDA's slow r is the key trace, AMPA's fast r the read-out;
`w` scales.
"""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import mmolar, ms, mV, nS

from ..synapse_class import Entry, Equations, Synapse, register

PAPER = "destexhe1998kinetic (ModelDB 18500)"


@dataclass(frozen=True)
class BindingRates:
    """Binding alpha (per ms and mM), unbinding beta (per ms), reversal (mV)."""

    alpha: float
    beta: float
    reversal: float
    source: str = PAPER


RATES = {
    "ampa_kinetic": BindingRates(1.1, 0.19, 0),
    "nmda_kinetic": BindingRates(0.072, 0.0066, 0),
    "gaba_a_kinetic": BindingRates(5.0, 0.18, -80),
}
#: the former name of the set named the wrong paper
RENAMED = {"destexhe_1994": "destexhe_1998"}


def equations(receptor: str) -> Equations:
    """Return the Brian2 text of a first-order receptor."""
    r = receptor
    part = "nmda*" if r == "nmda" else ""
    return Equations(
        synapse=f"w : 1\ng_{r}_post = {part}w*gbar_{r}*r_{r}_pre : siemens (summed)",
        pre=f"""
dr_{r}/dt = alpha_{r}*bound_{r}*(1 - r_{r}) - beta_{r}*r_{r} : 1
bound_{r} = transmitter_{r}*int(t < open_{r}) : mmolar
open_{r} : second
""".replace("mmolar", "mole*meter**-3"),
        # half a step more, so that rounding cannot add or lose a step
        pre_spike=f"open_{r} = t + pulse_{r} + 0.5*dt",
        post=f"g_{r} : siemens",
        # exact, for the coefficients are constant within a step
        method="exponential_euler",
    )


def _maker(name: str, summary: str):
    receptor = name.removesuffix("_kinetic")

    def make(parameters: str) -> Synapse:
        rate = RATES[name]
        values = {
            f"alpha_{receptor}": rate.alpha / ms / mmolar,
            f"beta_{receptor}": rate.beta / ms, f"transmitter_{receptor}": 1 * mmolar,
            f"pulse_{receptor}": 1 * ms, f"gbar_{receptor}": 1 * nS,
            f"E_{receptor}": rate.reversal * mV,
        }  # fmt: skip
        sources = {
            "": rate.source, f"gbar_{receptor}": "modelling choice of this package: 1 nS "
            "at full opening", "nmda": "unblocked fraction of NMDA receptors (AP5 lowers "
                                       "it): 1 = no drug",
        }  # fmt: skip
        signed: tuple[str, ...] = (f"E_{receptor}",)
        if receptor == "nmda":
            values["nmda"], signed = 1.0, (*signed, "nmda")
        else:
            del sources["nmda"]
        return Synapse(
            name, parameters, "receptor", summary, equations(receptor), values, sources,
            PAPER,
            "the pulse starts in the step after the spike and is exact if it is a whole "
            "number of steps; all synapses of a presynaptic cell share one gate, without "
            "delay",
            signed=signed, initial={"w": 1},
            ports={"conductance": f"g_{receptor}"},
        )  # fmt: skip

    return make


for _name, _summary in {
    "ampa_kinetic": "first-order kinetics of AMPA receptors under pulses of transmitter",
    "gaba_a_kinetic": "first-order kinetics of GABA_A receptors under pulses of "
    "transmitter",
    "nmda_kinetic": "first-order kinetics of NMDA receptors under pulses of transmitter",
}.items():
    register(
        _name,
        Entry(
            _maker(_name, _summary),
            ("destexhe_1998",),
            "receptor",
            _summary,
            renamed=RENAMED,
        ),
    )
