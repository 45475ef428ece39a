"""Synapses and rules between a user's own Brian2 groups: `fwp_neuro.circuits.connect`."""
