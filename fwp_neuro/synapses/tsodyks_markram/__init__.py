"""Tsodyks-Markram short-term plasticity."""
