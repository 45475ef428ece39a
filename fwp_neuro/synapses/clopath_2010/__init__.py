"""Voltage-based plasticity of Clopath et al."""
