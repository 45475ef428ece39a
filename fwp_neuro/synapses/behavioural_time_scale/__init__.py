"""Behavioural time scale plasticity."""
