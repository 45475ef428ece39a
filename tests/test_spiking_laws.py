"""How far the spiking circuit is from the algebra: laws in the number of cells, and the
floor."""

from functools import cache

import brian2 as b2
import numpy as np
import pytest
from programs import artificial, nrmse, options_of, random_program, spiking

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import Timeline
from fwp_neuro.circuits.spiking import calibration
from fwp_neuro.circuits.token_schedule import make
from fwp_neuro.rules import rule

BETA = {"hebb": 0.5, "delta": 0.8}
BOTH_RULES = pytest.mark.parametrize("name", BETA)
POISSON = 0.6  # nRMSE times the square root of the number of Poisson cells
ms = b2.ms
#: for laws in which only the noise counts
BRISK = {
    "settle": 30 * ms,
    "write": 75 * ms,
    "gap": 30 * ms,
    "query": 75 * ms,
    "read": 50 * ms,
}
BRISK = Timeline(**BRISK, rest=60 * ms)


def program(name, tokens=8, heads=4, **options):
    return random_program(tokens, heads, beta=BETA[name], **options)


def law(name, counts, given, seed=0, **options):
    """Slope of log nRMSE, against rates instead of spikes, on the log of the number of
    cells."""
    rates = spiking(given, name, **options)
    errors = [
        nrmse(spiking(given, name, cells=n, seed=seed, **options), rates) for n in counts
    ]
    return np.polyfit(np.log(counts), np.log(errors), 1)[0]


# ---------------------------------------------------------------------- spikes


@BOTH_RULES
def test_population_of_poisson_cells(name):
    """100 cells a number, 8 tokens, 4 heads: read-out and weights against the algebra."""
    given = program(name)
    recording = spiking(given, name, cells=100)
    found = fwp.compare(artificial(given, name), recording)
    for variable in ("readout", "weights"):
        assert found[variable].nrmse < 1.5 * POISSON / np.sqrt(100)
        assert found[variable].slope == pytest.approx(1, abs=0.05)
        assert found[variable].correlation > 0.995
    assert options_of(recording)["lowest"] >= 0  # Dale's law
    assert options_of(recording)["clipped"] == 0


def test_weights_at_every_synapse_are_no_more_biased_than_population_weights():
    """Regular cells, so that next to no noise hides a bias: the calibration knows the
    extra lag."""
    given = fwp.tasks.associative_recall(tokens=8, dim=8, heads=4, seed=1, beta=0.8)
    reference = artificial(given, "delta")
    regular = {
        "cells": 50,
        "key_cells": "integrate_and_fire",
        "dt": ms,
        "record_spikes": False,
    }
    found = {
        layout: fwp.compare(reference, spiking(given, "delta", layout=layout, **regular))
        for layout in ("population", "synapse")
    }
    assert found["synapse"].nrmse < 1.2 * found["population"].nrmse < 0.015
    assert found["synapse"].slope == pytest.approx(1, abs=0.01)


@BOTH_RULES
def test_error_falls_with_the_number_of_cells(name):
    given = program(name, tokens=4, heads=16, post=4)
    assert -0.6 < law(name, (10, 40, 160), given, timeline=BRISK, dt=ms) < -0.4


@pytest.mark.slow
@BOTH_RULES
@pytest.mark.parametrize("seed", [0, 1])
def test_error_falls_with_the_number_of_cells_at_full_size(name, seed):
    given = program(name, heads=8, seed=seed)
    assert -0.6 < law(name, (10, 25, 50, 100, 200, 400), given, seed) < -0.4


@pytest.mark.parametrize(
    ("name", "cells", "tokens"),
    [
        ("delta", 50, 4),
        ("delta", 200, 4),
        pytest.param("delta", 200, 8, marks=pytest.mark.slow),
        pytest.param("hebb", 200, 8, marks=pytest.mark.slow),
    ],
)
def test_weights_of_single_key_cells(name, cells, tokens):
    given = program(name, tokens)
    found = fwp.compare(
        artificial(given, name), spiking(given, name, cells=cells, layout="synapse")
    )
    assert found.nrmse < 1.5 * POISSON / np.sqrt(cells)
    if cells == 200:
        assert found.nrmse < 0.09 and found.correlation > 0.995


@BOTH_RULES
def test_signed_keys_as_opponents_in_spikes(name):
    given = program(name, tokens=4, signed=True)
    found = fwp.compare(
        artificial(given, name), spiking(given, name, cells=100, signed_keys="opponent")
    )
    assert found.nrmse < 1.5 * POISSON / np.sqrt(100)
    assert found.correlation > 0.995


# ---------------------------------------------------------------- rates instead of spikes


@BOTH_RULES
@pytest.mark.parametrize("signed", [False, True])
def test_floor(name, signed):
    given = program(name, tokens=4, heads=8, signed=signed)
    recording = spiking(given, name, signed_keys="opponent" if signed else "refuse")
    assert nrmse(recording, artificial(given, name)) < 0.02
    assert nrmse(recording, artificial(given, name), "weights") < 0.02


@pytest.mark.parametrize(
    "name", ["decayed_hebb", "gla", "hgrn2", "gated_delta", "kimi_delta"]
)
def test_floor_with_decay(name):
    tokens, heads, pre = 4, 4, 8
    home = rule(name).gates["alpha"]
    shape = (tokens, heads) if home == "shared" else (tokens, heads, pre)
    alpha = np.random.default_rng(3).uniform(0.6, 1, shape)
    given = random_program(
        tokens, heads, pre, alpha=alpha, beta=BETA["delta" if "delta" in name else "hebb"]
    )
    recording = spiking(given, name)
    assert options_of(recording)["form"] == "biophysical"
    assert nrmse(recording, artificial(given, name)) < 0.02
    assert nrmse(recording, artificial(given, name), "weights") < 0.02


