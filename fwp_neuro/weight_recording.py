"""Which fast weights a run keeps: snapshots at token times, the last ones, probes, or none.

A matrix after every token costs [token, post, pre] numbers, far more than what a run needs to
store. What is kept is therefore decided before the run, by the same words in every realisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import FwpError, pick
from .programs import Program
from .rules import Rule
from .states import final_states, further_states
from .validation import affordable, in_bytes

MODES = ("auto", "snapshots", "last", "none")
#: bytes up to which "auto" keeps snapshots: a recording of that size still opens at once
LIMIT = 64_000_000


@dataclass(frozen=True)
class Keep:
    """What a run keeps of its fast weights.

    Attributes:
        mode: "snapshots", "last" or "none"; reason: why.
        probes: [head, probe, pre] whose read-outs W x are kept after every token, or None.
    """

    mode: str
    reason: str
    probes: np.ndarray | None = None

    @property
    def details(self) -> dict[str, str]:
        """What the provenance says about it."""
        return {"record_weights": self.mode, "record_weights_reason": self.reason}


def choose(record_weights: str, probes, program: Program, numbers: int) -> Keep:
    """Check the two options and settle "auto".

    Args:
        record_weights: one of `MODES`.
        probes: [probe, pre] or [head, probe, pre] of numbers, or None.
        numbers: how many numbers the snapshots of one token hold while the run lasts.

    Raises:
        FwpError: an unknown mode, or probes of a wrong shape.
    """
    pick(record_weights, MODES, "record_weights")
    lines = None if probes is None else _probes(probes, program)
    if record_weights == "snapshots":
        affordable(numbers * program.tokens, f"snapshots of {program.tokens} tokens")
    if record_weights != "auto":
        return Keep(record_weights, "asked for", lines)
    size = 8 * numbers * program.tokens
    words = f"snapshots of {program.tokens} tokens take {in_bytes(size)}"
    if size > LIMIT:
        return Keep("last", f"{words}, over {in_bytes(LIMIT)}", lines)
    return Keep("snapshots", f"{words}, at most {in_bytes(LIMIT)}", lines)


def variables(rule: Rule, keep: Keep, found: Mapping) -> tuple[np.ndarray | None, dict]:
    """Return ``weights`` and the further variables of a recording, from what a run found.

    Args:
        found: "snapshots" (state -> [token, head, post, pre]) or "last" (state -> [head, post,
            pre]) as the mode says; "probe_readout" [token, head, probe, post] with probes; "slots"
            (side -> [head, slot, cell]) from a low-rank layout.
    """
    weights: np.ndarray | None = None
    extra: dict[str, tuple] = {}
    if keep.mode == "snapshots":
        weights = found["snapshots"]["w"]
        extra |= further_states(rule, found["snapshots"])
    elif keep.mode == "last":
        extra |= final_states(found["last"])
    for side, array in found.get("slots", {}).items():
        extra[f"token_cell_{side}"] = (
            ("token_cell", "head", side), np.swapaxes(array, 0, 1),
            {"units": "1", "long_name": f"{side}synaptic vector of each stored outer product",
             "role": "memory"},
        )  # fmt: skip
    if keep.probes is not None:
        extra["probes"] = (
            ("head", "probe", "pre"), keep.probes,
            {"units": "1", "long_name": "probes x of the fast weights", "role": "probe"},
        )  # fmt: skip
        extra["probe_readout"] = (
            ("token", "head", "probe", "post"), found["probe_readout"],
            {"units": "1", "long_name": "fast weights after the token times each probe"},
        )  # fmt: skip
    return weights, extra


def _probes(probes: np.ndarray, program: Program) -> np.ndarray:
    shape = "[probe, pre]" if program.heads is None else "[probe, pre] or [head, probe, pre]"
    heads, array = program.heads or 1, np.asarray(probes, dtype=float)
    fits = array.ndim == 2 or (array.ndim == 3 and program.heads and array.shape[0] == heads)
    if not fits or array.shape[-1] != program.pre or not array.size:
        raise FwpError(
            f"probes must be numbers {shape} with pre = {program.pre}, got shape {array.shape}"
        )
    return np.broadcast_to(array, (heads, *array.shape[-2:])).copy()
