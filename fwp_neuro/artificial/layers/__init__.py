"""Trainable layers: slow nets that program fast weights, and a small model of
sequences."""

from .layer import Layer
from .sequence_model import SequenceModel

__all__ = ["Layer", "SequenceModel"]
