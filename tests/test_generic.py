"""The generic spiking form: any local text on the averaged activity of spiking
populations."""

import brian2 as b2
import numpy as np
import pytest
from cannot import can
from programs import (
    artificial,
    nrmse,
    options_of,
    random_program,
    relative,
    rule_program,
    spiking,
)

import fwp_neuro as fwp
from fwp_neuro.circuits import AP5, Timeline
from fwp_neuro.circuits.rate import ode_windows
from fwp_neuro.rules import rule, rules

ms = b2.ms
PROGRAM = random_program(3, 2, 4, 3, beta=0.6)
WEIGHTS = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 3, 4))
# windows in which this form does nothing
IDLE = dict.fromkeys(("settle", "gap", "rest"), 5 * ms)
SHORT = {"timeline": Timeline(**IDLE)}
# nearly without noise
REGULAR = {"cells": 200, "key_cells": "integrate_and_fire", **SHORT}


def is_generic(name):
    program = rule_program(name)
    return not can(
        ode_windows.biophysical_write, rule(name), program.bind(rule(name)), (4, 3)
    )


GENERIC = [name for name in rules() if is_generic(name)]


def test_which_rules_have_a_biophysical_form():
    """Hebb and delta with any decay before them; oja_neuron is Hebb after a decay."""
    biophysical = {
        "hebb", "decayed_hebb", "gla", "hgrn2", "delta", "gated_delta", "kimi_delta",
        "oja_neuron",
    }  # fmt: skip
    others = {"leaky_delta", "gdn2", "comba", "longhorn", "oja", "rwkv7", "delta_product"}
    assert biophysical.isdisjoint(GENERIC) and others <= set(GENERIC)


@pytest.mark.parametrize("name", GENERIC)
def test_every_other_rule_runs(name):
    program, feedback = rule_program(name), rule(name).locality.feedback
    recording = spiking(program, name, cells=50, feedback=feedback, **SHORT)
    assert options_of(recording)["form"] == "generic"
    assert len(options_of(recording)["form_reason"]) > 20
    reference = artificial(program, name)
    assert nrmse(recording, reference) < 0.25
    assert nrmse(recording, reference, "weights") < 0.25


@pytest.mark.parametrize("name", ["momentum_delta", "rwkv7", "longhorn"])
def test_error_falls_with_the_number_of_cells(name):
    program, counts = rule_program(name, tokens=3, heads=16, pre=6, post=5), (25, 400)
    reference = artificial(program, name)
    quick = Timeline(**IDLE, write=50 * ms, query=50 * ms, read=50 * ms)
    errors = [
        nrmse(spiking(program, name, cells=number, timeline=quick, dt=ms), reference)
        for number in counts
    ]
    assert -0.6 < np.log(errors[1] / errors[0]) / np.log(counts[1] / counts[0]) < -0.4


@pytest.mark.parametrize("name", ["delta_then_decay", "comba", "momentum_delta"])
def test_regular_cells_leave_little_error(name):
    program = rule_program(name)
    recording, reference = spiking(program, name, **REGULAR), artificial(program, name)
    assert nrmse(recording, reference) < 0.01
    assert nrmse(recording, reference, "weights") < 0.01


@pytest.mark.parametrize("name", ["oja", "gated_oja"])
def test_feedback_must_be_asked_for(name):
    program = rule_program(name)
    with pytest.raises(
        fwp.FwpError, match="needs feedback.*unless you ask .*feedback=True"
    ):
        spiking(program, name, cells=50)
    recording = spiking(program, name, feedback=True, **REGULAR)
    assert nrmse(recording, artificial(program, name)) < 0.01


def test_asked_for_where_a_biophysical_form_exists():
    recording = spiking(PROGRAM, "delta", form="generic", **REGULAR)
    assert options_of(recording)["form"] == "generic"
    assert options_of(recording)["form_reason"] == "asked for"
    assert nrmse(recording, artificial(PROGRAM, "delta")) < 0.01
    assert "clipped" not in options_of(recording)


