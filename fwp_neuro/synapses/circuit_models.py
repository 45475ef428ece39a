"""The synapses of the spiking circuit: an NMDA-gated write between two compartments, read
by AMPA.

    dw/dt = gate x_nmda (B(V_apical) - B(V_basal))/slope      x_nmda: NMDA trace of the key cell

B is the voltage factor of the write, ``slope`` its change per unit of the coded number at
the value baseline, so that the gate is that of the delta rule, in 1/s. A presynaptic
spike opens AMPA of the basal compartment by w, bounded to [0, 2 weight_baseline], less
the feed-forward inhibition that cancels the baseline. `fwp_neuro.run` builds circuits of
the same equations for every rule that has a biophysical form; `connect` puts one synapse
between any cells.
"""  # noqa: E501

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import brian2 as b2

from ..errors import FwpError
from .magnesium import BLOCKS, block_code, magnesium_block
from .synapse_class import Entry, Equations, Synapse, register


@dataclass(frozen=True, repr=False)
class CircuitSynapse(Synapse):
    """A synapse of the spiking circuit.

    Attributes:
        compartments: Brian2 equations of the two compartments of a value cell.
        block: magnesium block of the write, see `magnesium.BLOCKS`; None for a linear
            voltage factor.
        roles: local name of a rule text -> the variable that plays it.
    """

    compartments: str = ""
    block: str | None = None
    roles: dict[str, str] = field(default_factory=dict)

    def unblocked_code(self, voltage: str) -> str:
        """Return Brian2 code of the voltage factor of the NMDA-gated write."""
        if self.block is None:
            return f"(({voltage} - E_leak)/(E_exc - E_leak))"
        return block_code(voltage, self.block, None)

    def unblocked(self, number: float) -> float:
        """Return the voltage factor at rest under an input that codes ``number``."""
        leak, exc = self.parameters["E_leak"], self.parameters["E_exc"]
        g = self.parameters["conductance"] * number
        if self.block is None:
            return float(g)
        return float(magnesium_block((leak + g * exc) / (1 + g), self.block))

    def rest_code(self, number: str) -> str:
        """Return Brian2 code of the resting voltage under an input that codes
        ``number``."""
        g = f"conductance*{number}"
        if self.block is None:
            return f"(E_leak + {g}*(E_exc - E_leak))"
        return f"((E_leak + {g}*E_exc)/(1 + {g}))"

    def error_code(self, basal: str, apical: str) -> str:
        """Return Brian2 code of what a write compares, apical and predicted factor.

        ``compares`` is 1 for a rule that compares with the basal voltage, else 0: rules
        of both kinds run on one program, and a factor of 0 or 1 is exact.
        """
        rest = self.unblocked_code(self.rest_code("value_baseline"))
        predicted = f"compares*{self.unblocked_code(basal)} + (1 - compares)*{rest}"
        return f"{self.unblocked_code(apical)} - ({predicted})"

    @property
    def slope(self) -> float:
        """Change of the voltage factor per unit of the coded number, at the value
        baseline."""
        v0, step = self.parameters["value_baseline"], _STEP
        return (self.unblocked(v0 + step) - self.unblocked(v0 - step)) / (2 * step)

    def membrane_lag(self, dt) -> float:
        """Return what one step leaves of a small voltage deviation at the value
        baseline."""
        p = self.parameters
        speed = 1.0 if self.block is None else 1 + p["conductance"] * p["value_baseline"]
        return math.exp(-speed * float(dt / p["tau_membrane"]))

    def changed(self, **values) -> CircuitSynapse:
        """Return the synapse with some parameters replaced, see `Synapse.changed`.

        Raises:
            FwpError: as there, or E_exc not above E_leak.
        """
        found = super().changed(**values)
        new = found.parameters
        if not new["E_exc"] > new["E_leak"]:
            raise FwpError(
                f"synapse {self.name!r} needs E_exc above E_leak, got {new['E_exc']} and "
                f"{new['E_leak']}"
            )
        return found


_MEMBRANE = """
dV_basal/dt = (E_leak - V_basal + g_basal*(E_exc - V_basal))/tau_membrane : volt
dV_apical/dt = (E_leak - V_apical + g_apical*(E_exc - V_apical))/tau_membrane : volt
"""
_LINEAR = """
dV_basal/dt = (E_leak - V_basal + g_basal*(E_exc - E_leak))/tau_membrane : volt
dV_apical/dt = (E_leak - V_apical + g_apical*(E_exc - E_leak))/tau_membrane : volt
"""
#: step of the coded number over which the slope of the voltage factor is taken
_STEP = 1e-5


