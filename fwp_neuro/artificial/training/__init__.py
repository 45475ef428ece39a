"""``train``: one plain loop over the batches of a task."""

from .loop import train
from .torch_device import torch_device
from .training_result import Training

__all__ = ["Training", "torch_device", "train"]
