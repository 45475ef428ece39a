"""The artificial side: rules, memories and networks in NumPy (oracle) and PyTorch."""

from ..lazy_names import lazy_names

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
__getattr__, __dir__ = lazy_names(__name__, _NAMES)
