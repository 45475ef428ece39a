"""A spine as one point."""
