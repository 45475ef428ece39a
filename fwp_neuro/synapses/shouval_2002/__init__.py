"""Calcium control of Shouval et al."""
