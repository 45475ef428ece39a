"""NMDA receptors with saturating gates."""
