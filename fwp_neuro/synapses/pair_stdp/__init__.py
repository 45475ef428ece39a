"""Pair-based spike-timing-dependent plasticity."""
