"""Checkpoints: all that a training needs to go on bit for bit, in one file, whole or not
at all."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

import torch
from torch import nn

from ...errors import FwpError, shown
from ...files import atomic_path
from .training_result import COLUMNS

FORMAT = "fwp_neuro training 1"


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value) -> bool:
    return _number(value) and isinstance(value, int) and value >= 0


def _table(value, width: int) -> bool:
    rows = value if isinstance(value, list) else [None]
    return all(
        isinstance(r, list) and len(r) == width and all(map(_number, r)) for r in rows
    )


def _named(value, kind: type) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(item, kind) for name, item in value.items()
    )


#: part of a checkpoint -> whether a value may be it
CONTENT: dict[str, Callable] = {
    "arguments": lambda value: _named(value, object),
    "model": lambda value: _named(value, torch.Tensor),
    "structure": lambda value: isinstance(value, str),
    "trained": lambda value: (
        isinstance(value, list) and all(isinstance(n, str) for n in value)
    ),
    "optimizer": lambda value: (
        _named(value, dict | list) and {"state", "param_groups"} <= {*value}
    ),
    "step": _count,
    "rows": lambda value: _table(value, 1 + len(COLUMNS)),
    "recent": lambda value: _table(value, 3),
    "best": _number,
    "without": _count,
}


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
        raise FwpError(
            f"train: checkpoint {str(path)!r} is a folder; give the path of a file"
        )
    if not path.parent.is_dir():
        raise FwpError(
            f"train: there is no folder {str(path.parent)!r} for the checkpoint"
        )
    return path


def trained(model: nn.Module) -> list[str]:
    """Return the names of the parameters that are trained."""
    return [name for name, p in model.named_parameters() if p.requires_grad]


def save(path: Path, content: dict) -> None:
    """Write a checkpoint in place of the one before.

    Raises:
        FwpError: the file cannot be written (the disk is full, ...); the one before
            stays.
    """
    whole = io.BytesIO()  # torch's own writer says in no sentence that a disk is full
    torch.save({"format": FORMAT, **content}, whole)
    with atomic_path(path, "checkpoint") as temporary, open(temporary, "wb") as file:
        file.write(whole.getbuffer())
        file.flush()
        os.fsync(file.fileno())


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
    except Exception as problem:
        # a damaged or foreign file fails in many ways inside the reader
        raise FwpError(
            f"{where}: it is damaged or no checkpoint; it stays as it is"
        ) from problem
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FwpError(f"{where}: it is no checkpoint of a training")
    for name, legal in CONTENT.items():
        if name not in content:
            raise FwpError(f"{where}: it is damaged, for it lacks {name!r}")
        if not legal(content[name]):
            raise FwpError(
                f"{where}: it is damaged, for its {name!r} is {shown(content[name])}"
            )
    return content


def check(
    path: Path, content: dict, arguments: dict, model: nn.Module, steps: int
) -> None:
    """Refuse a checkpoint of another training.

    Raises:
        FwpError: an argument, or the model's parameters or parts, differ; the sentence
            says which; or more than ``steps`` are done.
    """
    where = f"cannot resume from {str(path)!r}"
    if content["step"] > steps:
        raise FwpError(
            f"{where}: it has done {shown(content['step'])} steps, and steps={steps} "
            "ends before"
        )
    for name, value in arguments.items():
        before = content["arguments"].get(name)
        if before != value:
            raise FwpError(
                f"{where}: it was trained with {name}={before!r}, not {value!r}"
            )
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
            raise FwpError(
                f"{where}: its {name!r} is {before}, and the model's is {tensor.dtype}"
            )
    for name in sorted({*trained(model)} ^ {*content["trained"]}):
        ways = (
            ("trained", "frozen") if name in content["trained"] else ("frozen", "trained")
        )
        raise FwpError(
            f"{where}: there {name!r} is {ways[0]}, and in this model it is {ways[1]}"
        )
    for one, other in zip_longest(
        content["structure"].split("\n"), str(model).split("\n")
    ):
        if one != other:
            raise FwpError(
                f"{where}: it is of another model, with {(one or 'nothing').strip()!r}, "
                f"not {(other or 'nothing').strip()!r}"
            )


def check_optimizer(path: Path, stored: dict, optimizer: torch.optim.Optimizer) -> None:
    """Refuse the state of an optimizer that is not that of these parameters.

    Raises:
        FwpError: a number of parameters, a name or a shape differs.
    """
    mine, fits = optimizer.state_dict()["param_groups"], []
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        theirs, states = stored["param_groups"], stored["state"]
        found = [len(theirs) == len(mine), set(states) <= set(range(len(parameters)))]
        for group, other in zip(mine, theirs, strict=True):
            found += [group.keys() == other.keys(), group["params"] == other["params"]]
        for number, state in states.items():
            shape = parameters[number].shape
            legal = {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape}
            found.append({name: part.shape for name, part in state.items()} == legal)
        fits = found  # only if nothing above failed
    if not fits or not all(fits):
        raise FwpError(
            f"cannot resume from {str(path)!r}: it is damaged, for the state of its "
            "optimizer does not fit the model"
        )
