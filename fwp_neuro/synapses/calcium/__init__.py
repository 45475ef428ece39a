"""Calcium through NMDA receptors, and what reads it out: the write of a fast-weight programme."""
