"""The magnesium block of the NMDA receptor: the fraction of open channels that conduct at
V."""

from __future__ import annotations

from dataclasses import dataclass

import brian2 as b2
import numpy as np

from ..arguments import inside, one_of, takes
from ..errors import FwpError, pick, shown
from ..quantities import quantity
from .argument_kinds import VOLTAGE


@dataclass(frozen=True)
class MagnesiumBlock:
    """B(V) = 1 / (1 + factor exp(-slope V)), factor = [Mg] / half for the
    magnesium-dependent ones.

    Attributes:
        slope: per mV.
        half: mM, or None where the fit holds at one magnesium concentration only.
        factor: used where ``half`` is None.
        source: paper.
    """

    slope: float
    half: float | None
    factor: float
    source: str


BLOCKS = {
    "jahr_stevens_1990": MagnesiumBlock(
        0.062, 3.57, 1 / 3.57, "jahr1990voltage"
    ),
    "vargas_caballero_robinson_2003": MagnesiumBlock(
        0.072, 2.552, 1 / 2.552,
        "vargas2003slow (as used by chindemi2022calcium)",
    ),
    "ellwood_2024": MagnesiumBlock(
        0.075, None, 0.4723665527410147, "ellwood2024short: 1/(1 + exp(-0.075 (V + 10)))"
    ),
}  # fmt: skip


def _factor(model: str, magnesium) -> tuple[float, float]:
    """Return (slope per mV, factor) of a block at a magnesium concentration."""
    block = BLOCKS[pick(model, BLOCKS, "magnesium block")]
    if block.half is None:
        if magnesium is not None:
            raise FwpError(
                f"magnesium block {model!r} was fitted at one concentration; leave "
                "magnesium out"
            )
        return block.slope, block.factor
    if magnesium is None:
        return block.slope, 1 / block.half
    legal = "one concentration >= 0 such as 1*mmolar"
    found = quantity(magnesium, b2.mmolar, "magnesium", legal)
    if found.size != 1 or found < 0:
        raise FwpError(f"magnesium must be {legal}, got {shown(magnesium)}")
    return block.slope, found.item() / block.half


@takes(
    V=VOLTAGE,
    model=one_of(BLOCKS, "magnesium block"),
    magnesium=inside("a concentration such as 1*mmolar, or None"),
)
def magnesium_block(V, model: str = "jahr_stevens_1990", magnesium=None):
    """Return the unblocked fraction of NMDA conductance at membrane potential V.

    Args:
        V: Brian2 voltage, scalar or array.
        model: one of the published fits, see `BLOCKS`.
        magnesium: Brian2 concentration; 1 mM if None.

    Raises:
        FwpError: unknown model, wrong unit, a voltage that is NaN, or a concentration for
            a fit that has none.
    """
    slope, factor = _factor(model, magnesium)
    voltage = quantity(V, b2.mV, "V", "a voltage such as -70*mV", finite=False)
    if np.isnan(voltage).any():
        raise FwpError(f"V must not be NaN, got {shown(V)}")
    with np.errstate(over="ignore"):  # far below any membrane everything is blocked
        return 1 / (1 + factor * np.exp(-slope * voltage))


def block_code(variable: str, model: str, magnesium) -> str:
    """Return the block as Brian2 code for a voltage ``variable``."""
    slope, factor = _factor(model, magnesium)
    return f"(1/(1 + {factor!r}*exp(-{slope!r}*{variable}/mV)))"
