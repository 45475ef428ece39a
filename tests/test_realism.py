"""Idealisations of the spiking circuit that are taken away, held to a NumPy oracle."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
import torch
from few_shot_net import LENGTH, trained
from programs import INF, artificial, nrmse, options_of, random_program, spiking
from scipy.stats import binom
from twin import Circuit

import fwp_neuro as fwp
from fwp_neuro.circuits import (
    AP5,
    CNQX,
    ConductanceInhibition,
    Heterogeneity,
    Neuromodulator,
    Realism,
    SpikingValues,
    Timeline,
)
from fwp_neuro.circuits.circuit_structure import exact
from fwp_neuro.circuits.spiking import homeostasis, value_somas
from fwp_neuro.circuits.spiking.realism import gains
from fwp_neuro.circuits.spiking.released_quanta import released_quanta
from fwp_neuro.circuits.spiking.value_somas import firing_curve

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


def opened(realism, c=CIRCUIT):
    """How far the gate is open, [token, step]."""
    kind, window, m = realism.gate, c.steps()["write"], 0.0
    found = np.zeros((TOKENS, c.steps()["token"].stop))
    for at in np.ndindex(found.shape):
        on = float(window.start <= at[1] < window.stop)
        found[at] = on if kind is None else kind.leak + (1 - kind.leak) * m
        if kind is not None:
            m = on + (m - on) * np.exp(-c.dt / float(kind.tau / ms))
    return found


def oracle(program, eta, realism, feedback, c=CIRCUIT, gain=None):
    """Read-out [token, head, post] of the circuit without spikes; ms and mV.

    gain: variable -> [head, channel]; eta: [token, head] in 1/ms.
    """
    window, heads = c.steps(), program["key"].shape[1]
    steps, shape = window["token"].stop, (heads, 2 * POST)
    gain = gain or {}
    names = ("apical_gain", "basal_gain", "inhibition_gain")
    apical, basal, inhibition = (gain.get(name, np.ones(shape)) for name in names)
    kind = realism.inhibition
    e_a, e_n, e_t = (c.decay(tau) for tau in (c.tau_ampa, c.tau_nmda, c.tau_teacher))
    rest, G = c.rest(c.conductance * c.v0), c.conductance
    volts = G * (c.e_exc - rest) / (1 + G * c.v0)
    pool = c.w0 * max(program[name].sum(-1).max() for name in ("key", "query"))
    w = np.full((heads, 2 * POST, PRE), c.w0)
    x_a = x_n = np.zeros((heads, PRE))
    a, v_a, v_b = np.full(shape, c.v0), np.full(shape, rest), np.full(shape, rest)
    readout, factors = np.zeros((TOKENS, heads, POST)), opened(realism, c)

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
            factor = factors[token, n]
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


DRAWN = {
    "release": Realism(release=0.5, sites=3),
    "short-term plasticity": Realism(short_term="tsodyks_markram"),
    "background": Realism(background=5 * Hz),
    "spiking values": Realism(value_cells=SpikingValues(cells=5)),
    "integrate-and-fire values": Realism(value_cells="adex"),
    "delay": Realism(delay=2 * ms),
    "levels": Realism(levels=3),
    "physiological": replace(Realism(preset="physiological"), homeostasis=None,
                             gate=None),
}  # fmt: skip


@pytest.mark.parametrize("rule", ["delta", "hebb"])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_oracle_without_spikes(name, rule):
    program, realism = make(value=0.3), CASES[name]
    circuit = spiking(program, rule, cells=INF, timeline=SHORT, realism=realism,
                      record=["gate"], record_every=0.5 * ms)  # fmt: skip
    steps = np.arange(TOKENS)[:, None] * 340 + np.arange(340)
    gate = circuit["gate"].values[steps[:, 50]]
    eta = gate / opened(realism)[:, 50, None] / 1000  # 1/ms
    drawn = {key: one.reshape(HEADS, -1)
             for key, one in gains(realism, 0, 2 * HEADS * POST).items()}  # fmt: skip
    expected = oracle(program, eta, realism, rule == "delta", gain=drawn)
    assert np.abs(expected).max() > 0.05
    assert np.abs(circuit["readout"].values - expected).max() < 1e-9


@pytest.mark.parametrize("name", [*CASES, *DRAWN])
def test_drugs_act_on_every_part(name):
    """A full block of NMDA writes nothing, one of AMPA lets no current through."""
    cells, realism = (INF, CASES[name]) if name in CASES else (20, DRAWN[name])
    drugs = [AP5(1.0), CNQX(1.0, window="read")]  # a gate may stay open later
    found = spiking(make(value=0.3), "hebb", cells=cells, timeline=SHORT, drugs=drugs,
                    realism=realism, record=["g_ampa"], record_every=0.5 * ms,
                    record_spikes=False)  # fmt: skip
    assert np.abs(found["weights"].values).max() < 1e-12
    steps = np.arange(TOKENS)[:, None] * 340 + np.arange(340)
    excitation = found["g_ampa"].values[steps]
    assert (excitation[:, 241:280] == 0).all()
    assert excitation[:, 100:200].mean() > 0.01


@pytest.mark.parametrize("steady", [True, False])
def test_recorded_weights_are_what_the_circuit_recalls(steady):
    """Synapses are stronger where inhibition shunts; W q is still what is read."""
    realism = Realism(inhibition=ConductanceInhibition(steady=steady))
    program = make(value=0.2).replace(query=make()["key"])
    options = {"cells": INF, "timeline": SHORT, "realism": realism, "dt": 1 * ms}
    found = spiking(program, "delta", **options)
    gain = options_of(found)["recall_gain"]
    assert 0.1 < gain < 0.7
    expected = artificial(program, "delta")["weights"].values
    slope = (found["weights"].values * expected).sum() / (expected**2).sum()
    assert slope == pytest.approx(1, abs=0.06 if steady else 0.25)
    # and so are those that it starts with
    start = found.final_weights
    silent = program.replace(beta=0 * program["beta"])
    read = spiking(silent, "delta", initial_weights=start, **options)
    wanted = np.einsum("hij,thj->thi", start, program["query"])
    left = np.sqrt(np.mean((read["readout"].values - wanted) ** 2)) / wanted.std()
    assert left < (0.03 if steady else 0.3)


def test_noise_of_single_cells_averages_out_over_those_of_a_channel():
    spread = []
    for cells in (1, 25):
        realism = Realism(value_cells=SpikingValues(cells=cells), membrane_noise=2 * mV)
        program = make(value=0.0).replace(key=0 * make()["key"])
        found = spiking(program.replace(query=program["key"]), "delta", cells=INF,
                        record_spikes=False, timeline=SHORT, realism=realism,
                        record=["V_basal"], record_every=10 * ms)  # fmt: skip
        spread.append(found["V_basal"].values[1:].std())
    assert spread[0] == pytest.approx(2e-3, rel=0.1)
    assert spread[0] / spread[1] == pytest.approx(5, rel=0.15)


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


@pytest.mark.parametrize("kind", ["lif", "adex"])
def test_cells_step_to_the_rate_that_their_curve_promises(kind):
    curve = firing_curve(kind, 50.0, 1e-3, 35, 100)
    cells = value_somas._Cells(kind, 1e-3, (2000,), np.random.default_rng(9))
    for wanted in (25.0, 50.0, 100.0):
        cells.w[:] = curve.adaptation
        cells.count(curve.baseline, 500)
        drive = curve.drives[int(wanted / curve.step)]
        cells.count(drive, 35)
        found = cells.count(drive, 100)
        assert found.mean() / 0.1 == pytest.approx(wanted, rel=0.02)
        if wanted == 50:
            assert found.var() / found.mean() == pytest.approx(curve.fano, rel=0.15)
    assert curve.fano < 0.3


@pytest.mark.parametrize("kind", ["lif", "adex"])
def test_integrate_and_fire_values_add_less_noise_than_poisson_ones(kind):
    """Regular cells: sqrt(F) of the noise of Poisson cells, F their Fano factor."""
    program, cells, window = make(MANY), 25, 0.06
    long = replace(SHORT, query=140 * ms, read=60 * ms)  # the voltage settles before
    options = {"cells": INF, "timeline": long, "dt": 1 * ms}
    ideal = spiking(program, "delta", **options)
    values = SpikingValues(cells, model=kind)
    found = spiking(program, "delta", **options, record_spikes=["value"],
                    realism=Realism(value_cells=values))  # fmt: skip
    fano = firing_curve(kind, 50.0, 1e-3, 62, 60).fano
    mine, graded = (each["readout"].values for each in (found, ideal))
    poisson = np.sqrt(2 / (cells * 50 * window))
    added = np.sqrt(np.mean((mine - graded) ** 2))
    assert 0.8 * np.sqrt(fano) * poisson < added < 1.25 * np.sqrt(fano) * poisson
    assert added < {"lif": 0.65, "adex": 0.5}[kind] * poisson
    # adaptation: an adex cell answers a key the less, the shorter ago it was shown
    slope = (mine * graded).sum() / (graded**2).sum()
    assert slope == pytest.approx(1, abs={"lif": 0.05, "adex": 0.1}[kind])
    spikes = found.spikes("value")  # the same spikes are recorded
    # a spike counts in the step after its own
    token, at = np.divmod(np.round(spikes["time"].values / 1e-3).astype(int) + 1, 270)
    inside = (at >= 180) & (at < 240)
    counts = np.zeros(mine.shape)
    where = (token, spikes["cell_head"].values, spikes["dimension"].values)
    np.add.at(counts, tuple(each[inside] for each in where),
              spikes["cell_sign"].values[inside])  # fmt: skip
    assert np.abs(mine - counts / (cells * 50 * window)).max() < 1e-12


@pytest.mark.parametrize("kind", ["poisson", "lif"])
def test_spikes_of_value_cells_are_those_of_as_many_cells(kind):
    for cells in (4, 7):  # the second circuit may be a kept program of the first one
        values = SpikingValues(cells, model=kind)
        found = spiking(make(), "delta", cells=20, timeline=SHORT, dt=1 * ms,
                        realism=Realism(value_cells=values))  # fmt: skip
        spikes = found.spikes("value")
        assert spikes["number"].max() == 2 * HEADS * POST * cells - 1
        rate = spikes.sizes["spike"] / (TOKENS * 0.17 * 2 * HEADS * POST * cells)
        assert rate == pytest.approx(50, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lif", "adex"])
def test_integrate_and_fire_values_follow_the_law_of_their_fano_factor(kind):
    program = fwp.tasks.associative_recall(tokens=8, dim=8, beta=0.8, heads=12, seed=1)
    exact = artificial(program, "delta")
    # adaptation of an adex cell keeps a trace of what it fired before: 144 ms
    gap = {"lif": 120, "adex": 720}[kind] * ms
    options = {"cells": INF, "dt": 1 * ms, "record_spikes": False,
               "timeline": Timeline(gap=gap)}  # fmt: skip
    ideal = fwp.compare(exact, spiking(program, "delta", **options))
    found = fwp.compare(exact, spiking(program, "delta", **options, realism=Realism(
        value_cells=SpikingValues(100, model=kind))))  # fmt: skip
    fano = firing_curve(kind, 50.0, 1e-3, 32, 100).fano
    poisson = np.sqrt(2 / (100 * 50 * 0.1)) / exact["readout"].values.std()
    added = np.sqrt(found.nrmse**2 - ideal.nrmse**2)
    assert found.slope == pytest.approx(1, abs=0.02)
    assert added == pytest.approx(np.sqrt(fano) * poisson, rel=0.1)


@pytest.mark.slow
def test_release_adds_noise_as_its_probability_and_sites_say():
    """The variance that failures add is (1 - p)/(p sites) of that of the spikes."""
    ideal = _noise(None)[0]
    added = [np.sqrt(_noise(Realism(release=p, sites=sites))[0] ** 2 - ideal**2)
             for p, sites in ((0.25, 1), (0.25, 4))]  # fmt: skip
    assert added[0] / added[1] == pytest.approx(2, rel=0.25)


def test_gains_settle_where_the_cell_is_matched():
    realism = Realism(heterogeneity=Heterogeneity(apical=0.1, inhibition=0.1),
                      homeostasis="settled")  # fmt: skip
    homeostasis._found.clear()
    spiking(make(), "hebb", realism=realism, cells=INF, timeline=SHORT, dt=1 * ms)
    (after,) = homeostasis._found.values()
    before = gains(realism, 0, 2 * HEADS * POST)
    for name in ("apical_gain", "inhibition_gain"):
        assert np.std(before[name] - 1) > 0.05
        assert np.abs(after[name] - 1).max() < 0.01, name


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


def test_recorded_courses_are_those_of_the_circuit():
    """The gate with its kinetics, and inhibition as a shunt that cancels the baseline."""
    realism = Realism(gate=Neuromodulator(tau=10 * ms, leak=0.05),
                      inhibition=ConductanceInhibition(steady=False))  # fmt: skip
    found = spiking(
        make(value=0.3), "delta", cells=INF, timeline=SHORT, realism=realism,
        record=["gate", "g_inhibition", "g_ampa", "recalled", "V_basal"],
        record_every=5 * ms,
    )  # fmt: skip
    gate = found["gate"].values[:34, 0]  # token 0
    assert gate[1] == pytest.approx(0.05 * gate.max(), rel=0.06)
    assert np.ptp(gate[5:13]) > 0.3 * gate.max()  # it rises, and does not jump
    rest = (-70 + 0.125 * 0) / 1.125
    against = (0 - rest) / (rest + 75)
    first = (found["time"].values < 0.007) & (found["time"].values > 0)
    ratio = found["g_inhibition"].values[first] / found["g_ampa"].values[first]
    assert ratio == pytest.approx(against, rel=2e-4)  # the leak has written a little
    volts = 0.25 * (0 - rest) / 1.125
    number = (1000 * found["V_basal"].values - rest) / volts
    assert number == pytest.approx(found["recalled"].values, abs=1e-9)


def test_a_part_of_the_preset_can_be_taken_away():
    preset = Realism(preset="physiological", background=1 * Hz)
    assert float(preset.background) == 1 and preset.release == 0.3 and preset.sites == 7
    less = replace(preset, membrane_noise=None, release=1.0)
    assert less.membrane_noise is None and not less.drawn_amounts
    assert {"membrane_noise", "release"} == set(preset.on) - set(less.on)


def test_settled_gains_of_nearly_equal_circuits_are_not_mixed_up():
    """Brian2's text of a quantity has eight digits."""
    first, other = (Realism(background=(2 + extra) * Hz) for extra in (0, 1e-9))
    assert repr(first) == repr(other) and exact(first) != exact(other)


