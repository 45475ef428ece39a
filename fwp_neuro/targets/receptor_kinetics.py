"""Receptor kinetics against their papers, and the bias of the NMDA jump against the exact
gate."""

from __future__ import annotations

from collections.abc import Iterator

import brian2 as b2
import numpy as np
from brian2 import ms, mV

from .. import synapses
from ..bibliography import readable
from ..circuits import injected
from ..synapses.kinetic_receptors import events as kinetic_events
from ..synapses.kinetic_receptors import synapse as kinetic
from ..synapses.nmda_receptors import events as nmda_events
from ..synapses.nmda_receptors import synapse as nmda
from ..synapses.receptor_current import current
from .rows import Row

_COMPUTED = ", computed from the paper's rate constants"
_OWN = "exact gate by quadrature of the same parameter set"
#: rise ms, decay ms -> k0, k1, largest bias of the mean gate for regular trains of 5-80
#: Hz
JUMPS = {
    (2, 100): (0.648417, -0.632121, 0.02),
    (2, 26): (0.699137, -0.632121, 0.08),
    (5, 60): (1.059251, -0.917915, 0.115),
}
RATES = (5, 10, 20, 40, 60, 80)


def rows(quick: bool) -> Iterator[Row]:
    """Compare open fractions, decays, jump constants and biases."""
    yield from _kinetics()
    yield from _decays()
    yield from _jump()
    yield from _places()
    yield from _currents()


def _kinetics() -> Iterator[Row]:
    rates = {
        "ampa_kinetic": (0.6180, 5.26), "nmda_kinetic": (0.06924, 151.5),
        # r(1 ms) = 5/5.18 (1 - exp(-5.18)), decay 1/0.18 ms
        "gaba_a_kinetic": (0.95982, 5.5556),
    }  # fmt: skip
    for name, (opened, decay) in rates.items():
        source = readable(kinetic.RATES[name].source) + _COMPUTED
        after, later = kinetic_events.gating(
            synapses.get(name), [0], np.array([1e-3, 11e-3])
        )
        yield Row(name, "open fraction after 1 mM, 1 ms", after, opened, 1e-3 * opened,
                  source, strength="closed form")  # fmt: skip
        yield Row(name, "decay (ms)", 10 / np.log(after / later), decay, 1e-3 * decay,
                  source, strength="closed form")  # fmt: skip


#: times of a presynaptic cell's spikes, ms, and when conductances are read
SPIKES, READ = (2.0, 6.0, 7.0), (12.0, 20.0, 40.0)


def conductance(model, cells: int = 1, dt: float = 0.05):
    """Return the conductance (siemens) of the Brian2 text at `READ` [time, cell]."""
    pre = injected.raster([np.array(SPIKES) * b2.ms] * cells, 45 * b2.ms, dt * b2.ms)
    (variable,) = (
        g for g in ("g_ampa", "g_gaba_a", "g_nmda") if g in model.equations.post
    )
    found = injected.run(model, pre, np.zeros_like(pre), dt=dt * b2.ms, record=[variable],
                         record_every=dt * b2.ms)  # fmt: skip
    # a sample is taken before the spikes and the decay of its step, so that t is in the
    # next one
    return found[variable][
        [np.abs(found["time"] - (t + dt) * 1e-3).argmin() for t in READ]
    ]


def _decays() -> Iterator[Row]:
    for name in ("ampa", "gaba_a"):
        model = synapses.get(name)
        tau, jump, gbar = (
            float(model.parameters[f"{p}_{name}"]) for p in ("tau", "jump", "gbar")
        )
        first, second, last = conductance(model)[:, 0]
        late = np.array(READ[:1]) - np.array(SPIKES)
        target = jump * gbar * np.exp(-late * 1e-3 / tau).sum()
        source = "sum of jump gbar exp(-t/tau) over the spikes"
        yield Row(name, "Brian2 conductance after three spikes "
                        "(nS)", first * 1e9, target * 1e9,
                  1e-4 * target * 1e9, source, strength="closed form")  # fmt: skip
        for what, value, ms in (  # noqa: F402
            ("first 8 ms", first / second, 8),
            ("next 20 ms", second / last, 20),
        ):
            yield Row(name, f"decay of the Brian2 conductance over the {what} (ms)",
                      ms / np.log(value), 1e3 * tau, 1e-3 * 1e3 * tau,
                      "exponential decay with tau of the set",
                      strength="closed form")  # fmt: skip


def _places() -> Iterator[Row]:
    on_synapse, on_cell = (
        conductance(synapses.get(name), 2)
        for name in ("nmda_per_synapse", "nmda_per_cell")
    )
    yield Row("nmda_per_synapse", "Brian2 conductance, deviation from nmda_per_cell "
                                  "(share)",
              float(np.abs(on_synapse / on_cell - 1).max()), 0, 1e-9,
              "one presynaptic train and equal delays: the gates are equal", "at most",
              strength="closed form")  # fmt: skip


def _jump() -> Iterator[Row]:
    paper = nmda.SKAAR + ", computed from its equations"
    for (rise, decay), (k0, k1, most) in JUMPS.items():
        times = f"{rise}/{decay} ms"
        model = synapses.get("nmda_jump").changed(tau_rise=rise * ms, tau_nmda=decay * ms)
        for constant, target in (("k0", k0), ("k1", k1)):
            value = float(model.parameters[constant])
            yield Row("nmda_jump", f"{constant}, {times}", value, target, 1e-6, paper,
                      strength="closed form")  # fmt: skip
        worst = max(nmda_events.bias(model, rate) for rate in RATES)
        yield Row("nmda_jump", "largest bias of the mean gate, 5-80 Hz, "
                               f"{times}", worst, most, 0,
                  _OWN + "; our bound", kind="at most", strength="own bound",
                  set_after=True)  # fmt: skip
    for name, target in (("nmda_per_cell", 0.6461), ("nmda_jump", 0.6568)):
        value = nmda_events.mean_gate(synapses.get(name), 20)
        yield Row(name, "mean gate, regular 20 Hz, 2/100 ms", value, target,
                  1e-3 * target, _OWN if name == "nmda_per_cell" else paper,
                  strength="closed form")  # fmt: skip


def _currents() -> Iterator[Row]:
    """Yield the current into a cell at -40 mV by 1 nS of each receptor, by its Brian2
    text."""
    for name, target in (
        ("ampa", 40.0),
        ("gaba_a", -30.0),
        ("nmda_per_cell", 40 * 0.2301556),
    ):
        model = synapses.get(name)
        receptor = name.removesuffix("_per_cell")
        names = {"V": -0.04, f"g_{receptor}": 1e-9, "mV": float(mV), "exp": np.exp}
        names |= {p: float(value) for p, value in model.parameters.items()}
        value = 1e12 * eval(current(model), {"__builtins__": {}}, names)  # noqa: S307
        yield Row(name, "Brian2 text, inward current of 1 nS at -40 mV "
                        "(pA)", value, target,
                  1e-4, "g (E - V), for NMDA times the magnesium block",
                  strength="closed form")  # fmt: skip
