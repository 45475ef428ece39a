"""Receptors that close exponentially."""
