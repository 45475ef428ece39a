"""The synapse models of the spiking circuit, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import brian2 as b2

from ..errors import FwpError, pick
from . import units
from .magnesium import BLOCKS, block_code, magnesium_block
from .synapse_class import Entry, register


@dataclass(frozen=True)
class SynapseModel:
    """One synapse model.

    Attributes:
        name: registry name.
        equations: Brian2 equations of the two compartments of a value cell.
        block: magnesium block of the write, see `magnesium.BLOCKS`; None for a linear voltage
            factor.
        parameters: Brian2 quantities and numbers by name.
        sources: parameter name -> where its value comes from.
        citation: papers behind the equations.
        conventions: what a reader must know to compare numbers.
        roles: local name of a rule text -> the variable that plays it.
    """

    name: str
    equations: str
    block: str | None
    parameters: dict[str, Any]
    sources: dict[str, str]
    citation: str
    conventions: str
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
        """Return Brian2 code of the resting voltage under an input that codes ``number``."""
        g = f"conductance*{number}"
        if self.block is None:
            return f"(E_leak + {g}*(E_exc - E_leak))"
        return f"((E_leak + {g}*E_exc)/(1 + {g}))"

    @property
    def slope(self) -> float:
        """Change of the voltage factor per unit of the coded number, at the value baseline."""
        v0, step = self.parameters["value_baseline"], 1e-5
        return (self.unblocked(v0 + step) - self.unblocked(v0 - step)) / (2 * step)

    def membrane_lag(self, dt) -> float:
        """Return what one step leaves of a small voltage deviation at the value baseline."""
        p = self.parameters
        speed = 1.0 if self.block is None else 1 + p["conductance"] * p["value_baseline"]
        return math.exp(-speed * float(dt / p["tau_membrane"]))

    def changed(self, **values) -> SynapseModel:
        """Return the model with some parameters replaced, units and signs checked.

        Raises:
            FwpError: unknown parameter, a missing or wrong unit, a value that is not one positive
                finite number (potentials may have any sign), or E_exc not above E_leak.
        """
        for name, value in values.items():
            pick(name, self.parameters, f"parameter of synapse model {self.name!r}:")
            signed = name in ("E_leak", "E_exc")
            where = f"synapse model {self.name!r}"
            values[name] = units.check(name, value, self.parameters[name], where, any_sign=signed)
        new = {**self.parameters, **values}
        if not new["E_exc"] > new["E_leak"]:
            raise FwpError(
                f"synapse model {self.name!r} needs E_exc above E_leak, got {new['E_exc']} and "
                f"{new['E_leak']}"
            )
        return replace(self, parameters=new)


_MEMBRANE = """
dV_basal/dt = (E_leak - V_basal + g_basal*(E_exc - V_basal))/tau_membrane : volt
dV_apical/dt = (E_leak - V_apical + g_apical*(E_exc - V_apical))/tau_membrane : volt
"""
_LINEAR = """
dV_basal/dt = (E_leak - V_basal + g_basal*(E_exc - E_leak))/tau_membrane : volt
dV_apical/dt = (E_leak - V_apical + g_apical*(E_exc - E_leak))/tau_membrane : volt
"""
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
    "tau_nmda": "within the 26-150 ms of ellwood2024short and destexhe1998kinetic; " + _CHOICE,
    "tau_teacher": "as tau_ampa: the teacher is an AMPA input too",
    "tau_membrane": _CHOICE,
    "E_leak": "brunel2001effects: V_L = -70 mV",
    "E_exc": "brunel2001effects: V_E = 0 mV",
    "conductance": _CHOICE + ": excitation that stands for the number 1, in leak conductances",
    "rate": _CHOICE + ": firing rate of a cell that stands for the number 1",
    "value_baseline": _CHOICE + ": ON and OFF teachers fire at this number plus and minus v/2",
    "weight_baseline": _CHOICE + ": the fast weight that the fixed feed-forward inhibition cancels",
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


def _two_compartment(parameters: str) -> SynapseModel:
    return SynapseModel(
        "two_compartment_nmda",
        _MEMBRANE,
        parameters,
        _parameters(),
        dict(_SOURCES),
        "urbanczik2014learning (dendritic prediction of a somatic teacher); magnesium "
        "block: " + BLOCKS[parameters].source,
        "conductances in units of the leak; the write is proportional to NMDA trace x "
        "[B(V_apical) - B(V_basal)]",
        dict(_ROLES),
    )


def _linear(parameters: str) -> SynapseModel:
    return SynapseModel(
        "linear_difference",
        _LINEAR,
        None,
        _parameters(),
        dict(_SOURCES),
        "this package: two_compartment_nmda with linear membranes and no magnesium block, a "
        "control",
        "currents instead of conductances; separates the lag of the loop from its nonlinearity",
        dict(_ROLES),
    )


register(
    "two_compartment_nmda",
    Entry(
        _two_compartment,
        ("jahr_stevens_1990", "vargas_caballero_robinson_2003", "ellwood_2024"),
        "circuit",
        "NMDA-gated write of the difference between two compartments, read out by AMPA",
    ),
)
register(
    "linear_difference",
    Entry(
        _linear, ("default",), "circuit", "two_compartment_nmda with linear membranes, a control"
    ),
)
