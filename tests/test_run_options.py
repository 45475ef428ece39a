"""Options of realisations: as dataclasses, and all of them in ``help(fwp_neuro.run)``."""

import inspect
import pickle

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import realisation_options
from fwp_neuro.circuits import RateOptions, SpikingOptions, generate
from fwp_neuro.running import REALISATIONS

FUNCTIONS = {name: REALISATIONS.get(name).function for name in REALISATIONS}
PROGRAM = fwp.tasks.associative_recall(tokens=3, dim=2, beta=0.5)


def test_the_text_of_all_options_is_that_of_the_docstrings():
    assert realisation_options.text() == realisation_options.written(FUNCTIONS)
    assert realisation_options.text().splitlines()[0].strip() in inspect.getdoc(fwp.run)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_of_run_has_every_option_of_every_realisation(name):
    part = (
        realisation_options.text()
        .partition(f"Options of {name!r}:")[2]
        .partition("Options of")[0]
    )
    own = [
        n
        for n in inspect.signature(FUNCTIONS[name]).parameters
        if n not in realisation_options._COMMON
    ]
    for option in own:
        assert f"{option}:" in part or f"{option}," in part, option


@pytest.mark.parametrize("kind", [RateOptions, SpikingOptions])
def test_a_dataclass_has_the_names_and_defaults_of_its_realisation(kind):
    function = inspect.signature(FUNCTIONS[kind.realisation]).parameters
    for name, parameter in inspect.signature(kind).parameters.items():
        assert function[name].default is parameter.default
    assert kind().changed() == {}
    assert "device" in kind.__doc__ and "Args:" in kind.__doc__


def test_options_as_an_object_and_as_keywords_are_the_same_run():
    given = RateOptions(dynamics="event", record_weights="last")
    one = fwp.run(PROGRAM, "delta", "rate", options=given)
    two = fwp.run(PROGRAM, "delta", "rate", dynamics="event", record_weights="last")
    np.testing.assert_array_equal(one["readout"], two["readout"])
    assert "weights" not in one.dataset
    three = fwp.run(PROGRAM, "delta", "rate", options=given, record_weights="snapshots")
    assert "weights" in three.dataset  # what is said last counts


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: RateOptions(dynamics="evnt"), "unknown dynamics .*did you mean 'event'"),
        (lambda: SpikingOptions(cells=-1), "cells"),
        (lambda: fwp.run(PROGRAM, "delta", "rate", options=SpikingOptions()),
         "options must be options of the rate realisation"),
        (lambda: fwp.run(PROGRAM, "delta", "rate", options={"dt": 1}),
         "options must be options"),
    ],
)  # fmt: skip
def test_one_sentence_says_which_options_are_legal(call, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        call()


def test_options_can_be_pickled():
    """As those of a sweep are, which go to other processes."""
    for given in (RateOptions(dynamics="event"), SpikingOptions(cells=20)):
        assert pickle.loads(pickle.dumps(given)) == given


def test_code_is_generated_with_options_as_an_object(tmp_path):
    given = {"realisation": "rate", "device": "cpp_standalone", "directory": tmp_path}
    folder = generate(
        PROGRAM[:1], "delta", options=RateOptions(dynamics="event"), **given
    )
    assert (folder / "main.cpp").exists()
    with pytest.raises(
        fwp.FwpError, match="options of the rate realisation, an object of RateOp"
    ):
        generate(PROGRAM[:1], "delta", options=SpikingOptions(), **given)
