"""Memories that are not one local text, with the interface of a rule."""

from ...callable_module import make_callable
from .memory_class import Memory
from .registered_memories import memories, memory, register

__all__ = ["Memory", "memories", "memory", "register"]

# fwp_neuro.artificial.memories() is the documented listing
make_callable(__name__, memories)
