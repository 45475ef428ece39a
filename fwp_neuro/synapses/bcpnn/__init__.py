"""Bayesian confidence propagation."""
