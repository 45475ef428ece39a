"""Checkpoints: all that a training needs to go on bit for bit, in one file, whole or not at all."""

from __future__ import annotations

import io
import os
from itertools import zip_longest
from pathlib import Path

import torch
from torch import nn

from ...errors import FwpError
from ...files import atomic_path

FORMAT = "fwp_neuro training 1"


def path_of(given: str | os.PathLike | None) -> Path | None:
    """Return where the checkpoint is to lie; None for nowhere.

    Raises:
        FwpError: no file can be written there.
    """
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike):
        raise FwpError(f"train: checkpoint must be the path of a file, got {given!r}")
    path = Path(given)
    if path.is_dir():
        raise FwpError(f"train: checkpoint {str(path)!r} is a folder; give the path of a file")
    if not path.parent.is_dir():
        raise FwpError(f"train: there is no folder {str(path.parent)!r} for the checkpoint")
    return path


def trained(model: nn.Module) -> list[str]:
    """Return the names of the parameters that are trained."""
    return [name for name, p in model.named_parameters() if p.requires_grad]


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
        FwpError: an argument, or the model's parameters or parts, differ; the sentence says which.
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
    for name, tensor in model.state_dict().items():
        if content["model"][name].dtype != tensor.dtype:
            before = content["model"][name].dtype
            raise FwpError(f"{where}: its {name!r} is {before}, and the model's is {tensor.dtype}")
    for name in sorted({*trained(model)} ^ {*content["trained"]}):
        ways = ("trained", "frozen") if name in content["trained"] else ("frozen", "trained")
        raise FwpError(f"{where}: there {name!r} is {ways[0]}, and in this model it is {ways[1]}")
    for one, other in zip_longest(content["structure"].split("\n"), str(model).split("\n")):
        if one != other:
            raise FwpError(
                f"{where}: it is of another model, with {(one or 'nothing').strip()!r}, not "
                f"{(other or 'nothing').strip()!r}"
            )
