"""Synapses and rules between a user's own Brian2 groups: `fwp_neuro.circuits.connect`."""

from __future__ import annotations

from ...lazy_names import names_of

__getattr__ = names_of(__name__, "connecting")
