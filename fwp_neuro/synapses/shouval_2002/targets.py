"""Calcium control: Omega and eta, and what pairing, timing and frequency do at 1 Hz and
above."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, ms, mV

from ... import synapses
from ...targets.rows import Row
from .events import changed_weight, clamped, eta, omega

MODEL = "shouval_2002"
#: calcium in uM -> (Omega, 1/eta in s)
FUNCTIONS = {
    0: (0.25, 1e4), 0.35: (0.125, 3.33), 0.45: (0.0004, 2.10), 0.55: (0.5, 1.60),
    0.6: (0.982, 1.46), 1.0: (1.0, 1.10),
}  # fmt: skip
_EQUATIONS = "closed form of Shouval, Bear & Cooper 2002, eqs 1-2, computed independently"
_FIGURE = "Shouval, Bear & Cooper 2002, fig. 3 (sign only)"
_SIGNS = {True: "at least", False: "at most"}


def rows(quick: bool) -> Iterator[Row]:
    """Compare the two functions of calcium, and the signs of figure 3."""
    model = synapses.get(MODEL)
    for ca, (target, tau) in FUNCTIONS.items():
        yield Row(
            MODEL, f"Omega({ca:g} uM)", float(omega(model, ca)), target, 5e-4, _EQUATIONS,
            curve="calcium control: target weight", x=ca,
            axes=("calcium (uM)", "target weight"),
            strength="closed form",
        )  # fmt: skip
        value = float(1 / eta(model, ca))
        yield Row(
            MODEL,
            f"1/eta({ca:g} uM) in s",
            value,
            tau,
            5e-3 * tau,
            _EQUATIONS,
            strength="closed form",
        )
    sign = {"strength": "qualitative published"}
    pairs = 50 if quick else 100
    timing = {-10: False, 10: True, 30: True, 80: False}
    found = synapses.stdp_curve(
        MODEL, lags=list(timing) * ms, pairs=pairs, frequency=1 * Hz
    )
    for (lag, up), value in zip(timing.items(), found, strict=True):
        what = f"weight ratio after pairs at {lag:+d} ms, 1 Hz"
        yield Row(MODEL, what, float(value), 1, 0, _FIGURE + "C", _SIGNS[up], **sign)
    for volts, up in {-55: False, -30: True}.items():
        value = clamped(model, volts * mV, pairs)
        yield Row(
            MODEL,
            f"after pulses at {volts} mV",
            value,
            1,
            0,
            _FIGURE + "A",
            _SIGNS[up],
            **sign,
        )
    alone = synapses.get(MODEL, "frequency")
    for hertz, up in {1: False, 20: True}.items():
        value = changed_weight(alone, np.arange(pairs) / hertz, np.zeros(0))
        yield Row(
            MODEL,
            f"after pulses at {hertz} Hz",
            value,
            1,
            0,
            _FIGURE + "B",
            _SIGNS[up],
            **sign,
        )
