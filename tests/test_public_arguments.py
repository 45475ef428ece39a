"""Bad values for every argument of every public function: one sentence, or a right
result.

The functions are found, not listed: what a module names in ``__all__``, the methods of
public classes, and the realisations of `fwp.run`. Each must declare its arguments with
`fwp_neuro.arguments.takes`; what is fed to them follows from the declarations.
"""

import contextlib
import functools
import os
import signal
import warnings

import brian2 as b2
import pytest
import torch
from bad_values import (
    BAD,
    INF,
    every_public_function,
    plastic_synapses,
    without_compiler,  # noqa: F401  a fixture
)

import fwp_neuro as fwp
from fwp_neuro.circuits import Realism
from fwp_neuro.rules.registered_rules import RULES
from fwp_neuro.synapses.synapse_class import SYNAPSES
from fwp_neuro.tasks import regression

FUNCTIONS = {public.name: public for public in every_public_function()}
SECONDS = 12

#: arguments that keep the work small where the defaults make much of it
SMALL = {
    "fwp.circuits.ladder": {"rungs": {}, "cells": [2]},
    "fwp.circuits.error_budget": {"realism": Realism(levels=2), "cells": 2},
    "fwp.circuits.generate": {"device": "cpp_standalone"},  # needs no brian2cuda
    "fwp.run[spiking]": {"cells": 2, "device": "numpy"},
    "fwp.artificial.train": {"steps": 1, "batch": 2},
    "fwp.swap": {"realisation": "rate"},
    "fwp.circuits.spike_source": {"cells": 3},
    "fwp.circuits.program_of_spikes": {"cells": 3},
    "fwp.synapses.register": {"name": "a_synapse_of_ones_own"},
    "fwp.synapses.stdp_curve": {"pairs": 2, "lags": [5] * b2.ms},
    "fwp.synapses.short_term": {"spike_times": [5, 50] * b2.ms},
}

#: what is not run once more for each value that is legal
COSTLY = {
    "fwp.run[spiking]",
    "fwp.sweep.sweep",
    "fwp.circuits.generate",
    "fwp.artificial.train",
    "fwp.circuits.ladder",
    "fwp.circuits.error_budget",
}

#: functions that run, train or read something for every bad value
SLOW = {
    "fwp.artificial.train", "fwp.circuits.connect", "fwp.circuits.error_budget",
    "fwp.circuits.ladder", "fwp.load", "fwp.run[rate]", "fwp.run[spiking]",
}  # fmt: skip
#: and those whose usual call alone takes long
SLOW_CALLS = {"fwp.artificial.train", "fwp.circuits.error_budget", "fwp.sweep.sweep"}

#: examples of objects that declarations do not make, lest a declaration imports half the
#: package
MADE = {
    "a Program": lambda: fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5),
    "a Program or a list of them": lambda: [MADE["a Program"]()],
    "a Comparison": lambda: fwp.compare(MADE["a Recording"](), MADE["a Recording"]()),
    "a Recording": lambda: fwp.run(MADE["a Program"](), "delta"),
}

