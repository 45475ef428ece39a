"""Kinds of the arguments that functions of synapse models take."""

from __future__ import annotations

from ..arguments import Kind, inside, optional, text


def _model():
    from .registry import get

    return get("pair_stdp")


def _times():
    import brian2 as b2

    return [5, 50] * b2.ms


def _voltage():
    import brian2 as b2

    return -60 * b2.mV


def _table():
    import brian2 as b2

    return {"time": [0, 50, 100, 150, 700] * b2.ms, "amplitude": [1, 0.8, 0.6, 0.5, 0.9]}


NAME = inside("the name of a synapse model", lambda: "pair_stdp")
MODEL = inside("a synapse model, or its name", _model)
PARAMETERS = optional(text("hebbian"))
KIND = optional(text("plasticity"))
TIMES = inside("times such as [5, 50]*ms", _times)
VOLTAGE = inside("voltages such as -60*mV", _voltage)
DATA = inside("a dict of columns, a Dataset, or the path of a CSV file", _table)
OPTIONS = inside("an option of the protocol of the model")
NAMES = inside("a tuple of names", tuple)


def name_or_model(example: str) -> Kind:
    """The name of a synapse model that has a protocol, or such a model."""
    return inside("the name of a synapse model, or a model", lambda: example)
