"""The spiking circuit is its NumPy twin, number by number; symmetries; what it
records."""

import warnings

import brian2 as b2
import numpy as np
import pytest
from programs import (
    INF,
    artificial,
    nrmse,
    options_of,
    random_program,
    relative,
    sparse_program,
    spiking,
)
from twin import Circuit, twin

import fwp_neuro as fwp
from fwp_neuro.circuits import AP5, CNQX, Timeline

TOKENS, HEADS, PRE, POST, CELLS = 3, 2, 4, 3, 7
SAME = 1e-9
ms, Hz = b2.ms, b2.Hz
QUICK = {"settle": 20.0, "write": 50.0, "gap": 30.0, "query": 40.0, "read": 20.0}  # ms
SHORT = Timeline(**{name: length * ms for name, length in QUICK.items()}, rest=30 * ms)
#: constants of the twin, every one changed
ODD = {
    "dt": 0.25, "settle": 15.0, "write": 40.0, "gap": 25.0, "query": 35.0, "read": 30.0,
    "rate_max": 0.15, "tau_ampa": 4.0, "tau_nmda": 40.0, "tau_teacher": 6.0, "tau_m": 8.0,
    "e_leak": -68.0, "e_exc": -2.0, "conductance": 0.3, "v0": 0.6, "w0": 1.5,
}  # fmt: skip


def swap(array):
    """[token, head, ...] to [head, token, ...] and back."""
    return np.swapaxes(array, 0, 1)


def make(seed=1, tokens=TOKENS, alpha=False):
    """A programme with a gate that changes from token to token, and weights to start
    from."""
    rng = np.random.default_rng(seed)
    gates = {"beta": rng.uniform(0.3, 0.8, (tokens, HEADS))}
    if alpha:
        gates["alpha"] = rng.uniform(0.5, 1, (tokens, HEADS))
    weights = rng.uniform(-0.3, 0.3, (HEADS, POST, PRE))
    return random_program(tokens, HEADS, PRE, POST, seed, **gates), weights


def by_twin(program, name, weights, **options):
    """Read-out and weights of the twin, tokens first."""
    alpha = program["alpha"].T if "alpha" in program else 1.0
    found = twin(
        *(swap(program[signal]) for signal in ("key", "value", "query")),
        program["beta"].T, alpha, rule="delta" if "delta" in name else "hebb",
        initial=weights, **options,
    )  # fmt: skip
    return swap(found["readout"]), swap(found["weights"])


def check(recording, expected):
    for name, array in zip(("readout", "weights"), expected, strict=True):
        assert np.abs(array).max() > 0.05
        assert relative(recording[name].values, array) < SAME, name


# --------------------------------------------------------------------- the twin's numbers


@pytest.mark.parametrize("name", ["hebb", "delta", "decayed_hebb", "gated_delta"])
@pytest.mark.parametrize(
    ("cells", "kind", "layout"),
    [
        (INF, "poisson", "population"),
        (CELLS, "integrate_and_fire", "population"),
        (CELLS, "integrate_and_fire", "synapse"),
    ],
)
def test_equals_the_twin(name, cells, kind, layout):
    """Also: the event-driven weights of single key cells are the twin's clock-driven
    ones."""
    program, weights = make(alpha=name in ("decayed_hebb", "gated_delta"))
    recording = spiking(
        program, name, initial_weights=weights, cells=cells, key_cells=kind,
        layout=layout, timeline=SHORT,
    )  # fmt: skip
    options = {"cells": cells, "kind": kind, "layout": layout}
    check(recording, by_twin(program, name, weights, circuit=Circuit(**QUICK), **options))


@pytest.mark.parametrize("calibration", ["closed", "propagator"])
@pytest.mark.parametrize("layout", ["population", "synapse"])
def test_equals_the_twin_with_other_constants(calibration, layout):
    program, weights = make(tokens=2)
    times = {name: ODD[name] * ms for name in ("settle", "write", "gap", "query", "read")}
    constants = {name: ODD[name] * ms for name in ("tau_ampa", "tau_nmda", "tau_teacher")}
    constants |= {"tau_membrane": ODD["tau_m"] * ms, "rate": 1000 * ODD["rate_max"] * Hz}
    constants |= {"E_leak": ODD["e_leak"] * b2.mV, "E_exc": ODD["e_exc"] * b2.mV}
    constants |= {"value_baseline": ODD["v0"], "weight_baseline": ODD["w0"]}
    recording = spiking(
        program, "delta", initial_weights=weights, cells=CELLS,
        key_cells="integrate_and_fire", layout=layout, calibration=calibration,
        dt=ODD["dt"] * ms, constants=constants | {"conductance": ODD["conductance"]},
        timeline=Timeline(**times, rest=ODD["gap"] * ms),
    )  # fmt: skip
    options = {"cells": CELLS, "kind": "integrate_and_fire", "layout": layout}
    expected = by_twin(
        program,
        "delta",
        weights,
        calibration=calibration,
        circuit=Circuit(**ODD),
        **options,
    )
    check(recording, expected)


