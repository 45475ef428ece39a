"""Receptor antagonists: what a block of NMDA or AMPA receptors does to writes and to
reads."""

from functools import cache

import brian2 as b2
import numpy as np
import pytest
from programs import (
    INF,
    artificial,
    gain,
    options_of,
    random_program,
    relative,
    sparse_program,
    spiking,
)

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import AP5, CNQX, Timeline
from fwp_neuro.circuits.spiking import calibration
from fwp_neuro.circuits.token_schedule import make

BETA, CELLS, HEADS = 0.9, 100, 8
NOISE = 0.6 / np.sqrt(CELLS)  # nRMSE of Poisson cells
ROOM = {"weight_baseline": 2.0}  # over-writing must not meet the bounds
BOTH_RULES = pytest.mark.parametrize("name", ["hebb", "delta"])
BOTH_LAYOUTS = pytest.mark.parametrize(
    ("cells", "layout"), [(INF, "population"), (5, "synapse")]
)
PROGRAM = random_program(3, 2, 4, 3, beta=0.6)
#: sums and differences of these with the baseline are exact
WEIGHTS = np.random.default_rng(0).integers(-16, 17, (2, 3, 4)) / 64
ms = b2.ms
SHORT = {
    "settle": 20 * ms,
    "write": 50 * ms,
    "gap": 30 * ms,
    "query": 40 * ms,
    "read": 20 * ms,
}
SHORT = {"timeline": Timeline(**SHORT, rest=30 * ms)}
WRITE_ONLY = Timeline(**dict.fromkeys(("gap", "query", "read", "rest"), 5 * ms))


# ---------------------------------------------------------------------- complete blocks


@BOTH_RULES
@BOTH_LAYOUTS
def test_ap5_stops_every_write(name, cells, layout):
    """The initial weights stay, bit for bit, and are read out as before."""
    options = {"initial_weights": WEIGHTS, "cells": cells, "layout": layout, **SHORT}
    recording = spiking(PROGRAM, name, drugs=[AP5()], **options)
    held = spiking(PROGRAM.replace(beta=0.0), name, **options)
    assert (recording["weights"].values == WEIGHTS).all()
    assert np.array_equal(recording["readout"], held["readout"])


@BOTH_RULES
def test_ap5_without_a_memory_leaves_exactly_nothing(name):
    recording = spiking(PROGRAM, name, cells=5, drugs=[AP5(1.0, "write")], **SHORT)
    assert not recording["weights"].values.any()


@BOTH_RULES
@BOTH_LAYOUTS
def test_cnqx_at_reading_silences_reads_and_leaves_the_weights(name, cells, layout):
    options = {
        "initial_weights": WEIGHTS,
        "cells": cells,
        "layout": layout,
        "constants": ROOM,
    }
    # silence lets the membrane forget the query
    options |= SHORT if name == "hebb" else {}
    control = spiking(PROGRAM, name, **options)
    blocked = spiking(PROGRAM, name, drugs=[CNQX(1.0, "read")], **options)
    assert not blocked["readout"].values.any()
    if name == "hebb":
        assert np.array_equal(blocked["weights"], control["weights"])
    else:
        assert relative(blocked["weights"].values, control["weights"].values) < 1e-6


def test_cnqx_washed_out_for_the_last_read():
    """Reads come back as if nothing had been given."""
    control = spiking(PROGRAM, "delta")
    washed = spiking(PROGRAM, "delta", drugs=[CNQX(1.0, "read", tokens=[0, 1])])
    assert not washed["readout"].values[:2].any()
    assert relative(washed["readout"].values[2], control["readout"].values[2]) < 1e-6


@pytest.mark.parametrize("cells", [INF, 10])
def test_cnqx_at_writing_does_not_touch_hebb(cells):
    control, blocked = (
        spiking(PROGRAM, "hebb", cells=cells, drugs=drugs, **SHORT)
        for drugs in ([], [CNQX(1.0, "write")])
    )
    assert np.array_equal(blocked["weights"], control["weights"])


# -------------------------------------------------------------- what the circuit predicts


@cache
def one_write(name, calibrate, drug=None, window="always", cells=INF, beta=BETA):
    """One write of sparse keys, and what the algebra says about it."""
    program = sparse_program(1, HEADS, beta=beta)
    drugs = [] if drug is None else [{"AP5": AP5, "CNQX": CNQX}[drug[0]](drug[1], window)]
    recording = spiking(
        program, name, cells=cells, calibration=calibrate, drugs=drugs, constants=ROOM,
        timeline=WRITE_ONLY,
    )  # fmt: skip
    assert options_of(recording)["clipped"] == 0
    return recording, artificial(program, name)


def control(name, calibrate, cells=INF):
    return one_write(name, calibrate, cells=cells)[0]


