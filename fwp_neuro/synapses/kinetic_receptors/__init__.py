"""Receptors with first-order kinetics."""
