"""Spiking circuits: biophysical synapses, any local rule, and published synapses."""

from __future__ import annotations

from ...lazy_names import names_of

__getattr__ = names_of(__name__, "spiking_circuit")
