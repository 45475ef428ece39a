"""The artificial realisation: rules stepped by NumPy (oracle) and PyTorch (differentiable)."""

from importlib import import_module

# torch is imported only by the form that needs it
_NAMES = {"apply": "torch_form", "oracle": "numpy_form", "unroll": "unrolling"}

__all__ = list(_NAMES)


def __getattr__(name: str):
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
