"""Spiking circuits: biophysical synapses, any local rule, and published synapses."""
