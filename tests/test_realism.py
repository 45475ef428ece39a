"""Idealisations of the spiking circuit that are taken away, held to a NumPy oracle."""

import brian2 as b2
import numpy as np
import pytest
from programs import INF, artificial, nrmse, options_of, random_program, spiking
from scipy.stats import binom
from twin import Circuit

import fwp_neuro as fwp
from fwp_neuro.circuits import (
    ConductanceInhibition,
    Heterogeneity,
    Homeostasis,
    Neuromodulator,
    Realism,
    SpikingValues,
    Timeline,
)
from fwp_neuro.circuits.spiking import homeostasis
from fwp_neuro.circuits.spiking.realism import gains
from fwp_neuro.circuits.spiking.released_quanta import released_quanta

ms, mV, Hz = b2.ms, b2.mV, b2.Hz
TOKENS, HEADS, PRE, POST = 3, 2, 4, 3
QUICK = {"settle": 20.0, "write": 50.0, "gap": 30.0, "query": 40.0, "read": 20.0}  # ms
SHORT = Timeline(**{name: length * ms for name, length in QUICK.items()}, rest=30 * ms)
ALL_SPREAD = Heterogeneity(apical=0.1, basal=0.2, inhibition=0.15)
MANY = 16
CIRCUIT = Circuit(**QUICK)


def make(heads=HEADS, value=1.0):
    program = random_program(TOKENS, heads, PRE, POST, beta=np.full((TOKENS, heads), 0.6))
    return program.replace(value=value * program["value"])


def oracle(program, eta, realism, feedback, c=CIRCUIT, gain=None):
    """Read-out [token, head, post] of the circuit without spikes; ms and mV.

    gain: variable -> [head, channel]; eta: [token, head] in 1/ms.
    """
    window, heads = c.steps(), program["key"].shape[1]
    steps, shape = window["token"].stop, (heads, 2 * POST)
    gain = gain or {}
    names = ("apical_gain", "basal_gain", "inhibition_gain")
    apical, basal, inhibition = (gain.get(name, np.ones(shape)) for name in names)
    kind, gate = realism.inhibition, realism.gate
    e_a, e_n, e_t = (c.decay(tau) for tau in (c.tau_ampa, c.tau_nmda, c.tau_teacher))
    rest, G = c.rest(c.conductance * c.v0), c.conductance
    volts = G * (c.e_exc - rest) / (1 + G * c.v0)
    pool = c.w0 * max(program[name].sum(-1).max() for name in ("key", "query"))
    w = np.full((heads, 2 * POST, PRE), c.w0)
    x_a = x_n = np.zeros((heads, PRE))
    a, v_a, v_b = np.full(shape, c.v0), np.full(shape, rest), np.full(shape, rest)
    opened, readout = 0.0, np.zeros((TOKENS, heads, POST))

    def number(array):
        return array[:, :POST] - array[:, POST:]

    for token in range(TOKENS):
        half = np.concatenate([program["value"][token], -program["value"][token]], -1) / 2
        for n in range(steps):
            inside = {name: s.start <= n < s.stop for name, s in window.items()}
            excited = np.einsum("hij,hj->hi", np.clip(w, 0, 2 * c.w0), x_a)
            pooled = c.w0 * x_a.sum(-1)[:, None]
            inhibited = inhibition * pooled
            recalled = (v_b - rest) / volts
            if inside["read"]:
                found = excited - inhibited if kind is None else recalled
                readout[token] += number(found) * c.dt / c.read
            factor = float(inside["write"])
            if gate is not None:
                factor = gate.leak + (1 - gate.leak) * opened
                left = np.exp(-c.dt / float(gate.tau / ms))
                opened = inside["write"] + (opened - inside["write"]) * left
            other = c.block(v_b) if feedback else c.block(rest)
            speed = factor * eta[token][:, None] * (c.block(v_a) - other)
            w = w + c.dt * speed[..., None] * x_n[:, None]
            g_e, g_i, E_i = basal * G * (c.v0 + excited - inhibited), 0.0, 0.0
            if kind is not None:
                E_i = float(kind.reversal / mV)
                more = np.maximum(pool - pooled, 0) if kind.steady else 0.0
                against = (c.e_exc - rest) / (rest - E_i)
                g_e = basal * G * (c.v0 + excited + more)
                g_i = G * against * (inhibited + more)
            leak = 1 + g_e + g_i
            end = (c.e_leak + g_e * c.e_exc + g_i * E_i) / leak
            v_b = end + (v_b - end) * np.exp(-leak * c.dt / c.tau_m)
            v_a = c.membrane(v_a, apical * G * a)
            shown = program["key"][token] * inside["shown"]
            shown = shown + program["query"][token] * inside["query"]
            a = a * e_t + (1 - e_t) * (c.v0 + half * inside["shown"])
            x_a, x_n = x_a * e_a + (1 - e_a) * shown, x_n * e_n + (1 - e_n) * shown
        w = np.clip(w, 0, 2 * c.w0)
    return readout