def predicted(calibrate, ap5=0.0, cnqx=False):
    """Gain of one delta write in the linearised circuit (`calibration.learned`)."""
    model = synapses.get("two_compartment_nmda").changed(**ROOM)
    schedule = make(Timeline(), 0.5 * ms, 1)
    beta = np.array([BETA])
    eta = calibration.learning_rate(
        beta, np.ones(1), True, model, schedule, calibrate, False
    )
    strength = (1 - ap5) * eta * model.slope
    if cnqx:
        return float(strength[0]) * calibration.area(model, schedule) / BETA
    return float(calibration.learned(strength, model, schedule, True, False)[0]) / BETA


CLOSED_HALF = (1 - (1 - BETA) ** 0.5) / BETA  # 0.760
CLOSED_BLIND = -np.log(1 - BETA) / BETA  # 2.558


@pytest.mark.parametrize("calibrate", calibration.CALIBRATIONS)
def test_half_a_block_of_nmda_halves_a_hebbian_write(calibrate):
    half, _ = one_write("hebb", calibrate, ("AP5", 0.5))
    assert gain(half, control("hebb", calibrate)) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("beta", [0.5, 0.8, 0.9])
def test_half_a_block_of_nmda_is_sublinear_in_delta(beta):
    """Closed form: (1 - (1 - beta)^(1 - p)) / beta of the control."""
    half, _ = one_write("delta", "closed", ("AP5", 0.5), beta=beta)
    whole, _ = one_write("delta", "closed", beta=beta)
    assert gain(half, whole) == pytest.approx((1 - (1 - beta) ** 0.5) / beta, rel=0.02)


def test_delta_over_writes_without_its_prediction():
    """Closed form: -ln(1 - beta) / beta of the algebra, when AMPA is blocked during the
    write."""
    blind, reference = one_write("delta", "closed", ("CNQX", 1.0), "write")
    assert gain(blind, reference) == pytest.approx(CLOSED_BLIND, rel=0.02)


@pytest.mark.parametrize("calibrate", calibration.CALIBRATIONS)
def test_the_circuits_own_closed_forms(calibrate):
    half, reference = one_write("delta", calibrate, ("AP5", 0.5))
    blind, _ = one_write("delta", calibrate, ("CNQX", 1.0), "write")
    assert gain(half, reference) == pytest.approx(predicted(calibrate, ap5=0.5), rel=0.01)
    assert gain(blind, reference) == pytest.approx(
        predicted(calibrate, cnqx=True), rel=0.01
    )


def test_dose_response_of_the_two_rules():
    """Hebb falls in proportion to the block; delta stays above it, and both end at
    zero."""
    doses = (0.25, 0.5, 0.75)
    found = {
        name: [
            gain(
                one_write(name, "propagator", ("AP5", dose))[0],
                control(name, "propagator"),
            )
            for dose in doses
        ]
        for name in ("hebb", "delta")
    }
    assert found["hebb"] == pytest.approx([1 - dose for dose in doses], rel=1e-9)
    assert (np.subtract(found["delta"], found["hebb"]) > 0.1).all()


@pytest.mark.parametrize("calibrate", calibration.CALIBRATIONS)
def test_spikes_agree_with_the_closed_forms(calibrate):
    """Population of 100 Poisson cells, 8 heads; tolerance: the noise of one number,
    0.06."""
    spikes = {"cells": CELLS}
    half, reference = one_write("hebb", calibrate, ("AP5", 0.5), **spikes)
    assert gain(half, reference) == pytest.approx(0.5, rel=NOISE)
    assert gain(half, control("hebb", calibrate, CELLS)) == pytest.approx(0.5, rel=0.01)
    blind, _ = one_write("hebb", calibrate, ("CNQX", 1.0), "write", **spikes)
    assert np.array_equal(blind["weights"], control("hebb", calibrate, CELLS)["weights"])
    half, reference = one_write("delta", calibrate, ("AP5", 0.5), **spikes)
    assert gain(half, reference) == pytest.approx(
        predicted(calibrate, ap5=0.5), rel=NOISE
    )
    assert gain(half, reference) > 0.5 * (1 + 4 * NOISE)
    blind, _ = one_write("delta", calibrate, ("CNQX", 1.0), "write", **spikes)
    assert gain(blind, reference) == pytest.approx(
        predicted(calibrate, cnqx=True), rel=NOISE
    )


def test_spikes_agree_with_the_textbook_closed_forms():
    half, reference = one_write("delta", "closed", ("AP5", 0.5), cells=CELLS)
    ratio = gain(half, control("delta", "closed", CELLS))
    assert ratio == pytest.approx(CLOSED_HALF, rel=NOISE)
    blind, _ = one_write("delta", "closed", ("CNQX", 1.0), "write", cells=CELLS)
    assert gain(blind, reference) == pytest.approx(CLOSED_BLIND, rel=NOISE)


# ------------------------------------------------------------ when, and how much together