#: needed arguments that no declaration can make, as functions
NEEDED = {
    "fwp.artificial.SequenceModel": {"vocabulary": lambda: 2, "output_size": lambda: 2},
    "fwp.artificial.apply": {
        **dict.fromkeys(("query", "key", "value"), lambda: torch.ones(1, 3, 1, 2)),
        "beta": lambda: 0.5,
    },
    "fwp.Program": dict.fromkeys(
        ("key", "value"), lambda: [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    ),
    "fwp.circuits.program_of_spikes": {"value": lambda: [[1.0, 0.5]]},
    "fwp.Program.sequences": dict.fromkeys(("key", "value"), lambda: [[[1.0, 2.0]]] * 3),
    "fwp.tasks.sparse_keys": {"dim": lambda: 3},
    "fwp.synapses.of_rule": {"every": lambda: 10 * b2.ms},
    "fwp.tasks.SequenceTask.solve": {
        "inputs": lambda: regression(dim=2).sample(2).inputs
    },
    "fwp.tasks.SequenceTask.check": {"batch": lambda: regression(dim=2).sample(2)},
    "fwp.tasks.SequenceTask.score": {
        "predictions": lambda: regression(dim=2).sample(2).targets,
        "batch": lambda: regression(dim=2).sample(2),
    },
    "fwp.circuits.Plastic": {
        name: functools.partial(lambda name: getattr(plastic_synapses(), name), name)
        for name in ("model", "synapses", "timing")
    },
    "fwp.circuits.Plastic.load": {"path": lambda: plastic_synapses().save("weights.npz")},
    "fwp.load": {
        "path": lambda: fwp.run(MADE["a Program"](), "delta").save("results.nc")
    },
}

#: (function, argument) -> bad values that it takes, where the function itself checks the
#: argument
DRUG = {
    "fraction": {"0", "1", "fraction"},
    "window": {"times"},
    "tokens": {"None", "list"},
}
EMPTY = ("empty list", "empty dict", "empty text")
NUMBERS = {"-1", "0", "1", "1.5", "a number of 24 digits", "1e308", "fraction"}
#: `Recurrent` alone allocates nothing
HUGE = {"1", "a number of 24 digits", "a number of 5000 digits"}
SIZES = (
    "model_dim",
    "heads",
    "key_dim",
    "value_dim",
    "layers",
    "vocabulary",
    "output_size",
)
TAKEN: dict[tuple[str, str], set[str]] = {
    (drug, argument): taken
    for drug in ("fwp.AP5", "fwp.CNQX", "fwp.circuits.Drug")
    for argument, taken in DRUG.items()
} | {
    ("fwp.artificial.Layer", "query_scale"): NUMBERS,
    ("fwp.artificial.Layer", "convolution"): {"0", "1"},
    ("fwp.artificial.RealTimeLearner", "batch"): {"1"},
    ("fwp.artificial.Recurrent", "model_dim"): HUGE,
    ("fwp.artificial.SequenceModel", "mlp_expansion"): {"0", "1", "1.5", "fraction"},
    ("fwp.artificial.apply", "scale"): NUMBERS,
    ("fwp.artificial.apply", "gates"): {"None"},
    ("fwp.artificial.network", "model_dim"): {"1"},
    **{("fwp.artificial.Layer", name): {"1"} for name in SIZES[:4]},
    **{("fwp.artificial.SequenceModel", name): {"1"} for name in SIZES[4:] + SIZES[:1]},
    ("fwp.artificial.SequenceModel", "mixer_options"): {"empty dict"},
    ("fwp.comparison.table", "comparisons"): {"empty dict"},
    ("fwp.circuits.connect", "name"): {"text", "long text"},
    ("fwp.circuits.Plastic.monitor", "record"): {"0", "1", "list"},
    ("fwp.circuits.Plastic.record", "which"): {"0", "1", "list"},
    ("fwp.circuits.Plastic.set", "value"): {"-1", "0", "1", "1.5", "1e308"},
    ("fwp.rules.Reduction", "these"): {"empty dict"},
    ("fwp.rules.Reduction", "those"): {"empty dict"},
    ("fwp.synapses.factorise", "uniform"): {"text", "long text", "list of text"},
    ("fwp.synapses.magnesium_block", "V"): {"volts"},
    ("fwp.synapses.short_term", "spike_times"): {"times"},
    ("fwp.synapses.stdp_curve", "lags"): {"times", "negative time"},
    ("fwp.synapses.stdp_curve", "pairs"): {"1"},
    ("fwp.Rule", "states"): {"None"},
    ("fwp.Rule", "reductions"): {"None"},
    ("fwp.Rule", "aliases"): {"None", "text", "path upwards", "code", "list of text"},
    ("fwp.devices.DeviceProgram.run", "numbers"): {"None", "empty dict"},
    ("fwp.tasks.SequenceTask", "default_length"): {"1", "list"},
    ("fwp.tasks.SequenceTask.sample", "length"): {"None", "1", "list"},
}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Forget the rules and synapses that a test registers."""
    fwp.synapses.names()  # which loads what is registered by itself
    for registry in (RULES, SYNAPSES):
        for name in ("_entries", "_aliases"):
            monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


class TooLong(BaseException):
    """The call did not end in time."""


@contextlib.contextmanager
def time_limit():
    """Raise `TooLong` inside a block that takes longer than `SECONDS`."""

    def ring(*_):
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def usual(public) -> dict:
    """Return the arguments of a call that is right."""
    needed = {
        name: MADE.get(public.kinds[name].legal, public.kinds[name].example)()
        for name, parameter in public.signature.parameters.items()
        if parameter.default is parameter.empty and parameter.kind.name[:3] != "VAR"
    }
    made = {name: make() for name, make in NEEDED.get(public.name, {}).items()}
    return needed | SMALL.get(public.name, {}) | made


def takes(public, argument: str, label: str) -> bool:
    """Whether a bad value is a legal one of this argument."""
    kind = public.kinds[argument]
    default = public.signature.parameters[argument].default
    if kind.inside and (BAD[label] is default or (not default and label in EMPTY)):
        return True
    if kind.inside:
        return label in TAKEN.get((public.name, argument), set())
    try:
        kind.read(BAD[label], argument)
    except fwp.FwpError:
        return False
    return True


def outcome(public, argument: str, label: str) -> str:
    """Return what is wrong with the answer to one bad value, or ""."""
    legal = takes(public, argument, label)
    if legal and public.name in COSTLY:
        return ""
    call, before = usual(public), os.listdir()
    variadic = public.signature.parameters[argument].kind.name == "VAR_KEYWORD"
    call["extra" if variadic else argument] = BAD[label]
    try:
        with time_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            public.call(**call)
    except fwp.FwpError as refused:
        sentence = str(refused)
        if "\n" in sentence or not 10 < len(sentence) <= 620:
            return f"a sentence of {len(sentence)} characters"
        return "" if os.listdir() == before else "left something behind"
    except TooLong:
        return f"more than {SECONDS} s"
    except BaseException as raw:
        return f"{type(raw).__name__}: {' '.join(str(raw).split())[:100]}"
    return "" if legal else "was taken"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_argument_is_declared(name):
    public = FUNCTIONS[name]
    kinds = {} if public.kinds is None else public.kinds
    assert set(kinds) == set(public.signature.parameters), (
        f"declare the arguments of {name}"
    )


def functions(slow):
    return [
        pytest.param(name, marks=[pytest.mark.slow] if name in slow else [])
        for name in sorted(FUNCTIONS)
    ]


@pytest.mark.parametrize("name", functions(SLOW_CALLS))
def test_the_usual_call_is_right(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    public = FUNCTIONS[name]
    if public.kinds is not None:
        public.call(**usual(public))


@pytest.mark.parametrize("name", functions(SLOW))
def test_bad_values_are_refused_in_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    public = FUNCTIONS[name]
    wrong = [
        f"{argument}={label}: {answer}"
        for argument in public.kinds or ()
        for label in BAD
        if (answer := outcome(public, argument, label))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_an_unknown_argument_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if not FUNCTIONS[name].signature.parameters:
        return  # takes no arguments: Python itself says so
    with pytest.raises(fwp.FwpError):
        FUNCTIONS[name].call(**usual(FUNCTIONS[name]), no_such_argument=INF)
