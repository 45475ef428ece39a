"""Plasticity rules, one module each: equations as data, parameter sets, pairing protocol."""