@pytest.mark.parametrize(
    ("window", "steps"),
    [
        ("always", (0, 1200)),
        ("write", (0, 420)),
        ("read", (660, 960)),
        ((90 * ms, 95 * ms), None),
    ],
)
def test_named_windows(window, steps):
    """In steps of 0.5 ms: "write" from key onset to the closing of the gate, "read" all
    query."""
    where = {
        "spans": make(Timeline(), 0.5 * ms, 2).spans,
        "token_steps": 1200,
        "tokens": 2,
    }
    blocked = CNQX(0.3, window)._blocked(**where, dt=0.0005)
    inside = np.zeros((2, 1200))
    if steps is None:
        inside[0, 180:190] = 0.3
    else:
        inside[:, slice(*steps)] = 0.3
    assert np.array_equal(blocked, inside.ravel())


def test_only_some_tokens():
    recording = spiking(PROGRAM, "delta", drugs=[AP5(tokens=[1])], **SHORT)
    before, during, after = recording["weights"].values
    assert before.any()
    assert np.array_equal(during, before)
    assert not np.allclose(after, during, atol=1e-3)


def test_a_window_in_time():
    """A token lasts 170 ms, and its gate is open from 20 to 70 ms."""
    whole = spiking(PROGRAM, "delta", drugs=[AP5(tokens=[1])], **SHORT)
    for window in ((170 * ms, 0.34 * b2.second), (190 * ms, 240 * ms)):
        other = spiking(PROGRAM, "delta", drugs=[AP5(1.0, window)], **SHORT)
        assert np.array_equal(other["weights"], whole["weights"])
    part = spiking(PROGRAM, "delta", drugs=[AP5(1.0, (190 * ms, 220 * ms))], **SHORT)
    assert not np.allclose(part["weights"], whole["weights"], atol=1e-3)


def test_tokens_and_a_window_together():
    one = spiking(
        PROGRAM, "delta", drugs=[AP5(1.0, "write", tokens=range(1, 2))], **SHORT
    )
    two = spiking(PROGRAM, "delta", drugs=[AP5(1.0, tokens=np.array([1]))], **SHORT)
    assert np.array_equal(one["weights"], two["weights"])


@pytest.mark.parametrize("kind", [AP5, CNQX])
def test_two_drugs_bind_independently(kind):
    two = spiking(PROGRAM, "delta", drugs=[kind(0.5), kind(0.4)], **SHORT)
    one = spiking(PROGRAM, "delta", drugs=[kind(0.7)], **SHORT)
    for name in ("readout", "weights"):
        assert relative(two[name].values, one[name].values) < 1e-12


def test_a_dose_of_nothing_changes_nothing():
    control = spiking(PROGRAM, "delta", **SHORT)
    nothing = spiking(PROGRAM, "delta", drugs=[AP5(0.0), CNQX(0)], **SHORT)
    assert np.array_equal(nothing["weights"], control["weights"])
    assert np.array_equal(nothing["readout"], control["readout"])


def test_half_a_block_of_ampa_halves_the_reads():
    control = spiking(PROGRAM, "hebb", **SHORT)
    half = spiking(PROGRAM, "hebb", drugs=[CNQX(0.5, "read")], **SHORT)
    assert np.array_equal(half["weights"], control["weights"])
    assert relative(half["readout"].values, control["readout"].values / 2) < 1e-12


def test_drugs_are_kept_in_the_provenance():
    drugs = [AP5(0.5, "write", tokens=[0])]
    recording = spiking(PROGRAM[:1], "hebb", drugs=drugs, **SHORT)
    assert options_of(recording)["drugs"] == [
        "AP5(fraction=0.5, window='write', tokens=(0,))"
    ]


# -------------------------------------------------------------------- what a drug refuses


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((1.5,), "AP5 fraction must be a number from 0 to 1, got 1.5"),
        ((-0.1,), "AP5 fraction must be a number from 0 to 1, got -0.1"),
        (("half",), "AP5 fraction must be a number from 0 to 1, got 'half'"),
        ((float("nan"),), "AP5 fraction must be a number from 0 to 1, got nan"),
        (
            (1, "reed"),
            "unknown AP5 window 'reed'; did you mean 'read'.*legal: always, write, read",
        ),
        ((1, (0, 100)), r"AP5 window .* or \(start, stop\) as times, got \(0, 100\)"),
        (
            (1, (5 * ms, 2 * ms)),
            r"AP5 window must be one of .* or \(start, stop\) as times",
        ),
        ((1, 5 * ms), r"AP5 window must be one of .* or \(start, stop\) as times"),
        ((1, "read", [-1]), "AP5 tokens must be a list of token numbers from 0 on"),
        ((1, "read", [0.5]), "AP5 tokens must be a list of token numbers from 0 on"),
        ((1, "read", 1), "AP5 tokens must be a list of token numbers from 0 on, got 1"),
    ],
)
def test_refuses(arguments, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        AP5(*arguments)
