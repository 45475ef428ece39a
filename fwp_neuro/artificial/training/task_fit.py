"""Whether a model fits a task: sizes compared before training, torch's refusals made
sentences."""

from __future__ import annotations

import torch
from torch import nn

from ...errors import FwpError
from ...tasks.sequences import Batch, SequenceTask
from ..layers.sequence_model import SequenceModel


def check(model: nn.Module, task: SequenceTask, batch: Batch) -> None:
    """Refuse a `SequenceModel` whose sizes are not those of the task; other models pass.

    Args:
        batch: any batch of the task.

    Raises:
        FwpError: what the model has and what the task needs.
    """
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    if not isinstance(model, SequenceModel):
        return
    has, size = f"vocabulary={model.vocabulary}", task.input_size
    if model.vocabulary is None:
        has = f"input_size={model.input_size}"
    if batch.inputs.ndim == 2:
        fits = model.vocabulary is not None and model.vocabulary >= size
        needs = f"vocabulary={size}, for inputs that are symbols 0 to {size - 1}"
    else:
        fits = model.input_size == size
        needs = f"input_size={size}, for inputs that are vectors"
    if not fits:
        raise FwpError(
            f"train: the SequenceModel has {has}; task {task.name!r} needs {needs}"
        )
    if model.output_size != task.output_size:
        raise FwpError(
            f"train: the SequenceModel has output_size={model.output_size}; task "
            f"{task.name!r} needs output_size={task.output_size}"
        )


def outputs_of(
    model: nn.Module, inputs: torch.Tensor, task: SequenceTask
) -> torch.Tensor:
    """Run a model over inputs of a task.

    Raises:
        FwpError: torch refuses; the sentence says what the model was given.
    """
    try:
        return model(inputs)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError) as problem:
        kind = f"symbols 0 to {task.input_size - 1}" if inputs.ndim == 2 else "vectors"
        raise FwpError(
            f"train: the model {type(model).__name__} fails on the inputs of task "
            f"{task.name!r}, {kind} in a tensor {tuple(inputs.shape)}: "
            f"{str(problem).partition(chr(10))[0]}"
        ) from problem
