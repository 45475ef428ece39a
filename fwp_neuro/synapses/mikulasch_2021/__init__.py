"""Dendritic balance."""