@pytest.mark.parametrize("name", ["hebb", "delta"])
@pytest.mark.parametrize(("cells", "layout"), [(INF, "population"), (CELLS, "synapse")])
def test_equals_the_twin_with_drugs(name, cells, layout):
    program, weights = make()
    options = {"cells": cells, "layout": layout}
    recording = spiking(
        program, name, initial_weights=weights, key_cells="integrate_and_fire",
        timeline=SHORT, drugs=[AP5(0.4), CNQX(0.7, "write"), CNQX(0.2, "write")],
        **options,
    )  # fmt: skip
    options |= {"kind": "integrate_and_fire", "circuit": Circuit(**QUICK)}
    expected = by_twin(program, name, weights, ap5=0.4, cnqx=(0.76, "shown"), **options)
    check(recording, expected)


@pytest.mark.parametrize("name", ["hebb", "delta"])
@pytest.mark.parametrize("layout", ["population", "synapse"])
@pytest.mark.parametrize(
    "teacher", ["spiking", pytest.param("tonic", marks=pytest.mark.slow)]
)
def test_equals_the_twin_on_the_same_poisson_spikes(name, layout, teacher):
    program, weights = make(tokens=2)
    recording = spiking(
        program, name, initial_weights=weights, layout=layout, cells=CELLS, seed=3,
        teacher=teacher,
    )  # fmt: skip

    def counts(population, units, per):
        fired = recording.spikes(population)
        total = np.zeros((2400, units))  # steps of 0.5 ms
        steps = np.rint(fired["time"].values / 0.0005).astype(int)
        np.add.at(total, (steps, fired["number"].values // per), 1)
        return total.reshape(2400, HEADS, -1)

    own = layout == "synapse"
    keys = counts("key", HEADS * PRE * (CELLS if own else 1), 1 if own else CELLS)
    teachers = counts("teacher", HEADS * 2 * POST, CELLS)
    assert keys.sum() > 500 and teachers.sum() > 500
    spikes = (keys, teachers)
    check(
        recording,
        by_twin(program, name, weights, cells=CELLS, layout=layout, spikes=spikes,
                tonic=teacher == "tonic"),
    )


# ---------------------------------------------------------------------- symmetries


def test_heads_are_independent():
    program, weights = make()
    both = spiking(program, "delta", initial_weights=weights, timeline=SHORT)
    for head in range(HEADS):
        signals = {name: program[name][:, head] for name in program.names}
        one = fwp.Program(**signals)
        one = spiking(one, "delta", initial_weights=weights[head], timeline=SHORT)
        assert one["weights"].dims == ("token", "post", "pre")
        for name in ("readout", "weights"):
            assert relative(both[name].values[:, head], one[name].values) < 1e-12


@pytest.mark.parametrize("name", ["hebb", "delta"])
def test_values_beyond_one_are_scaled(name):
    """The circuit codes numbers up to 1; a larger value runs as a scaled programme."""
    program, weights = make()
    largest = 3 / np.abs(program["value"]).max()
    scaled = program.replace(value=largest * program["value"])
    options = {"cells": 5, "timeline": SHORT}
    big = spiking(scaled, name, initial_weights=3 * weights, **options)
    small = spiking(
        program.replace(value=scaled["value"] / 3),
        name,
        initial_weights=weights,
        **options,
    )
    for variable in ("readout", "weights"):
        assert relative(big[variable].values, 3 * small[variable].values) < 1e-12
    assert options_of(big)["value_scale"] == pytest.approx(3)


@pytest.mark.parametrize("layout", ["population", "synapse"])
def test_regular_cells_and_a_tonic_teacher_are_the_twin(layout):
    program, weights = make(tokens=2)
    options = {"cells": CELLS, "layout": layout}
    recording = spiking(
        program, "delta", initial_weights=weights, key_cells="integrate_and_fire",
        teacher="tonic", timeline=SHORT, **options,
    )  # fmt: skip
    options |= {"kind": "integrate_and_fire", "tonic": True}
    expected = by_twin(program, "delta", weights, circuit=Circuit(**QUICK), **options)
    check(recording, expected)


def test_without_spikes_the_teacher_is_the_same_tonic_or_not():
    program, weights = make(tokens=2)
    options = {"initial_weights": weights, "cells": INF, "timeline": SHORT}
    one = spiking(program, "delta", teacher="tonic", **options)
    other = spiking(program, "delta", **options)
    assert np.array_equal(one["readout"].values, other["readout"].values)


def test_a_fitted_value_scale_is_that_of_each_head():
    """Each head runs as a programme of its own whose largest value is 1."""
    program, weights = make()
    sizes = np.array([0.05, 4.0])[:, None]
    largest = np.abs(program["value"]).max((0, 2))[:, None]
    small = program.replace(value=program["value"] / largest)
    fitted = program.replace(value=sizes * small["value"])
    options = {"cells": 5, "timeline": SHORT, "record": ["w"], "record_every": 10 * ms,
               "probes": np.eye(PRE)[:2]}  # fmt: skip
    weights = weights / np.abs(weights).max() / 2
    one = spiking(
        fitted, "delta", value_scale="fit", initial_weights=sizes[:, None] * weights,
        **options,
    )  # fmt: skip
    two = spiking(small, "delta", initial_weights=weights, **options)
    for name, axes in (("readout", 1), ("weights", 2), ("w", 2), ("probe_readout", 2)):
        each = sizes.reshape(-1, *[1] * axes)
        assert relative(one[name].values, each * two[name].values) < 1e-12, name
    assert options_of(one)["value_scale"] == pytest.approx(sizes.ravel().tolist())


def test_a_tonic_teacher_takes_noise_off_the_write():
    """With values of .3 most spikes of teachers are those of their baseline."""
    program = random_program(TOKENS, 8, PRE, POST, beta=np.full((TOKENS, 8), 0.8))
    program = program.replace(value=0.3 * program["value"])
    exact = artificial(program, "delta")
    options = {"cells": 50, "timeline": SHORT}
    noisy, tonic, both = (
        nrmse(spiking(program, "delta", **options, **more), exact)
        for more in ({}, {"teacher": "tonic"}, {"teacher": "tonic", "value_scale": "fit"})
    )
    assert tonic < 0.6 * noisy and both < tonic


def test_a_mirrored_key_dimension_mirrors_its_weights():
    program = random_program(TOKENS, HEADS, PRE, POST, signed=True)
    sign = np.array([1, -1, 1, -1])
    mirrored = program.replace(key=sign * program["key"], query=sign * program["query"])
    one, two = (
        spiking(item, "delta", signed_keys="opponent", timeline=SHORT)
        for item in (program, mirrored)
    )
    assert relative(two["readout"].values, one["readout"].values) < 1e-10
    assert relative(two["weights"].values, sign * one["weights"].values) < 1e-10


def test_opponent_changes_nothing_where_keys_are_not_signed():
    program, weights = make()
    one, two = (
        spiking(
            program,
            "delta",
            initial_weights=weights,
            cells=5,
            timeline=SHORT,
            signed_keys=how,
        )
        for how in ("refuse", "opponent")
    )
    assert np.array_equal(one["weights"], two["weights"])


@pytest.mark.parametrize(
    ("kind", "layout"), [("poisson", "population"), ("integrate_and_fire", "synapse")]
)
def test_seed(kind, layout):
    """Same seed, same spikes and weights bit for bit, also after another circuit ran."""
    program, _ = make(tokens=2)
    one, other, again = (
        spiking(
            program,
            "delta",
            cells=5,
            key_cells=kind,
            layout=layout,
            timeline=SHORT,
            seed=seed,
        )
        for seed in (3, 4, 3)
    )
    for name in ("readout", "weights", "spike_cell", "spike_time"):
        assert np.array_equal(one[name], again[name])
    assert not np.array_equal(one["weights"], other["weights"])
    assert not np.array_equal(one["spike_time"], other["spike_time"])


# ---------------------------------------------------------------------- Dale's law


def test_weights_stay_in_their_bounds_and_clipping_is_told():
    """Three writes of 0.3 into weights that can hold 0.7: the third is cut short."""
    key, value = np.tile([[1.0, 0, 0, 0]], (3, 1)), np.tile([[0.9, -0.9, 0.1]], (3, 1))
    program = fwp.Program(key, value, beta=0.33)
    with pytest.warns(UserWarning, match="of the weights of rule 'hebb' sit at a bound"):
        recording = spiking(program, "hebb", constants={"weight_baseline": 0.35})
    found = options_of(recording)
    assert found["lowest"] == 0
    # two values, ON and OFF
    assert found["clipped"] == pytest.approx(2 * 2 / (3 * 6 * 4))
    assert np.abs(recording["weights"].values).max() == pytest.approx(0.7)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*sit at a bound")
        free = options_of(spiking(program, "hebb"))
    assert free["clipped"] == 0 and 0 < free["lowest"] < 1


@pytest.mark.parametrize("layout", ["population", "synapse"])
def test_no_weight_is_negative_in_spikes(layout):
    program = sparse_program(4, beta=0.5)
    with pytest.warns(UserWarning, match="raise .*weight_baseline"):
        recording = spiking(
            program, "hebb", cells=10, layout=layout, timeline=SHORT,
            constants={"weight_baseline": 0.15},
        )  # fmt: skip
    assert options_of(recording)["lowest"] >= 0
    assert options_of(recording)["clipped"] > 0.01


# ---------------------------------------------------------------------- what it records


def test_traces():
    program, _ = make()
    recording = spiking(program, "delta", record_every=5 * ms)
    times, token = recording["time"].values, 0.6
    assert recording["time"].attrs["units"] == "s"
    assert np.allclose(np.diff(times), 0.005)
    assert recording["V_basal"].dims == ("time", "head", "channel", "post")
    assert recording["V_basal"].attrs["units"] == "V"
    # half the excitation of the number 1, 0.25, with its reversal at 0
    rest = -0.070 / 1.125
    for name in ("V_basal", "V_apical"):
        voltage = recording[name].values
        assert voltage[0] == pytest.approx(rest)
        assert (-0.070 < voltage).all() and (voltage < 0).all()
    for n in range(TOKENS):  # at token ends the sampled weight is the recorded one
        [sample] = np.flatnonzero(np.isclose(times, (n + 1) * token))
        assert np.allclose(
            recording["weight_course"].values[sample],
            recording["weights"].values[n],
            atol=1e-12,
        )
    shown = (times > 0.03) & (times < 0.21)
    # the teacher depolarises by its value
    apical = recording["V_apical"].values[shown].mean(0)
    assert np.array_equal(
        np.sign(apical[:, 0] - apical[:, 1]), np.sign(program["value"][0])
    )


def test_weights_change_only_while_the_gate_is_open():
    program, _ = make(tokens=2)
    recording = spiking(program, "hebb", record_every=5 * ms)
    phase = recording["time"].values % 0.6
    changed = (
        np.abs(np.diff(recording["weight_course"].values, axis=0)).max((1, 2, 3)) > 0
    )
    gated = (phase[:-1] > 0.0599) & (phase[:-1] < 0.2099)
    assert not changed[~gated].any()
    assert changed[gated].all()


def test_spikes_follow_keys_and_queries():
    """Only cells of a key dimension that is shown fire, in its window, at its rate."""
    program = sparse_program(2, heads=1)
    recording = spiking(program, "hebb", cells=100)
    fired = recording.spikes("key")
    cell, when = fired["dimension"].values, fired["time"].values
    step = np.rint(when / 0.0005).astype(int)
    token, phase = step // 1200, step % 1200
    for n in range(2):
        for name, start, stop in (("key", 0, 420), ("query", 660, 960)):
            inside = (token == n) & (phase >= start) & (phase < stop)
            counts = np.bincount(cell[inside], minlength=16)
            expected = program[name][n, 0] * 100 * 100 * (stop - start) * 0.0005
            assert (counts[expected == 0] == 0).all()
            assert np.abs(counts - expected).max() < 5 * np.sqrt(expected.max())
    assert ((phase < 420) | ((phase >= 660) & (phase < 960))).all()


def test_options_and_provenance():
    program, _ = make(tokens=1)
    recording = spiking(program, "delta", cells=5, timeline=SHORT, record_spikes=False)
    assert "spike_time" not in recording and "V_basal" not in recording
    found = options_of(recording)
    assert found["form"] == "biophysical" and found["device"] == "numpy"
    assert found["cells"] == 5 and found["layout"] == "population"
    assert found["constants"]["tau_nmda"] == "50. ms"
    assert recording.attrs["realisation"] == "spiking"


def test_varying_norms_and_strengths_over_one():
    """What counts is beta |k|^2 < 1."""
    program, _ = make()
    long = program.replace(key=0.5 * program["key"], query=program["query"], beta=2.0)
    assert nrmse(spiking(long, "delta"), artificial(long, "delta")) < 0.02