CASES = {
    "heterogeneity": Realism(heterogeneity=ALL_SPREAD),
    "conductance": Realism(inhibition="conductance"),
    "conductance, not steady": Realism(inhibition=ConductanceInhibition(steady=False)),
    "gate": Realism(gate=Neuromodulator(tau=10 * ms, leak=0.05)),
    "all": Realism(
        heterogeneity=ALL_SPREAD, inhibition=ConductanceInhibition(reversal=-80 * mV),
        gate=Neuromodulator(tau=5 * ms, leak=0.02),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", ["delta", "hebb"])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_oracle_without_spikes(name, rule):
    program, realism = make(value=0.3), CASES[name]
    circuit = spiking(program, rule, cells=INF, timeline=SHORT, realism=realism,
                      record=["gate"], record_every=0.5 * ms)  # fmt: skip
    steps = np.arange(TOKENS)[:, None] * 340 + np.arange(340)
    eta = circuit["gate"].values[steps[:, 50]] / 1000  # 1/ms, while the gate is open
    drawn = {key: one.reshape(HEADS, -1)
             for key, one in gains(realism, 0, 2 * HEADS * POST).items()}  # fmt: skip
    expected = oracle(program, eta, realism, rule == "delta", gain=drawn)
    assert np.abs(expected).max() > 0.05
    assert np.abs(circuit["readout"].values - expected).max() < 1e-9


def test_nothing_taken_away_changes_nothing():
    program = make()
    for options in ({"cells": 5}, {"cells": INF}):
        one = spiking(program, "delta", timeline=SHORT, realism=Realism(), **options)
        two = spiking(program, "delta", timeline=SHORT, **options)
        assert np.array_equal(one["readout"].values, two["readout"].values)


@pytest.mark.parametrize("rule", ["delta", "hebb"])
@pytest.mark.parametrize("name", ["conductance", "gate"])
def test_the_calibration_knows_the_shunt_and_the_gate(name, rule):
    """One write of one key, recalled at once: what is recalled is the write strength."""
    program = random_program(1, MANY, PRE, POST, beta=np.full((1, MANY), 0.6))
    program = program.replace(value=0.1 * program["value"], query=program["key"])
    found = spiking(program, rule, cells=INF, timeline=SHORT, realism=CASES[name])
    exact = artificial(program, rule)["readout"].values
    slope = (found["readout"].values * exact).sum() / (exact**2).sum()
    assert abs(slope - 1) < 0.02


def test_quanta_are_binomial():
    u, n = np.random.default_rng(0).random(2000), np.tile([0.0, 3, 7, 100], 500)
    for p in (0.3, 0.45):
        found = released_quanta(u, n, p)
        assert np.array_equal(found, np.where(n > 0, binom.ppf(u, n, p), 0))


def _noise(realism, cells=100, rule="delta"):
    """Return the nRMSE against the algebra, over many heads."""
    program = make(MANY)
    options = {"cells": cells, "timeline": SHORT, "dt": 1 * ms}
    found = spiking(program, rule, realism=realism, **options)
    return nrmse(found, artificial(program, rule)), found


@pytest.mark.slow
def test_counts_of_spiking_value_cells_add_the_predicted_noise():
    program = make(MANY)
    exact = artificial(program, "delta")["readout"].values
    found, _ = _noise(Realism(value_cells=SpikingValues(cells=25, rate=50 * Hz)), INF)
    ideal, _ = _noise(None, INF)
    predicted = np.sqrt(2 / (25 * 50 * 0.02)) / exact.std()
    assert np.sqrt(found**2 - ideal**2) == pytest.approx(predicted, rel=0.1)


@pytest.mark.slow
def test_release_adds_noise_as_its_probability_and_sites_say():
    """The variance that failures add is (1 - p)/(p sites) of that of the spikes."""
    ideal = _noise(None)[0]
    added = [np.sqrt(_noise(Realism(release=p, sites=sites))[0] ** 2 - ideal**2)
             for p, sites in ((0.25, 1), (0.25, 4))]  # fmt: skip
    assert added[0] / added[1] == pytest.approx(2, rel=0.25)


def test_gains_settle_where_the_cell_is_matched():
    realism = Realism(heterogeneity=Heterogeneity(apical=0.1, inhibition=0.1),
                      homeostasis=Homeostasis(trials=40))  # fmt: skip
    homeostasis._found.clear()
    spiking(make(), "hebb", realism=realism, cells=INF, timeline=SHORT, dt=1 * ms)
    (after,) = homeostasis._found.values()
    before = gains(realism, 0, 2 * HEADS * POST)
    for name in ("apical_gain", "inhibition_gain"):
        assert np.std(before[name] - 1) > 0.05
        assert np.abs(after[name] - 1).max() < 0.02, name


@pytest.mark.parametrize("cells", [INF, 20])
def test_weights_have_as_many_levels_as_asked_for(cells):
    found = spiking(make(), "delta", cells=cells, timeline=SHORT, record=["w_channel"],
                    record_every=SHORT_TOKEN, realism=Realism(levels=5))  # fmt: skip
    grid = found["w_channel"].values[1:] / (2 / 4)
    grid = grid if np.isinf(cells) else grid * cells
    if np.isfinite(cells):
        assert np.abs(grid - np.round(grid)).max() < 1e-9
    assert options_of(found)["realism"] == {"levels": 5}


SHORT_TOKEN = 170 * ms

REFUSED = {
    "layout='population'": {
        "layout": "synapse", "cells": 5, "realism": Realism(levels=2)},
    "short_term acts on single spikes": {
        "cells": INF, "realism": Realism(short_term="tsodyks_markram")},
    "release acts on single spikes": {"cells": INF, "realism": Realism(release=0.5)},
    "not both": {
        "cells": 5, "realism": Realism(release=0.5, short_term="tsodyks_markram")},
    "needs a membrane": {
        "synapse": "linear_difference", "realism": Realism(inhibition="conductance")},
    "leave out calibration=": {"calibration": "closed", "realism": Realism(levels=2)},
    "key_cells='poisson'": {
        "cells": 5, "key_cells": "integrate_and_fire", "realism": Realism(release=0.5)},
    "must be a release model": {"cells": 5, "realism": Realism(short_term="pair_stdp")},
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_combined_is_refused_in_one_sentence(sentence):
    with pytest.raises(fwp.FwpError, match=sentence.replace("(", r"\(")):
        spiking(make(), "delta", timeline=SHORT, **REFUSED[sentence])


def test_other_forms_refuse_realism():
    with pytest.raises(fwp.FwpError, match="option realism shapes the biophysical form"):
        spiking(make(), "delta", form="generic", realism=Realism(levels=2))


def test_depression_passes_every_spike_through_the_release_model():
    """The mean release at half the reference rate counts as 1: a key at that rate keeps
    its mean trace."""
    program = random_program(1, 1, 1, 1, beta=np.array([[0.5]]))
    program = program.replace(key=np.full((1, 1, 1), 0.5))
    options = {"cells": 400, "timeline": Timeline(settle=800 * ms, write=800 * ms),
               "record": ["x_nmda"], "record_every": 5 * ms}  # fmt: skip
    found = spiking(program, "hebb", realism=Realism(
        short_term=fwp.synapses.get("tsodyks_markram", "tsodyks_1998_depressing")),
        **options)  # fmt: skip
    trace = found["x_nmda"].sel(time=slice(0, 1.6)).values.ravel()
    assert trace[:40].max() > 0.9  # the first spikes release more
    assert trace[-120:].mean() == pytest.approx(0.5, rel=0.1)
