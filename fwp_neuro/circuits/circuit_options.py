"""Options of the circuits as dataclasses, checked once when they are made."""

from __future__ import annotations

from ..options import options_class
from . import rate, spiking

RateOptions = options_class("RateOptions", "rate", rate.realise)
SpikingOptions = options_class("SpikingOptions", "spiking", spiking.realise)
