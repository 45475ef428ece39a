"""Oja's rule."""