@pytest.mark.slow
@pytest.mark.parametrize("synapse", ["linear_difference", "two_compartment_nmda"])
def test_very_many_spiking_value_cells_read_what_graded_ones_do(synapse):
    options = {"cells": INF, "dt": 1 * ms, "synapse": synapse}
    many = Realism(value_cells=SpikingValues(cells=10**4))
    graded = spiking(make(MANY), "delta", **options)
    found = spiking(make(MANY), "delta", realism=many, **options)
    assert nrmse(found, graded) < 0.05


@pytest.mark.slow
def test_conductance_inhibition_keeps_the_gain_at_a_value_scale_of_four():
    program = fwp.tasks.associative_recall(tokens=8, dim=8, beta=0.8, heads=8, seed=1)
    for rule in ("delta", "hebb"):
        exact_run = artificial(program, rule)
        found = spiking(program, rule, cells=INF, dt=1 * ms, value_scale=4.0,
                        realism=Realism(inhibition="conductance"))  # fmt: skip
        agreed = fwp.compare(exact_run, found)
        assert agreed.nrmse < 0.02 and 0.98 < agreed.slope < 1.02


@pytest.mark.slow
def test_fitted_values_and_tonic_teachers_make_a_trained_layer_exact():
    """A few-shot layer of 4 heads, 50 cells a number: less than half of the error."""
    task, net = trained()
    layer, seen = net.blocks[0].mixer, []
    read = layer.read
    layer.read = lambda x, state=None: (seen.append(x.detach()), read(x, state))[1]
    with torch.no_grad():
        net(torch.as_tensor(task.sample(8, seed=5, length=LENGTH).inputs).float())
    programs = layer.programs(seen[0])
    exact_runs = [artificial(one, "delta") for one in programs]

    def error(**options):
        found = fwp.run(
            programs, "delta", "spiking", cells=50, signed_keys="opponent", dt=1 * ms,
            record_spikes=False, record_weights="none", device="cpp_standalone",
            constants={"weight_baseline": 3.0}, **options,
        )  # fmt: skip
        agreed = [fwp.compare(one, found.sequence(n)) for n, one in enumerate(exact_runs)]
        assert all(0.9 < one.slope < 1.1 for one in agreed)
        return np.mean([one.nrmse for one in agreed])

    before, after = error(), error(value_scale="fit", teacher="tonic")
    print(f"nRMSE {before:.3f} -> {after:.3f}")
    assert after < 0.5 * before

REFUSED = {
    "too fast for integrate-and-fire cells": {
        "cells": 5, "realism": Realism(value_cells=SpikingValues(
            rate=400 * Hz, model="lif"))},
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
    "whole number of time steps": {"cells": 5, "realism": Realism(delay=1.3 * ms)},
    "must lie below": {
        "realism": Realism(inhibition=ConductanceInhibition(reversal=-50 * mV))},
    "legal: w, w_channel": {
        "cells": 5, "realism": Realism(release=0.5), "record": ["x_nmda"],
        "record_every": 5 * ms},
    "must be a release model": {"cells": 5, "realism": Realism(short_term="pair_stdp")},
}  # fmt: skip


def test_synapses_have_no_delays_of_their_own():
    with pytest.raises(fwp.FwpError, match="share one trace"):
        Realism(delay=[1, 2] * ms)


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
