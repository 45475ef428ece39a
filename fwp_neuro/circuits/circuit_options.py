"""Options of the circuits as dataclasses, checked once when they are made."""

from __future__ import annotations

from ..realisation_options import options_class
from .rate import rate_circuit
from .spiking import spiking_circuit
from .spiking.preparation import check_drugs
from .spiking.published_synapses import chosen


def _check(options) -> None:
    check_drugs(options.drugs)
    chosen(options.synapse, options.parameters)


RateOptions = options_class("RateOptions", "rate", rate_circuit.realise)
SpikingOptions = options_class("SpikingOptions", "spiking", spiking_circuit.realise, _check)
