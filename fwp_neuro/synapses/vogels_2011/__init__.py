"""Inhibitory plasticity of Vogels et al."""
