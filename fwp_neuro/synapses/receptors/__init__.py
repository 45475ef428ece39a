"""Receptors, one module a family: gating kinetics, conductances, and the current they carry.

A receptor's equations have the gating and the summed conductance of the postsynaptic cell, in names
that end in the receptor's own (`g_ampa`, `tau_nmda`), so that several fit on one cell. They leave
the membrane to the cell: add `current` to its equation.
"""

from __future__ import annotations

from .current import current

__all__ = ["current"]
