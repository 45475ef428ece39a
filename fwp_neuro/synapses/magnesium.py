"""The magnesium block of the NMDA receptor: the fraction of open channels that conduct at V."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import FwpError, pick


@dataclass(frozen=True)
class Block:
    """B(V) = 1 / (1 + factor exp(-slope V)), factor = [Mg] / half for the magnesium-dependent ones.

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
    "jahr_stevens_1990": Block(
        0.062, 3.57, 1 / 3.57, "Jahr & Stevens 1990, J. Neurosci. 10:3178, "
                               "doi:10.1523/JNEUROSCI.10-09-03178.1990"
    ),
    "vargas_caballero_robinson_2003": Block(
        0.072, 2.552, 1 / 2.552,
        "Vargas-Caballero & Robinson 2003, J. Neurophysiol. 89:2778 (as used by Chindemi et al. "
        "2022)",
    ),
    "ellwood_2024": Block(
        0.075, None, 0.4723665527410147, "Ellwood 2024, PLoS Comput. Biol. 20:e1011843: 1/(1 + "
                                         "exp(-0.075 (V + 10)))"
    ),
}  # fmt: skip


def _in(value, unit) -> bool:
    """Whether a value is a quantity with the dimensions of ``unit``."""
    import brian2 as b2

    try:
        return b2.have_same_dimensions(value, unit)
    except TypeError:  # not a number at all
        return False


def _factor(model: str, magnesium) -> tuple[float, float]:
    """Return (slope per mV, factor) of a block at a magnesium concentration."""
    import brian2 as b2
    import numpy as np

    block = BLOCKS[pick(model, BLOCKS, "magnesium block")]
    if block.half is None:
        if magnesium is not None:
            raise FwpError(
                f"magnesium block {model!r} was fitted at one concentration; leave magnesium out"
            )
        return block.slope, block.factor
    magnesium = 1 * b2.mmolar if magnesium is None else magnesium
    one = np.size(magnesium) == 1 and _in(magnesium, b2.mmolar) and np.isfinite(magnesium)
    if not one or float(magnesium) < 0:
        raise FwpError(
            f"magnesium must be one concentration >= 0 such as 1*mmolar, got {magnesium!r}"
        )
    return block.slope, float(magnesium / b2.mmolar) / block.half


def magnesium_block(V, model: str = "jahr_stevens_1990", magnesium=None):
    """Return the unblocked fraction of NMDA conductance at membrane potential V.

    Args:
        V: Brian2 voltage, scalar or array.
        model: one of the published fits, see `BLOCKS`.
        magnesium: Brian2 concentration; 1 mM if None.

    Raises:
        FwpError: unknown model, wrong unit, a voltage that is NaN, or a concentration for a fit
            that has none.
    """
    import brian2 as b2
    import numpy as np

    slope, factor = _factor(model, magnesium)
    if not _in(V, b2.volt):
        raise FwpError(f"V must be a voltage such as -70*mV, got {V!r}")
    if np.isnan(V).any():
        raise FwpError(f"V must not be NaN, got {V!r}")
    return 1 / (1 + factor * np.exp(-slope * np.asarray(V / b2.mV)))


def block_code(variable: str, model: str, magnesium) -> str:
    """Return the block as Brian2 code for a voltage ``variable``."""
    slope, factor = _factor(model, magnesium)
    return f"(1/(1 + {factor!r}*exp(-{slope!r}*{variable}/mV)))"
