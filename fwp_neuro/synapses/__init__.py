"""Synapse models: what each local name of a rule text IS in a spiking circuit.

``names()`` lists them, ``get(name, parameters=...)`` returns one with its Brian2 equations, its
parameter set, the source of every number and its conventions.
"""

from __future__ import annotations

from .magnesium import magnesium_block
from .models import get, names, parameter_sets

__all__ = ["get", "magnesium_block", "names", "parameter_sets"]
