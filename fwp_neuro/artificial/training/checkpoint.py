"""Checkpoints: all that a training needs to go on bit for bit, in one file, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import nn

from ...errors import FwpError
from ...recording import atomic_path

FORMAT = "fwp_neuro training 1"


def save(path: Path, content: dict) -> None:
    """Write a checkpoint in place of the one before.

    Raises:
        FwpError: the file cannot be written; the one before stays.
    """
    with atomic_path(path, "checkpoint") as temporary:
        torch.save({"format": FORMAT, **content}, temporary)


def load(path: Path) -> dict:
    """Read a checkpoint.

    Raises:
        FwpError: it is damaged, or no checkpoint of a training.
    """
    where = f"cannot resume from {str(path)!r}"
    try:
        stored = io.BytesIO(path.read_bytes())
    except OSError as problem:
        raise FwpError(f"{where}: {problem.strerror or problem}") from problem
    try:
        content = torch.load(stored, map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged or foreign file fails in many ways inside the reader
        raise FwpError(f"{where}: it is damaged or no checkpoint; it stays as it is") from problem
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FwpError(f"{where}: it is no checkpoint of a training")
    return content


def check(path: Path, content: dict, arguments: dict, model: nn.Module) -> None:
    """Refuse a checkpoint of another training.

    Raises:
        FwpError: an argument, or the model's parameters, differ; the sentence says which.
    """
    where = f"cannot resume from {str(path)!r}"
    for name, value in arguments.items():
        before = content["arguments"].get(name)
        if before != value:
            raise FwpError(f"{where}: it was trained with {name}={before!r}, not {value!r}")
    mine = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    theirs = {name: tuple(tensor.shape) for name, tensor in content["model"].items()}
    for name in [*mine, *theirs]:
        if mine.get(name) != theirs.get(name):
            raise FwpError(
                f"{where}: it is of another model, whose {name!r} has the shape "
                f"{theirs.get(name)}, not {mine.get(name)}"
            )
