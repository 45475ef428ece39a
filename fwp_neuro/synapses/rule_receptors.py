"""A fast-weight rule as an NMDA-gated write of an AMPA weight, as Brian2 text.

    dw/dt = gate eta x [B(V_teacher) - B(V)] - decay (w - weight_baseline)

x is the NMDA trace of the presynaptic cell (its mean is 1 at ``rate``), B the magnesium
block, V the membrane of the postsynaptic cell (delta) or its voltage at
``value_baseline`` (Hebb), V_teacher an apical compartment that a teacher's spikes drive,
or a voltage of the cell. ``eta`` is 1 over the slope of B at ``value_baseline``, so that
the gate is that of the rule, in 1/s: to the first order the bracket is (v - read(k)) /
eta. A spike of a cell opens AMPA by w, bounded to [0, 2 weight_baseline], less the part
of the baseline that feed-forward inhibition takes away.

Parameters and sources are those of `circuit_models` ("two_compartment_nmda"), whose
circuit runs the same equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy
from brian2 import nS

from ..errors import Cannot
from ..rules import Rule
from ..symbolic import brian2_code
from ..symbolic.effort import expand
from ..symbolic.first_order import FirstOrderRates
from ..symbolic.language import symbol
from .circuit_models import CircuitSynapse, kick
from .registered_synapses import get
from .rule_signals import Signals
from .synapse_class import Equations

CIRCUIT = "two_compartment_nmda"
_CHOICE = "modelling choice of this package"
SOURCES = {
    "eta": "computed: 1 / the slope of the magnesium block at value_baseline",
    "inhibition": _CHOICE
    + ": share of weight_baseline that feed-forward inhibition cancels",
    "g_leak": _CHOICE + ": leak of a cell whose conductances are in siemens",
}


@dataclass(frozen=True)
class ReceptorWrite:
    """A rule in the words of the synapse, gates in 1/s.

    Attributes:
        gain: of the write; decay: of the weight toward its baseline.
        compare: whether the write is error-correcting (delta) or not (Hebb).
    """

    gain: sympy.Expr
    decay: sympy.Expr
    compare: bool


def derive(rule: Rule, rates: FirstOrderRates) -> ReceptorWrite:
    """Return the write of a rule.

    Raises:
        Cannot: it is neither gate*v*k nor gate*(v - read(k))*k, with decays.
    """
    k, v, w = (symbol(name) for name in ("k", "v", "w"))
    refusal = Cannot(
        f"rule {rule.name!r} has no biophysical form: its write must be gate*v*k or "
        "gate*(v - read(k))*k with one gate, beside decays of w; use form='rate'"
    )
    if rule.states != ("w",) or len(rates.sums) > 1:
        raise refusal
    right = expand(rates.right["w"])
    decay = -right.coeff(w, 1)
    rest = expand(right + decay * w)
    gain, compare, expected = rest.coeff(v * k, 1), False, rest.coeff(v * k, 1) * v * k
    for one in rates.sums:
        if one.kind != "read" or one.argument != k or one.symbol.name in rates.in_hertz:
            raise refusal
        compare, expected = True, gain * (v - one.symbol) * k
    names = {k, v, w, *(one.symbol for one in rates.sums)}
    if gain == 0 or (gain.free_symbols | decay.free_symbols) & names:
        raise refusal
    if expand(rest - expected) != 0:
        raise refusal
    return ReceptorWrite(gain, decay, compare)


def circuit(parameter_set: str | None) -> CircuitSynapse:
    """Return the model of the spiking circuit."""
    return get(CIRCUIT, parameter_set)


def parameters(base: CircuitSynapse) -> dict[str, Any]:
    """Return the circuit's parameters with those of this synapse."""
    return {
        **base.parameters,
        "eta": 1 / base.slope,
        "inhibition": 1.0,
        "g_leak": 10 * nS,
    }


def names() -> set[str]:
    """Return the names of everything in the text but the gates."""
    own = {"w", "x_nmda", "teacher", "V_teacher", "error", "V_basal", "g_ampa"}
    return own | set(parameters(circuit(None)))


def derived(values: Mapping[str, Any], base: CircuitSynapse) -> dict[str, float]:
    """Return the parameters that follow from the others."""
    own = {name: values[name] for name in base.parameters}
    return {"eta": 1 / replace(base, parameters=own).slope}


def text(
    write: ReceptorWrite,
    signals: Signals,
    base: CircuitSynapse,
    *,
    membrane: str = "V_basal",
    conductance: str = "g_ampa",
    in_siemens: bool = False,
    teacher: str = "",
) -> Equations:
    """Return the Brian2 text.

    Args:
        write: from `derive`.
        signals: code of the gates.
        base: the circuit's model, for the magnesium block.
        membrane: voltage of the postsynaptic cell that is compared.
        conductance: of the cell, which presynaptic spikes raise; "" for none.
        in_siemens: whether it is in siemens, else in units of the leak.
        teacher: voltage of the cell that teaches; "" for an apical compartment.
    """
    unblocked = base.unblocked_code
    other = membrane if write.compare else base.rest_code("value_baseline")
    error = f"{unblocked(teacher or 'V_teacher')} - {unblocked(other)}"
    rows = [
        *signals.post,
        *(() if teacher else _apical(base)),
        f"error = eta*({error}) : 1 (constant over dt)",
    ]
    alone = tuple(map(_variable, (*signals.pre, *rows)))
    gain, decay = (
        brian2_code.code(one, signals.code) for one in (write.gain, write.decay)
    )
    falls = "" if write.decay == 0 else f" + {relaxing('w', decay, 'weight_baseline')}"
    code = f"x_nmda += {kick('nmda')}"
    if conductance:
        unit, leak = ("siemens", "g_leak*") if in_siemens else ("1", "")
        sent = "(clip(w, 0, 2*weight_baseline) - inhibition*weight_baseline)"
        code = f"{conductance}_post += {leak}conductance*{kick('ampa')}*{sent}\n{code}"
        rows.append(f"d{conductance}/dt = {relaxing(conductance, '1/tau_ampa')} : {unit}")
    return Equations(
        synapse=f"""
dw/dt = ({gain})*x_nmda*error_post{falls} : 1 (clock-driven)
dx_nmda/dt = {relaxing("x_nmda", "1/tau_nmda")} : 1 (clock-driven)
""",
        on_pre=code,
        pre="\n".join(signals.pre),
        post="\n".join(rows),
        method="euler",
        alone=alone,
    )


def _variable(row: str) -> str:
    """Return what a row of equations defines."""
    left = row.split(" = ")[0].split(" : ")[0]
    return left.removeprefix("d").removesuffix("/dt") if "/" in left else left


def relaxing(variable: str, rate: str, end: str = "") -> str:
    """Return the slope by which an Euler step decays exactly, also at a rate of 0."""
    away = f"({end} - {variable})" if end else f"-{variable}"
    return f"{away}*(1 - exp(-dt*({rate})))/dt"


def _apical(base: CircuitSynapse) -> tuple[str, str]:
    """Return the rows of an apical compartment that a teacher's spikes drive."""
    speed, driven = "(1 + conductance*teacher)", "(E_leak + conductance*teacher*E_exc)"
    if base.block is None:  # linear: currents instead of conductances
        speed, driven = "1", "(E_leak + conductance*teacher*(E_exc - E_leak))"
    moves = relaxing("V_teacher", f"{speed}/tau_membrane", f"{driven}/{speed}")
    return (f"dV_teacher/dt = {moves} : volt",
            f"dteacher/dt = {relaxing('teacher', '1/tau_teacher')} : 1")  # fmt: skip
