"""Calcium-based plasticity of Graupner & Brunel."""
