"""The magnesium block: values and half-block potentials of the three published fits."""

from __future__ import annotations

from collections.abc import Iterator

from brian2 import mmolar, mV
from scipy.optimize import brentq

from ..bibliography import readable
from ..synapses.magnesium import BLOCKS, magnesium_block
from .rows import Row

MODEL = "magnesium_block"
VOLTAGES = (-90, -80, -70, -65, -60, -50, -40, -30, -20, -10, 0, 20)
#: (fit, magnesium in mM) -> unblocked fraction at `VOLTAGES` (mV), to five digits
POINTS = {
    ("jahr_stevens_1990", 1.0): (
        0.01329, 0.02442, 0.04447, 0.05967, 0.07963, 0.13854, 0.23016, 0.35722, 0.50814,
        0.65759, 0.78118, 0.92502,
    ),
    ("jahr_stevens_1990", 1.2): (
        0.01110, 0.02044, 0.03734, 0.05022, 0.06725, 0.11818, 0.19945, 0.31653, 0.46263,
        0.61544, 0.74843, 0.91135,
    ),
    ("jahr_stevens_1990", 2.0): (
        0.00669, 0.01236, 0.02274, 0.03075, 0.04146, 0.07443, 0.13004, 0.21745, 0.34061,
        0.48986, 0.64093, 0.86050,
    ),
    ("vargas_caballero_robinson_2003", 1.0): (
        0.00390, 0.00798, 0.01625, 0.02313, 0.03283, 0.06518, 0.12531, 0.22739, 0.37681,
        0.55401, 0.71847, 0.91505,
    ),
    ("ellwood_2024", None): (
        0.00247, 0.00522, 0.01099, 0.01591, 0.02298, 0.04743, 0.09535, 0.18243, 0.32082,
        0.50000, 0.67918, 0.90465,
    ),
}  # fmt: skip
#: fit -> potential of half block at 1 mM (mV)
HALF = {
    "jahr_stevens_1990": -20.53, "vargas_caballero_robinson_2003": -13.01,
    "ellwood_2024": -10.0,
}  # fmt: skip


def rows(quick: bool) -> Iterator[Row]:
    """Compare the blocks with their closed forms, evaluated independently to five
    digits."""
    for (fit, mM), targets in POINTS.items():
        magnesium = None if mM is None else mM * mmolar
        named = fit if mM is None else f"{fit}, {mM:g} mM"
        for voltage, target in zip(VOLTAGES, targets, strict=True):
            value = float(magnesium_block(voltage * mV, fit, magnesium))
            yield Row(
                MODEL, f"B({voltage} mV), {named}", value, target, 1e-4 * target + 5e-6,
                readable(BLOCKS[fit].source), curve="magnesium block, "
                                                    f"{named}", x=voltage,
                axes=("membrane potential (mV)", "unblocked fraction"),
                strength="closed form",
            )  # fmt: skip
    for fit, target in HALF.items():
        half = brentq(
            lambda v, fit=fit: float(magnesium_block(v * mV, fit)) - 0.5, -60, 40
        )
        yield Row(MODEL, f"potential of half block (mV), {fit}", half, target, 0.006,
                  readable(BLOCKS[fit].source), strength="closed form")  # fmt: skip
