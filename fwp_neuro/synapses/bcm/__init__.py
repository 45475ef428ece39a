"""Bienenstock, Cooper & Munro: a sliding threshold."""
