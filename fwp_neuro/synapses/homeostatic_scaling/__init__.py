"""Synaptic scaling."""
