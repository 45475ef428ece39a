"""Synapse models: receptors, short-term plasticity, plasticity, and what a circuit is
built from.

``names()`` lists them, ``get(name, parameters=...)`` returns one with its Brian2
equations, a published parameter set, the source of every number and its conventions.
``stdp_curve`` and ``short_term`` run the protocols that experiments measure them with;
``fit`` fits a model to them, ``compare_fits`` ranks several, ``data_sets`` are published
measurements to try it on; ``search_ranges`` says where it searches; ``factorise``
returns a model in the layout that costs least in networks; ``of_rule`` makes one of a
fast-weight rule.
"""

from ..lazy_names import lazy_names

# Brian2 is imported only by what needs it
_NAMES = {
    "compare_fits": "fitting_compare",
    "compose": "composition",
    "data_sets": "fitting_tables",
    "Equations": "synapse_class",
    "factorise": "factorised",
    "fit": "fitting",
    "Synapse": "synapse_class",
    "get": "registered_synapses",
    "magnesium_block": "magnesium",
    "names": "registered_synapses",
    "of_rule": "rule_synapse",
    "parameter_sets": "registered_synapses",
    "register": "registered_synapses",
    "search_ranges": "fitting_ranges",
    "short_term": "registered_synapses",
    "stdp_curve": "registered_synapses",
}
_SUBMODULES = (
    "composition",
    "factorised",
    "fitting",
    "fitting_ranges",
    "magnesium",
    "synapse_class",
    "circuit_models",
    "registered_synapses",
)

__all__ = list(_NAMES)
_FORMER = {
    "model": "synapse_class",
    "models": "circuit_models",
    "registry": "registered_synapses",
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES, _SUBMODULES, _FORMER)
