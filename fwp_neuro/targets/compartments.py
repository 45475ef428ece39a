"""The two-compartment synapse of the spiking circuit: its membranes and its voltage
factor."""

from __future__ import annotations

from collections.abc import Iterator

import brian2 as b2
import numpy as np
from brian2 import mV

from ..devices import Built, Size, simulate
from ..synapses import get
from .rows import Row

#: model -> time constant in ms of a compartment under a conductance of half the leak, and
#: the potential in mV that it goes to; rest under the number 1 (mV); voltage factor of
#: the write there
NUMBERS = {
    "two_compartment_nmda": (
        10 / 1.5,
        -70 / 1.5,
        -56.0,
        1 / (1 + np.exp(0.062 * 56) / 3.57),
    ),
    "linear_difference": (10.0, -35.0, -52.5, 0.25),
}
_SOURCE = "conductance (or current) against a leak of 10 ms and -70 mV, reversal 0 mV"


def course(model, g: float = 0.5, after: float = 5.0) -> np.ndarray:
    """Return the potentials (mV) of both compartments at rest, after some ms of g, and at
    last."""

    def build() -> Built:
        cells = b2.NeuronGroup(
            1, f"{model.compartments}\ng_basal : 1\ng_apical : 1", method="exact",
            namespace=dict(model.parameters), name="compartments",
        )  # fmt: skip
        cells.V_basal = cells.V_apical = model.parameters["E_leak"]
        cells.g_basal = cells.g_apical = g
        states = b2.StateMonitor(
            cells, ("V_basal", "V_apical"), record=[0], name="potentials"
        )

        def collect() -> dict[str, np.ndarray]:
            return {"V": 1e3 * np.array([states.V_basal_[0], states.V_apical_[0]])}

        return Built(b2.Network(cells, states), collect, 100 * b2.ms, (cells,))

    found, _ = simulate(build, Size(1000, 1, 0), device="numpy", dt=0.1 * b2.ms, seed=0)
    return found["V"][:, [0, round(after / 0.1), -1]]


def rows(quick: bool) -> Iterator[Row]:
    """Compare the Brian2 text of the membranes and of the write with closed forms."""
    for name, (tau, end, rest, factor) in NUMBERS.items():
        model = get(name)
        for which, (start, later, last) in zip(
            ("basal", "apical"), course(model), strict=True
        ):
            for ms, value in ((5, later), (99.9, last)):
                when, expected = f"{ms:g} ms", end + (start - end) * np.exp(-ms / tau)
                yield Row(name, f"Brian2 text, {which} potential after {when} of g = 0.5 "
                                "(mV)",
                          value, expected, 1e-6, _SOURCE,
                          strength="closed form")  # fmt: skip
        names = {"mV": float(mV), "exp": np.exp, "number": 1.0}
        names |= {p: float(value) for p, value in model.parameters.items()}
        names["V"] = eval(model.rest_code("number"), {"__builtins__": {}}, names)  # noqa: S307
        yield Row(name, "Brian2 text, rest under the number 1 (mV)", 1e3 * names["V"],
                  rest, 1e-9, _SOURCE, strength="closed form")  # fmt: skip
        value = eval(model.unblocked_code("V"), {"__builtins__": {}}, names)  # noqa: S307
        yield Row(name, "Brian2 text, voltage factor of the write "
                        "there", value, factor, 1e-9,
                  _SOURCE, strength="closed form")  # fmt: skip
