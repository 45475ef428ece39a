"""Memories that are not one local text, with the interface of a rule."""

from .base import Memory
from .registry import memories, memory, register

__all__ = ["Memory", "memories", "memory", "register"]
