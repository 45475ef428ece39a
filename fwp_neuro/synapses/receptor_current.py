"""The current that a receptor's conductance carries, as Brian2 text for a membrane
equation."""

from __future__ import annotations

from ..errors import FwpError
from .magnesium import block_code
from .synapse_class import Synapse


def current(
    receptor: Synapse, voltage: str = "V", block: str | None = None, magnesium=None
) -> str:
    """Return Brian2 code of the inward current of all synapses of one receptor on a cell.

    Args:
        receptor: a model of kind "receptor".
        voltage: name of the cell's membrane potential.
        block: magnesium block of an NMDA receptor, see `fwp_neuro.synapses.magnesium`;
            that of Jahr & Stevens 1990 if None, as in Brunel & Wang 2001.
        magnesium: Brian2 concentration; 1 mM if None.

    Raises:
        FwpError: no receptor, or a magnesium block for another receptor than NMDA.
    """
    names = [name[2:] for name in receptor.parameters if name.startswith("E_")]
    if receptor.kind != "receptor" or len(names) != 1:
        raise FwpError(f"current needs a model of kind 'receptor', got {receptor.name!r}")
    (name,) = names
    driving = f"g_{name}*(E_{name} - {voltage})"
    if name == "nmda":
        return f"{driving}*{block_code(voltage, block or 'jahr_stevens_1990', magnesium)}"
    if block is not None or magnesium is not None:
        raise FwpError(
            f"{receptor.name!r} has no magnesium block; leave block and magnesium out"
        )
    return driving
