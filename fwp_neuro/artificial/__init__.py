"""The artificial side: rules, memories and networks in NumPy (oracle) and PyTorch."""

from importlib import import_module

# torch is imported only by the form that needs it
_NAMES = {
    "Layer": "layers",
    "Memory": "memories",
    "RealTimeLearner": "rtrl",
    "Recurrent": "recurrent",
    "SequenceModel": "layers",
    "apply": "torch_form",
    "memories": "memories",
    "memory": "memories",
    "network": "recurrent",
    "networks": "recurrent",
    "oracle": "numpy_form",
    "train": "training",
    "unroll": "unrolling",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
