"""Brian2 circuits that run a fast-weight programme: rate circuits and spiking circuits."""

from importlib import import_module

_NAMES = {
    "AP5": "drugs",
    "CNQX": "drugs",
    "Drug": "drugs",
    "RateOptions": "circuit_options",
    "SpikingOptions": "circuit_options",
    "Timeline": "schedule",
    "connect": "plastic",
    "generate": "standalone",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
