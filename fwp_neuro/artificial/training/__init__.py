"""``train``: one plain loop over the batches of a task."""

from .device import torch_device
from .loop import train
from .result import Training

__all__ = ["Training", "torch_device", "train"]
