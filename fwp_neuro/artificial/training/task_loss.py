"""Batches as tensors, the loss of a task, and held-out sequences."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ...errors import FwpError
from ...tasks.sequences import Batch, SequenceTask
from .task_fit import outputs_of
from .training_options import Options

#: streams of batches: no held-out sequence is drawn from the seeds of the training's
_TRAINING, _HELD, _LONG = range(3)


def sample(
    task: SequenceTask, batch: int, length, seed: int, stream: int, number: int
) -> Batch:
    """Draw batch ``number`` of a stream: a function of its arguments alone."""
    mixed = np.random.SeedSequence([seed, stream, number]).generate_state(1)[0]
    return task.sample(batch, int(mixed), length)


def tensors(batch: Batch, device: torch.device, dtype: torch.dtype) -> list[torch.Tensor]:
    """Return inputs, targets and mask; real numbers in the model's number format."""
    found = [torch.as_tensor(a) for a in (batch.inputs, batch.targets, batch.mask)]
    return [x.to(device, dtype if x.is_floating_point() else None) for x in found]


def draw(task: SequenceTask, batch: int, length, seed: int, number: int, like):
    """Return the training batch of a step as tensors."""
    found = sample(task, batch, length, seed, _TRAINING, number)
    return tensors(found, like.device, like.dtype)


def loss_of(task: SequenceTask, outputs, targets, mask) -> torch.Tensor:
    """Return the mean loss of the masked tokens.

    Args:
        outputs: [batch, token, output_size]; targets: [batch, token(, output_size)].

    Raises:
        FwpError: the outputs are no tensor, or have another shape.
    """
    if not isinstance(outputs, torch.Tensor):
        raise FwpError(
            f"train: the model must return a tensor, got a {type(outputs).__name__}"
        )
    legal = (*mask.shape, task.output_size)
    if tuple(outputs.shape) != legal:
        raise FwpError(
            f"train: the model's outputs must be [batch, token, output_size] = {legal} "
            f"for task {task.name!r}, got {tuple(outputs.shape)}"
        )
    outputs, targets = outputs[mask], targets[mask]
    if task.loss == "cross_entropy":
        return functional.cross_entropy(outputs, targets)
    return 0.5 * (outputs - targets).square().sum(-1).mean()


class Held:
    """Held-out sequences of a training, drawn once."""

    def __init__(self, task: SequenceTask, options: Options, device, dtype):
        self.task, self.size = task, options.batch
        self.device, self.dtype = device, dtype
        count, seed = options.evaluation_batch, options.seed
        self.usual = sample(task, count, options.length, seed, _HELD, 0)
        self.long = None
        if options.long_length is not None:
            self.long = sample(task, count, options.long_length, seed, _LONG, 0)

    def measure(self, model: nn.Module) -> tuple[float, float, float]:
        """Return loss, accuracy, and accuracy at other lengths (NaN where there is
        none)."""
        model.eval()
        outputs, loss = self._outputs(model, self.usual)
        accuracy = self.task.score(outputs, self.usual).get("accuracy", math.nan)
        long = math.nan
        if self.long is not None:
            outputs, _ = self._outputs(model, self.long)
            long = self.task.score(outputs, self.long).get("accuracy", math.nan)
        return loss, accuracy, long

    @torch.no_grad()
    def _outputs(self, model: nn.Module, batch: Batch) -> tuple[np.ndarray, float]:
        inputs, targets, mask = tensors(batch, self.device, self.dtype)
        parts = torch.cat(
            [outputs_of(model, part, self.task) for part in inputs.split(self.size)]
        )
        loss = float(loss_of(self.task, parts, targets, mask))
        return parts.double().cpu().numpy(), loss
