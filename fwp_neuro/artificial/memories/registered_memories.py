"""The registry of memories that are not one local text."""

from __future__ import annotations

from importlib import import_module

from ...arguments import inside, takes
from ...registry import Registry, modules_in
from .memory_class import Memory


def _load() -> None:
    for module in modules_in(__package__):
        import_module(module)


MEMORIES = Registry("memory", load=_load)
register = MEMORIES.register


def memories() -> list[str]:
    """Return the names of all registered memories."""
    return MEMORIES.names()


@takes(
    name=inside("the name of a memory, or a Memory", lambda: "mesanet"),
    options=inside("an option of the memory"),
)
def memory(name: str | Memory, **options) -> Memory:
    """Return a memory by name with its options set; a `Memory` passes through.

    Raises:
        FwpError: unknown name or option, with the nearest legal one.
    """
    return name if isinstance(name, Memory) else MEMORIES.make(name, **options)