def test_text_that_is_not_affine():
    bounded = fwp.Rule(
        "bounded", "w = tanh(w + beta*(v - read(k))*k)", gates={"beta": "shared"}
    )
    recording = spiking(PROGRAM, bounded, **REGULAR)
    assert options_of(recording)["form_reason"] == "it is not affine in w"
    assert nrmse(recording, artificial(PROGRAM, bounded)) < 0.01


def test_initial_weights_are_carried():
    """Without a write they stay, bit for bit, and are read out."""
    still = PROGRAM.replace(beta=0.0)
    recording = spiking(
        still, "delta", form="generic", initial_weights=WEIGHTS, **REGULAR
    )
    assert (recording["weights"].values == WEIGHTS).all()
    assert nrmse(recording, artificial(still, "delta", initial_weights=WEIGHTS)) < 0.01


def test_extra_states_are_carried():
    program = rule_program("momentum_delta")
    recording = spiking(program, "momentum_delta", initial_weights=WEIGHTS, **REGULAR)
    reference = artificial(program, "momentum_delta", initial_weights=WEIGHTS)
    assert recording["m"].dims == ("token", "head", "post", "pre")
    for name in ("readout", "weights", "m"):
        assert nrmse(recording, reference, name) < 0.015


def test_signed_keys_and_values_beyond_one():
    """Cells fire at |k|, and ON and OFF value cells about a baseline that keeps both
    positive."""
    program = random_program(3, 2, 4, 3, beta=0.6, signed=True)
    for scale in (1, 5):
        scaled = program.replace(value=scale * program["value"])
        recording = spiking(scaled, "delta", form="generic", **REGULAR)
        assert nrmse(recording, artificial(scaled, "delta")) < 0.01


def test_heads_are_independent():
    """No spike of one head reaches another: silencing one leaves the other alone."""
    key = PROGRAM["key"].copy()
    key[:, 1] = 0
    options = {"form": "generic", "initial_weights": WEIGHTS, **REGULAR}
    both, one = (
        spiking(item, "delta", **options)
        for item in (PROGRAM, PROGRAM.replace(key=key, query=PROGRAM["query"]))
    )
    assert np.array_equal(both["weights"].values[:, 0], one["weights"].values[:, 0])
    assert relative(one["weights"].values[:, 1], np.stack([WEIGHTS[1]] * 3)) == 0


@pytest.mark.parametrize("kind", ["poisson", "integrate_and_fire"])
def test_seed(kind):
    one, other, again = (
        spiking(
            PROGRAM, "delta", form="generic", cells=5, key_cells=kind, seed=seed, **SHORT
        )
        for seed in (1, 2, 1)
    )
    assert np.array_equal(one["weights"], again["weights"])
    assert np.array_equal(one["readout"], again["readout"])
    assert not np.array_equal(one["weights"], other["weights"])


def test_longer_windows_average_more_spikes():
    """The error is that of cells x window; 4 times the window halves it."""
    program, windows = random_program(2, 24, 4, 3, beta=0.6), ("write", "query", "read")
    reference = artificial(program, "delta")
    errors = [
        nrmse(
            spiking(
                program, "delta", form="generic", cells=10,
                timeline=Timeline(**IDLE, **dict.fromkeys(windows, length * ms)),
            ),
            reference,
        )
        for length in (50, 200)
    ]  # fmt: skip
    assert 0.4 < errors[1] / errors[0] < 0.63


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"drugs": [AP5()]},
            r"drugs need the biophysical form, and rule .* \(asked for\)",
        ),
        (
            {"cells": float("inf")},
            r"cells=inf .* needs the biophysical form, or the rate",
        ),
        ({"constants": {"rate": 5000 * b2.Hz}}, "fire at 5000 Hz, more than once in dt"),
    ],
)
def test_refuses(options, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        spiking(PROGRAM, "delta", **{"form": "generic", "cells": 5, **options})


def test_refuses_a_biophysical_form_that_does_not_exist():
    with pytest.raises(
        fwp.FwpError, match="'rwkv7' has no biophysical form: .*form='generic'"
    ):
        spiking(rule_program("rwkv7"), "rwkv7", cells=5, form="biophysical")
    with pytest.raises(
        fwp.FwpError, match="drugs need the biophysical form, and rule 'rwkv7'"
    ):
        spiking(rule_program("rwkv7"), "rwkv7", cells=5, drugs=[AP5()])
