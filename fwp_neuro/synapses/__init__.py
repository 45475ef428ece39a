"""Synapse models: receptors, short-term plasticity, plasticity, and what a circuit is built from.

``names()`` lists them, ``get(name, parameters=...)`` returns one with its Brian2 equations, a
published parameter set, the source of every number and its conventions. ``stdp_curve`` and
``short_term`` run the protocols that experiments measure them with; ``fit`` fits a model to them;
``search_ranges`` says where it searches; ``factorise`` returns a model in the layout that costs
least in networks; ``of_rule`` makes one of a fast-weight rule.
"""

from ..lazy_names import lazy_names

# Brian2 is imported only by what needs it
_NAMES = {
    "compose": "composition",
    "factorise": "factorised",
    "fit": "fitting",
    "Synapse": "model",
    "get": "registry",
    "magnesium_block": "magnesium",
    "names": "registry",
    "of_rule": "rule_synapse",
    "parameter_sets": "registry",
    "register": "registry",
    "search_ranges": "fitting_ranges",
    "short_term": "registry",
    "stdp_curve": "registry",
}
_SUBMODULES = (
    "composition",
    "factorised",
    "fitting",
    "fitting_ranges",
    "magnesium",
    "model",
    "models",
    "registry",
)

__all__ = list(_NAMES)
__getattr__, __dir__ = lazy_names(__name__, _NAMES, _SUBMODULES)
