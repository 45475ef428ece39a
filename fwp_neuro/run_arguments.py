"""Kinds of the arguments that every way of running a programme takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from . import arguments
from .arguments import Kind, inside, instance, numbers, one_of, optional
from .device_names import BRIAN, brian
from .errors import FwpError, shown

PROGRAM = instance("fwp_neuro.programs:Program")
RULE = inside("a registered name or a fwp_neuro.Rule", lambda: "delta")
RECORDING = instance("fwp_neuro.recording:Recording")
WEIGHTS = optional(numbers("[post, pre] or [head, post, pre]"))
PROBES = optional(numbers("[probe, pre] or [head, probe, pre]"))
RECORD_WEIGHTS = one_of(("auto", "snapshots", "last", "none"), "record_weights")
DEVICE = Kind(f"one of {', '.join(BRIAN)}", brian, lambda: "numpy")
PROGRESS = optional(arguments.PROGRESS)


def _read_names(value, name: str) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(
        isinstance(each, str) for each in names
    ):
        raise FwpError(f"{name} must be names such as ['w', 'V'], got {shown(value)}")
    return list(names)


NAMES = Kind("names such as ['w', 'V']", _read_names, lambda: ["w"])
RECORD = optional(NAMES)


def _read_spikes(value, name: str):
    if isinstance(value, bool | np.bool_):
        return bool(value)
    try:
        return _read_names(value, name)
    except FwpError:
        raise FwpError(
            f"{name} must be True, False or populations such as ['key'], got "
            f"{shown(value)}"
        ) from None


RECORD_SPIKES = Kind(
    "True, False or populations such as ['key']", _read_spikes, lambda: True
)  # fmt: skip


def _read_states(value, name: str) -> dict:
    if not isinstance(value, Mapping):
        raise FwpError(
            f"{name} must be a dict from synaptic state to numbers, such as {{'w': "
            f"array}}, got {shown(value)}"
        )
    return dict(value)


STATES = optional(Kind("a dict from synaptic state to numbers", _read_states, dict))


def _read_constants(value, name: str) -> dict:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise FwpError(
            f"{name} must be a dict from parameter name to value, such as "
            f"{{'weight_baseline': 2.0}}, got {shown(value)}"
        )
    return value


CONSTANTS = optional(Kind("a dict from parameter name to value", _read_constants, dict))

ProgressCallback = Callable[[float, str], None]
"""What a long computation calls: ``progress(fraction done, note)``."""
