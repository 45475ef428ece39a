"""Match and control: thresholds and gains against Ellwood's published data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, ms

from ... import synapses
from ...targets.rows import Row
from .synapse import SETS

MODEL = "match_and_control"
_PAPER = "Ellwood 2024, PLoS Comput. Biol. 20:e1011843"
_THRESHOLDS = _PAPER + ": shipped thresholds 6.039e-14, 7.869e-14, 1.0341e-13"


def rows(quick: bool) -> Iterator[Row]:
    """Look for the ratios of the thresholds and the limits of the gain that were put
    in."""
    half = SETS["window_0.5_s"]
    for window, target in ((1, 7.869 / 6.039), (2, 10.341 / 6.039)):
        value = SETS[f"window_{window}_s"] / half
        yield Row(MODEL, f"threshold for {window} s / for 0.5 "
                         "s", value, target, 0.05 * target,
                  _THRESHOLDS, strength="definition", set_after=True)  # fmt: skip
    yield from _writes()


def _writes() -> Iterator[Row]:
    model = synapses.get(MODEL)
    lags = np.array([-50, 7]) * ms
    none, full = synapses.stdp_curve(model, lags=lags, pairs=20, frequency=5 * Hz)
    yield Row(MODEL, "AMPA gain after 20 matched pairs", full, 8.0, 0.01,
              _PAPER + ": 1 to 8", strength="definition")  # fmt: skip
    yield Row(MODEL, "AMPA gain after 20 pairs at -50 ms", none, 1.0, 0.01,
              _PAPER + ": 1 to 8", strength="definition")  # fmt: skip
    closed = synapses.stdp_curve(
        model.changed(nmda=0), lags=7 * ms, pairs=20, frequency=5 * Hz
    )
    yield Row(MODEL, "AMPA gain after 20 matched pairs under full "
                     "AP5", float(closed), 1.0, 0.0,
              "NMDA closed: no calcium", strength="closed form")  # fmt: skip
