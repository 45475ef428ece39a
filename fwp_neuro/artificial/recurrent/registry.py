"""The registry of recurrent networks."""

from __future__ import annotations

from importlib import import_module

from ...class_registry import ClassRegistry
from .base import Recurrent

#: the modules that register networks
MODULES: tuple[str, ...] = (
    "schmidhuber1992",
    "recurrent_delta",
    "delta_networks",
    "srwm",
    "ba2016",
    "fast_weight_memory",
    "plastic",
    "baselines",
    "elstm",
    "state_space",
    "hopfield",
)


def _load() -> None:
    for module in MODULES:
        import_module(f"{__package__}.{module}")


REGISTRY = ClassRegistry("a network", hidden=("model_dim",), load=_load)
register = REGISTRY.register


def networks() -> list[str]:
    """Return the names of all registered recurrent networks."""
    return REGISTRY.names()


def network(name: str, model_dim: int, **options) -> Recurrent:
    """Build a recurrent network by name.

    Raises:
        FwpError: unknown name or option, with the nearest legal one.
    """
    return REGISTRY.make(name, model_dim, **options)
