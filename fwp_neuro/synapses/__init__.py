"""Synapse models: receptors, short-term plasticity, plasticity, and what a circuit is built from.

``names()`` lists them, ``get(name, parameters=...)`` returns one with its Brian2 equations, a
published parameter set, the source of every number and its conventions. ``stdp_curve`` and
``short_term`` run the protocols that experiments measure them with; ``fit`` fits a model to them;
``search_ranges`` says where it searches; ``factorise`` returns a model in the layout that costs
least in networks.
"""

from __future__ import annotations

from .compose import compose
from .factorised import factorise
from .fitting import fit
from .fitting_ranges import search_ranges
from .magnesium import magnesium_block
from .registry import get, names, parameter_sets, short_term, stdp_curve

__all__ = [
    "compose",
    "factorise",
    "fit",
    "get",
    "magnesium_block",
    "names",
    "parameter_sets",
    "search_ranges",
    "short_term",
    "stdp_curve",
]
