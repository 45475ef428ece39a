"""Bytes a synapse that a generated CUDA project keeps on the GPU, counted in what is
generated."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

import brian2 as b2

from ...devices import brian2_state
from . import brian
from .network import DT, NetworkCase

LAYOUTS = ("textbook", "factorised")
#: number of a synapse in the list of a cell, one list a pathway
_LISTED = 4


def can_generate() -> bool:
    """Whether a CUDA project can be generated here."""
    return find_spec("brian2cuda") is not None


def measure() -> dict[str, float]:
    """Return bytes a synapse of each layout, by generating (not compiling) both
    projects."""
    return {layout: per_synapse(layout) for layout in LAYOUTS}


def per_synapse(layout: str) -> float:
    """Return the bytes of all arrays with one entry a synapse in one layout."""
    case = NetworkCase(10_000, 10 * DT)
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_") as folder:
        with brian2_state.standalone("cuda_standalone", Path(folder), DT * b2.second, 0):
            network = brian.network(case, layout)
            network.all.run(case.duration * b2.second, namespace={})
            b2.device.build(directory=folder, compile=False, run=False)
            synapses = network.synapses
            # what grows with the synapses; N_incoming and N_outgoing have an entry a cell
            owners = {synapses.name, *(pathway.name for pathway in synapses._pathways)}
            sizes = [v.dtype().itemsize for v in b2.device.dynamic_arrays if not v.scalar
                     and v.owner.name in owners
                     and not v.name.startswith("N_")]  # fmt: skip
            return float(sum(sizes) + _LISTED * len(synapses._pathways))
