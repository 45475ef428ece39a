"""Texts that only scale the weights, or set them, have every form that they say they
have."""

import re

import numpy as np
import pytest

import fwp_neuro as fwp

GATES = {"a": "shared", "p": "pre", "o": "post"}
TEXTS = [
    "w *= 0.9", "w *= 1", "w = w", "w = 0", "w = 0*w", "w -= w", "w = a*w", "w *= p",
    "w *= o", "w *= a*p*o", "w *= tanh(p*o)", "w = a*w; w = p*w; w = o*w",
    "w /= 1 + o**2", "w *= 2; w /= 2", "w *= 0.5; w += 0*v*k", "m = a*m; w = a*w + m",
    "m = 0; w = m", "m = w; w = a*m + w", "w *= k", "w *= v", "w *= pool(k)",
    "w = w - read(k)*0", "w = -w", "w *= exp(-1)", "w *= w", "w = 1", "w = k", "w = p*o",
    "w = read(k)*k", "w = back(v)*v",
]  # fmt: skip
TOKENS = 40
CIRCUITS = {
    "continuous": {}, "event": {"dynamics": "event"},
    "low rank": {"dynamics": "event", "layout": "low_rank"},
}  # fmt: skip


def _case(text):
    rng, size = np.random.default_rng(0), {"shared": (), "pre": (3,), "post": (2,)}
    homes = {
        name: home for name, home in GATES.items() if re.search(rf"\b{name}\b", text)
    }
    gates = {
        name: rng.uniform(0.5, 0.95, (TOKENS, *size[home]))
        for name, home in homes.items()
    }
    key, value = np.abs(rng.normal(size=(TOKENS, 3))), rng.normal(size=(TOKENS, 2))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    rule = fwp.Rule("scaling", text, homes, states=("m",) if "m =" in text else ())
    return rule, fwp.Program(key, value, **gates), rng.uniform(-1, 1, (2, 3))


def _distance(recording, expected) -> float:
    """Return the largest deviation, relative to the largest number."""
    pairs = [(recording["readout"].values, expected["readout"].values)]
    pairs += [(recording.final_weights.values, expected.final_weights.values)]
    scale = max(1, *(np.abs(array).max() for _, array in pairs))
    return max(np.abs(mine - theirs).max() for mine, theirs in pairs) / scale


@pytest.mark.parametrize("text", TEXTS)
def test_every_form_has_the_numbers_of_the_step(text):
    rule, program, start = _case(text)
    expected = fwp.run(program, rule, backend="numpy", form="step", initial_weights=start)
    assert np.isfinite(expected["readout"]).all()
    for form in (form for form in rule.forms if form != "compiled"):
        options = {} if form == "step" else {"record_weights": "last"}
        got = fwp.run(program, rule, form=form, initial_weights=start, **options)
        assert _distance(got, expected) < 1e-12, form


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS)
def test_the_compiled_form_and_the_circuits_have_the_numbers_of_the_step(text):
    rule, program, start = _case(text)
    expected = fwp.run(program, rule, backend="numpy", form="step", initial_weights=start)
    for form in ("compiled", "auto"):
        got = fwp.run(
            program, rule, form=form, initial_weights=start, record_weights="last"
        )
        assert _distance(got, expected) < 1e-12, form
    program = program[:4]
    expected = fwp.run(program, rule, backend="numpy", form="step", initial_weights=start)
    for name, options in CIRCUITS.items():
        try:
            got = fwp.run(
                program, rule, "rate", device="numpy", initial_weights=start, **options
            )
        except fwp.FwpError as refusal:
            assert re.search("use dynamics='event'|use layout='synapse'", str(refusal)), (
                refusal
            )
            continue
        assert _distance(got, expected) < 1e-10, name


def test_constants_are_numbers_in_a_circuit():
    text = "w = exp(-1)*w + exp(-1/3)*sqrt(2)*exp(1)*log(2)*v*k + tanh(1)*abs(-2)/3"
    rule, program, start = _case(text)
    options = {"dynamics": "event", "device": "numpy", "initial_weights": start}
    expected = fwp.run(program, rule, backend="numpy", form="step", initial_weights=start)
    assert _distance(fwp.run(program, rule, "rate", **options), expected) < 1e-12


@pytest.mark.parametrize("text", ["w *= 1", "w *= 0.5; w += 0*v*k"])
def test_a_statement_that_changes_nothing_runs_in_spikes(text):
    rule, program, start = _case(text)
    options = {"form": "generic", "cells": 5, "device": "numpy"}
    got = fwp.run(program[:2], rule, "spiking", initial_weights=start, **options)
    expected = fwp.run(program[:2], rule, initial_weights=start)
    assert np.allclose(got["weights"], expected["weights"], atol=1e-12)
