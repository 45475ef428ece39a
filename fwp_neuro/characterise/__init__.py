"""What a plasticity rule is as a fast-weight rule, measured by running it.

Every rule runs its own Brian2 text on spikes that code keys and values; from the weights
follow its effective write, erase, decay and gate, and whether it can store an arbitrary v
k'.
"""

from __future__ import annotations

from ..synapses.coding import Experiment
from ..synapses.coding_by_model import experiments
from .memory_agreement import memories
from .memory_agreement import table as memory_table
from .plasticity_table import characterise, chosen, dataset, report
from .rule_measures import measure

__all__ = [
    "Experiment",
    "characterise",
    "chosen",
    "dataset",
    "experiments",
    "measure",
    "memories",
    "memory_table",
    "report",
]
