"""Arguments of a `Layer`, read one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import FwpError, shown
from ...validation import whole


def is_auto(given) -> bool:
    """Whether an argument is left to the convention of the rule."""
    return isinstance(given, str) and given == "auto"


def gate_maps(where: str, gates) -> dict:
    """Return the maps of gates by name, or raise FwpError."""
    if gates is not None and not isinstance(gates, Mapping):
        raise FwpError(
            f"{where}: gates must be a dict from gate to map, got {shown(gates)}"
        )
    return dict(gates or {})


def tied_names(where: str, tied) -> tuple[str, ...]:
    """Return the names of signals that share their weights, or raise FwpError."""
    names = (tied,) if isinstance(tied, str) else tied
    if not isinstance(names, Sequence) or not all(
        isinstance(name, str) for name in names
    ):
        raise FwpError(
            f"{where}: tied must be a list of names of signals, got {shown(tied)}"
        )
    return tuple(names)


def own_dim(where: str, name: str, given, model_dim: int, heads: int) -> int:
    """Return a dimension of each head, an equal share of the model's unless given."""
    if given is not None:
        return whole(given, f"{where}: {name}")
    if model_dim % heads:
        raise FwpError(
            f"{where}: heads={shown(heads)} must divide model_dim={shown(model_dim)}; "
            f"or give {name}"
        )
    return model_dim // heads


def one_of_batch(batch_index, batch: int) -> slice:
    """Return where one sequence of a batch lies."""
    if batch_index is None and batch != 1:
        raise FwpError(
            f"program: x holds {batch} sequences and a programme is one of them: give "
            f"batch_index, a whole number from 0 to {batch - 1}"
        )
    index = 0 if batch_index is None else batch_index
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < batch:
        raise FwpError(
            f"program: batch_index must be a whole number from 0 to {batch - 1}, got "
            f"{shown(index)}"
        )
    return slice(index, index + 1)
