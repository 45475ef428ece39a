"""The synaptic states that a run starts from, and those that it keeps.

A run keeps snapshots at token times, the last states, probes, or none. A matrix after
every token costs [token, post, pre] numbers, far more than what a run needs to store.
What is kept is therefore decided before the run, by the same words in every realisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .arguments import numbers
from .errors import FwpError, pick, unknown
from .programs import Program
from .recording import Recording
from .rules import Rule
from .validation import affordable, in_bytes

MODES = ("auto", "snapshots", "last", "none")
#: bytes up to which "auto" keeps snapshots: a recording of that size still opens at once
LIMIT = 64_000_000


def starting_states(
    rule: Rule,
    program: Program,
    weights,
    recording: Recording | None = None,
    given: Mapping | None = None,
) -> dict[str, np.ndarray]:
    """Return every synaptic state before the first token as [head, post, pre].

    Args:
        weights: [post, pre], [head, post, pre] or None for zeros: the state ``w``.
        recording: a run to carry on from: its states after the last token, where
            ``weights`` does not say otherwise.
        given: state -> numbers as ``weights``; states that it does not name are zeros.

    Raises:
        FwpError: wrong shape, units, a value that is not finite, a state that the rule
            has not, a recording without a state of the rule, or two arguments that say
            the same.
    """
    shape = (program.heads or 1, program.post, program.pre)
    start = {} if given is None else _named(rule, given, weights, recording)
    labels = {name: f"initial_states[{name!r}]" for name in rule.states}
    if recording is not None:
        start = _last(rule, recording)
        labels = {name: f"initial_states_of: state {name!r}" for name in rule.states}
    if weights is not None:
        start["w"], labels["w"] = weights, "initial_weights"
    try:
        return {
            name: np.zeros(shape)
            if start.get(name) is None
            else np.broadcast_to(_state(start[name], labels[name], shape), shape).copy()
            for name in rule.states
        }
    except MemoryError:
        size = in_bytes(8 * len(rule.states) * math.prod(shape))
        raise FwpError(
            f"the states of rule {rule.name!r}, [head, post, pre] = {shape}, take "
            f"{size}, which this machine has not free"
        ) from None


def _named(rule: Rule, given: Mapping, weights, recording) -> dict:
    """Return the states by name, if no other argument says what they say."""
    for name in given:
        if name not in rule.states:
            raise unknown(name, rule.states, f"synaptic state of rule {rule.name!r}:")
        if given[name] is None:
            raise FwpError(
                f"initial_states[{name!r}] is None; leave it out to start from zeros"
            )
    if recording is not None:
        raise FwpError(
            "initial_states and initial_states_of both say which states a run starts "
            "from; give one"
        )
    if weights is not None and "w" in given:
        raise FwpError(
            "initial_weights and initial_states['w'] both say which fast weights a run "
            "starts from; give one"
        )
    return dict(given)


def _state(value, label: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return one state as float64 [post, pre] or [head, post, pre]."""
    array = numbers("[post, pre] or [head, post, pre]").read(value, label)
    if array.shape not in (shape, shape[1:]):
        raise FwpError(
            f"{label} must be [post, pre] = {shape[1:]} or [head, post, pre] = {shape}, "
            f"got {array.shape}"
        )
    return array


def _last(rule: Rule, recording: Recording) -> dict[str, np.ndarray]:
    if not isinstance(recording, Recording):
        got = type(recording).__name__
        raise FwpError(
            f"initial_states_of must be a Recording, the run to carry on; got {got}"
        )
    found = {}
    for name in rule.states:
        variable = "weights" if name == "w" else name
        last = f"final_{variable}"
        if last in recording:
            found[name] = recording[last].values
            continue
        if name == "w":
            try:
                found[name] = recording.final_weights.values
            except FwpError as why:
                raise FwpError(f"initial_states_of cannot be carried on: {why}") from None
            continue
        if variable not in recording:
            raise FwpError(
                f"initial_states_of has no synaptic state {name!r}, which rule "
                f"{rule.name!r} carries on"
            )
        values = recording[variable]
        if not values.sizes.get("token"):
            raise FwpError(f"initial_states_of: state {name!r} has no tokens")
        found[name] = values.isel(token=-1).values
    return found


def further_states(rule: Rule, found: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Return the states beside ``w`` as variables of a recording, from [token, head,
    post, pre]."""
    dims = ("token", "head", "post", "pre")
    return {
        name: (dims, found[name], {"units": "1", "long_name": f"synaptic state {name}"})
        for name in rule.states
        if name != "w"
    }


def final_states(found: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Return the last states, [head, post, pre] each, as variables of a recording."""
    names = {name: "weights" if name == "w" else name for name in found}
    return {
        f"final_{names[name]}": (
            ("head", "post", "pre"),
            array,
            {"units": "1", "long_name": f"synaptic state {name} after the last token"},
        )
        for name, array in found.items()
    }


@dataclass(frozen=True)
class Keep:
    """What a run keeps of its fast weights.

    Attributes:
        mode: "snapshots", "last" or "none"; reason: why.
        probes: [head, probe, pre] whose read-outs W x are kept after every token, or
            None.
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
        found: "snapshots" (state -> [token, head, post, pre]) or "last" (state -> [head,
            post, pre]) as the mode says; "probe_readout" [token, head, probe, post] with
            probes; "slots" (side -> [head, slot, cell]) from a low-rank layout.
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
            {"units": "1", "long_name": f"{side}synaptic vector of each stored outer "
                                        "product",
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
    shape = (
        "[probe, pre]" if program.heads is None else "[probe, pre] or [head, probe, pre]"
    )
    heads, array = program.heads or 1, np.asarray(probes, dtype=float)
    fits = array.ndim == 2 or (
        array.ndim == 3 and program.heads and array.shape[0] == heads
    )
    if not fits or array.shape[-1] != program.pre or not array.size:
        raise FwpError(
            f"probes must be numbers {shape} with pre = {program.pre}, got shape "
            f"{array.shape}"
        )
    return np.broadcast_to(array, (heads, *array.shape[-2:])).copy()