def _text(synapse: CircuitSynapse) -> Equations:
    """Return the Brian2 text of one synapse, with the cells' parts."""
    factor, rest = synapse.unblocked_code, synapse.rest_code
    ends = [factor(rest(f"(value_baseline {sign} {_STEP})")) for sign in "+-"]
    return Equations(
        synapse="""
dw/dt = gate_post*x_nmda*error_post : 1 (clock-driven)
dx_nmda/dt = -x_nmda/tau_nmda : 1 (clock-driven)
""",
        on_pre="""
g_ampa_post += conductance*KICK_ampa*(clip(w, 0, 2*weight_baseline) - weight_baseline)
x_nmda += KICK_nmda
""".replace("KICK_ampa", kick("ampa")).replace("KICK_nmda", kick("nmda")),
        post=f"""{synapse.compartments.strip()}
g_basal = conductance*value_baseline + g_ampa : 1
g_apical = conductance*teacher : 1
dg_ampa/dt = -g_ampa/tau_ampa : 1
slope = ({ends[0]} - {ends[1]})/{2 * _STEP} : 1
error = ({factor("V_apical")} - {factor("V_basal")})/slope : 1
teacher : 1
gate : Hz
""",
        method="exponential_euler",
    )


def kick(receptor: str) -> str:
    """Return how much a spike adds to a trace: its mean is 1 at ``rate`` for any dt."""
    return f"(1 - exp(-dt/tau_{receptor}))/(rate*dt)"


_ROLES = {
    "k": "NMDA trace of the key cells (glutamate bound to NMDA receptors)",
    "v": "teacher conductance of the apical compartment",
    "w": "AMPA conductance of the basal compartment, relative to the fixed inhibition",
    "read": "basal depolarisation by AMPA through the fast weights",
    "beta": "neuromodulatory gate on the NMDA-dependent write",
    "alpha": "turnover of AMPA receptors toward the baseline weight",
}
_CHOICE = "modelling choice of this package"
_SOURCES = {
    "tau_ampa": "destexhe1998kinetic: decay 5.26 ms, rounded",
    "tau_nmda": "within the 26-150 ms of ellwood2024short and destexhe1998kinetic; "
    + _CHOICE,
    "tau_teacher": "as tau_ampa: the teacher is an AMPA input too",
    "tau_membrane": _CHOICE,
    "E_leak": "brunel2001effects: V_L = -70 mV",
    "E_exc": "brunel2001effects: V_E = 0 mV",
    "conductance": _CHOICE
    + ": excitation that stands for the number 1, in leak conductances",
    "rate": _CHOICE + ": firing rate of a cell that stands for the number 1",
    "value_baseline": _CHOICE
    + ": ON and OFF teachers fire at this number plus and minus v/2",
    "weight_baseline": _CHOICE
    + ": the fast weight that the fixed feed-forward inhibition cancels",
}


def _parameters() -> dict[str, Any]:
    return {
        "tau_ampa": 5 * b2.ms,
        "tau_nmda": 50 * b2.ms,
        "tau_teacher": 5 * b2.ms,
        "tau_membrane": 10 * b2.ms,
        "E_leak": -70 * b2.mV,
        "E_exc": 0 * b2.mV,
        "conductance": 0.25,
        "rate": 100 * b2.Hz,
        "value_baseline": 0.5,
        "weight_baseline": 1.0,
    }


_SUMMARIES = {
    "two_compartment_nmda": "NMDA-gated write of the difference between two "
    "compartments, read out by AMPA",
    "linear_difference": "two_compartment_nmda with linear membranes, a control",
}


def _made(name: str, parameter_set: str, block: str | None, **facts) -> CircuitSynapse:
    """Return a synapse with its text."""
    bare = CircuitSynapse(
        name, parameter_set, "circuit", _SUMMARIES[name], Equations(), _parameters(),
        dict(_SOURCES), facts["citation"], facts["conventions"],
        compartments=facts["compartments"], block=block, roles=dict(_ROLES),
        signed=("E_leak", "E_exc"), learned=("w",), transmits=("g_ampa",),
        ports={"membrane": "V_basal", "conductance": "g_ampa", "teacher": "teacher",
               "gate": "gate"},
    )  # fmt: skip
    start = dict.fromkeys(("V_basal", "V_apical"), bare.rest_code("value_baseline"))
    initial = {"w": "weight_baseline", "teacher": "value_baseline", **start}
    return replace(bare, equations=_text(bare), initial=initial)


def _two_compartment(parameters: str) -> CircuitSynapse:
    return _made(
        "two_compartment_nmda", parameters, parameters, compartments=_MEMBRANE,
        citation="urbanczik2014learning (dendritic prediction of a somatic teacher); "
        "magnesium block: " + BLOCKS[parameters].source,
        conventions="conductances in units of the leak; the write is proportional to "
        "NMDA trace x [B(V_apical) - B(V_basal)]",
    )  # fmt: skip


def _linear(parameters: str) -> CircuitSynapse:
    return _made(
        "linear_difference", parameters, None, compartments=_LINEAR,
        citation="this package: two_compartment_nmda with linear membranes and no "
        "magnesium block, a control",
        conventions="currents instead of conductances; separates the lag of the loop "
        "from its nonlinearity",
    )  # fmt: skip


register(
    "two_compartment_nmda",
    Entry(
        _two_compartment, ("jahr_stevens_1990", "vargas_caballero_robinson_2003",
                           "ellwood_2024"),
        "circuit", _SUMMARIES["two_compartment_nmda"],
    ),
)  # fmt: skip
register(
    "linear_difference",
    Entry(_linear, ("default",), "circuit", _SUMMARIES["linear_difference"]),
)
