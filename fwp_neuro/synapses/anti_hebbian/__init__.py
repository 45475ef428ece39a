"""Anti-Hebbian plasticity with one voltage."""
