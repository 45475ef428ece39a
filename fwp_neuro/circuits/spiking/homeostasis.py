"""Trials before a programme in which inhibition and dendrites adapt, see
`realism.Homeostasis`.

The circuit is that of the programme, its gates are closed, and in each trial one key of
the programme is shown alone. With s the voltage of the basal compartment between keys,

    d(inhibition gain)/dt = rate (g_inh/most) (V_basal - s)/volts   while keys are shown
    d(apical gain)/dt     = rate (V_basal - V_apical)/volts         between keys

The first is the rule of Vogels et al. 2011 with the depolarisation of the dendrite for
the rate of the cell; both are choices, and so are the rates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import brian2 as b2
import numpy as np

from ...devices import simulate
from ..circuit_structure import exact
from ..token_schedule import Timeline, make
from . import biophysical
from .circuit_plan import CircuitPlan
from .realistic_network import RealisticNetwork

#: of the inhibition and of the apical gain, and of the mean voltage between keys
_INHIBITION, _APICAL, _MEAN = 2 / b2.second, 1 / b2.second, 200 * b2.ms
#: of a trial; the last 150 ms are those between keys
_TRIAL = Timeline(settle=50 * b2.ms, write=50 * b2.ms, gap=10 * b2.ms, query=10 * b2.ms,
                  read=10 * b2.ms, rest=180 * b2.ms)  # fmt: skip
_QUIET = 150 * b2.ms

_found: dict[str, dict[str, np.ndarray]] = {}


class _Adapting(RealisticNetwork):
    """The circuit of a programme while its gains adapt."""

    def __init__(self, plan, model, schedule, dt):
        super().__init__(plan, model, schedule, dt)
        steps = schedule.token_steps
        quiet = np.arange(steps) >= steps - round(float(_QUIET / dt))
        table = np.tile(quiet.astype(float), schedule.tokens)
        self.namespace.update(
            quiet=b2.TimedArray(table, dt=dt), mean_time=_MEAN,
            inhibition_rate=_INHIBITION, apical_rate=_APICAL,
        )  # fmt: skip
        self.namespace.setdefault("pool_most", 1.0)

    def _gains(self) -> list[str]:
        wanted, lines = self.realism.homeostasis, super()._gains()
        beyond, apart = "(V_basal - between)/volts", "(V_basal - V_apical)/volts"
        changing = {
            "inhibition_gain": f"inhibition_rate*g_inh/pool_most*{beyond}",
            "apical_gain": f"apical_rate*quiet(t)*{apart}",
        }
        for name, change in changing.items():
            if getattr(wanted, name.removesuffix("_gain")):
                lines.remove(f"{name} : 1 (constant)")
                lines.append(f"d{name}/dt = {change} : 1")
        return [*lines, "dbetween/dt = quiet(t)*(V_basal - between)/mean_time : volt"]

    def _value_cells(self):
        self.made = super()._value_cells()
        self.made.between = "voltage_at_baseline"
        return self.made

    def _collect(self) -> dict[str, Any]:
        return {name: np.array(getattr(self.made, name))
                for name in ("inhibition_gain", "apical_gain")}  # fmt: skip


def realistic(plan: CircuitPlan, model, dt, device: str, seed: int) -> tuple:
    """Return the plan, with gains that have settled where it asks for that, and the class
    of its network."""
    if plan.realism is not None and plan.realism.homeostasis is not None:
        own = device if device in ("numpy", "cython", "cpp_standalone") else "auto"
        plan = replace(plan, gains=settled(plan, model, dt, own, seed))
    return plan, RealisticNetwork


def settled(plan: CircuitPlan, model, dt, device: str, seed: int) -> dict:
    """Return the gains [channel] after the trials, computed once for a circuit."""
    assert plan.realism is not None
    trials = plan.realism.homeostasis.trials
    schedule = make(_TRIAL, dt, trials)
    shown = np.arange(trials) % len(plan.key)
    key, zero = plan.key[shown], np.zeros((trials, *plan.value.shape[1:]))
    # value cells that spike act on nothing here, and their number sets the noise alone
    realism = replace(plan.realism, value_cells=plan.realism.value_cells and replace(
        plan.realism.value_cells, model="poisson"))  # fmt: skip
    alone = replace(
        plan, realism=realism, key=key, query=0 * key, value=zero,
        eta=np.zeros(key.shape[:2]), weights=0 * plan.weights,
        keep_pre=np.ones_like(key), keep_post=1 + zero,
        ap5=0.0, cnqx=0.0, keep=replace(plan.keep, mode="last", probes=None),
        record=type(plan.record)(),
    )  # fmt: skip
    name = repr((
        alone.key.tobytes(), exact(plan.realism), plan.weights.shape, plan.cells,
        plan.kind, plan.tonic, model.equations, exact(model.parameters), float(dt),
        device, seed,
    ))  # fmt: skip
    if name not in _found:
        build, size, structure = biophysical.builder(
            alone, model, schedule, dt, _Adapting
        )
        found, _ = simulate(build, size, device=device, dt=dt, seed=seed,
                            label="homeostasis", structure=structure)  # fmt: skip
        _found[name] = found
    return _found[name]
