"""Tsodyks-Markram: steady states, limiting frequency, and two NEST synapses spike by
spike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import ms

from ... import synapses
from ...targets.rows import Row
from . import events as tm

MODEL = "tsodyks_markram"
#: Hz -> u after, x before, their product, mean-field u x: U 0.2, tau_F 1500 ms, tau_D 200
#: ms
STEADY = {5: (0.7336, 0.7008, 0.5141, 0.4048), 20: (0.9073, 0.2384, 0.2163, 0.1950)}
#: spikes of the comparison with NEST, ms
SPIKES = (0, 50, 100, 300, 310, 800)
#: (convention, set) -> release at these spikes in a reference run of NEST 3.10.0
NEST = {
    ("three_state", "mongillo_2008"): (0.2, 0.298656, 0.304017, 0.401440, 0.235975,
                                       0.517908),
    ("three_state", "tsodyks_1998_depressing"): (
        0.5, 0.264263, 0.153952, 0.170323, 0.0900096, 0.253297,
    ),
    ("to_zero", "mongillo_2008"): (0.2, 0.299498, 0.306263, 0.402833, 0.240187, 0.518215),
    ("to_zero", "tsodyks_1998_depressing"): (
        0.5, 0.265147, 0.154835, 0.170892, 0.0905958, 0.253554,
    ),
    ("to_zero", "tsodyks_1998_facilitating"): (
        0.03, 0.0553268, 0.0757362, 0.0808391, 0.0981817, 0.0716582,
    ),
}  # fmt: skip
_WORDS = {
    "mongillo_2008": "Mongillo 2008", "tsodyks_1998_depressing": "depressing",
    "tsodyks_1998_facilitating": "facilitating",
}  # fmt: skip
_NEST_NAME = {"three_state": "tsodyks_synapse", "to_zero": "tsodyks2_synapse"}


def rows(quick: bool) -> Iterator[Row]:
    """Compare with closed forms evaluated by hand, and with NEST."""
    model = synapses.get(MODEL, "mongillo_2008")
    source = "fixed point of Mongillo, Barak & Tsodyks 2008, per spike"
    for rate, (u, x, release, mean) in STEADY.items():
        found = tm.steady_state(model, rate)
        values = {
            "u after": found[0],
            "x before": found[1],
            "release": found[0] * found[1],
        }
        for (name, value), target in zip(values.items(), (u, x, release), strict=True):
            yield Row(
                MODEL,
                f"{name} a spike at {rate} Hz",
                value,
                target,
                1e-4 * target,
                source,
                strength="closed form",
            )
        value = float(np.prod(tm.mean_field(model, rate)))
        yield Row(MODEL, f"mean-field u x at {rate} Hz", value, mean, 2e-4 * mean, source,
                  strength="closed form")  # fmt: skip
    first = synapses.short_term(MODEL, "tiddia_2022", [0] * ms)[0]
    yield Row(MODEL, "u of a first spike, U = .19", float(first), 0.344, 5e-4,
              "Tiddia et al. 2022, doi:10.3389/fnint.2022.972055")  # fmt: skip
    depressing = synapses.get(MODEL, "tsodyks_1998_depressing")
    for rate, target, tolerance, strength, words in (
        (
            80,
            1.22,
            5e-3,
            "quantitative published",
            "limiting frequency of 1.22, which is what one has at 80 Hz",
        ),
        (4000, 1.25, 1e-3, "closed form", "endless rate: 1/tau_rec, exact"),
    ):
        value = rate * float(np.prod(tm.steady_state(depressing, rate)))
        yield Row(MODEL, f"rate x release at {rate} Hz, depressing "
                         "(Hz)", value, target, tolerance,
                  "Tsodyks & Markram 1997, PNAS 94:719; " + words,
                  strength=strength)  # fmt: skip
    for (convention, chosen), released in NEST.items():
        values = synapses.short_term(
            f"{MODEL}_{convention}", chosen, (100 + np.array(SPIKES)) * ms
        )
        for at, value, target in zip(SPIKES, values, released, strict=True):
            yield Row(
                MODEL, f"release {convention}, {chosen}, {at} ms", float(value), target,
                1e-5 * target, f"NEST 3.10.0 {_NEST_NAME[convention]}, reference run",
                curve=f"{_NEST_NAME[convention]}, {_WORDS[chosen]}", x=at,
                axes=("time (ms)", "release"), strength="other simulator",
            )  # fmt: skip
