"""Kinds of the arguments that functions of synapse models take."""

from __future__ import annotations

import brian2 as b2

from ..arguments import Kind, inside, optional, text


def _table():
    return {"time": [0, 50, 100, 150, 700] * b2.ms, "amplitude": [1, 0.8, 0.6, 0.5, 0.9]}


NAME = inside("the name of a synapse model", lambda: "pair_stdp")
PARAMETERS = optional(text("hebbian"))
KIND = optional(text("plasticity"))
TIMES = inside("times such as [5, 50]*ms", lambda: [5, 50] * b2.ms)
VOLTAGE = inside("voltages such as -60*mV", lambda: -60 * b2.mV)
DATA = inside("a dict of columns, a Dataset, or the path of a CSV file", _table)
OPTIONS = inside("an option of the protocol of the model")
NAMES = inside("a tuple of names", tuple)


def name_or_model(example: str) -> Kind:
    """A `Synapse` that has a protocol, or the name of one."""
    return inside("a Synapse, or the name of one", lambda: example)