def test_floor_with_decay_for_each_value_dimension():
    text = "w = alpha*w\nw += beta*(v - read(k))*k"
    new = fwp.Rule("row_decay", text, gates={"alpha": "post", "beta": "shared"})
    alpha = np.random.default_rng(3).uniform(0.6, 1, (4, 4, 8))
    given = random_program(4, 4, alpha=alpha)
    recording = spiking(given, new)
    assert options_of(recording)["form"] == "biophysical"
    assert nrmse(recording, artificial(given, new)) < 0.02


def test_floor_of_oja_for_each_neuron():
    """Its subtraction of beta v^2 w is a turnover for each value dimension."""
    given = random_program(4, 4, beta=0.5)
    recording = spiking(given, "oja_neuron")
    assert options_of(recording)["form"] == "biophysical"
    assert nrmse(recording, artificial(given, "oja_neuron")) < 0.02


# ------------------------------------------------------------- what the floor consists of


def carried(model, schedule):
    """Share of a query's NMDA trace in the write of the next token, lambda."""
    left = calibration.decay(model, "tau_nmda", schedule.dt)
    start, stop = schedule.spans["query"]
    steps = np.arange(*schedule.spans["write"]) + schedule.token_steps - stop
    residual = (1 - left ** (stop - start)) * left**steps
    return schedule.dt * residual.sum() / calibration.area(model, schedule)


def explained(name, given, model):
    """The algebra with the circuit's two known deviations, first alone and then together.

    The effective key is k_t + lambda q_{t-1}; the effective value is the difference of
    the voltage factors of the ON and the OFF teacher.
    """
    schedule = make(Timeline(), 0.5 * ms, given.tokens)
    key = given["key"].copy()
    key[1:] += carried(model, schedule) * given["query"][:-1]
    half, baseline = given["value"] / 2, model.parameters["value_baseline"]
    factor = np.vectorize(model.unblocked)
    value = (factor(baseline + half) - factor(baseline - half)) / model.slope
    error = "u" if name == "hebb" else "(u - read(k))"
    effective = fwp.Rule(
        "effective", f"w += beta*{error}*s", {"beta": "shared"}, {"s": "pre", "u": "post"}
    )
    return [
        artificial(given.replace(s=key, u=u), effective) for u in (given["value"], value)
    ]


@cache
def floor(name, synapse, rest=120):
    """A run without spikes and its error: (programme, recording, nRMSE against the
    algebra)."""
    given = program(name, tokens=3, heads=16)
    recording = spiking(given, name, synapse=synapse, timeline=Timeline(rest=rest * ms))
    return given, recording, nrmse(recording, artificial(given, name))


@BOTH_RULES
def test_floor_is_the_carried_trace_and_the_curve_of_the_voltage_factor(name):
    given, recording, error = floor(name, "two_compartment_nmda")
    with_key, with_both = explained(name, given, synapses.get("two_compartment_nmda"))
    assert nrmse(recording, with_key) < 0.9 * error
    assert nrmse(recording, with_both) < (1e-4 if name == "hebb" else 0.5 * error)


@BOTH_RULES
def test_longer_silence_lowers_the_floor(name):
    _, _, error = floor(name, "two_compartment_nmda")
    assert floor(name, "two_compartment_nmda", rest=300)[2] < 0.9 * error


@BOTH_RULES
def test_linear_synapse_is_exact_but_for_the_carried_trace(name):
    """Without a voltage factor nothing is left once the trace of the last query is
    gone."""
    given, recording, error = floor(name, "linear_difference")
    with_key, _ = explained(name, given, synapses.get("linear_difference"))
    assert nrmse(recording, with_key) < (1e-4 if name == "hebb" else 0.5 * error)
    assert 1e-3 < error < 0.02
    assert floor(name, "linear_difference", rest=300)[2] < 0.05 * error
    assert floor(name, "linear_difference", rest=600)[2] < 1e-5


def test_propagator_calibration_takes_out_the_lag_of_the_loop():
    given, recording, error = floor("delta", "linear_difference", rest=300)
    closed = spiking(
        given, "delta", synapse="linear_difference", timeline=Timeline(rest=300 * ms),
        calibration="closed",
    )  # fmt: skip
    assert nrmse(closed, artificial(given, "delta")) > 100 * error


@pytest.mark.parametrize("parameters", ["vargas_caballero_robinson_2003", "ellwood_2024"])
def test_other_magnesium_blocks_need_no_new_numbers(parameters):
    """The slope of the voltage factor is taken from the block, so the gain stays
    right."""
    given = program("delta", tokens=4)
    found = fwp.compare(
        artificial(given, "delta"), spiking(given, "delta", parameters=parameters)
    )
    assert found.slope == pytest.approx(1, abs=0.05)
    assert found.correlation > 0.999


def test_finer_steps_change_little():
    given = program("delta", tokens=2)
    coarse, fine = (spiking(given, "delta", dt=dt * ms) for dt in (0.5, 0.25))
    assert nrmse(coarse, fine) < 1e-4


def test_infinity_is_the_limit_of_many_regular_cells():
    given, options = program("delta", tokens=2), {"timeline": BRISK}
    rates = spiking(given, "delta", **options)
    errors = [
        nrmse(
            spiking(given, "delta", cells=n, key_cells="integrate_and_fire", **options),
            rates,
        )
        for n in (10, 160)
    ]
    assert errors[1] < errors[0] / 2
    assert errors[1] < 0.01
