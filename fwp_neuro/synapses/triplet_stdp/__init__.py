"""Triplet spike-timing-dependent plasticity."""
