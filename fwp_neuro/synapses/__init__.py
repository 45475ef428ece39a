"""Synapse models: receptors, short-term plasticity, plasticity, and what a circuit is built from.

``names()`` lists them, ``get(name, parameters=...)`` returns one with its Brian2 equations, a
published parameter set, the source of every number and its conventions. ``stdp_curve`` and
``short_term`` run the protocols that experiments measure them with; ``fit`` fits a model to them;
``factorise`` returns a model in the layout that costs least in networks.
"""

from __future__ import annotations

from .factorised import factorise
from .fitting import fit
from .magnesium import magnesium_block
from .registry import get, names, parameter_sets, short_term, stdp_curve

__all__ = [
    "factorise",
    "fit",
    "get",
    "magnesium_block",
    "names",
    "parameter_sets",
    "short_term",
    "stdp_curve",
]
