"""The magnesium block: half-block potentials and values of the three published fits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .base import Row

MODEL = "magnesium_block"
#: fit -> (mV, unblocked fraction at 1 mM)
POINTS = {
    "jahr_stevens_1990": {-70: 0.04447, -40: 0.23016, 0: 0.78118},
    "vargas_caballero_robinson_2003": {-70: 0.01625, -40: 0.12531, 0: 0.71847},
    "ellwood_2024": {-70: 0.01099, -40: 0.09535, 0: 0.67918},
}


def rows(quick: bool) -> Iterator[Row]:
    """Compare the blocks with their closed forms, evaluated by hand to five digits."""
    from brian2 import mV

    from ..synapses.magnesium import BLOCKS, magnesium_block

    for fit, points in POINTS.items():
        for voltage, target in points.items():
            value = float(magnesium_block(voltage * mV, fit))
            yield Row(
                MODEL, f"B({voltage} mV), {fit}", value, target, 1e-4 * target + 5e-6,
                BLOCKS[fit].source, curve="magnesium block", x=voltage,
                axes=("membrane potential (mV)", "unblocked fraction"),
            )  # fmt: skip
    for fit, half in {"jahr_stevens_1990": -np.log(3.57) / 0.062, "ellwood_2024": -10.0}.items():
        value = float(magnesium_block(half * mV, fit))
        yield Row(MODEL, f"B at half block, {fit}", value, 0.5, 1e-9, BLOCKS[fit].source)
