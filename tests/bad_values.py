"""Values that hardly any argument takes, and the public functions that they are fed
to."""

import functools
import inspect
import types
from dataclasses import dataclass
from fractions import Fraction

import brian2 as b2
import numpy as np
import pytest
import torch

import fwp_neuro as fwp


@pytest.fixture(autouse=True)
def without_compiler():
    """Let Brian2 run NumPy code: what is tested here is what comes before."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


class Broken:
    """An object whose repr fails."""

    def __repr__(self):
        raise RuntimeError("no repr")


NAN, INF = float("nan"), float("inf")

BAD = {
    "None": None,
    "True": True,
    "-1": -1,
    "0": 0,
    "1": 1,
    "1.5": 1.5,
    "nan": NAN,
    "inf": INF,
    "-inf": -INF,
    "a number of 24 digits": 10**23,
    "a number of 5000 digits": 10**5000,
    "1e308": 1e308,
    "fraction": Fraction(1, 3),
    "complex": 1j,
    "empty text": "",
    "text": "nonsense",
    "long text": "a" * 100_000,
    "null byte": "a\0b",
    "half a character": "\ud800",
    "lines": "a\nb",
    "path upwards": "../../x",
    "code": "__import__('os').system('true')",
    "bytes": b"x",
    "empty list": [],
    "list": [1, 2],
    "list of text": ["nonsense"],
    "ragged list": [[1, 2], [3]],
    "nested list": [[[[[1]]]]],
    "dict": {"nonsense": 1},
    "empty dict": {},
    "set": {1},
    "object": object(),
    "broken object": Broken(),
    "function": lambda *arguments: arguments,
    "array": np.ones((2, 3)),
    "empty array": np.zeros((0, 3)),
    "array of nan": np.full(3, NAN),
    "array of objects": np.array([None, {}], dtype=object),
    "array of text": np.array(["a"]),
    "array of dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "masked array": np.ma.array([1.0, 2.0], mask=True),
    "tensor": torch.ones(2, 3),
    "tensor without numbers": torch.ones(2, 3, device="meta"),
    "sparse tensor": torch.ones(2, 3).to_sparse(),
    "tensor with gradient": torch.ones(2, 3, requires_grad=True),
    "nested tensor": torch.nested.nested_tensor([torch.ones(2, 3)], layout=torch.jagged),
    "tensor of other rows": torch.nested.nested_tensor([torch.ones(2, 3)]),
    "volts": 1 * b2.mV,
    "times": [1, 2] * b2.ms,
    "negative time": -1 * b2.ms,
    "time without end": INF * b2.second,
    "a billion seconds": 1e9 * b2.second,
}


def one(a):
    """Return the value of the only name of a grid."""
    return a


@functools.cache
def plastic_synapses():
    """Return synapses of pair STDP between two groups."""
    cells = b2.PoissonGroup(2, 20 * b2.Hz), b2.PoissonGroup(2, 20 * b2.Hz)
    plastic_synapses.cells = cells  # which must stay alive
    return fwp.circuits.connect("pair_stdp", *cells)


@functools.cache
def with_spikes():
    """Return a recording of a small spiking circuit."""
    program = fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5)
    return fwp.run(program, "hebb", "spiking", cells=2, device="numpy")


#: class -> an object of it whose methods are called
OBJECTS = {
    "fwp.Rule": lambda: fwp.rule("delta"),
    "fwp.tasks.SequenceTask": lambda: fwp.tasks.regression(dim=2),
    "fwp.Program": lambda: fwp.tasks.associative_recall(tokens=3, dim=3),
    "fwp.comparison.Comparison": lambda: fwp.compare(*[OBJECTS["fwp.Recording"]()] * 2),
    "fwp.circuits.Plastic": plastic_synapses,
    "fwp.devices.DeviceProgram": functools.cache(
        lambda: fwp.devices.DeviceProgram(
            fwp.devices.DeviceProgram.__arguments__["draft"].example()
        )
    ),
    "fwp.Recording": lambda: with_spikes(),
    "fwp.synapses.Synapse": lambda: fwp.synapses.get("pair_stdp"),
}


@dataclass(frozen=True)
class Public:
    """A public function with its declared arguments.

    Attributes:
        name: as a user writes it.
        call: what is called.
        signature: of it, without self.
        kinds: argument -> `fwp_neuro.arguments.Kind`.
    """

    name: str
    call: object
    signature: inspect.Signature
    kinds: dict


def public_functions() -> dict[str, object]:
    """Return every public function and class by the name that a user writes."""
    found = {f"fwp.{name}": getattr(fwp, name) for name in fwp._NAMES}
    for module in fwp._SUBMODULES:
        for name in getattr(fwp, module).__all__:
            found[f"fwp.{module}.{name}"] = getattr(getattr(fwp, module), name)
    unique = {id(thing): (name, thing) for name, thing in reversed(found.items())}
    return dict(
        (name, thing)
        for name, thing in sorted(unique.values(), key=lambda pair: pair[0])
        if callable(thing)
        and not isinstance(thing, types.ModuleType)
        and not (inspect.isclass(thing) and issubclass(thing, Exception))
    )


def methods(name: str, thing) -> dict[str, object]:
    """Return the public methods of a class, but of those that compute with tensors."""
    if not inspect.isclass(thing) or ".artificial." in name:
        return {}
    found = {}
    for attribute, raw in vars(thing).items():
        function = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
        if inspect.isfunction(function) and not attribute.startswith("_"):
            if len(inspect.signature(function).parameters) > 1:
                found[f"{name}.{attribute}"] = function
    return found


def every_public_function() -> list[Public]:
    """Return public functions, classes, their methods, and each realisation of
    `fwp.run`."""
    from fwp_neuro.running import REALISATIONS

    listed = {}
    for name, thing in public_functions().items():
        listed[name] = thing
        if name != "fwp.circuits.Plastic":  # Brian2's objects call most of its methods
            listed |= methods(name, thing)
    of_plastic = ("values", "set", "monitor", "record", "save", "load", "cells")
    for name in of_plastic:  # of what connect returns
        listed[f"fwp.circuits.Plastic.{name}"] = getattr(type(plastic_synapses()), name)
    public = [
        Public(
            name,
            _bound(name, thing),
            _signature(thing),
            getattr(thing, "__arguments__", None),
        )
        for name, thing in sorted(listed.items())
    ]
    for name in REALISATIONS.names():
        function = REALISATIONS.get(name).function
        call = functools.partial(fwp.run, realisation=name)
        kinds = getattr(function, "__arguments__", None)
        public.append(Public(f"fwp.run[{name}]", call, _signature(function), kinds))
    return public


def _bound(name: str, thing):
    """Return what is called: a method of an object made at the call, or the function
    itself."""
    made = OBJECTS.get(name.rpartition(".")[0])
    if made is None or "." not in getattr(thing, "__qualname__", ""):
        return thing
    return lambda **arguments: getattr(made(), thing.__name__)(**arguments)


def _signature(thing) -> inspect.Signature:
    signature = inspect.signature(thing)
    left = [p for name, p in signature.parameters.items() if name not in ("self", "cls")]
    return signature.replace(parameters=left)
