"""Receptor kinetics against their papers, and the bias of the NMDA jump against the exact gate."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Row

_COMPUTED = ", computed from the paper's rate constants"
_OWN = "exact gate by quadrature of the same parameter set"
#: rise ms, decay ms -> k0, k1, largest bias of the mean gate for regular trains of 5-80 Hz
JUMPS = {
    (2, 100): (0.648417, -0.632121, 0.02),
    (2, 26): (0.699137, -0.632121, 0.08),
    (5, 60): (1.059251, -0.917915, 0.115),
}
RATES = (5, 10, 20, 40, 60, 80)


def rows(quick: bool) -> Iterator[Row]:
    """Compare open fractions, decays, jump constants and biases."""
    yield from _kinetics()
    yield from _jump()


def _kinetics() -> Iterator[Row]:
    import numpy as np

    from .. import synapses
    from ..synapses.receptors.kinetic import PAPER, gating

    for name, opened, decay in (("ampa_kinetic", 0.6180, 5.26), ("nmda_kinetic", 0.06924, 151.5)):
        after, later = gating(synapses.get(name), [0], np.array([1e-3, 11e-3]))
        yield Row(name, "open fraction after 1 mM, 1 ms", after, opened, 1e-3 * opened,
                  PAPER + _COMPUTED)  # fmt: skip
        yield Row(name, "decay (ms)", 10 / np.log(after / later), decay, 1e-3 * decay,
                  PAPER + _COMPUTED)  # fmt: skip


def _jump() -> Iterator[Row]:
    from brian2 import ms

    from .. import synapses
    from ..synapses.receptors import nmda

    paper = nmda.SKAAR + ", computed from its equations"
    for (rise, decay), (k0, k1, most) in JUMPS.items():
        times = f"{rise}/{decay} ms"
        model = synapses.get("nmda_jump").changed(tau_rise=rise * ms, tau_nmda=decay * ms)
        for constant, target in (("k0", k0), ("k1", k1)):
            value = float(model.parameters[constant])
            yield Row("nmda_jump", f"{constant}, {times}", value, target, 1e-6, paper)
        worst = max(nmda.bias(model, rate) for rate in RATES)
        yield Row("nmda_jump", f"largest bias of the mean gate, 5-80 Hz, {times}", worst, most, 0,
                  _OWN, kind="at most")  # fmt: skip
    for name, target in (("nmda_per_cell", 0.6461), ("nmda_jump", 0.6568)):
        value = nmda.mean_gate(synapses.get(name), 20)
        yield Row(name, "mean gate, regular 20 Hz, 2/100 ms", value, target, 1e-3 * target,
                  _OWN if name == "nmda_per_cell" else paper)  # fmt: skip
