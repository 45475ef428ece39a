"""Options of the circuits as dataclasses, checked once when they are made."""

from __future__ import annotations

from ..options import options_class
from . import rate, spiking
from .prepare import check_drugs
from .published_synapses import chosen


def _check(options) -> None:
    check_drugs(options.drugs)
    chosen(options.synapse, options.parameters)


RateOptions = options_class("RateOptions", "rate", rate.realise)
SpikingOptions = options_class("SpikingOptions", "spiking", spiking.realise, _check)
