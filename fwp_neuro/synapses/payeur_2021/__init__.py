"""Burst-dependent plasticity."""
